#!/usr/bin/env python3
"""Times training steps in Python PyTorch, as `fovea bench step` does in Fovea: forward, BCE, backward, fused AdamW.

    python benchmarks/step_torch.py --model resnet50 --layout channels_last --precision bf16

Prints one JSON line: {"model", "layout", "precision", "threads", "batch", "size", "steps", "images_per_second",
"median_step_s"}. One ready batch is repeated, so nothing but the step is timed; images_per_second is the batch over the
median step. PyTorch's defaults are --layout default --precision f32.
--compile trains what torch.compile makes of the network; the first warm-up step compiles it.
On a GPU (--device cuda) the device is waited for after each step.
"""
import argparse
import contextlib
import json
import statistics
import time

import timm
import torch
import torchvision
from torch.nn import functional as F

from mobilenet import MobileNet

CLASSES = 33
# Pixels and batch of each model.
MODELS = {"resnet18": (224, 16), "resnet34": (224, 16), "resnet50": (224, 16), "mobilenetv1": (128, 64),
          "efficientnet_lite0": (224, 16)}


def build(name):
    if name == "mobilenetv1":
        return MobileNet(CLASSES)
    if name == "efficientnet_lite0":
        return timm.create_model("tf_efficientnet_lite0", num_classes=CLASSES)
    return getattr(torchvision.models, name)(num_classes=CLASSES)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", choices=MODELS, required=True)
    parser.add_argument("--layout", choices=["channels_last", "default"], default="channels_last")
    parser.add_argument("--precision", choices=["bf16", "f32"], default="bf16")
    parser.add_argument("--steps", type=int, default=10, help="timed steps (default 10)")
    parser.add_argument("--warmup", type=int, default=3, help="untimed steps before them (default 3)")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--device", default="cpu", help="cpu or cuda (default cpu)")
    parser.add_argument("--batch", type=int, help="images per step; by default few enough for a processor")
    parser.add_argument("--compile", action="store_true", help="through torch.compile")
    parser.add_argument("--json", action="store_true", help="accepted for symmetry: the output is always JSON")
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    torch.manual_seed(0)

    size, batch = MODELS[arguments.model]
    batch = arguments.batch or batch
    device = torch.device(arguments.device)
    layout = torch.channels_last if arguments.layout == "channels_last" else torch.contiguous_format
    model = build(arguments.model).to(device, memory_format=layout).train()
    forward = torch.compile(model, dynamic=False) if arguments.compile else model
    x = (torch.rand(batch, 3, size, size, device=device) * 2 - 1).contiguous(memory_format=layout)
    y = (torch.rand(batch, CLASSES, device=device) < 0.1).float()
    optimiser = torch.optim.AdamW(model.parameters(), lr=1e-3, weight_decay=0.01, fused=True)
    autocast = (lambda: torch.autocast(device.type, torch.bfloat16)) if arguments.precision == "bf16" \
        else contextlib.nullcontext

    seconds = []
    for step in range(arguments.warmup + arguments.steps):
        start = time.perf_counter()
        with autocast():
            logits = forward(x)
        loss = F.binary_cross_entropy_with_logits(logits.float(), y, reduction="sum") / batch
        optimiser.zero_grad(set_to_none=True)
        loss.backward()
        optimiser.step()
        if device.type == "cuda":
            torch.cuda.synchronize()
        if step >= arguments.warmup:
            seconds.append(time.perf_counter() - start)
    median = statistics.median(seconds)
    print(json.dumps({"model": arguments.model, "layout": arguments.layout, "precision": arguments.precision,
                      "compile": arguments.compile,
                      "threads": arguments.threads, "batch": batch, "size": size, "steps": arguments.steps,
                      "images_per_second": batch / median, "median_step_s": median}))


if __name__ == "__main__":
    main()
