"""Models and runs of Fovea in Python; the command `fovea` comes with the same package.

For research. Not a medical device.
"""

from ._errors import FoveaError
from ._models import load, normalized
from ._runs import Run, read_run

__all__ = ["FoveaError", "Run", "load", "normalized", "read_run"]
