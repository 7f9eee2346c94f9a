"""Makes calibration.json: Platt lines by scipy, Wilson intervals by statsmodels, order statistics by numpy.

pip install numpy scipy statsmodels; python3 calibration.py > calibration.json
"""
import json

import numpy as np
from scipy.optimize import minimize
from statsmodels.stats.proportion import proportion_confint


def fit(z, y):
    """The line of least sum of negative log-likelihoods plus 25 (s - 1)^2 + 4 o^2."""
    known = y >= 0
    z, y = z[known], y[known].astype(float)
    if y.sum() == 0 or y.sum() == len(y):
        return 1.0, 0.0

    def objective(w):
        t = w[0] * z + w[1]
        return np.sum(np.logaddexp(0, t) - y * t) + 25 * (w[0] - 1) ** 2 + 4 * w[1] ** 2

    def gradient(w):
        p = 1 / (1 + np.exp(-(w[0] * z + w[1])))
        return np.array([np.sum((p - y) * z) + 50 * (w[0] - 1), np.sum(p - y) + 8 * w[1]])

    best = minimize(objective, [1.0, 0.0], jac=gradient, bounds=[(0.01, None), (None, None)], method="L-BFGS-B",
                    options={"ftol": 1e-15, "gtol": 1e-10, "maxiter": 10000})
    return float(best.x[0]), float(best.x[1])


def sample(random, count, share, slope, offset):
    """Logits of a model whose calibrated form is known."""
    z = random.normal(-1, 2, count)
    p = 1 / (1 + np.exp(-(slope * z + offset)))
    y = (random.random(count) < p).astype(int)
    y[random.random(count) < share] = -1
    return z.round(6), y


def main():
    random = np.random.default_rng(0)
    cases = []
    for name, count, share, slope, offset in [
        ("overconfident", 400, 0, 0.4, -0.5), ("underconfident", 400, 0.1, 2.5, 1.0), ("small", 12, 0, 1, 0),
        ("inverted", 300, 0, -1.5, 0.2),
    ]:
        z, y = sample(random, count, share, slope, offset)
        cases.append((name, z, y))
    z = random.normal(0, 1, 50).round(6)
    cases.append(("separable", z * 10, (z > 0).astype(int)))
    cases.append(("no positive", z, np.zeros(50, int)))
    cases.append(("no negative", z, np.ones(50, int)))
    one = np.zeros(50, int)
    one[7] = 1
    cases.append(("one positive", z, one))
    two = one.copy()
    two[9] = 1
    cases.append(("two positives", z, two))
    cases.append(("constant logits", np.full(50, -2.5), (z > 0.5).astype(int)))
    cases.append(("huge logits", z * 1e4, (z + random.normal(0, 0.2, 50) > 0).astype(int)))
    fits = []
    for name, z, y in cases:
        slope, offset = fit(z, y)
        fits.append({"name": name, "logits": z.tolist(), "labels": y.tolist(), "slope": slope, "offset": offset})

    scores = random.random(37).round(4)
    ascending = np.concatenate([[0], np.sort(scores), [1]])
    points = []
    for share in [0.8, 0.9, 0.95, 0.99]:
        k = int(np.floor((1 - share) * 38 + 1e-9))
        points.append({
            "share": share, "sensitivity": None if k == 0 else float(ascending[k - 1:k + 1].mean()),
            "specificity": None if k == 0 else float(ascending[38 - k:40 - k].mean()),
        })
    proportions = []
    for count, total in [(0, 5), (5, 5), (3, 7), (90, 100), (1, 1000)]:
        lower, upper = proportion_confint(count, total, method="wilson")
        proportions.append({"count": count, "total": total, "lower": lower, "upper": upper})
    print(json.dumps({"fits": fits, "scores": scores.tolist(), "points": points, "proportions": proportions}))


main()
