import json
import pathlib
from typing import TYPE_CHECKING, Any, Callable, NamedTuple

from ._errors import FoveaError, needed

if TYPE_CHECKING:
    import pandas


class Run(NamedTuple):
    """What a run folder says, as tables. A model is "plain" or "student"."""

    predictions: "pandas.DataFrame"
    """Probabilities of the validation images: a row per model and image, a column per class."""
    history: "pandas.DataFrame"
    """Losses and measures: a row per stage and epoch."""
    metrics: "pandas.DataFrame"
    """Average precision, AUC, F1 and more: a row per model and class."""


def read_run(folder: "str | pathlib.Path") -> Run:
    """Reads the tables of a finished run."""
    folder, pandas = pathlib.Path(folder), needed("pandas")
    metrics = _read(folder / "metrics.json", lambda path: json.loads(path.read_bytes()))
    models = [name for name in ("plain", "student") if metrics.get(name)]

    def predictions(model: str) -> "pandas.DataFrame":
        # The last model lies in the run folder itself, the plain one of a run with a student in a folder of its own.
        place = folder if model == models[-1] else folder / model
        return _read(place / "predictions.csv", lambda path: pandas.read_csv(path, dtype={"image": str})).set_index("image")

    classes = {model: pandas.json_normalize(metrics[model]["classes"]).set_index("name") for model in models}
    return Run(
        predictions=pandas.concat({model: predictions(model) for model in models}, names=["model"]),
        history=_read(folder / "history.csv", pandas.read_csv).set_index(["stage", "epoch"]),
        metrics=pandas.concat(classes, names=["model", "class"]))


def _read(path: pathlib.Path, read: Callable[[pathlib.Path], Any]) -> Any:
    try:
        return read(path)
    except OSError as error:
        raise FoveaError(f"{path}: {error.strerror}\n  Name the folder of a finished run; `fovea train --resume` "
                         "finishes one.") from None
    except ValueError as error:
        raise FoveaError(f"{path}: cannot be read ({error})\n  Restore the file that the run wrote.") from None
