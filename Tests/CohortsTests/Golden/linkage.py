"""Writes linkage.json: clusters of random similarities by SciPy's average linkage. Needs numpy and scipy."""

import json
import pathlib

import numpy as np
from scipy.cluster.hierarchy import fcluster, linkage
from scipy.spatial.distance import squareform

COUNTS = [1, 2, 3, 5, 8]


def clusters(tree, count):
    """The clusters as lists of indices, in the order of their first index."""
    labels = fcluster(tree, count, criterion="maxclust")
    return sorted([int(i) for i in np.flatnonzero(labels == k)] for k in set(labels))


random = np.random.default_rng(7)
cases = []
for size in [2, 5, 9, 12, 12, 16, 20, 25]:
    values = random.uniform(-1, 1, (size, size))
    similarity = (values + values.T) / 2
    np.fill_diagonal(similarity, 1)
    similarity = np.round(similarity, 6)
    tree = linkage(squareform(1 - similarity, checks=False), method="average")
    cases.append(
        {
            "similarity": similarity.tolist(),
            "clusters": {str(k): clusters(tree, k) for k in COUNTS if k <= size},
        }
    )

place = pathlib.Path(__file__).with_suffix(".json")
place.write_text(json.dumps({"cases": cases}) + "\n")
