#!/usr/bin/env python3
"""Golden values and gradients for the losses and for weighted distillation, in float64, from docs/method.md's formulas.

    python Tests/LossesTests/Golden/losses.py        writes losses.json beside this file

Conventions (method, sections 1, 4 and 6), the same for every multi-label entry:
- sums over classes, means over the batch: L = (1/B) sum_i sum_c l(z_ic, y_ic). B is the whole batch, also where some
  labels are unknown. Gradients are dL/dz; `terms` holds l(z_ic, y_ic) before the mean, 0 where it takes no part.
- targets: 1 positive, 0 negative, -1 unknown. An unknown label takes part in nothing: it adds no loss and no
  gradient, and it is not a positive where a formula sums over an image's positives.
- a class with n_c = 0 takes part in nothing and in no mean or maximum over classes; its weight is written as 0.
- p = sigmoid(z); softplus(x) = log(1 + e^x); BCE(z, y) = y softplus(-z) + (1 - y) softplus(z).
- pi_c = n_c / n, with n the number of training images.

The formulas
- bce_smoothed: BCE with the target y (1 - s) + s / 2.
- weighted BCE: y w_c softplus(-z) + (1 - y) softplus(z): the weight is on the positives only. w_c = 1 / n_c, or (1 -
  beta) / (1 - beta^n_c), divided by its mean over the classes with n_c > 0.
- focal: (1 - p_t)^gamma BCE with p_t = p for a positive and 1 - p for a negative.
- class-balanced focal: focal times one weight per image, the sum of the effective-number weights of its positive
  classes; those weights have mean 1 over the classes; an image without a positive weighs 1. Two readings of "the
  effective-number weight of the positive classes" are given: `class_balanced_focal_sum` and
  `class_balanced_focal_mean`.
- LDAM: BCE(s (z - m_c y), y), m_c = M n_c^(-1/4) / max_c n_c^(-1/4). With DRW every term (positive or negative) of
  class c is multiplied by w_c, the effective-number weight of mean 1: `ldam_drw`.
- distribution-balanced (Wu et al. 2020): r = sigmoid(b (R - mu)) + a, R_ic = (1/n_c) / sum_{j: y_ij = 1} 1/n_j, R of
  an image without a positive: the mean of R over its batch's other images and over classes with n_c > 0; were there
  none, 1. That mean is written as `r_empty`. u = z - v_c, v_c = kappa log(1/pi_c - 1). l = r [ y softplus(-u) + (1 -
  y) (1/l) softplus(l u) ]. The sign of v: rare classes have v > 0, so u < z, positives of rare classes must reach a
  larger z: like LDAM's margin. DB-focal: the positive's term also times (1 - sigmoid(u))^gamma, the negative's
  times sigmoid(l u)^gamma.
- asymmetric: y (1 - p)^g+ (-log p) + (1 - y) p_m^g- (-log(1 - p_m)), p_m = max(p - m, 0).
- logit-adjusted: BCE(z + tau log(pi_c / (1 - pi_c)), y).
- distillation: L = (1/B) sum_i [ sum_c l + lambda sum_{c: m_c > 0} (1/m_c) sum_{k: c in S_k} w_kc(x_i) d(z_ic,
  t^k_ic) ] with l = BCE, d = T^2 KL(Bern(sigmoid(t/T)) || Bern(sigmoid(z/T))) or (z - t)^2 / 8. m_c = number of
  subsets with c, counted after classes with n_c = 0 have left their subsets. Unknown labels are masked in l, but not
  in d, which needs no label (`distillation_term` and its gradient are apart, for a reading that masks them there too:
  `masked_...`).
- weights: `uniform` 1; `effective_number` of n_c, divided by its mean over the *classes taught* (each class once);
  `teacher_quality` 1 + max(0, AP_teacher - AP_plain) / AP_plain, and 1 for a class with fewer than 5 positives in the
  inner split, divided by the mean over the classes taught, in which the m_c teachers of a class count 1/m_c each; `self_paced` one number per teacher, not
  normalised; `confidence` 1 - H(sigmoid(t/T)) / log 2, divided by its given mean over the training set
  (`training_mean`, one per teacher); `membership` 1 + g where the image carries a positive of S_k, divided by the
  training mean 1 + g |P_k| / n.
- softmax_kl: single-label, T^2 KL(softmax(t_S/T) || softmax(z_S/T)), summed over subsets, mean over the batch;
  `own_images` counts a subset only on images whose class is in it (the mean still over the whole batch).
"""
import json
import pathlib

import torch
from torch.nn.functional import softplus

B, C, N = 4, 6, 200
COUNTS = torch.tensor([120.0, 40.0, 25.0, 8.0, 0.0, 3.0], dtype=torch.float64)
TAUGHT = COUNTS > 0
Z = torch.tensor([[2.1, -0.4, 0.3, -1.7, 0.9, -2.6],
                  [-0.8, 1.2, -3.1, 0.6, -0.2, 0.05],
                  [0.7, -2.2, 1.5, -0.9, 2.4, -4.0],
                  [-5.5, 0.1, -1.1, -2.9, -0.7, 3.3]], dtype=torch.float64)
Y = torch.tensor([[1, 0, 1, 0, 0, 0],
                  [0, 1, -1, 0, 0, 1],
                  [0, 0, 0, 0, 0, 0],
                  [1, -1, 0, 1, 1, 0]], dtype=torch.float64)
KNOWN = (Y >= 0) & TAUGHT
POSITIVE = torch.where((Y == 1) & TAUGHT, 1.0, 0.0).double()

# Two overlapping subsets: class 2 is in both, class 0 in none, class 4 has no training image.
SUBSETS = [[1, 2, 4], [2, 3, 5]]
TEACHERS = [
    torch.tensor([[-0.3, 1.1, 0.4], [2.0, -2.2, 0.1], [-1.6, 0.2, -0.5], [0.9, -0.7, 1.3]], dtype=torch.float64),
    torch.tensor([[0.5, -2.4, -1.0], [-1.9, 1.4, 0.8], [1.0, -0.2, -3.0], [-0.6, -1.2, 2.5]], dtype=torch.float64),
]


def listed(value):
    return value.tolist() if isinstance(value, torch.Tensor) else value


def graded(terms):
    """{"value", "gradient", "terms"} of a function of logits that gives one term per image and class."""
    z = Z.clone().requires_grad_()
    t = terms(z)
    value = t.sum() / B
    value.backward()
    return {"value": value.item(), "gradient": listed(z.grad), "terms": listed(t.detach())}


def masked(terms):
    return torch.where(KNOWN, terms, torch.zeros_like(terms))


def bce(z, y=POSITIVE):
    return y * softplus(-z) + (1 - y) * softplus(z)


def mean_one(weight):
    return torch.where(TAUGHT, weight / weight[TAUGHT].mean(), torch.zeros_like(weight))


def inverse():
    return mean_one(torch.where(TAUGHT, 1 / COUNTS, torch.zeros_like(COUNTS)))


def effective(beta):
    raw = (1 - beta) / (1 - beta ** COUNTS.clamp(min=1))
    return mean_one(raw)


def focal(z, gamma):
    p = torch.sigmoid(z)
    other = POSITIVE * (1 - p) + (1 - POSITIVE) * p
    return other**gamma * bce(z)


def positives_only(weight):
    return lambda z: masked(POSITIVE * weight * softplus(-z) + (1 - POSITIVE) * softplus(z))


def image_weight(weight, average):
    total, number = (POSITIVE * weight).sum(1), POSITIVE.sum(1)
    if average:
        total = total / number.clamp(min=1)
    return torch.where(number > 0, total, torch.ones_like(total))


def ldam_margin(most):
    root = torch.where(TAUGHT, COUNTS.clamp(min=1) ** -0.25, torch.zeros_like(COUNTS))
    return most * root / root.max()


def rebalance(a, b, mu):
    rarity = torch.where(TAUGHT, 1 / COUNTS.clamp(min=1), torch.zeros_like(COUNTS))
    total = (POSITIVE * rarity).sum(1, keepdim=True)
    some = total[:, 0] > 0
    r = rarity / total.clamp(min=1e-300)
    empty = r[some][:, TAUGHT].mean() if bool(some.any()) else torch.tensor(1.0)
    r = torch.where(some[:, None], r, empty)
    return torch.sigmoid(b * (r - mu)) + a, empty.item()


def distribution_balanced(a, b, mu, l, kappa, gamma=0):
    r, empty = rebalance(a, b, mu)
    prior = (COUNTS / N).clamp(min=1e-300)
    v = torch.where(TAUGHT, kappa * torch.log(1 / prior - 1), torch.zeros_like(COUNTS))

    def terms(z):
        u = z - v
        positive = (1 - torch.sigmoid(u)) ** gamma * softplus(-u)
        negative = torch.sigmoid(l * u) ** gamma * softplus(l * u) / l
        return masked(r * (POSITIVE * positive + (1 - POSITIVE) * negative))

    return {**graded(terms), "r_empty": empty, "r": listed(torch.where(KNOWN, r, torch.zeros_like(r))), "v": listed(v)}


def asymmetric(positive, negative, margin):
    def terms(z):
        p = torch.sigmoid(z)
        pm = (p - margin).clamp(min=0)
        return masked(POSITIVE * (1 - p) ** positive * softplus(-z)
                      - (1 - POSITIVE) * pm**negative * torch.log(1 - pm))
    return graded(terms)


def logit_adjusted(tau):
    prior = (COUNTS / N).clamp(min=1e-300)
    shift = torch.where(TAUGHT, tau * torch.log(prior / (1 - prior)), torch.zeros_like(COUNTS))
    return lambda z: masked(bce(z + shift))


def losses():
    smooth = 0.1
    m = ldam_margin(0.5)
    cb, w = effective(0.999), effective(0.999)
    return {
        "bce": {"parameters": {}, **graded(lambda z: masked(bce(z)))},
        "bce_smoothed": {"parameters": {"smoothing": smooth},
                         **graded(lambda z: masked(bce(z, POSITIVE * (1 - smooth) + smooth / 2)))},
        "weighted_bce_inverse": {"parameters": {}, "weights": listed(inverse()), **graded(positives_only(inverse()))},
        "weighted_bce_effective": {"parameters": {"beta": 0.999}, "weights": listed(w), **graded(positives_only(w))},
        "focal": {"parameters": {"gamma": 2}, **graded(lambda z: masked(focal(z, 2)))},
        "class_balanced_focal_sum": {
            "parameters": {"gamma": 2, "beta": 0.999}, "image_weights": listed(image_weight(cb, False)),
            **graded(lambda z: masked(focal(z, 2) * image_weight(cb, False)[:, None]))},
        "class_balanced_focal_mean": {
            "parameters": {"gamma": 2, "beta": 0.999}, "image_weights": listed(image_weight(cb, True)),
            **graded(lambda z: masked(focal(z, 2) * image_weight(cb, True)[:, None]))},
        "ldam": {"parameters": {"max_margin": 0.5, "scale": 3}, "margins": listed(m),
                 **graded(lambda z: masked(bce(3 * (z - m * POSITIVE))))},
        "ldam_drw": {"parameters": {"max_margin": 0.5, "scale": 3, "beta": 0.999}, "margins": listed(m),
                     "weights": listed(w), **graded(lambda z: masked(w * bce(3 * (z - m * POSITIVE))))},
        "distribution_balanced": {"parameters": {"a": 0.1, "b": 10, "mu": 0.3, "l": 5, "kappa": 0.05},
                                  **distribution_balanced(0.1, 10, 0.3, 5, 0.05)},
        "distribution_balanced_focal": {
            "parameters": {"a": 0.1, "b": 10, "mu": 0.3, "l": 5, "kappa": 0.05, "gamma": 2},
            **distribution_balanced(0.1, 10, 0.3, 5, 0.05, 2)},
        "asymmetric": {"parameters": {"positive": 1, "negative": 4, "margin": 0.05}, **asymmetric(1, 4, 0.05)},
        "asymmetric_no_margin": {"parameters": {"positive": 1, "negative": 4, "margin": 0}, **asymmetric(1, 4, 0)},
        "asymmetric_zero": {"parameters": {"positive": 0, "negative": 4, "margin": 0.05}, **asymmetric(0, 4, 0.05)},
        "logit_adjusted": {"parameters": {"tau": 1}, **graded(logit_adjusted(1))},
    }


def bernoulli_kl(z, t, temperature):
    """From log-probabilities, so that it is exactly 0 at z = t."""
    p = torch.sigmoid(t / temperature)
    positive = p * (softplus(-z / temperature) - softplus(-t / temperature))
    negative = (1 - p) * (softplus(z / temperature) - softplus(t / temperature))
    return temperature**2 * (positive + negative)


def mse(z, t, temperature):
    return (z - t) ** 2 / 8


def standardise(x):
    """Over the batch, by the standard deviation that divides by the number of images."""
    return (x - x.mean()) / torch.sqrt(x.var(unbiased=False) + 1e-6)


def pearson(z, t, temperature):
    """Its mean is 1 minus the correlation; see check."""
    return (standardise(z) - standardise(t)) ** 2 / 2


def standardised(z, t, temperature):
    return bernoulli_kl(standardise(z), standardise(t), temperature)


DISTANCES = {"bernoulli_kl": bernoulli_kl, "mse": mse, "pearson": pearson, "standardised": standardised}


def pairs():
    """(teacher, class, column of the teacher's logits) of every class taught, those with n_c = 0 left out."""
    return [(k, c, j) for k, subset in enumerate(SUBSETS) for j, c in enumerate(subset) if COUNTS[c] > 0]


def distilled(distance, weight, temperature, strength):
    """The full loss and its distillation half; weight is a (teachers, images, classes) tensor."""
    teachers = torch.zeros(C)
    for _, c, _ in pairs():
        teachers[c] += 1

    def terms(z):
        t = torch.zeros_like(z)
        for k, c, j in pairs():
            part = torch.zeros_like(z)
            part[:, c] = weight[k, :, c] * DISTANCES[distance](z[:, c], TEACHERS[k][:, j], temperature) / teachers[c]
            t = t + part
        return t

    whole = graded(lambda z: masked(bce(z)) + strength * terms(z))
    half = graded(terms)
    hidden = graded(lambda z: torch.where(KNOWN, terms(z), torch.zeros_like(z)))
    return {"value": whole["value"], "gradient": whole["gradient"], "distillation_term": half["value"],
            "distillation_gradient": half["gradient"], "masked_distillation_term": hidden["value"],
            "masked_distillation_gradient": hidden["gradient"]}


def spread(rows):
    """(teachers, classes) weights to (teachers, images, classes)."""
    return rows[:, None, :].expand(len(SUBSETS), B, C).clone()


def effective_weight(beta):
    raw = (1 - beta) / (1 - beta ** COUNTS.clamp(min=1))
    taught = sorted({c for _, c, _ in pairs()})
    rows = torch.zeros(len(SUBSETS), C, dtype=torch.float64)
    for k, c, _ in pairs():
        rows[k, c] = raw[c] / raw[taught].mean()
    return rows


AP_TEACHER = torch.tensor([[0, 0.50, 0.30, 0, 0, 0], [0, 0, 0.45, 0.20, 0, 0.9]], dtype=torch.float64)
AP_PLAIN = torch.tensor([0.8, 0.40, 0.36, 0.25, 0, 0.1], dtype=torch.float64)
INNER_POSITIVES = [30, 10, 6, 5, 0, 1]
MEAN_STUDENT, MEAN_TEACHER, ALPHA = [0.10, 0.32], [0.40, 0.35], 0.3


def quality_weight():
    rows = torch.zeros(len(SUBSETS), C, dtype=torch.float64)
    for k, c, _ in pairs():
        gain = max(0.0, float(AP_TEACHER[k, c] - AP_PLAIN[c])) / float(AP_PLAIN[c])
        rows[k, c] = 1 + gain if INNER_POSITIVES[c] >= 5 else 1.0
    taught = sorted({c for _, c, _ in pairs()})
    of_class = [rows[[k for k, d, _ in pairs() if d == c], c].mean() for c in taught]
    return rows / (sum(of_class) / len(taught))


def pace(s, t):
    return 1.0 if s < ALPHA * t else max(0.0, (t - s) / ((1 - ALPHA) * t))


def self_paced_weight():
    rows = torch.zeros(len(SUBSETS), C, dtype=torch.float64)
    for k, c, _ in pairs():
        rows[k, c] = pace(MEAN_STUDENT[k], MEAN_TEACHER[k])
    return rows


def confidence(t, temperature):
    p = torch.sigmoid(t / temperature)
    entropy = p * softplus(-t / temperature) + (1 - p) * softplus(t / temperature)
    return 1 - entropy / torch.log(torch.tensor(2.0, dtype=torch.float64))


TRAINING_MEAN = [0.21, 0.34]
GAIN, MEMBERS = 2.0, [60, 33]


def confidence_weight(temperature):
    out = torch.zeros(len(SUBSETS), B, C, dtype=torch.float64)
    for k, c, j in pairs():
        out[k, :, c] = confidence(TEACHERS[k][:, j], temperature) / TRAINING_MEAN[k]
    return out


def membership_weight():
    out = torch.zeros(len(SUBSETS), B, C, dtype=torch.float64)
    for k, c, _ in pairs():
        inside = POSITIVE[:, SUBSETS[k]].sum(1) > 0
        out[k, :, c] = (1 + GAIN * inside) / (1 + GAIN * MEMBERS[k] / N)
    return out


def distillation():
    temperature, strength = 2.0, 0.7
    ones = torch.zeros(len(SUBSETS), C, dtype=torch.float64)
    for k, c, _ in pairs():
        ones[k, c] = 1
    weights = {
        "uniform": (spread(ones), {}),
        "effective_number": (spread(effective_weight(0.999)), {"beta": 0.999}),
        "teacher_quality": (spread(quality_weight()), {
            "ap_teacher": listed(AP_TEACHER), "ap_plain": listed(AP_PLAIN), "inner_positives": INNER_POSITIVES}),
        "self_paced": (spread(self_paced_weight()), {
            "student": MEAN_STUDENT, "teacher": MEAN_TEACHER, "alpha": ALPHA}),
        "confidence": (confidence_weight(temperature), {"training_mean": TRAINING_MEAN}),
        "membership": (membership_weight(), {"gain": GAIN, "members": MEMBERS}),
    }
    cases = []
    for name, (weight, parameters) in weights.items():
        for distance in DISTANCES:
            cases.append({"weight": name, "distance": distance, "parameters": parameters, "weights": listed(weight),
                          **distilled(distance, weight, temperature, strength)})
    z, t = torch.linspace(-6, 6, 7).double(), torch.tensor([-6.0, -3.0, 4.0, 0.0, 1.0, -2.0, 40.0]).double()
    table = []
    for name, distance in DISTANCES.items():
        for degree in (1.0, 2.0, 4.0):
            x = z.clone().requires_grad_()
            d = distance(x, t, degree)
            d.sum().backward()
            table.append({"distance": name, "temperature": degree, "z": listed(z), "t": listed(t),
                          "values": listed(d.detach()), "gradients": listed(x.grad)})
    return {"subsets": SUBSETS, "teachers": [listed(t) for t in TEACHERS], "temperature": temperature,
            "lambda": strength, "cases": cases, "distances": table,
            "pace": [{"student": s, "teacher": t, "alpha": ALPHA, "weight": pace(s, t)}
                     for s, t in [(0.0, 0.5), (0.149, 0.5), (0.15, 0.5), (0.3, 0.5), (0.5, 0.5), (0.6, 0.5)]]}


def softmax():
    classes, temperature = [0, 2, 5, 3], 2.0
    out = {"classes": classes, "temperature": temperature, "subsets": SUBSETS}
    for name in ("all_images", "own_images"):
        z = Z.clone().requires_grad_()
        total = torch.zeros((), dtype=torch.float64)
        for k, subset in enumerate(SUBSETS):
            columns = [j for j, c in enumerate(subset) if COUNTS[c] > 0]
            taught = [subset[j] for j in columns]
            target = torch.log_softmax(TEACHERS[k][:, columns] / temperature, 1)
            own = torch.log_softmax(z[:, taught] / temperature, 1)
            kl = temperature**2 * (target.exp() * (target - own)).sum(1)
            if name == "own_images":
                kl = kl * torch.tensor([float(c in taught) for c in classes])
            total = total + kl.sum() / B
        total.backward()
        out[name] = {"value": total.item(), "gradient": listed(z.grad)}
    z = Z.clone().requires_grad_()
    label = torch.tensor(classes)
    open_classes = torch.where(TAUGHT, 0.0, -torch.inf).double()
    value = -torch.log_softmax(z + open_classes, 1)[torch.arange(B), label].mean()
    value.backward()
    out["cross_entropy"] = {"value": value.item(), "gradient": listed(z.grad)}
    return out


def check():
    """What the formulas must do, whatever the numbers: else this script would freeze a mistake."""
    t = torch.tensor([1.3], dtype=torch.float64)
    assert bernoulli_kl(t, t, 2.0).abs().item() < 1e-15
    far = bernoulli_kl(t + 1, t, 1e3).item()
    assert abs(far - mse(t + 1, t, 1).item()) < 1e-5
    correlation = torch.corrcoef(torch.stack([Z[:, 1], TEACHERS[0][:, 0]]))[0, 1]
    assert abs(pearson(Z[:, 1], TEACHERS[0][:, 0], 1).mean() - (1 - correlation)) < 1e-5
    p, q = torch.sigmoid(torch.tensor(0.4)), torch.sigmoid(torch.tensor(-0.9))
    kl = p * torch.log(p / q) + (1 - p) * torch.log((1 - p) / (1 - q))
    mine = bernoulli_kl(torch.tensor([-1.8]).double(), torch.tensor([0.8]).double(), 2.0)
    assert abs(4 * kl.item() - mine.item()) < 1e-6
    reference = torch.nn.functional.binary_cross_entropy_with_logits(Z, POSITIVE, KNOWN.double(), reduction="sum") / B
    assert abs(reference.item() - losses()["bce"]["value"]) < 1e-12
    # The signs of prior shifts: a network that knows nothing, z = 0, must be told the prior by the adjusted loss, and
    # distribution-balanced takes for the same what sigmoid(u) = pi says.
    shown = (POSITIVE == 1) & KNOWN & TAUGHT
    surprise = -torch.log(COUNTS / N).expand(B, C)[shown]
    assert (logit_adjusted(1)(torch.zeros_like(Z))[shown] - surprise).abs().max() < 1e-12
    v = torch.tensor(distribution_balanced(0.1, 10, 0.3, 5, 1.0)["v"], dtype=torch.float64)
    assert (torch.sigmoid(-v) - COUNTS / N)[TAUGHT].abs().max() < 1e-12


def main():
    check()
    golden = {"images": B, "classes": C, "training_images": N, "counts": listed(COUNTS), "logits": listed(Z),
              "targets": listed(Y), "losses": losses(), "distillation": distillation(), "softmax": softmax()}
    path = pathlib.Path(__file__).with_name("losses.json")
    path.write_text(json.dumps(golden, separators=(",", ":")).replace('},"', '},\n"') + "\n")
    print(path, path.stat().st_size)
    for name, loss in golden["losses"].items():
        print(f"{name:28s} {loss['value']:.6f}")
    for case in golden["distillation"]["cases"]:
        print(f"{case['weight']:17s} {case['distance']:13s} {case['value']:.6f} {case['distillation_term']:.6f}")


if __name__ == "__main__":
    main()
