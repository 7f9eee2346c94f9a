#!/usr/bin/env python3
"""Golden numbers for the backbones, from torchvision's ResNets and timm's MobileNet v1.

    python Tests/BackbonesTests/Golden/parity.py [NAME ...]      writes NAME.json beside this file (default: all)

Needs torch 2.11.0, torchvision and timm (benchmarks/setup_python.sh). No weights are stored: every tensor comes from
an integer hash of its state-dict name and of the flat (row-major, NCHW or OIHW) index i of the element,

    h = mix(fnv1a64(name) + (i + 1) * 0x9E3779B97F4A7C15 mod 2^64),   u = (h >> 11) * 2^-53 in [0, 1),   v = 2 u - 1

with mix the finaliser of SplitMix64 (Basics.SeededRandom: `mix`, `key`), in float64, rounded to float32 at the end:

    convolution or linear weight   v * g * sqrt(6 / fan_in), fan_in = the product of all sizes but the first;
                                   g = 1.4 for depthwise convolutions (whose second size is 1), else 0.7: so logits stay
                                   of order 1 and still tell images apart
    batch-norm weight              0.5 + u          batch-norm bias           0.3 v
    running_mean                   0.3 v            running_var               0.5 + u
    linear bias                    0.1 v            num_batches_tracked       0
    images, named "input"          v, of shape (batch, 3, size, size); another name where "input" says so
    targets, named "target"        1 if u < 0.2 else 0, of shape (batch, 33)

The loss everywhere is binary cross-entropy with logits, summed over classes, averaged over the batch. Each file holds

    eval         float32 logits in evaluation mode, batch 2, per image size
    gradients    the loss of a batch of 4 at 64 px, and per parameter [L2 norm, first, second, third, last element] of
                 its gradient: "evaluation" mode in float32, "training" mode in float64
    sequences    20 optimiser steps on that batch in training mode: the loss before each step and, afterwards, the L2
                 norm of every running statistic, with the settings of the optimiser and the dtype
    differences  how far each of these lies from the same in the other dtype. For logits and gradient elements the
                 absolute difference over max(1, max |value|), for losses and norms the relative one.

Why two dtypes: with batch norm over few samples, one rectifier that opens or closes by a rounding error moves a
gradient by 1e-2, so in float32 no two machines agree on a training step much better than that. Float64 shows that the
network and the optimiser are right, to 1e-6 and at useful learning rates; float32, at rates small enough that 20 steps
stay within 1e-3 of float64, shows that the usual path is right too. A float32 sequence whose loss would then hardly
move is left out (AdamW on ResNet-50).
"""
import json
import pathlib
import sys

import numpy as np
import timm
import torch
import torchvision
from torch.nn import functional as F

CLASSES = 33
WORD = (1 << 64) - 1


def fnv1a(name):
    h = 0xCBF29CE484222325
    for byte in name.encode():
        h = ((h ^ byte) * 0x100000001B3) & WORD
    return h


def uniform(name, shape):
    """Numbers in [0, 1), float64, that depend on the name and the flat index only."""
    index = np.arange(1, int(np.prod(shape)) + 1, dtype=np.uint64)
    z = np.uint64(fnv1a(name)) + index * np.uint64(0x9E3779B97F4A7C15)
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    z = z ^ (z >> np.uint64(31))
    return ((z >> np.uint64(11)).astype(np.float64) * 2.0**-53).reshape(shape)


def parameter(name, shape):
    u = uniform(name, shape)
    v = 2 * u - 1
    if len(shape) >= 2:
        value = v * (1.4 if shape[1] == 1 else 0.7) * np.sqrt(6 / np.prod(shape[1:]))
    elif name.endswith((".running_var", ".weight")):
        value = 0.5 + u
    elif name in ("fc.bias", "classifier.bias"):
        value = 0.1 * v
    else:
        value = 0.3 * v
    return torch.from_numpy(value.astype(np.float32))


def images(batch, size, name="input"):
    return torch.from_numpy((2 * uniform(name, (batch, 3, size, size)) - 1).astype(np.float32))


def targets(batch):
    return torch.from_numpy((uniform("target", (batch, CLASSES)) < 0.2).astype(np.float32))


def mobilenet(padding, last_block=True):
    model = timm.create_model("mobilenetv1_100", pad_type=padding, num_classes=CLASSES, bn_eps=1e-3)
    if not last_block:
        model.blocks[4] = model.blocks[4][:1]
    return model


MODELS = {
    "resnet18": lambda: torchvision.models.resnet18(num_classes=CLASSES),
    "resnet34": lambda: torchvision.models.resnet34(num_classes=CLASSES),
    "resnet50": lambda: torchvision.models.resnet50(num_classes=CLASSES),
    "mobilenetv1": lambda: mobilenet("same"),
    "mobilenetv1_short": lambda: mobilenet("same", last_block=False),
    "mobilenetv1_symmetric": lambda: mobilenet(""),
}
SGD, ADAMW = dict(optimiser="sgd", momentum=0.9), dict(optimiser="adamw", beta1=0.9, beta2=0.999, epsilon=1e-8)
SEQUENCES = [
    {**SGD, "learning_rate": 2e-4, "weight_decay": 1e-2, "dtype": "float64"},
    {**ADAMW, "learning_rate": 1e-3, "weight_decay": 1e-2, "dtype": "float64"},
    {**SGD, "learning_rate": 2e-7, "weight_decay": 1e-2, "dtype": "float32"},
    {**ADAMW, "learning_rate": 2e-6, "weight_decay": 1e-2, "dtype": "float32"},
]
LOGIT_SIZES = [64, 65, 70]
SIZE = 64
STEPS = 20


def build(name, dtype):
    model = MODELS[name]()
    state = model.state_dict()
    for key, value in state.items():
        if not key.endswith("num_batches_tracked"):
            state[key] = parameter(key, tuple(value.shape))
    model.load_state_dict(state)
    return model.to(dtype)


def objective(logits, y):
    return F.binary_cross_entropy_with_logits(logits, y, reduction="sum") / len(y)


def optimiser(o, model):
    if o["optimiser"] == "sgd":
        return torch.optim.SGD(model.parameters(), o["learning_rate"], o["momentum"], weight_decay=o["weight_decay"])
    return torch.optim.AdamW(model.parameters(), o["learning_rate"], (o["beta1"], o["beta2"]), o["epsilon"],
                             o["weight_decay"])


def logits(name, dtype):
    model, out = build(name, dtype).eval(), []
    for size in LOGIT_SIZES:
        with torch.no_grad():
            out.append({"batch": 2, "size": size, "logits": model(images(2, size).to(dtype)).tolist()})
    return out


def gradients(name, dtype, training, source="input"):
    model = build(name, dtype).train(training)
    loss = objective(model(images(4, SIZE, source).to(dtype)), targets(4).to(dtype))
    loss.backward()
    rows = {}
    for key, value in model.named_parameters():
        flat = value.grad.double().flatten()
        rows[key] = [flat.norm().item(), *flat[:3].tolist(), flat[-1].item()]
    return {"input": source, "batch": 4, "size": SIZE, "loss": loss.item(), "parameters": rows}


def sequence(name, dtype, settings):
    model = build(name, dtype).train()
    steps = optimiser(settings, model)
    x, y, losses = images(4, SIZE).to(dtype), targets(4).to(dtype), []
    for _ in range(STEPS):
        steps.zero_grad()
        loss = objective(model(x), y)
        loss.backward()
        steps.step()
        losses.append(loss.item())
    norms = {key: value.double().norm().item() for key, value in model.named_buffers()
             if not key.endswith("num_batches_tracked")}
    return {**settings, "batch": 4, "size": SIZE, "losses": losses, "running_norms": norms}


def scaled(a, b):
    a, b = np.array(a), np.array(b)
    return float(np.abs(a - b).max() / max(1, np.abs(b).max()))


def relative(a, b):
    a, b = np.array(a), np.array(b)
    return float((np.abs(a - b) / np.abs(b)).max())


def gradient_differences(a, b):
    a, b = a["parameters"], b["parameters"]
    return {"norms": scaled([a[k][0] for k in a], [b[k][0] for k in a]),
            "elements": max(scaled(a[k][1:], b[k][1:]) for k in a)}


def steady_gradients(name):
    """In evaluation mode, from the first images that hold no rectifier within rounding of its kink."""
    for source in ["input"] + [f"input.{i}" for i in range(1, 10)]:
        single, double = (gradients(name, dtype, False, source) for dtype in (torch.float32, torch.float64))
        difference = gradient_differences(single, double)
        if difference["elements"] < 1e-5:
            return single, difference
    raise SystemExit(f"{name}: float32 and float64 agree on no images")


def steady_sequence(name, settings):
    """In float32, at a tenth of the learning rate as often as it takes to stay well within 1e-3 of float64.

    None where the loss then no longer moves: such a sequence would show nothing.
    """
    while True:
        single, double = (sequence(name, dtype, settings) for dtype in (torch.float32, torch.float64))
        difference = sequence_differences(single, double)
        losses = single["losses"]
        if abs(losses[-1] - losses[0]) < 0.01 * losses[0]:
            return None, None
        if difference["losses"] < 2e-4:
            return single, difference
        settings = {**settings, "learning_rate": float(f"{settings['learning_rate'] / 10:.3g}")}


def sequence_differences(a, b):
    return {"losses": relative(a["losses"], b["losses"]),
            "running_norms": relative(list(a["running_norms"].values()), list(b["running_norms"].values()))}


def compute(name):
    single, double = torch.float32, torch.float64
    values, exact = logits(name, single), logits(name, double)
    training = gradients(name, double, True)
    evaluation, difference = steady_gradients(name)
    differences = {
        "eval": max(scaled(a["logits"], b["logits"]) for a, b in zip(values, exact)),
        "gradients": {"evaluation": difference,
                      "training": gradient_differences(training, gradients(name, single, True))},
        "sequences": [],
    }
    sequences = []
    for settings in SEQUENCES:
        if settings["dtype"] == "float32":
            result, difference = steady_sequence(name, settings)
        else:
            result = sequence(name, double, settings)
            difference = sequence_differences(result, sequence(name, single, settings))
        if result is None:
            continue
        sequences.append(result)
        differences["sequences"].append(difference)
    return {"eval": values, "gradients": {"evaluation": evaluation, "training": training}, "sequences": sequences,
            "differences": differences}


def rounded(value):
    """Nine significant digits: every float32 survives."""
    if isinstance(value, float):
        return float(f"{value:.9g}")
    if isinstance(value, dict):
        return {key: rounded(item) for key, item in value.items()}
    return [rounded(item) for item in value] if isinstance(value, list) else value


def main():
    torch.set_num_threads(1)
    for name in sys.argv[1:] or MODELS:
        golden = {"model": name, "classes": CLASSES, "torch": torch.__version__.split("+")[0],
                  "torchvision": torchvision.__version__.split("+")[0], "timm": timm.__version__, **compute(name)}
        path = pathlib.Path(__file__).with_name(name + ".json")
        path.write_text(json.dumps(rounded(golden), separators=(",", ":")).replace('},"', '},\n"') + "\n")
        largest = max(abs(v) for e in golden["eval"] for row in e["logits"] for v in row)
        print(f"{name}: {path.stat().st_size / 1000:.1f} kB, max |logit| {largest:.3g}, losses "
              + ", ".join(f"{s['losses'][0]:.3f} to {s['losses'][-1]:.3f}" for s in golden["sequences"])
              + f", differences {rounded(golden['differences'])}", flush=True)


if __name__ == "__main__":
    main()
