import contextlib
import importlib
from collections.abc import Iterator
from types import ModuleType


class FoveaError(Exception):
    """What is wrong with which file, and what to do about it."""


@contextlib.contextmanager
def reading(what: object, missing: str, remedy: str, wrong: str = "is wrong") -> Iterator[None]:
    """Whatever goes wrong while a file is read becomes an error that names it."""
    try:
        yield
    except FoveaError:
        raise
    except OSError as error:
        raise FoveaError(f"{what}: {error.strerror or error}\n  {missing}") from None
    except Exception as error:
        raise FoveaError(f"{what}: {wrong} ({str(error) or type(error).__name__})\n  {remedy}") from None


def needed(module: str) -> ModuleType:
    """Imports a package that only some of the functions need."""
    try:
        return importlib.import_module(module)
    except ImportError as error:
        raise FoveaError(f"{module} cannot be imported ({error})\n  Run: pip install {module.split('.')[0]}") from None
