"""Makes familiarity.json: squared Mahalanobis distances on unit-length features by scikit-learn's LedoitWolf.

pip install numpy scikit-learn; python3 familiarity.py > familiarity.json
"""
import json

import numpy as np
from sklearn.covariance import LedoitWolf


def distances(fit, rows):
    return fit.mahalanobis(rows)


random = np.random.default_rng(0)
mixing = random.normal(size=(12, 12))
train = (random.normal(size=(60, 12)) @ mixing + 3).round(4)
new = np.concatenate([random.normal(size=(5, 12)) @ mixing + 3, random.normal(size=(5, 12)) * 10 - 5]).round(4)


def unit(x):
    return x / np.linalg.norm(x, axis=1, keepdims=True)


cross = []
for fold in range(5):
    own = np.arange(60) % 5 == fold
    cross += distances(LedoitWolf().fit(unit(train[~own])), unit(train[own])).tolist()
cross = np.sort(cross)
found = distances(LedoitWolf().fit(unit(train)), unit(new))
shares = [(cross > d).mean() for d in found]
print(json.dumps({"train": train.tolist(), "new": new.tolist(), "shares": shares, "distances": cross.tolist()}))
