#!/usr/bin/env python3
"""Golden numbers for the backbones, from torchvision's ResNets and timm's MobileNet v1,
EfficientNet-Lite0 and vision transformers.

    python Tests/BackbonesTests/Golden/parity.py [NAME ...]      writes NAME.json beside this file (default: all, and
                                                                 transformers.json and the checkpoints mae*.pth)
    python Tests/BackbonesTests/Golden/parity.py imagenet FILE   writes imagenet.json: logits of tf_efficientnet_lite0
                                                                 with the published weights in FILE (safetensors)

Needs torch 2.11.0, torchvision and timm (tools/python_environment.sh). No weights are stored: every tensor comes from
an integer hash of its state-dict name and of the flat (row-major, NCHW or OIHW) index i of the element,

    h = mix(fnv1a64(name) + (i + 1) * 0x9E3779B97F4A7C15 mod 2^64),   u = (h >> 11) * 2^-53 in [0, 1),   v = 2 u - 1

with mix the finaliser of SplitMix64 (Basics.SeededRandom: `mix`, `key`), in float64, rounded to float32 at the end:

    convolution or linear weight   v * g * sqrt(6 / fan_in), fan_in = the product of all sizes but the first;
                                   g = 1.4 for depthwise convolutions (whose second size is 1), else 0.7: so logits stay
                                   of order 1 and still tell images apart
    class token, position embeddings   0.5 v
    weight of a norm               0.5 + u          bias of a norm, of a transformer's linear layers   0.3 v
    running_mean                   0.3 v            running_var               0.5 + u
    bias of the head               0.1 v            num_batches_tracked       0
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

Transformers run on 4 x 4 patches in training and on 14 x 14 (their own grid), 4 x 4 and 15 x 15 in evaluation, with
timm's `dynamic_img_size`, which resamples the position embeddings. Two of them are computed whole; of the others, which
differ in numbers only, `transformers.json` holds names and shapes. `mae.pth` is a small masked autoencoder's checkpoint
as RETFound's: the encoder under "model" beside a decoder, and an argparse.Namespace, an optimiser and numpy numbers
outside; `mae_logits` in `transformers.json` says what timm computes with its encoder on other pictures than it was made
for.
"""
import argparse
import collections
import hashlib
import json
import pathlib
import sys

import numpy as np
import safetensors.torch
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
    if name in ("cls_token", "pos_embed"):
        value = 0.5 * v
    elif len(shape) >= 2:
        value = v * (1.4 if shape[1] == 1 else 0.7) * np.sqrt(6 / np.prod(shape[1:]))
    elif name.endswith((".running_var", ".weight")):
        value = 0.5 + u
    elif name in ("fc.bias", "classifier.bias", "head.bias"):
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


def transformer(size, gap=False, **options):
    pooling = {"global_pool": "avg"} if gap else {}
    return timm.create_model(f"vit_{size}_patch16_224", num_classes=CLASSES, dynamic_img_size=True, **pooling, **options)


MODELS = {
    "resnet18": lambda: torchvision.models.resnet18(num_classes=CLASSES),
    "resnet34": lambda: torchvision.models.resnet34(num_classes=CLASSES),
    "resnet50": lambda: torchvision.models.resnet50(num_classes=CLASSES),
    "mobilenetv1": lambda: mobilenet("same"),
    "mobilenetv1_short": lambda: mobilenet("same", last_block=False),
    "mobilenetv1_symmetric": lambda: mobilenet(""),
    "tf_efficientnet_lite0": lambda: timm.create_model("tf_efficientnet_lite0", num_classes=CLASSES),
    "vit_small_patch16_224": lambda: transformer("small"),
    "vit_tiny_patch16_gap_224": lambda: transformer("tiny", gap=True),
}
SGD, ADAMW = dict(optimiser="sgd", momentum=0.9), dict(optimiser="adamw", beta1=0.9, beta2=0.999, epsilon=1e-8)
SEQUENCES = [
    {**SGD, "learning_rate": 2e-4, "weight_decay": 1e-2, "dtype": "float64"},
    {**ADAMW, "learning_rate": 1e-3, "weight_decay": 1e-2, "dtype": "float64"},
    {**SGD, "learning_rate": 2e-7, "weight_decay": 1e-2, "dtype": "float32"},
    {**ADAMW, "learning_rate": 2e-6, "weight_decay": 1e-2, "dtype": "float32"},
]
LOGIT_SIZES = {"vit": [64, 224, 240], "other": [64, 65, 70]}
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
    for size in LOGIT_SIZES["vit" if name.startswith("vit") else "other"]:
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
    return float((np.abs(a - b) / np.abs(b)).max(initial=0))


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


def shapes():
    """Names and shapes of all transformers, made without memory: one line "name size size ..." each, hashed."""
    found = {}
    for size in ("tiny", "small", "base", "large"):
        for gap in (False, True):
            with torch.device("meta"):
                state = transformer(size, gap).state_dict()
            text = "".join(" ".join([key, *map(str, value.shape)]) + "\n" for key, value in sorted(state.items()))
            found[f"vit_{size}_patch16_{'gap_' if gap else ''}224"] = hashlib.sha256(text.encode()).hexdigest()
    return found


class Scaler:
    """Stands for a class that only the training program knows."""


def checkpoint():
    """A masked autoencoder's checkpoint as RETFound's, of a tiny encoder, and the logits of a network with its weights."""
    size = dict(patch_size=4, embed_dim=16, depth=2, num_heads=2)
    model = timm.models.VisionTransformer(img_size=32, num_classes=CLASSES, global_pool="avg", **size)
    state = {key: parameter(key, tuple(value.shape)) for key, value in model.state_dict().items()}
    encoder = {key: value for key, value in state.items() if not key.startswith(("fc_norm", "head"))}
    encoder |= {"norm.weight": torch.ones(16), "norm.bias": torch.zeros(16), "mask_token": torch.zeros(1, 1, 8),
                "decoder_pos_embed": torch.zeros(1, 65, 8), "decoder_blocks.0.norm1.weight": torch.ones(8)}
    outside = {
        "args": argparse.Namespace(lr=1e-3, output_dir=pathlib.PurePosixPath("/tmp"), shape=torch.Size([3, 4])),
        "epoch": 799, "scaler": Scaler(), "loss": np.float64(0.25), "classes": np.arange(3), "dtype": torch.bfloat16,
        "optimizer": torch.optim.AdamW(model.parameters()).state_dict(), "complex": torch.zeros(2, dtype=torch.complex64),
        "history": collections.defaultdict(list, train=[1.0, 2.0]), "rng": torch.get_rng_state()[:4],
    }
    torch.save({"model": collections.OrderedDict(encoder), **outside},
               pathlib.Path(__file__).with_name("mae.pth"), pickle_protocol=2)

    target = timm.models.VisionTransformer(img_size=24, num_classes=CLASSES, global_pool="avg", **size)
    fitted = timm.models.vision_transformer.checkpoint_filter_fn(
        {key: value for key, value in state.items()}, target)
    target.load_state_dict(fitted)
    with torch.no_grad():
        return target.eval()(images(2, 24)).tolist()


def write(name, content):
    path = pathlib.Path(__file__).with_name(name + ".json")
    path.write_text(json.dumps(rounded(content), separators=(",", ":")).replace('},"', '},\n"') + "\n")
    return path


def imagenet(path):
    """The logits of the published network on two images: the first ten classes of a thousand, and the largest."""
    model = timm.create_model("tf_efficientnet_lite0").eval()
    model.load_state_dict(safetensors.torch.load_file(path), strict=False)
    with torch.no_grad():
        found = model(images(2, 224))
    return {"timm": timm.__version__, "sha256": hashlib.sha256(pathlib.Path(path).read_bytes()).hexdigest(),
            "first": found[:, :10].tolist(), "largest": found.argmax(1).tolist(), "sum": found.sum(1).tolist()}


def main():
    torch.set_num_threads(1)
    if sys.argv[1:2] == ["imagenet"]:
        return write("imagenet", imagenet(sys.argv[2]))
    if not sys.argv[1:] or "transformers" in sys.argv[1:]:
        write("transformers", {"timm": timm.__version__, "shapes": shapes(), "mae_logits": checkpoint()})
    for name in [name for name in sys.argv[1:] if name != "transformers"] or (() if sys.argv[1:] else MODELS):
        golden = {"model": name, "classes": CLASSES, "torch": torch.__version__.split("+")[0],
                  "torchvision": torchvision.__version__.split("+")[0], "timm": timm.__version__, **compute(name)}
        path = write(name, golden)
        largest = max(abs(v) for e in golden["eval"] for row in e["logits"] for v in row)
        print(f"{name}: {path.stat().st_size / 1000:.1f} kB, max |logit| {largest:.3g}, losses "
              + ", ".join(f"{s['losses'][0]:.3f} to {s['losses'][-1]:.3f}" for s in golden["sequences"])
              + f", differences {rounded(golden['differences'])}", flush=True)


if __name__ == "__main__":
    main()
