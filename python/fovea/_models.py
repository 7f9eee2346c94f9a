import json
import pathlib
import re
from typing import TYPE_CHECKING, Any

from ._errors import FoveaError, needed, reading

if TYPE_CHECKING:
    import torch

_HELP = ("Name a run folder, or the folder of a model.", "Restore the file that was saved with the model.")


def load(folder: "str | pathlib.Path") -> "torch.nn.Module":
    """The network of a model's folder (`config.json`, `model.safetensors`), in evaluation mode, on the CPU.

    It is torchvision's or timm's own, [N, 3, side, side] -> logits [N, classes]. Attributes say what the model is:
    `classes`, `class_labels` (what people call them), `labels` ("multi" or "single"), `thresholds` (on probabilities; None
    for a class without one), `image` (how a photograph is prepared), `normalization` (mean, deviation), `architecture`.
    """
    config, weights = pathlib.Path(folder, "config.json"), pathlib.Path(folder, "model.safetensors")
    with reading(config, *_HELP, "describes no network"):
        network = _network(facts := _description(config))
    with reading(weights, "Keep it beside config.json.", "Copy it again from where it was trained.", "is damaged"):
        tensors = needed("safetensors.torch").load_file(weights)
        if wrong := [name for name, x in tensors.items() if not (x.is_floating_point() and x.isfinite().all())]:
            raise ValueError(f"{wrong[0]} has {tensors[wrong[0]].dtype} that are not finite numbers")
    # What counts batches in training has no use here, and Fovea does not store it.
    counts = {name: value for name, value in network.state_dict().items() if name.endswith("num_batches_tracked")}
    with reading(weights, "", "Keep the two files of one model together.", "does not fit config.json"):
        network.load_state_dict(tensors | counts)
    for name in ("architecture", "classes", "class_labels", "labels", "image", "normalization", "thresholds"):
        setattr(network, name, facts[name])
    return network.eval()


def normalized(model: "torch.nn.Module", pixels: Any) -> "torch.Tensor":
    """Prepared photographs, bytes [N, side, side, 3] (RGB), as input of a model: float32 [N, 3, side, side]."""
    torch, side = needed("torch"), model.image["resolution"]
    pixels = torch.as_tensor(pixels)
    if pixels.dtype != torch.uint8 or pixels.shape[1:] != (side, side, 3):
        raise FoveaError(f"pixels are {pixels.dtype} {list(pixels.shape)}, not torch.uint8 [N, {side}, {side}, 3]")
    mean, deviation = (torch.tensor(model.normalization[key]).view(1, 3, 1, 1) for key in ("mean", "deviation"))
    return (pixels.permute(0, 3, 1, 2).float() / 255 - mean) / deviation


def _description(path: pathlib.Path) -> "dict[str, Any]":
    with reading(path, *_HELP, "is not JSON"):
        # In format 1 keys are in camel case.
        facts = json.loads(path.read_bytes(), object_hook=lambda entry: {
            re.sub("[A-Z]", lambda letter: "_" + letter[0].lower(), key): value for key, value in entry.items()})
    found = facts.get("format") if isinstance(facts, dict) else None
    if type(found) is not int or found not in (1, 2, 3):
        raise FoveaError(f"{path}: has format {found!r:.40}; this version reads 1 to 3\n  Update the package fovea.")
    if facts.get("members") or facts.get("regions"):
        raise FoveaError(f"{path}: several networks or heads see parts of a photograph, and together they are no single network "
                         f"of torchvision or timm\n  Run: fovea export {path.parent} --onnx model.onnx")
    def are_numbers(values: Any, count: int, least: float, most: float = 1e6) -> bool:
        return len(values) == count and all(type(v) in (int, float) and least <= v <= most for v in values)
    def are_names(values: Any, count: int) -> bool:
        return type(values) is list and len(values) == count > 0 and all(type(name) is str for name in values)
    for key, is_right in {
        "architecture": lambda name: type(name) is str,
        "classes": lambda names: are_names(names, len(set(names))),
        "labels": lambda kind: kind in ("multi", "single"),
        "image": lambda image: type(image["resolution"]) is int and 16 <= image["resolution"] <= 4096,
        "normalization": lambda both: are_numbers(both["mean"], 3, -1e6) and are_numbers(both["deviation"], 3, 1e-6),
        "thresholds": lambda values: values is None or are_numbers([v or 0 for v in values], len(facts["classes"]), 0, 1),
        "class_labels": lambda names: names is None or are_names(names, len(facts["classes"])),
    }.items():
        with reading(path, *_HELP, f"{key} is missing or wrong"):
            if not is_right(facts.get(key)):
                raise ValueError(f"{facts.get(key)!r:.80}")
    defaults = {"thresholds": [None] * len(facts["classes"]), "class_labels": facts["classes"]}
    return facts | {key: facts.get(key) or default for key, default in defaults.items()}


def _network(facts: "dict[str, Any]") -> "torch.nn.Module":
    name, options = facts["architecture"], {"num_classes": len(facts["classes"])}
    if name.startswith("resnet"):
        return needed("torchvision").models.get_model(name, **options)
    timm = needed("timm")
    if name.startswith("mobilenetv1_100"):
        padding = "" if name.endswith("_symmetric") else "same"
        network = timm.create_model("mobilenetv1_100", pad_type=padding, bn_eps=1e-3, **options)
        network.blocks[4] = network.blocks[4][:1 if name.endswith("_short") else None]
        return network
    if name.startswith("vit_"):
        options |= {"img_size": facts["image"]["resolution"]} | ({"global_pool": "avg"} if "_gap_" in name else {})
    elif name != "tf_efficientnet_lite0":
        raise ValueError(f"the architecture {name} is unknown; update the package fovea")
    return timm.create_model(name.replace("_gap_", "_"), **options)
