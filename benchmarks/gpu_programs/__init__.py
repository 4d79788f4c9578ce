"""What XLA makes of an augmentation for a GPU, seen without one.

`python -m benchmarks.gpu_programs` prints the table; `measure` is for tests. The
programs are those of the TensorFlow that is installed; the times are predictions.
"""

from benchmarks.gpu_programs.build import Unavailable, available
from benchmarks.gpu_programs.programs import DEVICES, Row, measure

__all__ = ["DEVICES", "Row", "Unavailable", "available", "measure"]
