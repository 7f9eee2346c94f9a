"""The networks of `fovea.load` against Fovea's own: FOVEA names the program."""

import csv
import json
import os
import pathlib
import re
import struct
import subprocess
import tempfile
import unittest

import fovea
import numpy
import safetensors.torch
import torch
from fovea._models import _network

FOVEA = os.environ["FOVEA"]
SOURCES = pathlib.Path(__file__).parents[2] / "Sources" / "Backbones"
SIDE = 64


def architectures():
    """All names, as the files that describe networks have them."""
    text = "".join(path.read_text() for path in sorted(SOURCES.glob("*.swift")))
    names = re.findall(r'(?:static let \w+ = \w+\(\s*)"(\w+)"', text)
    assert len(names) == 15, names
    return names


def description(architecture, **changes):
    return {
        "format": 2, "architecture": architecture, "classes": ["a", "b", "c"], "labels": "multi", "dropout": 0,
        "image": {"resolution": SIDE, "crop": "none", "local_contrast": False, "pixel_limit": 100000000},
        "normalization": {"mean": [0.485, 0.456, 0.406], "deviation": [0.229, 0.224, 0.225]},
        "thresholds": [0.5, None, 0.25],
    } | changes


class ModelTests(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.addCleanup(self.folder.cleanup)
        self.path = pathlib.Path(self.folder.name)
        torch.manual_seed(1)

    def save(self, facts):
        """A model as training leaves it: every weight and statistic away from zero and one, which hide mistakes."""
        (self.path / "config.json").write_text(json.dumps(facts))
        tensors = {}
        for name, value in _network(facts).state_dict().items():
            if name.endswith("num_batches_tracked"):
                continue
            shift = 0.05 if name.endswith(("bias", "running_mean")) else 0
            tensors[name] = (value * torch.empty_like(value).uniform_(0.9, 1.1) + shift).contiguous()
        safetensors.torch.save_file(tensors, self.path / "model.safetensors", metadata={"format": "pt"})

    def references(self):
        """Bytes of images, and Fovea's logits of them."""
        subprocess.run([FOVEA, "export", self.path, "--onnx", self.path / "model.onnx", "--reference",
                        self.path / "reference", "--log-level", "error"], check=True, stdout=subprocess.DEVNULL)
        return (torch.from_numpy(numpy.load(self.path / "reference" / f"{name}.npy")) for name in ("images", "logits"))

    def agree(self, name, logits, expected):
        print(f"{name}: largest difference {(logits - expected).abs().max():.1e} of {expected.abs().max():.1f}", flush=True)
        self.assertTrue(torch.allclose(logits, expected, rtol=1e-4, atol=1e-4), f"{logits}\n{expected}")

    def test_every_architecture_has_the_logits_of_fovea(self):
        for architecture in architectures():
            with self.subTest(architecture), tempfile.TemporaryDirectory() as folder:
                self.path = pathlib.Path(folder)
                self.save(description(architecture))
                pixels, expected = self.references()
                model = fovea.load(self.path)
                with torch.inference_mode():
                    logits = model(fovea.normalized(model, pixels))
                self.assertGreater(expected.std(), 1e-3)
                self.agree(architecture, logits, expected)

    def test_the_recipe_of_the_document(self):
        document = (pathlib.Path(__file__).parents[2] / "docs" / "python.md").read_text()
        code = re.search(r"## With torchvision or timm alone\n.*?```python\n(.*?)```", document, re.DOTALL)[1]
        self.save(description("resnet18"))
        pixels, expected = self.references()
        names = {"folder": str(self.path), "pixels": pixels.numpy()}
        exec(code, names)
        self.agree("the document", names["logits"], expected)

    def test_own_photographs_have_the_probabilities_of_predict(self):
        """The code of the document, on the run and the photographs of tools/test_wheel.sh, and one file that is not one."""
        run, photographs = os.environ["FOVEA_RUN"], pathlib.Path(os.environ["FOVEA_PHOTOGRAPHS"])
        (self.path / "notes.jpg").write_text("not an image")
        files = [*sorted(photographs.iterdir()), self.path / "notes.jpg"]
        prepare = subprocess.run([FOVEA, "prepare", run, *files, "--output", self.path / "prepared"], capture_output=True)
        self.assertEqual(prepare.returncode, 65, prepare.stderr)
        said = json.loads(subprocess.run([FOVEA, "predict", run, photographs, "--json"], check=True, stdout=subprocess.PIPE).stdout)
        document = (pathlib.Path(__file__).parents[2] / "docs" / "python.md").read_text()
        code = re.search(r"## Your own photographs\n.*?```python\n(.*?)```", document, re.DOTALL)[1]
        self.assertLessEqual(code.count("\n"), 10)
        exec(code.replace("runs/data", run).replace("prepared/", f"{self.path}/prepared/"), names := {})
        with open(self.path / "prepared" / "images.csv", newline="") as table:
            self.assertEqual([row["image"] for row in csv.DictReader(table)], [row["image"] for row in said["predictions"]])
        expected = torch.tensor([[row["probabilities"][name] for name in said["classes"]] for row in said["predictions"]])
        self.assertLess((names["probabilities"] - expected).abs().max(), 1e-4)

    def test_what_a_model_says_of_itself(self):
        self.save(description("mobilenetv1_100_short"))
        model = fovea.load(str(self.path))
        self.assertEqual((model.classes, model.labels), (["a", "b", "c"], "multi"))
        self.assertEqual(model.thresholds, [0.5, None, 0.25])
        self.assertEqual(model.class_labels, ["a", "b", "c"])
        self.assertEqual(model.image["resolution"], SIDE)
        self.assertFalse(model.training)

    def test_format_1_is_read(self):
        facts = description("resnet18", format=1, dropPath=0.1, trainingImages=[1, 2, 3])
        facts["image"] = {"resolution": SIDE, "crop": "none", "localContrast": False}
        self.save(facts | {"format": 2})
        (self.path / "config.json").write_text(json.dumps(facts))
        self.assertIs(fovea.load(self.path).image["local_contrast"], False)

    def test_a_window_is_the_same_network(self):
        facts = description("resnet18", format=3)
        facts["image"]["window"] = {"x": 0.3, "y": 0.5, "half_side": 0.25}
        self.save(facts)
        pixels, expected = self.references()
        model = fovea.load(self.path)
        with torch.inference_mode():
            self.agree("a window", model(fovea.normalized(model, pixels)), expected)

    def test_models_that_are_not_one_network_say_how_they_are_exported(self):
        window = {"x": 0.3, "y": 0.5, "half_side": 0.25}
        member = description("resnet18", format=3, classes=["b"], thresholds=[0.5])
        for more in [{"members": [{"name": "region-b", "model": member}]},
                     {"regions": [{"name": "disc", "window": window, "classes": ["b"]}]}]:
            (self.path / "config.json").write_text(json.dumps(description("resnet18", format=3) | more))
            self.says("config.json: ", "no single network of torchvision or timm", f"fovea export {self.path} --onnx")

    def says(self, *words):
        with self.assertRaises(fovea.FoveaError) as caught:
            fovea.load(self.path)
        for word in words:
            self.assertIn(word, str(caught.exception))

    def test_errors_name_file_and_remedy(self):
        self.says("config.json: No such file", "Name a run folder")
        (self.path / "config.json").write_text("{")
        self.says("config.json: is not JSON", "Restore the file")
        for facts, words in [
            ([], "format None"), (description("resnet18", format=True), "format True"), (description("resnet18", format=4), "format 4; this version reads 1 to 3"),
            ({"format": 2}, "architecture is missing"), (description("vgg16"), "the architecture vgg16 is unknown"),
        ]:
            (self.path / "config.json").write_text(json.dumps(facts))
            self.says("config.json", words)
        (self.path / "config.json").write_text("[" * 100_000)
        self.says("config.json: is not JSON")
        numbers = description("resnet18")["normalization"]
        for key, values in {
            "architecture": [5, None], "classes": [5, [], "abc", ["a", "a", "b"], [1, 2, 3]], "labels": ["x", []],
            "image": [None, {}, {"resolution": "64"}, {"resolution": 5}],
            "normalization": [None, {"mean": [0], "deviation": [1]}, numbers | {"deviation": [0, 0, 0]},
                              numbers | {"mean": [float("nan")] * 3}],
            "thresholds": [[0.5], 5, [2, 0, 0]], "class_labels": [["A"], [1, 2, 3], "abc"],
        }.items():
            for value in values:
                with self.subTest(key, value=value):
                    (self.path / "config.json").write_text(json.dumps(description("resnet18") | {key: value}))
                    self.says(f"config.json: {key} is missing or wrong (", "Restore the file")
        for name in ("resnet", "resnet18x", "vit_other_patch16_224"):
            (self.path / "config.json").write_text(json.dumps(description(name)))
            self.says("config.json: describes no network", name)
        self.save(description("resnet18"))
        weights = self.path / "model.safetensors"
        whole = weights.read_bytes()
        for length in (0, 4, 100, len(whole) - 4):
            weights.write_bytes(whole[:length])
            self.says("model.safetensors: is damaged", "Copy it again")
        length = struct.unpack("<Q", whole[:8])[0]
        contents = json.loads(whole[8:8 + length])

        def changed(**facts):
            text = json.dumps(contents | {"fc.bias": contents["fc.bias"] | facts}).encode()
            return struct.pack("<Q", len(text)) + text + whole[8 + length:]

        for wrong in [
            whole + b"more", changed(data_offsets=[0, 12]), changed(dtype="F16"), changed(dtype="I32"), changed(shape=[-3]),
            whole[:8 + length] + b"\0\0\xc0\x7f" * ((len(whole) - 8 - length) // 4),
        ]:
            weights.write_bytes(wrong)
            self.says("model.safetensors: is damaged", "Copy it again")
        weights.write_bytes(whole)
        (self.path / "config.json").write_text(json.dumps(description("resnet18", classes=["a"], thresholds=None)))
        self.says("model.safetensors: does not fit config.json", "fc.weight", "Keep the two files")
        weights.unlink()
        self.says("model.safetensors: No such file")

    def test_pixels_that_are_not_prepared_photographs_are_refused(self):
        self.save(description("resnet18"))
        model = fovea.load(self.path)
        for pixels in [numpy.zeros((1, SIDE, SIDE, 1), "uint8"), numpy.zeros((1, SIDE, SIDE, 3), "float32"),
                       numpy.zeros((1, 3, SIDE, SIDE), "uint8"), numpy.zeros((1, 32, 32, 3), "uint8")]:
            with self.assertRaisesRegex(fovea.FoveaError, r"not torch.uint8 \[N, 64, 64, 3\]"):
                fovea.normalized(model, pixels)


if __name__ == "__main__":
    unittest.main()
