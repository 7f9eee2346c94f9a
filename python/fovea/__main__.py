"""The command `fovea`: executes the program of this package with the libtorch of the installed torch."""

import importlib.metadata
import importlib.util
import os
import pathlib
import sys

TORCH = "2.11.0"


def main() -> None:
    try:
        found = importlib.metadata.version("torch")
    except importlib.metadata.PackageNotFoundError:
        found = "missing"
    spec = importlib.util.find_spec("torch")  # torch itself takes seconds to import
    if found.split("+")[0] != TORCH or spec is None or spec.origin is None:
        # 69 as in docs/exit-codes.md: what is wrong is the machine, not the command.
        print(f"error: fovea needs torch {TORCH} in the same Python environment; it is {found}\n"
              f"  Run: {sys.executable} -m pip install torch=={TORCH}", file=sys.stderr)
        sys.exit(69)
    folders = [str(pathlib.Path(spec.origin).parent / "lib"), os.environ.get("LD_LIBRARY_PATH", "")]
    environment = os.environ | {"LD_LIBRARY_PATH": ":".join(filter(None, folders))}
    os.execve(pathlib.Path(__file__).parent / "bin" / "fovea", ["fovea", *sys.argv[1:]], environment)


if __name__ == "__main__":
    main()
