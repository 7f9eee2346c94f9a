"""Writes evaluation.json: small random outcomes and what numpy and scikit-learn say about them.

    pip install numpy scikit-learn && python3 golden.py

Ties, unknown labels (-1), a class without positives, one without negatives and one wholly unknown are in it.
"""
import json
import pathlib

import numpy as np
import sklearn
from sklearn.metrics import (average_precision_score, cohen_kappa_score, f1_score, precision_recall_curve,
                             roc_auc_score, roc_curve)


def calibration_error(y, p, bins=15):
    if not len(y):
        return None
    edges = np.arange(1, bins) / bins
    place = np.searchsorted(edges, p, side="left")
    return float(sum(abs(p[place == b].sum() - y[place == b].sum()) for b in range(bins)) / len(y))


def mid_ranks(s):
    """Rank from the top, ties sharing the mean."""
    return np.array([(s > x).sum() + ((s == x).sum() + 1) / 2 for x in s])


def fold_scores(s, f):
    out = np.zeros(len(s))
    for k in np.unique(f):
        out[f == k] = -(mid_ranks(s[f == k]) - 0.5) / (f == k).sum()
    return out


def ap(y, s):
    return float(average_precision_score(y, s)) if y.any() else None


def auc(y, s):
    return float(roc_auc_score(y, s)) if y.any() and not y.all() else None


def mean(values):
    values = [v for v in values if v is not None]
    return float(np.mean(values)) if values else None


def one(name, seed, rows, classes, decimals):
    r = np.random.default_rng(seed)
    labels = (r.random((rows, classes)) < np.geomspace(0.5, 3 / rows, classes)).astype(int)
    labels[:, -3], labels[:, -2] = 0, 1
    labels[r.random((rows, classes)) < 0.1] = -1
    labels[:, -1] = -1
    scores = np.clip(0.6 * r.random((rows, classes)) + 0.3 * (labels == 1) * r.random((rows, classes)), 0, 1)
    scores = np.round(scores, decimals)
    thresholds = [None if c == 1 else round(float(x), 2) for c, x in enumerate(r.uniform(0.2, 0.7, classes))]
    folds = r.integers(0, 3, rows)
    expected, cells, y_all, called_all = [], ([], []), [], []
    for c in range(classes):
        known = labels[:, c] >= 0
        y, s, f = labels[known, c], scores[known, c], folds[known]
        cells[0].append(y), cells[1].append(s)
        e = {"positives": int((y == 1).sum()), "negatives": int((y == 0).sum()), "unknown": int((~known).sum())}
        e["average_precision"], e["roc_auc"] = ap(y, s), auc(y, s)
        e["fold_rank_average_precision"], e["fold_rank_roc_auc"] = ap(y, fold_scores(s, f)), auc(y, fold_scores(s, f))
        e["fold_mean_average_precision"] = mean(ap(y[f == k], s[f == k]) for k in range(3))
        e["fold_mean_roc_auc"] = mean(auc(y[f == k], s[f == k]) for k in range(3))
        e["sensitivity"] = e["best_threshold"] = e["best_f1"] = e["f1"] = e["kappa"] = None
        if e["roc_auc"] is not None:
            fpr, tpr, _ = roc_curve(y, s, drop_intermediate=False)
            negatives = e["negatives"]
            e["sensitivity"] = float(tpr[(negatives - np.round(fpr * negatives)) / negatives >= 0.95].max())
        if y.any():
            precision, recall, t = precision_recall_curve(y, s)
            candidates = sorted(((f1_score(y, s >= x), x) for x in t), reverse=True)
            e["best_f1"] = float(candidates[0][0])
            e["best_threshold"] = float((candidates[0][1] + max(s[s < candidates[0][1]], default=0)) / 2)
            if thresholds[c] is not None:
                e["f1"] = float(f1_score(y, s >= thresholds[c], zero_division=0))
                e["kappa"] = float(cohen_kappa_score(y, s >= thresholds[c])) if not y.all() else None
        if thresholds[c] is not None:
            y_all.append(y), called_all.append(s >= thresholds[c])
        e["calibration_error"] = calibration_error(y, s)
        expected.append(e)
    return {
        "name": name, "classes": classes, "rows": rows, "labels": labels.ravel().tolist(),
        "scores": scores.ravel().tolist(), "folds": folds.tolist(), "thresholds": thresholds, "expected": expected,
        "mean_average_precision": mean(e["average_precision"] for e in expected),
        "mean_roc_auc": mean(e["roc_auc"] for e in expected),
        "macro_f1": mean(e["f1"] for e in expected),
        "micro_f1": float(f1_score(np.concatenate(y_all), np.concatenate(called_all))),
        "micro_kappa": float(cohen_kappa_score(np.concatenate(y_all), np.concatenate(called_all))),
        "calibration_error": calibration_error(np.concatenate(cells[0]), np.concatenate(cells[1])),
    }


cases = [one("many ties", 1, 120, 8, 1), one("some ties", 2, 90, 9, 2), one("hardly any tie", 3, 400, 7, 6)]
text = json.dumps({"scikit_learn": sklearn.__version__, "cases": cases}, separators=(",", ":"))
pathlib.Path(__file__).with_name("evaluation.json").write_text(text + "\n")
