#!/usr/bin/env python3
"""The plain model of configs/odir33.yaml in PyTorch: the yardstick for Fovea's own plain model.

    python benchmarks/odir_plain.py --fold 0 --seed 0 --output runs/odir-pytorch

MobileNet v1 from ImageNet without its last block, 128 px, RGB to [-1, 1]; head dropout 0.2, weights N(0, 0.01), bias
-3; BCE summed over classes, mean over the batch, in float32; AdamW 1e-3 with weight decay 0.01 on every parameter, 60
steps of linear warm-up, then cosine to 0; 10 epochs of batch 64, the last partial batch dropped; bfloat16 autocast,
channels-last. Photographs are resized once and kept in memory; each step draws a flip, a rotation within 10 degrees, a
crop of side 0.75 to 1 placed at random, and brightness and contrast within 20 %.

Writes fold{F}_seed{S}.json (metrics) and fold{F}_seed{S}.csv (predictions: image and one column per class). A run whose
json exists is not repeated.
"""
import argparse
import csv
import json
import math
import os
import pathlib
import time

import numpy as np
import torch
import yaml
from PIL import Image
from safetensors.torch import load_file
from sklearn.metrics import average_precision_score, roc_auc_score
from torch.nn import functional as F

from mobilenet import MobileNet


def read_cohort(folder, classes):
    with open(folder / "labels.csv", encoding="utf-8-sig", newline="") as file:
        rows = list(csv.DictReader(file))
    names = [row["image"] for row in rows]
    labels = torch.tensor([[float(row[c]) for c in classes] for row in rows])
    folds = torch.tensor([int(row["fold"]) for row in rows])
    return names, labels, folds


def read_images(folder, names, size):
    images = torch.empty(len(names), 3, size, size, dtype=torch.uint8)
    for i, name in enumerate(names):
        with Image.open(folder / "images" / name) as picture:
            small = picture.convert("RGB").resize((size, size), Image.Resampling.BICUBIC)
        images[i] = torch.from_numpy(np.array(small)).permute(2, 0, 1)
    return images


def augment(images, generator):
    """Bytes (batch, 3, R, R) to randomly turned, cropped and coloured floats in [-1, 1], channels-last."""
    def uniform(low, high):
        return low + (high - low) * torch.rand(len(images), generator=generator)

    scale, angle = uniform(0.75, 1), uniform(-10, 10) * math.pi / 180
    right, down = uniform(-1, 1) * (1 - scale), uniform(-1, 1) * (1 - scale)
    flip = 1 - 2 * (uniform(0, 1) < 0.5).float()
    cos, sin = scale * angle.cos(), scale * angle.sin()
    affine = torch.stack([torch.stack([cos * flip, -sin, right], 1), torch.stack([sin * flip, cos, down], 1)], 1)
    x = images.float().div_(255).contiguous(memory_format=torch.channels_last)
    x = F.grid_sample(x, F.affine_grid(affine, x.shape, align_corners=False), align_corners=False)
    brightness, contrast = (uniform(0.8, 1.2).view(-1, 1, 1, 1) for _ in range(2))
    x = x * brightness
    mean = x.mean((1, 2, 3), keepdim=True)
    x = ((x - mean) * contrast + mean).clamp_(0, 1)
    return x.mul_(2).sub_(1).contiguous(memory_format=torch.channels_last)


def learning_rate(step, steps, peak=1e-3, warm_up=60):
    if step < warm_up:
        return peak * (step + 1) / warm_up
    return peak * 0.5 * (1 + math.cos(math.pi * (step - warm_up) / max(1, steps - warm_up)))


def predict(model, images, batch=128):
    """Probabilities (images, classes), in float32."""
    model.eval()
    with torch.inference_mode():
        parts = []
        for chunk in images.split(batch):
            x = chunk.float().div_(127.5).sub_(1).contiguous(memory_format=torch.channels_last)
            parts.append(model(x).sigmoid())
    return torch.cat(parts).numpy()


def evaluate(probabilities, labels, counts, classes):
    """AP and AUC per class and their means; a class without a positive (or, for AUC, a negative) is undefined."""
    labels = labels.numpy()
    table = {}
    for c, name in enumerate(classes):
        positives = int(labels[:, c].sum())
        defined = positives > 0 and counts[c] > 0
        both = defined and positives < len(labels)
        table[name] = {
            "train_positives": counts[c],
            "positives": positives,
            "ap": float(average_precision_score(labels[:, c], probabilities[:, c])) if defined else None,
            "auc": float(roc_auc_score(labels[:, c], probabilities[:, c])) if both else None,
        }

    def mean(key, low=1, high=math.inf):
        values = [row[key] for row in table.values() if row[key] is not None and low <= row["train_positives"] < high]
        return {"value": float(np.mean(values)) if values else None, "classes": len(values)}

    return {"mAP": mean("ap"), "mAP_many": mean("ap", 100), "mAP_medium": mean("ap", 20, 100),
            "mAP_few": mean("ap", 1, 20), "mAUC": mean("auc"), "per_class": table}


def main():
    root = pathlib.Path(os.environ.get("FOVEA_DATA", "data"))
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=pathlib.Path, default=root / "odir256", help="folder of images/ and labels.csv")
    parser.add_argument("--classes", type=pathlib.Path, default=root / "../labels/odir33.yaml")
    parser.add_argument("--weights", type=pathlib.Path,
                        default=root / "../weights/mobilenetv1_100_imagenet.safetensors")
    parser.add_argument("--fold", type=int, default=0, help="the fold to validate on (default 0)")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--epochs", type=int, default=10)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--output", type=pathlib.Path, default=pathlib.Path("runs/odir-pytorch"))
    arguments = parser.parse_args()
    target = arguments.output / f"fold{arguments.fold}_seed{arguments.seed}.json"
    if target.exists():
        print(f"{target} exists: nothing to do")
        return
    torch.set_num_threads(arguments.threads)
    torch.manual_seed(arguments.seed)
    generator = torch.Generator().manual_seed(arguments.seed)

    classes = [entry["id"] for entry in yaml.safe_load(arguments.classes.read_text())["classes"]]
    names, labels, folds = read_cohort(arguments.data, classes)
    start = time.perf_counter()
    images = read_images(arguments.data, names, 128)
    training, validation = (torch.nonzero(folds != arguments.fold)[:, 0], torch.nonzero(folds == arguments.fold)[:, 0])
    counts = [int(n) for n in labels[training].sum(0)]
    taught = torch.tensor([n > 0 for n in counts])
    print(f"{len(training)} training and {len(validation)} validation images, {len(classes)} classes, "
          f"read in {time.perf_counter() - start:.1f} s", flush=True)

    model = MobileNet(len(classes), last_block=False, dropout=0.2)
    missing, unexpected = model.load_state_dict(load_file(arguments.weights), strict=False)
    missing = [name for name in missing if not name.endswith("num_batches_tracked")]
    if sorted(missing) != ["classifier.bias", "classifier.weight"] or unexpected:
        raise SystemExit(f"error: {arguments.weights} does not fit: missing {missing}, unexpected {unexpected}")
    torch.nn.init.normal_(model.classifier.weight, 0, 0.01)
    torch.nn.init.constant_(model.classifier.bias, -3)
    model = model.to(memory_format=torch.channels_last)

    batch = 64
    optimiser = torch.optim.AdamW(model.parameters(), lr=1e-3, weight_decay=0.01, fused=True)
    steps_per_epoch = len(training) // batch
    steps, step, history = arguments.epochs * steps_per_epoch, 0, []
    for epoch in range(1, arguments.epochs + 1):
        model.train()
        start, total = time.perf_counter(), 0.0
        order = training[torch.randperm(len(training), generator=generator)]
        for chosen in order[:steps_per_epoch * batch].split(batch):
            for group in optimiser.param_groups:
                group["lr"] = learning_rate(step, steps)
            x, y = augment(images[chosen], generator), labels[chosen]
            with torch.autocast("cpu", torch.bfloat16):
                logits = model(x)
            losses = F.binary_cross_entropy_with_logits(logits.float(), y, reduction="none")
            loss = losses[:, taught].sum(1).mean()
            optimiser.zero_grad(set_to_none=True)
            loss.backward()
            optimiser.step()
            total += loss.item()
            step += 1
        seconds = time.perf_counter() - start
        history.append({"epoch": epoch, "loss": total / steps_per_epoch, "seconds": seconds,
                        "images_per_second": steps_per_epoch * batch / seconds})
        print(f"epoch {epoch:2d}  loss {history[-1]['loss']:.4f}  {history[-1]['images_per_second']:.1f} images/s",
              flush=True)

    probabilities = predict(model, images[validation])
    metrics = evaluate(probabilities, labels[validation], counts, classes)
    for name in ("mAP", "mAP_many", "mAP_medium", "mAP_few", "mAUC"):
        print(f"{name:10s} {metrics[name]['value']:.4f} over {metrics[name]['classes']} classes")

    arguments.output.mkdir(parents=True, exist_ok=True)
    with open(target.with_suffix(".csv"), "w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["image", *classes])
        for i, row in zip(validation.tolist(), probabilities):
            writer.writerow([names[i], *(f"{p:.7g}" for p in row)])
    result = {"fold": arguments.fold, "seed": arguments.seed, "epochs": arguments.epochs,
              "torch": torch.__version__, "threads": arguments.threads, "history": history, **metrics}
    partial = target.with_suffix(".json.partial")
    partial.write_text(json.dumps(result, indent=1) + "\n")
    os.replace(partial, target)


if __name__ == "__main__":
    main()
