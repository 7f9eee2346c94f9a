"""Writes decisions.json: curves, net benefit and a subgroup by scikit-learn and numpy.

    pip install numpy scikit-learn && python3 decisions.py
"""
import json
import pathlib

import numpy as np
import sklearn
from sklearn.metrics import precision_recall_curve, roc_auc_score, roc_curve

r = np.random.default_rng(7)
rows, classes = 120, 3
labels = (r.random((rows, classes)) < [0.5, 0.2, 0.3]).astype(int)
labels[r.random((rows, classes)) < 0.1] = -1
scores = np.round(np.clip(0.6 * r.random((rows, classes)) + 0.35 * (labels == 1) * r.random((rows, classes)), 0, 1), 2)
thresholds = [0.05, 0.1, 0.25, 0.5]
part = sorted(int(x) for x in r.choice(rows, 50, replace=False))
inside = np.isin(np.arange(rows), part)

curves, benefits = [], []
for c in range(classes):
    known = labels[:, c] >= 0
    y, s = labels[known, c], scores[known, c]
    fpr, tpr, _ = roc_curve(y, s, drop_intermediate=False)
    precision, recall, _ = precision_recall_curve(y, s)
    curves.append({"false_positive_rate": fpr.tolist(), "recall": tpr.tolist(), "precision": precision[::-1].tolist()})
    assert np.allclose(recall[::-1], tpr)
    odds = np.array(thresholds) / (1 - np.array(thresholds))
    called = [s >= t for t in thresholds]
    benefits.append({
        "model": [float(np.mean(y & k) - np.mean((1 - y) & k) * o) for k, o in zip(called, odds)],
        "all": [float(y.mean() - (1 - y).mean() * o) for o in odds],
    })


def area(mask):
    values = []
    for c in range(classes):
        known = (labels[:, c] >= 0) & mask
        values.append(roc_auc_score(labels[known, c], scores[known, c]))
    return float(np.mean(values))


pathlib.Path(__file__).with_suffix(".json").write_text(json.dumps({
    "sklearn": sklearn.__version__, "rows": rows, "classes": classes, "labels": labels.ravel().tolist(),
    "scores": scores.ravel().tolist(), "thresholds": thresholds, "curves": curves, "benefits": benefits,
    "part": part, "part_area": area(inside), "rest_area": area(~inside)}) + "\n")
