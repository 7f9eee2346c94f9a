import json
import math
import pathlib
import re
import struct
from typing import TYPE_CHECKING, Any

from ._errors import FoveaError, needed

if TYPE_CHECKING:
    import torch


def load(folder: "str | pathlib.Path") -> "torch.nn.Module":
    """The network of a model's folder (`config.json`, `model.safetensors`), in evaluation mode, on the CPU.

    It is torchvision's or timm's own, [N, 3, side, side] -> logits [N, classes]. Attributes say what the model is:
    `classes`, `labels` ("multi" or "single"), `thresholds` (on probabilities; None for a class without one), `image`
    (how a photograph is prepared), `normalization` (mean and deviation, see `normalized`), `architecture`.
    """
    folder = pathlib.Path(folder)
    facts = _description(folder / "config.json")
    network = _network(facts, folder / "config.json")
    _fill(network, _tensors(folder / "model.safetensors"), folder)
    for name in ("architecture", "classes", "labels", "image", "normalization"):
        setattr(network, name, facts[name])
    network.thresholds = facts.get("thresholds") or [None] * len(facts["classes"])
    return network.eval()


def normalized(model: "torch.nn.Module", pixels: Any) -> "torch.Tensor":
    """Prepared photographs, bytes [N, side, side, 3] (RGB), as input of a model: float32 [N, 3, side, side]."""
    torch = needed("torch")
    mean, deviation = (torch.tensor(model.normalization[key]).view(1, 3, 1, 1) for key in ("mean", "deviation"))
    return (torch.as_tensor(pixels).permute(0, 3, 1, 2).float() / 255 - mean) / deviation


def _description(path: pathlib.Path) -> "dict[str, Any]":
    try:
        # In format 1 keys are in camel case.
        facts = json.loads(path.read_bytes(), object_hook=lambda entry: {
            re.sub("[A-Z]", lambda letter: "_" + letter[0].lower(), key): value for key, value in entry.items()})
    except OSError as error:
        raise FoveaError(f"{path}: {error.strerror}\n  Name a run folder, or a folder with config.json and "
                         "model.safetensors.") from None
    except ValueError as error:
        raise FoveaError(f"{path}: is not JSON ({error})\n  Restore the file that was saved with the model.") from None
    found = facts.get("format") if isinstance(facts, dict) else None
    if found not in (1, 2):
        raise FoveaError(f"{path}: has format {found}; this version reads 1 and 2\n  Update the package fovea.")
    for key in ("architecture", "classes", "labels", "image", "normalization"):
        if key not in facts:
            raise FoveaError(f"{path}: {key} is missing\n  Restore the file that was saved with the model.")
    return facts


def _network(facts: "dict[str, Any]", path: pathlib.Path) -> "torch.nn.Module":
    name, options = facts["architecture"], {"num_classes": len(facts["classes"])}
    if name.startswith("resnet"):
        return getattr(needed("torchvision").models, name)(**options)
    timm = needed("timm")
    if name.startswith("mobilenetv1_100"):
        padding = "" if name.endswith("_symmetric") else "same"
        network = timm.create_model("mobilenetv1_100", pad_type=padding, bn_eps=1e-3, **options)
        network.blocks[4] = network.blocks[4][:1 if name.endswith("_short") else None]
        return network
    if name == "tf_efficientnet_lite0":
        return timm.create_model(name, **options)
    if name.startswith("vit_"):
        options |= {"img_size": facts["image"]["resolution"]} | ({"global_pool": "avg"} if "_gap_" in name else {})
        return timm.create_model(name.replace("_gap_", "_"), **options)
    raise FoveaError(f"{path}: the architecture {name} is unknown\n  Update the package fovea.")


def _tensors(path: pathlib.Path) -> "dict[str, torch.Tensor]":
    """The tensors of a safetensors file: a length, a table of contents as JSON, then the numbers."""
    torch = needed("torch")
    types = {"F32": torch.float32, "F16": torch.float16, "BF16": torch.bfloat16, "F64": torch.float64, "I64": torch.int64}
    try:
        with open(path, "rb") as file:
            contents = json.loads(file.read(struct.unpack("<Q", file.read(8))[0]))
            data = bytearray(file.read())
        return {
            name: torch.frombuffer(data, dtype=types[entry["dtype"]], count=math.prod(entry["shape"]),
                                   offset=entry["data_offsets"][0]).view(entry["shape"])
            for name, entry in contents.items() if name != "__metadata__"}
    except OSError as error:
        raise FoveaError(f"{path}: {error.strerror}\n  Keep model.safetensors beside config.json.") from None
    except (ValueError, KeyError, TypeError, AttributeError, OverflowError, MemoryError, struct.error) as error:
        raise FoveaError(f"{path}: is damaged ({error})\n  Copy it again from where it was trained.") from None


def _fill(network: "torch.nn.Module", tensors: "dict[str, torch.Tensor]", folder: pathlib.Path) -> None:
    # What counts batches in training has no use here, and Fovea does not store it.
    tensors = tensors | {n: v for n, v in network.state_dict().items() if n.endswith("num_batches_tracked")}
    try:
        network.load_state_dict(tensors)
    except RuntimeError as error:
        raise FoveaError(f"{folder / 'model.safetensors'}: does not fit config.json ({error})\n"
                         "  Keep the two files of one model together.") from None
