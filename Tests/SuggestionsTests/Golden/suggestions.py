#!/usr/bin/env python3
"""Golden choices of images, from the formulas of docs/using-a-model.md, straight and slow.

    python Tests/SuggestionsTests/Golden/suggestions.py        writes suggestions.json beside this file

Images 3 and 5 are equal in everything; image 7 has a feature of zeros.
"""
import json
import math
import pathlib

import numpy as np

TRAINING = [900, 45, 19, 4, 1, 0]
IMAGES, LENGTH = 60, 11
MASK = 2**64 - 1

random = np.random.default_rng(0)
probabilities = (random.uniform(size=(IMAGES, len(TRAINING))) ** [1, 2, 4, 6, 6, 1]).astype(np.float32)
features = (random.normal(size=(4, LENGTH))[random.integers(0, 4, IMAGES)] + random.normal(size=(IMAGES, LENGTH))).round(3)
features = features.astype(np.float32)
probabilities[5], features[5] = probabilities[3], features[3]
probabilities[0] = [0, 1, 0, 0, 0, 0]
features[7] = 0
lengths = np.linalg.norm(features.astype(float), axis=1, keepdims=True)
unit = (features / np.where(lengths > 0, lengths, 1)).astype(float)
p = probabilities.astype(float)


def first_maximum(scores, left):
    return max(left, key=lambda i: (scores[i], -i))


def mix(z):
    z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & MASK
    z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & MASK
    return z ^ (z >> 31)


def drawn(seed):
    """The highest keys, each the first number of a SplitMix64 stream of the image's own."""
    def key(image):
        state = mix(mix(seed) ^ mix((image + 0x9E3779B97F4A7C15) & MASK))
        return mix((state + 0x9E3779B97F4A7C15) & MASK) >> 11
    return sorted(range(IMAGES), key=lambda i: (-key(i), i))


def uncertain():
    def entropy(q):
        return 0 if q in (0, 1) else -q * math.log2(q) - (1 - q) * math.log2(1 - q)
    scores = [sum(entropy(row[c]) for c, n in enumerate(TRAINING) if n) for row in p]
    return sorted(range(IMAGES), key=lambda i: (-scores[i], i)), scores


def diverse(count):
    mean = unit.mean(0)
    chosen = [min(range(IMAGES), key=lambda i: (unit[i] @ mean, i))]
    similarities = [None]
    while len(chosen) < count:
        nearest = {i: max(unit[i] @ unit[j] for j in chosen) for i in range(IMAGES) if i not in chosen}
        chosen.append(min(nearest, key=lambda i: (nearest[i], i)))
        similarities.append(nearest[chosen[-1]])
    return chosen, similarities


def rare(count, classes, spread=False):
    known, chosen, scores, similarities = dict(enumerate(map(float, TRAINING))), [], [], []
    while len(chosen) < count:
        gains = {i: sum(p[i, c] / (known[c] + 1) for c in classes) for i in range(IMAGES) if i not in chosen}
        nearest = {i: max(unit[i] @ unit[j] for j in chosen) if spread and chosen else None for i in gains}
        if spread and chosen:
            gains = {i: gain * (1 - nearest[i]) for i, gain in gains.items()}
        chosen.append(first_maximum(gains, gains))
        similarities.append(nearest[chosen[-1]])
        scores.append(gains[chosen[-1]])
        for c in classes:
            known[c] += p[chosen[-1], c]
    return chosen, scores, similarities


few = [c for c, n in enumerate(TRAINING) if 1 <= n < 20]
order, entropies = uncertain()
(far, similarities), (gainful, gains, _) = diverse(40), rare(40, few)
apart, spread_gains, spread_similarities = rare(40, few, spread=True)
golden = {
    "training_images": TRAINING,
    "probabilities": [[float(q) for q in row] for row in probabilities],
    "features": [[round(float(v), 3) for v in row] for row in features],
    "random": {str(seed): drawn(seed) for seed in (0, 7)},
    "uncertain": {"images": order, "scores": [entropies[i] for i in order]},
    "diverse": {"images": far, "similarities": similarities},
    "rare": {"images": gainful, "scores": gains},
    "rare_diverse": {"images": apart, "scores": spread_gains, "similarities": spread_similarities},
}
path = pathlib.Path(__file__).with_name("suggestions.json")
path.write_text(json.dumps(golden, indent=1) + "\n")
