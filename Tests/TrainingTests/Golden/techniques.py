#!/usr/bin/env python3
"""Golden values of second stages and of mixing, in float64, from the formulas of docs/method.md, section 6.

    python Tests/TrainingTests/Golden/techniques.py        writes techniques.json beside this file

- tau-normalisation: w_c / ||w_c||^tau (Kang et al., ICLR 2020, section 4); a row of zeros stays. Logits with the bias
  (multi-label) and without (single-label).
- LWS: logits x . (f_c w_c) + b_c with f_c = exp(a_c), and the gradient with respect to a of the binary cross-entropy,
  summed over classes and averaged over images.
- shares of mixing: the distribution function of Beta(alpha, alpha), by SciPy.
- the mean share of CutMix (Yun et al., ICCV 2019, eqs. 1 and 2) with alpha 1: a box with sides sqrt(1 - lambda), lambda
  uniform, whose centre is uniform over the picture, covers (s - s^2 / 4)^2 of it in the mean, s being its side.
- the loss of mixed images (mixup, Zhang et al., ICLR 2018): binary cross-entropy with the targets lambda y_i + (1 -
  lambda) y_j over the cells that both labels are known of, summed over classes and averaged over images.
"""
import json
import pathlib

import scipy.integrate
import scipy.stats
import torch

X = torch.tensor([[0.4, -1.2, 0.7], [2.0, 0.1, -0.3], [-0.6, 0.9, 1.1], [0.0, -0.5, 0.25]], dtype=torch.float64)
W = torch.tensor([[1.5, -2.0, 0.5], [0.1, 0.2, -0.05], [0.0, 0.0, 0.0], [-0.7, 0.4, 0.9]], dtype=torch.float64)
BIAS = torch.tensor([-0.5, -3.0, 0.2, -1.25], dtype=torch.float64)
Y = torch.tensor([[1, 0, 0, 1], [0, 0, 1, 0], [0, 1, 0, 1], [0, 0, 0, 0]], dtype=torch.float64)
A = torch.tensor([0.3, -0.8, 0.0, 1.1], dtype=torch.float64)


def tau_normalised(tau):
    rows = []
    for row in W.tolist():
        norm = sum(w * w for w in row) ** 0.5
        rows.append([w / norm**tau if norm > 0 else w for w in row])
    logits = X @ torch.tensor(rows, dtype=torch.float64).T
    return {"tau": tau, "weights": rows, "logits": (logits + BIAS).tolist(), "without_bias": logits.tolist()}


def scaled():
    a = A.clone().requires_grad_()
    logits = X @ (a.exp()[:, None] * W).T + BIAS
    loss = -(Y * logits.sigmoid().log() + (1 - Y) * (1 - logits.sigmoid()).log()).sum() / len(X)
    loss.backward()
    return {"log_scale": A.tolist(), "logits": logits.tolist(), "loss": loss.item(), "gradient": a.grad.tolist()}


def shares(alpha):
    at = [0.001, 0.01, 0.1, 0.3, 0.5, 0.6, 0.9, 0.99]
    return {"alpha": alpha, "at": at, "below": scipy.stats.beta.cdf(at, alpha, alpha).tolist()}


def mean_share_of_cutmix():
    """By quadrature over centres along one side, then over lambda."""
    def length(s):
        return scipy.integrate.quad(lambda c: min(1, c + s / 2) - max(0, c - s / 2), 0, 1)[0]
    covered = scipy.integrate.quad(lambda share: length((1 - share) ** 0.5) ** 2, 0, 1)[0]
    assert abs(length(0.6) - (0.6 - 0.6**2 / 4)) < 1e-9
    return 1 - covered


def mixed(share, partners, unknown):
    z = X @ W.T + BIAS
    total = 0.0
    for i, j in enumerate(partners):
        for c in range(len(W)):
            if [i, c] in unknown or [j, c] in unknown:
                continue
            y = share * Y[i, c] + (1 - share) * Y[j, c]
            p = z[i, c].sigmoid()
            total -= (y * p.log() + (1 - y) * (1 - p).log()).item()
    return {"share": share, "partners": partners, "unknown": unknown, "loss": total / len(X)}


golden = {
    "features": X.tolist(), "weights": W.tolist(), "bias": BIAS.tolist(), "labels": Y.tolist(),
    "tau": [tau_normalised(tau) for tau in (0.0, 0.5, 0.7, 1.0)], "scaling": scaled(),
    "shares": [shares(alpha) for alpha in (0.2, 1.0, 3.0)], "cutmix_mean_share": mean_share_of_cutmix(),
    "mixed": mixed(0.3, [2, 0, 3, 1], [[0, 1], [3, 2]]),
}
path = pathlib.Path(__file__).with_name("techniques.json")
path.write_text(json.dumps(golden, indent=1) + "\n")
print(path)
