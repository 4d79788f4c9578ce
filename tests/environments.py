"""The suite under the oldest or the newest TensorFlow that is supported.

    python3.10 tests/environments.py oldest --folder /tmp/environments

Makes a virtual environment in the folder, installs the project and its tests into it,
for "oldest" with every dependency at its lower bound, and runs pytest there with the
arguments that are left. The environment has the Python that runs this: the oldest
TensorFlow has wheels for 3.10 to 3.12.
"""

import argparse
import pathlib
import subprocess
import sys
import venv

ROOT = pathlib.Path(__file__).parents[1]
OLDEST = ["tensorflow==2.18.0", "keras==3.11.0", "numpy==1.26.0"]
"""The lower bounds; tests/test_environments.py compares them with the project's."""
PINS = {"oldest": OLDEST, "newest": []}


def run(name, folder, arguments):
    """Makes one environment, runs the suite in it, and returns pytest's exit code."""
    place = folder / name
    venv.create(place, with_pip=True, clear=True)
    python = place / "bin" / "python"
    install = [python, "-m", "pip", "install", "-q", "-e", f"{ROOT}[test]", *PINS[name]]
    subprocess.run(install, check=True)
    show = "import keras, numpy, tensorflow as tf; "
    show += "print('TensorFlow', tf.__version__, 'Keras', keras.__version__, end=' ')"
    show += "; print('NumPy', numpy.__version__)"
    subprocess.run([python, "-c", show], check=True)
    return subprocess.run([python, "-m", "pytest", *arguments], cwd=ROOT).returncode


def main():
    """Runs the one asked for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("name", choices=list(PINS))
    parser.add_argument("--folder", type=pathlib.Path, required=True)
    options, arguments = parser.parse_known_args()
    sys.exit(run(options.name, options.folder.resolve(), arguments))


if __name__ == "__main__":
    main()
