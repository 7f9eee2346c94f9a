import json
import pathlib
from typing import TYPE_CHECKING, NamedTuple

from ._errors import needed, reading

if TYPE_CHECKING:
    import pandas

_HELP = ("Name the folder of a finished run; `fovea train --resume` finishes one.",
         "Restore the file that the run wrote.", "cannot be read")


class Run(NamedTuple):
    """What a run folder says, as tables. A model is "plain" or "student"."""

    predictions: "pandas.DataFrame"  # Probabilities of the validation images: a row per model and image.
    history: "pandas.DataFrame"  # Losses and measures: a row per stage and epoch.
    metrics: "pandas.DataFrame"  # Average precision, AUC, F1 and more: a row per model and class.


def read_run(folder: "str | pathlib.Path") -> Run:
    """Reads the tables of a finished run."""
    folder, pandas = pathlib.Path(folder), needed("pandas")
    with reading(path := folder / "metrics.json", *_HELP):
        metrics = json.loads(path.read_bytes())
        models = [name for name in ("plain", "student") if metrics.get(name)]
        classes = {model: pandas.json_normalize(metrics[model]["classes"]).set_index("name") for model in models}
        measures = pandas.concat(classes, names=["model", "class"])

    def predictions(model: str) -> "pandas.DataFrame":
        # The last model lies in the run folder itself, the plain one of a run with a student in a folder of its own.
        with reading(path := (folder if model == models[-1] else folder / model) / "predictions.csv", *_HELP):
            table = pandas.read_csv(path, dtype={"image": str}).set_index("image")
            if list(table.columns) != list(classes[model].index) or not ((table >= 0) & (table <= 1)).all(axis=None):
                raise ValueError("it has no probability for each class of metrics.json")
            return table
    with reading(path := folder / "history.csv", *_HELP):
        history = pandas.read_csv(path).set_index(["stage", "epoch"])
        return Run(pandas.concat({model: predictions(model) for model in models}, names=["model"]), history, measures)
