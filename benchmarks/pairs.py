#!/usr/bin/env python3
"""Fovea's training step against Python PyTorch's, in alternating pairs on the same machine.

    python benchmarks/pairs.py                                  the bars: equally configured, compiled, and the defaults
    python benchmarks/pairs.py --model resnet50 --pairs 3       one model, fewer pairs

Each pair runs Fovea and then PyTorch (every other pair the other way round), each in a process of its own, with the same
network, batch, threads and number of steps. The ratio of a pair is Fovea's images per second over PyTorch's; the median
over the pairs counts, since it forgives a disturbed pair. `equal`: both channels-last, in the requested precision.
`compile`: the same, PyTorch through torch.compile, which keeps what it compiled for the next time.
`defaults`: Fovea as in `equal`, PyTorch in float32 and its default layout. Run with the interpreter of tools/python_environment.sh.
"""
import argparse
import json
import pathlib
import shlex
import statistics
import subprocess
import sys

HERE = pathlib.Path(__file__).resolve().parent
PROJECT = HERE.parent
# (model, contest, the median ratio to reach)
BARS = [("resnet18", "equal", 0.97), ("resnet50", "equal", 0.97), ("mobilenetv1", "equal", 0.97),
        ("efficientnet_lite0", "equal", 0.97),
        ("resnet18", "compile", 0.97), ("resnet50", "compile", 0.97), ("mobilenetv1", "compile", 0.97),
        ("efficientnet_lite0", "compile", 0.97),
        ("resnet18", "defaults", 2.0), ("resnet50", "defaults", 2.0)]


def rate(command):
    """Images per second from the last line of a program's output, a JSON object."""
    done = subprocess.run(command, capture_output=True, text=True)
    lines = done.stdout.strip().splitlines()
    try:
        if done.returncode != 0:
            raise ValueError(f"exit status {done.returncode}")
        return float(json.loads(lines[-1])["images_per_second"])
    except (ValueError, KeyError, IndexError) as problem:
        raise SystemExit(f"error: no result from `{shlex.join(command)}`: {problem}\n{done.stdout}{done.stderr}")


def commands(arguments, model, contest):
    def step(layout, precision):
        return ["--model", model, "--layout", layout, "--precision", precision, "--steps", str(arguments.steps),
                "--warmup", str(arguments.warmup), "--threads", str(arguments.threads), "--json",
                "--device", arguments.device] + (["--batch", str(arguments.batch)] if arguments.batch else [])

    own, other = step("channels_last", arguments.precision), step("channels_last", arguments.precision)
    if contest == "defaults":
        other = step("default", "f32")
    if contest == "compile":
        other.append("--compile")
    return (shlex.split(arguments.fovea) + ["bench", "step"] + own,
            [sys.executable, str(HERE / "step_torch.py")] + other)


def has_bfloat16():
    """What `fovea doctor` calls native bfloat16."""
    try:
        flags = pathlib.Path("/proc/cpuinfo").read_text()
    except OSError:
        return False
    return "avx512_bf16" in flags or "amx_bf16" in flags


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--fovea", default=str(PROJECT / ".build/release/fovea"), help="the program to time")
    parser.add_argument("--model", action="append", choices=sorted({m for m, _, _ in BARS}), help="only this one")
    parser.add_argument("--contest", action="append", choices=["equal", "compile", "defaults"], help="only this one")
    parser.add_argument("--precision", choices=["bf16", "f32"], help="default: bf16 where the processor has it, else f32")
    parser.add_argument("--pairs", type=int, default=7)
    parser.add_argument("--steps", type=int, default=8)
    parser.add_argument("--warmup", type=int, default=3)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--device", default="cpu", help="cpu or cuda (default cpu); the bars are those of a processor")
    parser.add_argument("--batch", type=int, help="images per step; by default few enough for a processor")
    parser.add_argument("--json", type=pathlib.Path, help="write the results here too")
    arguments = parser.parse_args()
    if arguments.precision is None:
        arguments.precision = "bf16" if arguments.device != "cpu" or has_bfloat16() else "f32"

    results = []
    for model, contest, bar in BARS:
        if arguments.model and model not in arguments.model or arguments.contest and contest not in arguments.contest:
            continue
        if contest == "defaults" and arguments.precision != "bf16":
            print(f"{model} {contest}: left out, no native bfloat16 here")
            continue
        fovea, torch = commands(arguments, model, contest)
        pairs = []
        for number in range(arguments.pairs):
            swap = number % 2 == 1
            first, second = rate(torch if swap else fovea), rate(fovea if swap else torch)
            own, other = (second, first) if swap else (first, second)
            pairs.append({"fovea": own, "torch": other, "ratio": own / other})
            print(f"{model} {contest} pair {number + 1}: fovea {own:.2f}, torch {other:.2f} images/s, "
                  f"ratio {own / other:.3f}", flush=True)
        median = {key: statistics.median(p[key] for p in pairs) for key in ("fovea", "torch", "ratio")}
        verdict = "reached" if median["ratio"] >= bar else "MISSED"
        print(f"{model} {contest} median of {len(pairs)}: fovea {median['fovea']:.2f}, torch {median['torch']:.2f} "
              f"images/s, ratio {median['ratio']:.3f} (bar {bar}: {verdict})", flush=True)
        results.append({"model": model, "contest": contest, "precision": arguments.precision,
                        "device": arguments.device, "bar": bar, "median": median, "pairs": pairs})
    if arguments.json:
        arguments.json.write_text(json.dumps(results, indent=1) + "\n")


if __name__ == "__main__":
    main()
