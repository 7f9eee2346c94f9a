#!/usr/bin/env python3
"""Does `familiarity` notice images with findings that the model never saw? Classes are left out of the training.

    python benchmarks/unseen_class.py --fovea .build/release/fovea --table labels.csv --images images \\
        --config configs/odir33.yaml --unseen pathological_myopia cataract --set training.epochs=3 --work runs/unseen

Needs a table with the columns patient and fold, and numpy.

1. Patients with an unseen class in an eye are left out of the table, and the columns of these classes; --drop names
   further columns that are not classes.
2. A model is trained on this table from --config, on all folds but the configuration's validation folds, and calibrated.
3. The familiarity of its validation images is compared with that of the images of each unseen class, whose patients
   the model has not seen either: the area under the ROC curve with a 95 % interval by the bootstrap over patients.

What is finished in --work is not computed again.
"""
import argparse
import csv
import json
import os
import pathlib
import subprocess

import numpy as np


def fovea(arguments, *words):
    subprocess.run([arguments.fovea, *map(str, words), "--threads", str(arguments.threads)], check=True)


def familiarity(arguments, name, rows):
    """Patient and familiarity of each row."""
    links = arguments.work / name
    output = arguments.work / f"{name}.json"
    if not output.exists():
        links.mkdir(exist_ok=True)
        for row in rows:
            link = links / row["image"]
            if not link.is_symlink():
                link.symlink_to(os.path.abspath(arguments.images / row["image"]))
        fovea(arguments, "predict", arguments.work / "run", links, "--any-image", "--output", output)
    found = {p["image"]: p["familiarity"] for p in json.loads(output.read_text())["predictions"]}
    return [(row["patient"], found[row["image"]]) for row in rows]


def auc(own, other):
    """The probability that an image of the validation is more familiar, half of it where they are equal."""
    own, other = np.sort(own), np.asarray(other)
    lower = np.searchsorted(own, other, "left")
    equal = np.searchsorted(own, other, "right") - lower
    return 1 - (lower + equal / 2).mean() / len(own)


def drawn(pairs, random):
    """The values of as many patients, drawn with replacement."""
    values = {}
    for patient, value in pairs:
        values.setdefault(patient, []).append(value)
    values = list(values.values())
    return np.concatenate([values[k] for k in random.integers(len(values), size=len(values))])


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name in ["--table", "--images", "--config", "--work"]:
        parser.add_argument(name, type=pathlib.Path, required=True)
    parser.add_argument("--fovea", default="fovea")
    parser.add_argument("--unseen", nargs="+", required=True)
    parser.add_argument("--drop", nargs="*", default=list("NDGCAHMO"))
    parser.add_argument("--set", action="append", default=[])
    parser.add_argument("--threads", type=int, default=1)
    arguments = parser.parse_args()
    arguments.work.mkdir(parents=True, exist_ok=True)

    rows = list(csv.DictReader(arguments.table.open()))
    images = {name: [row for row in rows if row[name] == "1"] for name in arguments.unseen}
    patients = {row["patient"] for found in images.values() for row in found}
    table = arguments.work / "labels.csv"
    with table.open("w") as file:
        columns = [name for name in rows[0] if name not in arguments.drop + arguments.unseen]
        writer = csv.DictWriter(file, columns, extrasaction="ignore")
        writer.writeheader()
        writer.writerows(row for row in rows if row["patient"] not in patients)
    run = arguments.work / "run"
    if not (run / "calibration.json").exists():
        settings = [f"data.table={table}", f"data.images={arguments.images}", "data.attributes=null", f"output={run}"]
        fovea(arguments, "train", arguments.config, *[word for pair in settings + arguments.set for word in ("--set", pair)])
        fovea(arguments, "calibrate", run)

    parts = {row["image"]: row["part"] for row in csv.DictReader((run / "split.csv").open())}
    own = familiarity(arguments, "validation", [row for row in rows if parts.get(row["image"]) == "validation"])
    values = np.array([value for _, value in own])
    print(f"validation: {len(own)} images, {len({p for p, _ in own})} patients, below 1 %: {100 * (values < 0.01).mean():.1f} %")
    for name, found in images.items():
        other = familiarity(arguments, name, found)
        random = np.random.default_rng(0)
        draws = [auc(drawn(own, random), drawn(other, random)) for _ in range(2000)]
        unseen = np.array([value for _, value in other])
        low, high = np.quantile(draws, [0.025, 0.975])
        print(f"{name}: {len(other)} images, {len({p for p, _ in other})} patients, AUC {auc(values, unseen):.3f} "
              f"[{low:.3f}, {high:.3f}], below 1 %: {100 * (unseen < 0.01).mean():.0f} %")


if __name__ == "__main__":
    main()
