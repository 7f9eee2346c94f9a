"""Models and runs of Fovea in Python, beside the command `fovea`. For research; not a medical device."""

import importlib.metadata

from ._errors import FoveaError
from ._models import load, normalized
from ._runs import Run, read_run

__version__ = importlib.metadata.version("fovea")
__all__ = ["FoveaError", "Run", "load", "normalized", "read_run"]
