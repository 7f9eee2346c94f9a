"""Triton's own client (tritonclient, HTTP) against `fovea serve`: the answers of `fovea predict`."""

import base64

import numpy as np
import tritonclient.http as triton
from tritonclient.utils import InferenceServerException

from checks import TOLERANCE, Arguments, check, distance, finish, group

arguments = Arguments(__doc__, expected=True)
model, expected = arguments.model, arguments.expected
client = triton.InferenceServerClient(arguments.host, network_timeout=120, connection_timeout=120)
metadata = client.get_model_metadata(model, headers=arguments.headers)
side = metadata["inputs"][1]["shape"][1]
version = metadata["versions"][0]


def images(files, *, binary=True, shape=None):
    """The tensor of image files; in JSON as base64."""
    values = [bytes(file) if binary else base64.b64encode(file) for file in files]
    tensor = triton.InferInput("images", shape or [len(files)], "BYTES")
    tensor.set_data_from_numpy(np.array(values, dtype=np.object_).reshape(shape or [len(files)]), binary_data=binary)
    return [tensor]


def pixels(array, *, binary=True):
    """The tensor of pixels."""
    tensor = triton.InferInput("pixels", list(array.shape), "UINT8")
    tensor.set_data_from_numpy(array, binary_data=binary)
    return [tensor]


def infer(inputs, outputs=None, name=model, **options):
    """An answer, with outputs as (name, binary)."""
    wanted = outputs and [triton.InferRequestedOutput(output, binary_data=binary) for output, binary in outputs]
    return client.infer(name, inputs, outputs=wanted, headers=arguments.headers, **options)


def server():
    check("the server lives", client.is_server_live())
    check("the server is ready", client.is_server_ready())
    check("the model is ready", client.is_model_ready(model, headers=arguments.headers))
    check("the model is ready in its version", client.is_model_ready(model, version, headers=arguments.headers))
    check("an unknown model is not ready", not client.is_model_ready("nobody", headers=arguments.headers))
    check("an unknown version is not ready", not client.is_model_ready(model, "1", headers=arguments.headers))
    server = client.get_server_metadata(headers=arguments.headers)
    check("the server says what it is", server["name"] == "fovea" and "binary_tensor_data" in server["extensions"], server)
    check("the model has the classes of the command line", metadata["parameters"]["classes"] == expected.classes)
    check(
        "a version has the same metadata",
        client.get_model_metadata(model, version, headers=arguments.headers) == metadata)


def files():
    count = len(expected.files)
    for number in range(count):
        result = infer(images([expected.files[number]]), [("probabilities", True)])
        difference = distance(result.as_numpy("probabilities")[0], expected.probabilities(number))
        check(f"file {number} has the answer of the command line", difference < TOLERANCE, difference)
    result = infer(images(expected.files), [("probabilities", True), ("logits", False)])
    values = result.as_numpy("probabilities")
    check("several files have a row each", values.shape == (count, len(expected.classes)), values.shape)
    difference = max(distance(values[number], expected.probabilities(number)) for number in range(count))
    check("several files have the answers of the command line", difference < TOLERANCE, difference)
    check("logits come as JSON beside binary ones", result.as_numpy("logits").shape == values.shape)
    column = infer(images(expected.files, shape=[count, 1]), [("probabilities", True)]).as_numpy("probabilities")
    check("a shape of [N, 1] is taken", distance(column.ravel(), values.ravel()) < TOLERANCE)
    inJSON = infer(images(expected.files[:2], binary=False), [("probabilities", False)]).as_numpy("probabilities")
    check("base64 in JSON has the same answer", distance(inJSON.ravel(), values[:2].ravel()) < TOLERANCE)
    versioned = infer(images(expected.files[:1]), [("probabilities", True)], model_version=version, request_id="seven")
    check("a version has the same answer", distance(versioned.as_numpy("probabilities")[0], values[0]) < TOLERANCE)
    check("the request's id is returned", versioned.get_response()["id"] == "seven")
    compressed = client.infer(
        model, images(expected.files[:1]), headers=arguments.headers, response_compression_algorithm="gzip")
    check("a client that takes compressed answers gets one", compressed.as_numpy("logits") is not None)


def outputs():
    array = np.random.default_rng(1).integers(0, 256, (3, side, side, 3), dtype=np.uint8)
    everything = infer(pixels(array))
    names = [output["name"] for output in metadata["outputs"]]
    check("without outputs all of the metadata come", [o["name"] for o in everything.get_response()["outputs"]] == names)
    for output in metadata["outputs"]:
        values = everything.as_numpy(output["name"])
        check(
            f"{output['name']} has the metadata's shape", list(values.shape) == [3] + output["shape"][1:], values.shape)
        check(f"{output['name']} is finite", bool(np.isfinite(values).all()))
        inJSON = infer(pixels(array, binary=False), [(output["name"], False)]).as_numpy(output["name"])
        difference = distance(values.ravel(), inJSON.ravel())
        check(f"{output['name']} is the same in JSON", difference < 1e-4, difference)
    order = [name for name in reversed(names)]
    wanted = infer(pixels(array), [(name, number % 2 == 0) for number, name in enumerate(order)])
    check("outputs come in the order of the request", [o["name"] for o in wanted.get_response()["outputs"]] == order)
    alone = np.stack([infer(pixels(array[i : i + 1]), [("logits", True)]).as_numpy("logits")[0] for i in range(3)])
    difference = distance(alone.ravel(), everything.as_numpy("logits").ravel())
    check("an image has the same logits alone and with others", difference < 1e-4, difference)
    if "maps" in names:
        maps, logits = everything.as_numpy("maps"), everything.as_numpy("logits")
        constant = logits - maps.mean(axis=(2, 3))
        check("the mean of a map and a constant are the logit", float(np.ptp(constant, axis=0).max()) < 1e-3)
    many = infer(pixels(np.repeat(array[:1], 40, axis=0)), [("logits", True)]).as_numpy("logits")
    check("more images than a batch are answered", many.shape[0] == 40 and float(np.ptp(many, axis=0).max()) < 1e-4)


def errors():
    def refused(name, text, body):
        try:
            body()
            check(name, False, "it was answered")
        except InferenceServerException as error:
            check(name, text in error.message() and error.status() is not None, (error.status(), error.message()))

    refused("an unknown model is refused", "no model", lambda: infer(images(expected.files[:1]), name="nobody"))
    refused(
        "an unknown version is refused", "version", lambda: infer(images(expected.files[:1]), model_version="1"))
    refused("a damaged image is refused", "images[1]", lambda: infer(images([expected.files[0], b"no image"])))
    refused(
        "an unknown output is refused", "outputs[0].name", lambda: infer(images(expected.files[:1]), [("boxes", True)]))
    wrong = np.zeros((1, side + 1, side, 3), dtype=np.uint8)
    refused("a wrong shape is refused", "inputs[0].shape", lambda: infer(pixels(wrong)))
    refused(
        "too many images are refused", "257", lambda: infer(pixels(np.zeros((257, side, side, 3), dtype=np.uint8))))
    floats = triton.InferInput("pixels", [1, side, side, 3], "FP32")
    floats.set_data_from_numpy(np.zeros((1, side, side, 3), dtype=np.float32))
    refused("floats are refused", "datatype", lambda: infer([floats]))
    refused(
        "a compressed request is refused", "content-encoding",
        lambda: client.infer(
            model, images(expected.files[:1]), headers=arguments.headers, request_compression_algorithm="gzip"))
    refused("classification is refused", "classification", lambda: client.infer(
        model, images(expected.files[:1]), headers=arguments.headers,
        outputs=[triton.InferRequestedOutput("logits", class_count=2)]))


for part in (server, files, outputs, errors):
    group(part)
finish()
