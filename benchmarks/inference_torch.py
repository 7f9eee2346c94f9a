#!/usr/bin/env python3
"""Fovea's predictions against PyTorch and ONNX Runtime, in alternating pairs on the same cores.

    python benchmarks/inference_torch.py                                    all networks, one image and 16 at a time
    python benchmarks/inference_torch.py --model resnet50 --batch 1 --pairs 3

The networks are the same: Fovea saves one with random weights, which PyTorch loads, and exports it as ONNX. `eager` is PyTorch
with batch norms folded, channels-last, in inference mode; `compile` the same through torch.compile with frozen weights, which
prepacks them and fuses activations; `onnx` is ONNX Runtime. All compute in float32, from bytes to logits, with as many threads.
Before anything is timed, the logits of each must be Fovea's within 1e-4 of the largest.

Each round times all four, every other round in the opposite order; the median of the rounds counts. Fovea runs in a process of
its own, `fovea bench inference`; the others wait in this one meanwhile. Last, Fovea alone: one process with all threads against
as many processes with one thread each, images per second of all together. Run with the interpreter of tools/python_environment.sh.
"""
import argparse
import json
import pathlib
import shlex
import statistics
import subprocess
import tempfile
import time

import numpy
import onnx
import onnxruntime
import timm
import torch
import torchvision
from safetensors.torch import load_file
from torch import nn

from mobilenet import MobileNet

PROJECT = pathlib.Path(__file__).resolve().parent.parent
CLASSES = 33
# By Fovea's names: side of an image in pixels, and the same network in Python.
MODELS = {
    "resnet50": (224, lambda: torchvision.models.resnet50(num_classes=CLASSES)),
    "mobilenetv1_100": (128, lambda: MobileNet(CLASSES)),
    "tf_efficientnet_lite0": (224, lambda: timm.create_model("tf_efficientnet_lite0", num_classes=CLASSES)),
}


def fold(network):
    """Batch norms absorbed by the convolutions before them, as `foldBatchNorms` does."""
    convolution = None
    for module in network.modules():
        if isinstance(module, nn.Conv2d):
            convolution = module
        elif isinstance(module, nn.BatchNorm2d):
            scale = module.weight / (module.running_var + module.eps).sqrt()
            convolution.weight = nn.Parameter(convolution.weight * scale.reshape(-1, 1, 1, 1))
            convolution.bias = nn.Parameter(module.bias - module.running_mean * scale)
    for module in list(network.modules()):
        for name, child in module.named_children():
            if isinstance(child, nn.BatchNorm2d):
                setattr(module, name, getattr(child, "act", nn.Identity()))  # timm's have their activation inside
    return network


class FromBytes(nn.Module):
    """Pixels [N, H, W, 3] to logits."""

    def __init__(self, network, normalization):
        super().__init__()
        self.network = network
        mean, deviation = (torch.tensor(normalization[key]).reshape(1, 3, 1, 1) for key in ("mean", "deviation"))
        self.register_buffer("scale", 1 / (255 * deviation))
        self.register_buffer("shift", -mean / deviation)

    def forward(self, pixels):
        return self.network(pixels.permute(0, 3, 1, 2).float() * self.scale + self.shift)


def ways(folder, model, batch, threads):
    """For each peer, what makes logits of pixels."""
    with torch.no_grad():
        network = MODELS[model][1]().eval()
        network.load_state_dict(load_file(folder / "model" / "model.safetensors"), strict=False)
        network = FromBytes(fold(network), json.loads((folder / "model" / "config.json").read_text())["normalization"])
        network = network.eval().to(memory_format=torch.channels_last)
    torch._inductor.config.freezing = True
    compiled = torch.compile(network, dynamic=False)

    def eager(pixels):
        with torch.inference_mode():
            return network(torch.from_numpy(pixels)).numpy()

    def compile(pixels):
        with torch.no_grad():  # inference mode keeps inductor from freezing
            return compiled(torch.from_numpy(pixels)).numpy()

    graph = onnx.load(folder / "model.onnx")
    for output in [o for o in graph.graph.output if o.name != "logits"]:
        graph.graph.output.remove(output)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    session = onnxruntime.InferenceSession(graph.SerializeToString(), options, providers=["CPUExecutionProvider"])
    return {"eager": eager, "compile": compile, "onnx": lambda pixels: session.run(["logits"], {"images": pixels})[0]}


def run(command):
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode != 0:
        raise SystemExit(f"error: exit status {done.returncode} of `{shlex.join(command)}`\n{done.stdout}{done.stderr}")
    return done.stdout


def rate(way, pixels, steps, warmup):
    """Images per second by the median time."""
    seconds = []
    for step in range(warmup + steps):
        start = time.perf_counter()
        way(pixels)
        if step >= warmup:
            seconds.append(time.perf_counter() - start)
    return len(pixels) / statistics.median(seconds)


def contest(arguments, model, batch, folder):
    size = MODELS[model][0]

    def bench(steps, *more):
        return shlex.split(arguments.fovea) + [
            "bench", "inference", "--model", model, "--size", str(size), "--batch", str(batch), "--steps", str(steps),
            "--warmup", str(arguments.warmup), "--json", "--device", "cpu", "--log-level", "error", *more]

    def fovea(steps, threads=arguments.threads, count=1):
        """Images per second of some processes at once."""
        started = [subprocess.Popen(bench(steps, "--threads", str(threads)), stdout=subprocess.PIPE) for _ in range(count)]
        return sum(json.loads(process.communicate()[0])["images_per_second"] for process in started)

    run(bench(1, "--threads", str(arguments.threads), "--save", str(folder / "model")))
    run(shlex.split(arguments.fovea) + ["export", str(folder / "model"), "--onnx", str(folder / "model.onnx"),
                                        "--reference", str(folder / "reference"), "--device", "cpu"])
    peers = ways(folder, model, batch, arguments.threads)
    images, expected = (numpy.load(folder / "reference" / name) for name in ("images.npy", "logits.npy"))
    pixels = numpy.ascontiguousarray(numpy.resize(images, (batch, size, size, 3)))
    expected = numpy.resize(expected, (batch, CLASSES))
    for name, way in peers.items():
        difference = numpy.abs(way(pixels) - expected).max() / numpy.abs(expected).max()
        print(f"{model} batch {batch}: {name} differs from Fovea by {difference:.1e} of the largest logit", flush=True)
        if not difference < 1e-4:
            raise SystemExit(f"error: {name} computes another network than Fovea")

    steps = max(3, min(200, int(arguments.seconds * fovea(3) / batch)))
    rounds = []
    for number in range(arguments.pairs):
        names = ["fovea", *peers][::-1 if number % 2 else 1]
        rounds.append({name: fovea(steps) if name == "fovea" else rate(peers[name], pixels, steps, arguments.warmup)
                       for name in names})
        print(f"{model} batch {batch} round {number + 1}: "
              + ", ".join(f"{name} {rounds[-1][name]:.2f}" for name in ["fovea", *peers]) + " images/s", flush=True)
    result = {"model": model, "size": size, "batch": batch, "threads": arguments.threads, "steps": steps,
              "rounds": rounds}
    for name in ["fovea", *peers]:
        result[name] = statistics.median(values[name] for values in rounds)
    for name in peers:
        result["to_" + name] = statistics.median(values["fovea"] / values[name] for values in rounds)
    if arguments.threads > 1:
        alone, apart = zip(*((fovea(steps), fovea(steps, 1, arguments.threads)) for _ in range(3)))
        result["one_thread_each"] = statistics.median(apart) / statistics.median(alone)
    return result


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--fovea", default=str(PROJECT / ".build/release/fovea"), help="the program to time")
    parser.add_argument("--model", action="append", choices=MODELS, help="only this one")
    parser.add_argument("--batch", action="append", type=int, help="images at a time (default 1 and 16)")
    parser.add_argument("--pairs", type=int, default=7)
    parser.add_argument("--seconds", type=float, default=1.5, help="about how long each is timed in a round")
    parser.add_argument("--warmup", type=int, default=3)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--json", type=pathlib.Path, help="write the results here too")
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)

    results = []
    for model in arguments.model or MODELS:
        for batch in arguments.batch or [1, 16]:
            with tempfile.TemporaryDirectory() as folder:
                results.append(contest(arguments, model, batch, pathlib.Path(folder)))
    print("\n| network | pixels, batch | Fovea, images/s | to eager | to compile | to ONNX Runtime | one thread each, to one process |")
    print("|---|---|---:|---:|---:|---:|---:|")
    for r in results:
        print(f"| {r['model']} | {r['size']}, {r['batch']} | {r['fovea']:.1f} | {r['to_eager']:.2f} | "
              f"{r['to_compile']:.2f} | {r['to_onnx']:.2f} | {r.get('one_thread_each', 1):.2f} |")
    if arguments.json:
        arguments.json.write_text(json.dumps(results, indent=1) + "\n")


if __name__ == "__main__":
    main()
