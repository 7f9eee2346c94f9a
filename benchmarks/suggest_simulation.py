#!/usr/bin/env python3
"""Does `fovea suggest` find rare findings? Labels of half of a labelled set are hidden and revealed again by suggestion.

    python benchmarks/suggest_simulation.py --fovea .build/release/fovea --table labels.csv --images images \\
        --config configs/odir33.yaml --set training.epochs=4 --work runs/suggest

Needs a table with the columns patient and fold, and numpy, scipy, pandas and scikit-learn. For each seed:

1. the patients of one fold (the seed's number) are for evaluation; of the others, half are hidden, a tenth calibrates,
   four tenths train;
2. a model is trained from --config and calibrated; it has seen neither the hidden nor the evaluation images;
3. each strategy suggests images of the hidden half, whose labels are revealed;
4. a head (logistic regression with an L2 penalty on the model's features) is trained on all that is labelled then, and
   evaluated on the evaluation patients. The penalty is the one of PENALTIES with the highest mAP on the calibration
   patients when the head is trained on the training patients.

Classes are "few" by the images that trained the model: 1 to 19. What is finished in --work is not computed again.
Prints for each strategy the positives of few classes among the revealed images and the mean AP over few and over all
classes, each with its difference from `random` (the mean of --draws draws) and a 95 % interval by Student's t over seeds.
"""
import argparse
import json
import os
import pathlib
import shutil
import subprocess

import numpy as np
import pandas as pd
from scipy.optimize import minimize
from scipy.stats import t as student
from sklearn.metrics import average_precision_score


PENALTIES = [30.0, 100.0, 300.0, 1000.0, 3000.0]


def parts(table, seed):
    """Of each row: evaluation, hidden, val (calibrates) or train; whole patients."""
    folds = sorted(set(table.fold))
    evaluation = table.fold == folds[seed % len(folds)]
    patients = sorted(set(table.patient[~evaluation]))
    np.random.default_rng(seed).shuffle(patients)
    share = {p: "hidden" if i < 0.5 * len(patients) else "val" if i < 0.6 * len(patients) else "train"
             for i, p in enumerate(patients)}
    return np.array([share.get(p, "evaluation") for p in table.patient])


def fovea(arguments, *words):
    """Runs the program and shows what it says only where it fails."""
    done = subprocess.run([arguments.fovea, *map(str, words), "--threads", str(arguments.threads)],
                          capture_output=True, text=True)
    if done.returncode:
        raise SystemExit(done.stderr)


def train(arguments, table, part, folder):
    """A calibrated model of the labelled patients."""
    if (folder / "run/calibration.json").exists():
        return
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    known = table.assign(split=part)[np.isin(part, ["train", "val"])]
    known.to_csv(folder / "labelled.csv", index=False)
    settings = ["data.split={method: column}", "evaluation.bootstrap=0", *arguments.set]
    fovea(arguments, "train", arguments.config, "--set", f"data.table={folder}/labelled.csv",
          "--set", f"data.images={arguments.images}", "--set", f"output={folder}/run",
          *(word for setting in settings for word in ("--set", setting)))
    fovea(arguments, "calibrate", folder / "run")


def links(folder, images, names):
    """A folder with links to some images."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    for name in names:
        os.symlink(pathlib.Path(images).resolve() / name, folder / name)


def features(arguments, table, folder):
    """Unit-length features of all images, in the order of the table."""
    path = folder / "features.npy"
    if not path.exists():
        # In its run folder the model knows which images are labelled, and leaves them out.
        alone = folder / "model"
        alone.mkdir(exist_ok=True)
        for name in ["config.json", "model.safetensors"]:
            shutil.copy(folder / "run" / name, alone / name)
        links(folder / "all", arguments.images, table.image)
        fovea(arguments, "suggest", alone, folder / "all", "--strategy", "random", "--count", 1,
              "--any-image", "--features", folder / "features.csv")
        found = pd.read_csv(folder / "features.csv", index_col="image")
        np.save(path, found.loc[table.image].to_numpy(np.float32))
        (folder / "features.csv").unlink()
    return np.load(path)


def suggested(arguments, strategy, table, part, folder):
    """Rows of the table in the order in which a strategy suggests them."""
    path = folder / f"{strategy}.csv"
    if not path.exists():
        if not (folder / "hidden").exists():
            links(folder / "hidden", arguments.images, table.image[part == "hidden"])
        fovea(arguments, "suggest", folder / "run", folder / "hidden", "--strategy", strategy,
              "--any-image", "--count", max(arguments.counts), "--output", path)
    row = {name: k for k, name in enumerate(table.image)}
    return np.array([row[name] for name in pd.read_csv(path).image])


def head(x, y, penalty):
    """Logistic regressions, all classes at once: weights and biases."""
    (n, d), k = x.shape, y.shape[1]

    def objective(flat):
        w = flat.reshape(d + 1, k)
        z = x @ w[:d].astype(np.float32) + w[d]
        residual = 1 / (1 + np.exp(-z)) - y
        slope = np.vstack([x.T @ residual.astype(np.float32) + penalty * w[:d], residual.sum(0)])
        return np.logaddexp(0, z).sum() - (z * y).sum() + penalty / 2 * (w[:d] ** 2).sum(), slope.ravel()

    start = np.zeros((d + 1, k))
    prevalence = (y.sum(0) + 0.5) / (n + 1)
    start[d] = np.log(prevalence / (1 - prevalence))
    w = minimize(objective, start.ravel(), jac=True, method="L-BFGS-B", options={"maxiter": 100}).x.reshape(d + 1, k)
    return w[:d].astype(np.float32), w[d]


class Simulation:
    """One seed."""

    def __init__(self, arguments, table, seed):
        self.arguments, self.table, self.seed = arguments, table, seed
        self.folder = arguments.work / f"seed{seed}"
        self.part = parts(table, seed)
        train(arguments, table, self.part, self.folder)
        model = json.loads((self.folder / "run/config.json").read_text())
        self.y = table[model["classes"]].to_numpy(np.float32)
        counts = np.array(model["training_images"])
        self.few = (counts > 0) & (counts < 20)
        self.x = features(arguments, table, self.folder)
        self.penalty = max(PENALTIES, key=lambda penalty: np.nanmean(
            self.precisions(self.rows("train"), self.rows("val"), penalty)))

    def rows(self, name):
        return np.flatnonzero(self.part == name)

    def precisions(self, known, test, penalty):
        """The AP of each class on some rows, of a head trained on others."""
        mean, deviation = self.x[known].mean(0), self.x[known].std(0) + 1e-6
        weights, biases = head((self.x[known] - mean) / deviation, self.y[known], penalty)
        scores = (self.x[test] - mean) / deviation @ weights + biases
        return np.array([average_precision_score(y, score) if y.any() else np.nan
                         for y, score in zip(self.y[test].T, scores.T)])

    def measure(self, strategy, revealed):
        known = np.concatenate([self.rows("train"), self.rows("val"), np.asarray(revealed, int)])
        ap = self.precisions(known, self.rows("evaluation"), self.penalty)
        found = self.y[np.asarray(revealed, int)][:, self.few]
        return {"seed": self.seed, "strategy": strategy, "count": len(revealed), "positives": found.sum(),
                "classes": found.any(0).sum(), "few_map": np.nanmean(ap[self.few]), "map": np.nanmean(ap),
                "penalty": self.penalty}

    def run(self):
        path = self.folder / "results.csv"
        if path.exists():
            return pd.read_csv(path)
        hidden = self.rows("hidden")
        results = [self.measure("nothing revealed", []), self.measure("all revealed", hidden)]
        for strategy in self.arguments.strategies:
            order = suggested(self.arguments, strategy, self.table, self.part, self.folder)
            results += [self.measure(strategy, order[:count]) for count in self.arguments.counts]
        for draw in range(self.arguments.draws):
            order = np.random.default_rng([self.seed, draw]).permutation(hidden)
            results += [self.measure("random", order[:count]) for count in self.arguments.counts]
        results = pd.DataFrame(results).groupby(["seed", "strategy", "count"], sort=False).mean().reset_index()
        results.to_csv(path, index=False)
        return results


def interval(values):
    """Mean and half the width of its 95 % interval."""
    half = student.ppf(0.975, len(values) - 1) * np.std(values, ddof=1) / len(values) ** 0.5 if len(values) > 1 else np.nan
    return np.mean(values), half


def report(results):
    """Means over seeds, and differences from random, as Markdown."""
    measures = {"positives": ("positives of few classes", 1), "classes": ("few classes found", 1),
                "few_map": ("few-mAP", 3), "map": ("mAP", 3)}
    print("| revealed | strategy |" + "".join(f" {name} | minus random |" for name, _ in measures.values()))
    print("|---:|---|" + "---:|---|" * len(measures))
    # How many "all" are differs by seed.
    results = results.assign(count=results["count"].where(results.strategy != "all revealed", -1))
    for (count, strategy), own in results.groupby(["count", "strategy"]):
        base = results[(results.strategy == "random") & (results["count"] == count)].set_index("seed")
        own = own.set_index("seed")
        cells = ""
        for key, (_, digits) in measures.items():
            cells += f" {own[key].mean():.{digits}f} |"
            if strategy == "random" or base.empty:
                cells += " |"
                continue
            mean, half = interval((own[key] - base[key]).to_numpy())
            cells += f" {mean:+.{digits}f} [{mean - half:+.{digits}f}, {mean + half:+.{digits}f}] |"
        print(f"| {'all' if count < 0 else count} | {strategy} |{cells}")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--fovea", default=".build/release/fovea")
    parser.add_argument("--table", required=True, help="labels, with columns image, patient and fold")
    parser.add_argument("--images", required=True)
    parser.add_argument("--config", required=True)
    parser.add_argument("--set", action="append", default=[], help="as of fovea train")
    parser.add_argument("--work", type=pathlib.Path, required=True)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2, 3, 4])
    parser.add_argument("--strategies", nargs="+", default=["rare", "rare-diverse", "uncertain", "diverse"])
    parser.add_argument("--counts", type=int, nargs="+", default=[100, 300])
    parser.add_argument("--draws", type=int, default=5)
    parser.add_argument("--threads", type=int, default=1)
    arguments = parser.parse_args()
    table = pd.read_csv(arguments.table)
    results = pd.concat([Simulation(arguments, table, seed).run() for seed in arguments.seeds])
    results.to_csv(arguments.work / "results.csv", index=False)
    report(results)


if __name__ == "__main__":
    main()
