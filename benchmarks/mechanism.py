"""When RSKD helps on phantoms: gains by what a rare finding shares with frequent ones.

    python benchmarks/mechanism.py runs/phantoms runs/compare-phantoms      (tools/python_environment.sh names the interpreter)

A finding with fewer training eyes than FREQUENT is rare. It shares its *look* where a frequent finding has the same
`feature`, its *region* only where none has but one has the same `region`, and else nothing. Differences are candidate
minus reference on the same photographs; intervals are percentiles of a bootstrap over patients and over seeds, the same
seeds for both arms; of a shuffled arm, over its shuffles too.
"""

import csv
import json
import re
import sys
from collections import defaultdict
from pathlib import Path

import numpy as np
from sklearn.metrics import average_precision_score

FREQUENT, ROUNDS, LEVEL = 100, 300, 95


def relations(folder):
    """The rare findings by what they share, and how many training eyes each has."""
    rows = list(csv.DictReader(open(folder / "labels.csv")))
    attributes = {}
    for line in open(folder / "attributes.yaml"):
        if found := re.search(r"id: (\w+).*region: \[([^\]]*)\].*feature: \[([^\]]*)\]", line):
            attributes[found[1]] = (found[2], found[3])
    counts = {c: sum(r[c] == "1" for r in rows if r["split"] == "train") for c in attributes}
    frequent = [c for c in attributes if counts[c] >= FREQUENT and attributes[c] != ("", "")]
    groups = defaultdict(list)
    for name, (region, feature) in attributes.items():
        if counts[name] >= FREQUENT or not region:
            continue
        if any(attributes[f][1] == feature for f in frequent):
            groups["look"].append(name)
        elif any(attributes[f][0] == region for f in frequent):
            groups["region only"].append(name)
        else:
            groups["neither"].append(name)
    groups["frequent findings"] = frequent
    return dict(groups), counts, {r["image"]: r for r in rows}


def predictions(comparison, arm):
    """Scores of an arm, by image and class: for each seed its models, one for each shuffle."""
    seeds = defaultdict(list)
    for path in sorted(comparison.glob(f"cells/*/seed-*/*/{arm}/predictions.csv")):
        rows = list(csv.DictReader(open(path)))
        seeds[path.parts[-4]].append({r["image"]: r for r in rows})
    return seeds


def main(folder, comparison):
    groups, counts, truth = relations(folder)
    arms = {a["arm"] for a in json.load(open(comparison / "comparison.json"))["arms"]}
    classes = [c for members in groups.values() for c in members]
    cache = {}

    def scores(arm):
        if arm not in cache:
            seeds = predictions(comparison, arm)
            images = sorted(next(iter(seeds.values()))[0])
            cache[arm] = (images, {s: np.array([[[float(m[i][c]) for c in classes] for i in images] for m in models])
                                   for s, models in seeds.items()})
        return cache[arm]

    pairs = []
    for grouping in ("region", "feature"):
        if f"RSKD({grouping})" in arms:
            pairs += [(f"rskd-{grouping}", other) for other in ("plain", "plain-long", f"random-{grouping}-*")]
    images, _ = scores("plain")
    labels = np.array([[truth[i][c] == "1" for c in classes] for i in images])
    patients = np.array([truth[i]["patient"] for i in images])
    names = np.unique(patients)
    rows_of = [np.flatnonzero(patients == n) for n in names]

    def precision(values, rows):
        """[models, classes]."""
        return np.array([[average_precision_score(labels[rows, k], m[rows, k]) for k in range(len(classes))]
                         for m in values])

    def means(per_class):
        return [per_class[[classes.index(c) for c in members]].mean() for members in groups.values()]

    everything = np.arange(len(images))
    print("| difference in mAP | " + " | ".join(f"{g} ({len(m)})" for g, m in groups.items()) + " |")
    print("| --- |" + " --- |" * len(groups))
    for pair in pairs:
        values = [scores(arm)[1] for arm in pair]
        seeds = sorted(values[0].keys() & values[1].keys())

        def mean_precision(models, rows):
            return precision(np.concatenate(models), rows).mean(0)

        points = [mean_precision([v[s] for s in seeds], everything) for v in values]
        point = means(points[0] - points[1])
        random, drawn = np.random.default_rng(0), []
        for _ in range(ROUNDS):
            rows = np.concatenate([rows_of[k] for k in random.integers(len(names), size=len(names))])
            drawn_seeds = random.choice(seeds, size=len(seeds))
            sides = [mean_precision([v[s][random.integers(len(v[s]), size=len(v[s]))] for s in drawn_seeds], rows)
                     for v in values]
            drawn.append(means(sides[0] - sides[1]))
        low, high = np.percentile(drawn, [(100 - LEVEL) / 2, (100 + LEVEL) / 2], axis=0)
        cells = [f"{p:+.3f} [{l:+.3f}, {h:+.3f}]" for p, l, h in zip(point, low, high)]
        label = " minus ".join(re.sub(r"-\*$", "", arm) for arm in pair)
        print(f"| {label} | " + " | ".join(cells) + " |", flush=True)
    print()
    for group, members in groups.items():
        print(f"{group}: " + ", ".join(f"{m} ({counts[m]})" for m in members))


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
