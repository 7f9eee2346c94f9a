"""Writes the golden files of this folder with PyTorch 2.11 and safetensors 0.8; `expected.json` says what they hold.

    python -m pip install torch==2.11.0 safetensors==0.8.0 numpy
    python make_golden.py
"""

import argparse
import collections
import json
import os
import pathlib
import struct
import zipfile

import numpy
import torch
from safetensors.torch import save_file

HERE = pathlib.Path(__file__).parent
NAMES = {
    torch.bool: "BOOL", torch.uint8: "U8", torch.int8: "I8", torch.int16: "I16", torch.uint16: "U16",
    torch.float16: "F16", torch.bfloat16: "BF16", torch.int32: "I32", torch.uint32: "U32",
    torch.float32: "F32", torch.float64: "F64", torch.int64: "I64", torch.uint64: "U64",
}
expected = {}


def numbers(shape, seed, dtype=torch.float32):
    """Integers from a hash of the position, scaled: exact in every type."""
    count = int(numpy.prod(shape, dtype=numpy.int64))
    values = (numpy.arange(count, dtype=numpy.uint64) + numpy.uint64(seed)) * numpy.uint64(2654435761) % numpy.uint64(97)
    if dtype == torch.bool:
        return torch.from_numpy(values % 2 == 1).reshape(shape)
    tensor = torch.from_numpy(values.astype(numpy.float64)).reshape(shape)
    return (tensor / 8 if dtype.is_floating_point else tensor).to(dtype)


def expect(file, tensors):
    def raw(tensor):
        return tensor.detach().contiguous().reshape(-1).view(torch.uint8).numpy().tobytes().hex()

    expected[file] = {
        name: {"type": NAMES[t.dtype], "shape": list(t.shape), "bytes": raw(t) if t.numel() else ""}
        for name, t in tensors.items()
    }


def save(file, content, tensors=None, **options):
    torch.save(content, HERE / file, **options)
    if tensors is not None:
        expect(file, tensors)


# Safetensors: every type, a scalar, an empty tensor, a name that needs escapes.
every = {f"every.{NAMES[d]}": numbers((2, 3), i, d) for i, d in enumerate(NAMES)}
every |= {"scalar": numbers((), 5), "empty": numbers((0, 4), 0), 'odd "name"\\\n\u00e4\U0001f441': numbers((3,), 9)}
save_file(every, HERE / "small.safetensors", metadata={"format": "pt \"quoted\""})
expect("small.safetensors", every)

# A state dict as torchvision saves it: an OrderedDict with the attribute _metadata.
module = torch.nn.Sequential(collections.OrderedDict(conv=torch.nn.Conv2d(3, 4, 3), bn=torch.nn.BatchNorm2d(4)))
for i, tensor in enumerate(module.state_dict().values()):
    tensor.copy_(numbers(tensor.shape, i, tensor.dtype))
state = module.state_dict()
save("state.pth", state, state)
save("protocol4.pth", state, state, pickle_protocol=4)
save("legacy.pth", state, state, _use_new_zipfile_serialization=False)
save("module.pth", module)

# Views: one storage shared, transposed, with gaps, channels last, a parameter, a scalar, an empty tensor.
block = numbers((4, 6), 1)
views = {
    "whole": block, "transposed": block.t(), "columns": block[:, 1:5:2], "row": block[2],
    "channels_last": numbers((2, 3, 2, 2), 3).contiguous(memory_format=torch.channels_last),
    "parameter": torch.nn.Parameter(numbers((3,), 4)), "scalar": block[3, 5], "empty": block[:0],
}
views |= {
    f"every.{NAMES[d]}": numbers((2, 3), i, d)
    for i, d in enumerate(NAMES) if d not in (torch.uint16, torch.uint32, torch.uint64)
}
save("views.pth", views, views)
save("legacy_views.pth", views, views, _use_new_zipfile_serialization=False)
save("expanded.pth", {"expanded": numbers((1,), 0).expand(1000)})

# A training checkpoint: the state dict inside, and all sorts of objects beside it.
optimiser = torch.optim.SGD(module.bn.parameters(), 0.1, momentum=0.9)
sum(p.sum() for p in module.bn.parameters()).backward()
optimiser.step()
teacher = {"module.backbone." + k: v for k, v in state.items() if k.startswith("conv")}
checkpoint = {
    "epoch": 3, "args": argparse.Namespace(lr=0.1, path=pathlib.PurePosixPath("/tmp"), device=torch.device("cpu")),
    "optimizer": optimiser.state_dict(), "rng": torch.get_rng_state()[:8], "best": numpy.float64(0.5),
    "big": 2**80, "negative": -(2**40), "set": {1, 2}, "classes": numpy.arange(3), "dtype": torch.float16,
    "teacher": teacher, "student": {"x": numbers((2,), 2)},
}
save("checkpoint.pth", checkpoint, teacher)


class Attack:
    """Unpickled by Python, this runs a command."""

    def __reduce__(self):
        return os.system, ("touch /tmp/fovea-was-attacked",)


save("attack_outside.pth", {"model": {"x": numbers((2,), 2)}, "extra": Attack()}, {"x": numbers((2,), 2)})
save("legacy_attack.pth", {"model": {"x": numbers((2,), 2)}, "extra": Attack()}, {"x": numbers((2,), 2)},
     _use_new_zipfile_serialization=False)
save("attack_inside.pth", {"model": {"x": numbers((2,), 2), "y": Attack()}})

# A deflated archive, and one whose directory uses the 64-bit fields that torch.save needs above 4 GB.
with zipfile.ZipFile(HERE / "state.pth") as source:
    with zipfile.ZipFile(HERE / "compressed.pth", "w", zipfile.ZIP_DEFLATED) as target:
        for name in source.namelist():
            target.writestr(name, source.read(name))
    data = (HERE / "state.pth").read_bytes()[: source.start_dir]
    directory = b""
    for entry in source.infolist():
        extra = struct.pack("<HHQQQ", 1, 24, entry.file_size, entry.compress_size, entry.header_offset)
        name = entry.filename.encode()
        directory += struct.pack(
            "<IHHHHHHIIIHHHHHII", 0x02014B50, 45, 45, 0, 0, 0, 0, entry.CRC, 0xFFFFFFFF, 0xFFFFFFFF, len(name),
            len(extra), 0, 0, 0, 0, 0xFFFFFFFF) + name + extra
    n = len(source.infolist())
end64 = struct.pack("<IQHHIIQQQQ", 0x06064B50, 44, 45, 45, 0, 0, n, n, len(directory), len(data))
locator = struct.pack("<IIQI", 0x07064B50, 0, len(data) + len(directory), 1)
end = struct.pack("<IHHHHIIH", 0x06054B50, 0, 0, 0xFFFF, 0xFFFF, 0xFFFFFFFF, 0xFFFFFFFF, 0)
(HERE / "zip64.pth").write_bytes(data + directory + end64 + locator + end)
assert zipfile.ZipFile(HERE / "zip64.pth").testzip() is None
assert torch.load(HERE / "zip64.pth").keys() == state.keys()
expected["zip64.pth"] = expected["state.pth"]

(HERE / "expected.json").write_text(json.dumps(expected, indent=0, sort_keys=True) + "\n")
