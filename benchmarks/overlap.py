#!/usr/bin/env python3
"""What sending gradients while the backward pass still runs would gain: PyTorch's DistributedDataParallel does it.

    benchmarks/overlap.py [MODEL...]      resnet18 and mobilenet_v2 unless said otherwise; needs torch and torchvision

Two gloo processes with one thread each, 16 images of 128 pixels for each, train in three ways, in turns: alone, with the
gradients added up after the backward pass in pieces of 25 MB as Fovea does, and with DistributedDataParallel, which sends a
piece as soon as its gradients are there. Prints the median milliseconds per step. Nothing else may run meanwhile; a slower
network is imitated by `tc qdisc add dev lo root tbf rate 2gbit burst 1mb latency 50ms` in a network namespace.
"""

import os
import statistics
import sys
import time

import torch
import torch.distributed as dist
import torchvision
from torch.nn.parallel import DistributedDataParallel

PIECE = 25 << 20


def add_up(parameters):
    """Sums of the gradients over the processes, in pieces."""
    piece, size = [], 0
    for parameter in [*parameters, None]:
        if piece and (parameter is None or size >= PIECE):
            joined = torch.cat([p.grad.reshape(-1) for p in piece])
            dist.all_reduce(joined)
            for p, part in zip(piece, joined.split([p.numel() for p in piece])):
                p.grad.copy_(part.view_as(p.grad))
            piece, size = [], 0
        if parameter is not None:
            piece.append(parameter)
            size += parameter.numel() * 4


def work(rank, name):
    os.environ.update(MASTER_ADDR="127.0.0.1", MASTER_PORT="29531")
    torch.set_num_threads(1)
    dist.init_process_group("gloo", rank=rank, world_size=2)
    torch.manual_seed(0)
    network = torchvision.models.get_model(name).to(memory_format=torch.channels_last)
    together = DistributedDataParallel(network, bucket_cap_mb=25, gradient_as_bucket_view=True)
    parameters = list(network.parameters())
    optimizer = torch.optim.SGD(parameters, lr=1e-4, momentum=0.9)
    images = torch.randn(16, 3, 128, 128).to(memory_format=torch.channels_last)
    labels = torch.randint(0, 2, (16, 1000)).float()

    def step(way):
        optimizer.zero_grad(set_to_none=way != "overlapped")
        outputs = (together if way == "overlapped" else network)(images)
        torch.nn.functional.binary_cross_entropy_with_logits(outputs, labels).backward()
        if way == "after":
            add_up(parameters)
        optimizer.step()

    times = {way: [] for way in ("alone", "after", "overlapped")}
    for turn in range(23):
        for way in times:
            dist.barrier()
            begin = time.perf_counter()
            step(way)
            if turn > 2:
                times[way].append(1000 * (time.perf_counter() - begin))
    if rank == 0:
        size = sum(p.numel() for p in parameters) * 4 / 1e6
        medians = [statistics.median(times[way]) for way in times]
        print(f"| {name} | {size:.0f} MB | " + " | ".join(f"{m:.0f}" for m in medians) + " |", flush=True)
    dist.destroy_process_group()


if __name__ == "__main__":
    print("| model | gradients | alone, ms | after, ms | overlapped, ms |\n|---|---:|---:|---:|---:|", flush=True)
    for model in sys.argv[1:] or ["resnet18", "mobilenet_v2"]:
        torch.multiprocessing.spawn(work, (model,), nprocs=2)
