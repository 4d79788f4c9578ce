"""The published augmentations, written again from their definitions in float64 NumPy.

They are what the layers are tested against: `pixels` (operations on the pixels of one
image), `policies` (RandAugment and its kin, as tables), `crops` (where an image is
cropped or erased) and `mixing` (what is done with a second image). The tests here
compare them with torchvision, timm, Pillow and scikit-image, where these are
installed. It needs nothing of this library. In an environment of the peers alone:

    cd tests/published
    python -m pytest -c /dev/null --rootdir . --confcutdir .
"""
