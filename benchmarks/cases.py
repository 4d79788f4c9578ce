"""What is augmented: three sizes of image, two dtypes."""

import dataclasses

import numpy as np


@dataclasses.dataclass(frozen=True)
class Case:
    """A batch of square RGB images of one size and dtype."""

    size: int
    batch: int
    dtype: str

    def __str__(self) -> str:
        return f"{self.batch} x {self.size} x {self.size} x 3, {self.dtype}"

    @property
    def value_range(self) -> tuple[float, float]:
        """Integers fill their range, floats lie in [0, 1]."""
        return (0.0, 255.0) if self.dtype == "uint8" else (0.0, 1.0)

    def images(self) -> np.ndarray:
        """The same random pixels at every call: (batch, size, size, 3)."""
        shape = self.batch, self.size, self.size, 3
        pixels = np.random.default_rng(0).integers(0, 256, shape, "uint8")
        return pixels if self.dtype == "uint8" else pixels.astype(self.dtype) / 255


SIZES = {32: 256, 224: 32, 512: 8}
"""Height and width, and how many images a batch has."""

CASES = [
    Case(size, batch, dtype)
    for size, batch in SIZES.items()
    for dtype in ("uint8", "float32")
]
PHOTOGRAPH = Case(224, SIZES[224], "uint8")
"""Where one case stands for all."""
QUICK_CASES = [Case(32, 32, "uint8")]
"""What --quick measures."""
