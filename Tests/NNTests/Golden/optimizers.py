#!/usr/bin/env python3
"""Golden steps of PyTorch's optimisers, gradient limit, schedules and weight averages, in float64.

    python Tests/NNTests/Golden/optimizers.py        writes optimizers.json beside this file

Needs torch 2.11.0. Two parameters, "weight" [2, 3] and "bias" [2], begin at sin(i + 1) and cos(i + 1) over their flat
index i. Before step s (from 0) element i of the k-th parameter (0 weight, 1 bias) gets the gradient
sin(1.7 s + 0.9 i + 2.3 k) (1 + i / 4), so that nothing but the optimiser is tested. Step s runs at rate 0.1 / (s + 1).

    optimisers   parameters after each of 8 steps; in `groups` the bias has half the rate and no weight decay
    clipping     the norm that clip_grad_norm_ gives for the gradients of step 0, and those gradients afterwards
    schedules    factors on the learning rate, step by step
    averages     the exponential moving average of the weight after each SGD step at rate 0.1 (no momentum)
"""
import json
import math
import pathlib

import torch
from torch.optim import lr_scheduler as schedulers
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn


def parameters():
    weight = torch.tensor([math.sin(i + 1) for i in range(6)], dtype=torch.float64).reshape(2, 3)
    bias = torch.tensor([math.cos(i + 1) for i in range(2)], dtype=torch.float64)
    return [torch.nn.Parameter(weight), torch.nn.Parameter(bias)]


def set_gradients(values, step):
    for k, value in enumerate(values):
        flat = [math.sin(1.7 * step + 0.9 * i + 2.3 * k) * (1 + i / 4) for i in range(value.numel())]
        value.grad = torch.tensor(flat, dtype=torch.float64).reshape(value.shape)


def steps(make):
    values = parameters()
    optimiser = make(values)
    base = [group["lr"] for group in optimiser.param_groups]
    rows = []
    for step in range(8):
        set_gradients(values, step)
        for group, rate in zip(optimiser.param_groups, base):
            group["lr"] = rate / (step + 1)
        optimiser.step()
        rows.append([value.detach().flatten().tolist() for value in values])
    return rows


def optimisers():
    sgd, adamw = torch.optim.SGD, torch.optim.AdamW
    return {
        "sgd": steps(lambda p: sgd(p, 0.1)),
        "sgd_momentum": steps(lambda p: sgd(p, 0.1, momentum=0.9)),
        "sgd_nesterov_decay": steps(lambda p: sgd(p, 0.1, momentum=0.8, nesterov=True, weight_decay=0.05)),
        "adamw": steps(lambda p: adamw(p, 0.1, weight_decay=0)),
        "adamw_decay": steps(lambda p: adamw(p, 0.1, betas=(0.8, 0.95), eps=1e-3, weight_decay=0.2)),
        "groups": steps(lambda p: adamw([{"params": p[:1], "weight_decay": 0.2},
                                         {"params": p[1:], "weight_decay": 0.0, "lr": 0.05}], 0.1)),
    }


def clipping():
    out = []
    for limit in (1.0, 100.0):
        values = parameters()
        set_gradients(values, 0)
        norm = torch.nn.utils.clip_grad_norm_(values, limit)
        out.append({"limit": limit, "norm": norm.item(),
                    "gradients": [value.grad.flatten().tolist() for value in values]})
    return out


def factors(total, warm_up, form):
    optimiser = torch.optim.SGD([torch.zeros(1)], 1.0)
    rest = total - warm_up
    after = {
        "constant": lambda: schedulers.LambdaLR(optimiser, lambda _: 1.0),
        "cosine": lambda: schedulers.CosineAnnealingLR(optimiser, rest),
        "step": lambda: schedulers.MultiStepLR(optimiser, [math.ceil(rest / 3), math.ceil(2 * rest / 3)], 0.1),
    }[form]
    if warm_up > 1:
        rise = schedulers.LinearLR(optimiser, 1 / warm_up, 1, warm_up - 1)
        schedule = schedulers.SequentialLR(optimiser, [rise, after()], [warm_up])
    else:
        schedule = after()
    rates = []
    for _ in range(total):
        rates.append(optimiser.param_groups[0]["lr"])
        optimiser.step()
        schedule.step()
    return {"form": form, "total": total, "warm_up": warm_up, "factors": rates}


def averages(decay):
    network = torch.nn.Linear(3, 2).double()
    with torch.no_grad():
        for value, start in zip(network.parameters(), parameters()):
            value.copy_(start)
    average = AveragedModel(network, multi_avg_fn=get_ema_multi_avg_fn(decay), use_buffers=True)
    average.update_parameters(network)  # the first update copies
    optimiser = torch.optim.SGD(network.parameters(), 0.1)
    rows = []
    for step in range(5):
        set_gradients(list(network.parameters()), step)
        optimiser.step()
        average.update_parameters(network)
        rows.append(average.module.weight.detach().flatten().tolist())
    return {"decay": decay, "weights": rows}


def main():
    golden = {
        "torch": torch.__version__.split("+")[0], "optimisers": optimisers(), "clipping": clipping(),
        "schedules": [factors(20, 0, "constant"), factors(20, 5, "cosine"), factors(13, 0, "cosine"),
                      factors(22, 4, "step"), factors(11, 0, "step")],
        "averages": averages(0.9),
    }
    path = pathlib.Path(__file__).with_name("optimizers.json")
    path.write_text(json.dumps(golden, separators=(",", ":")).replace("]],", "]],\n") + "\n")
    print(path, path.stat().st_size)


if __name__ == "__main__":
    main()
