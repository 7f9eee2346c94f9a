import importlib
from types import ModuleType


class FoveaError(Exception):
    """What is wrong with which file, and what to do about it."""


def needed(module: str) -> ModuleType:
    """Imports a package that only some of the functions need."""
    try:
        return importlib.import_module(module)
    except ImportError as error:
        raise FoveaError(f"{module} cannot be imported ({error})\n  Run: pip install {module}") from None
