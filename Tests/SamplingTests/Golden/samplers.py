#!/usr/bin/env python3
"""Golden values of the samplers, from the formulas of docs/method.md, section 6.

    python Tests/SamplingTests/Golden/samplers.py        writes samplers.json beside this file

Every row's chance of being the next one drawn is added up over the classes it can be drawn for, without a look at how the
program keeps its pools: P(row) = sum over classes c of q_c [row has c] / n_c, the label-free being one class more.
- class-aware: q equal over the classes that have a positive; square-root: q proportional to sqrt(n_c).
- progressively balanced (Kang et al., ICLR 2020, section 4.1): q = (1 - t) n_c / sum n + t / C, t = epoch / (epochs - 1).
- repeat factor (Gupta et al., CVPR 2019, section 3.1): r = max over a row's classes of max(1, sqrt(t / f_c)), f_c = n_c / n.
"""
import json
import pathlib

# How many rows of each kind, and the classes they show. Class 2 has no positive.
KINDS = [(800, [0]), (20, [1]), (10, [0, 1]), (5, [1, 3]), (165, [])]
ROWS = sum(count for count, _ in KINDS)
LABEL_FREE = "none"


def pools():
    sizes = {}
    for count, classes in KINDS:
        for c in classes or [LABEL_FREE]:
            sizes[c] = sizes.get(c, 0) + count
    return sizes


def shares(weights):
    """The share of draws that each kind of row has."""
    total = sum(weights.values())
    return [sum(weights[c] / total * count / pools()[c] for c in classes or [LABEL_FREE]) for count, classes in KINDS]


def progressive(epoch, epochs):
    t = min(1, epoch / (epochs - 1))
    n = sum(pools().values())
    return {c: (1 - t) * size / n + t / len(pools()) for c, size in pools().items()}


def repeat_factor(classes, threshold):
    return max([1.0] + [(threshold / (pools()[c] / ROWS)) ** 0.5 for c in classes])


golden = {
    "class_aware": shares({c: 1 for c in pools()}),
    "square_root": shares({c: size**0.5 for c, size in pools().items()}),
    "progressive": [{"epoch": e, "shares": shares(progressive(e, 201))} for e in (0, 100, 200, 500)],
    "repeat_factors": [repeat_factor(classes, 0.1) for _, classes in KINDS],
}
for values in [golden["class_aware"], golden["square_root"]] + [p["shares"] for p in golden["progressive"]]:
    assert abs(sum(values) - 1) < 1e-12
path = pathlib.Path(__file__).with_name("samplers.json")
path.write_text(json.dumps(golden, indent=1) + "\n")
print(path)
