"""KServe's inference client (REST, protocol v2) against `fovea serve`: the answers of `fovea predict`."""

import asyncio
import base64

from checks import TOLERANCE, Arguments, check, distance, finish, needs

needs("kserve")

import httpx  # noqa: E402
import numpy as np  # noqa: E402
from kserve import InferInput, InferRequest, InferenceRESTClient  # noqa: E402
from kserve.inference_client import RESTConfig  # noqa: E402
from kserve.protocol.infer_type import RequestedOutput  # noqa: E402

arguments = Arguments(__doc__, expected=True)
model, expected = arguments.model, arguments.expected
side = arguments.json("/v2/models/" + model)["inputs"][1]["shape"][1]


def request(name, shape, datatype, *, data=None, binary=None, outputs=None, **options):
    tensor = InferInput(name, shape, datatype, data=data)
    if binary is not None:
        tensor.set_data_from_numpy(binary, binary_data=True)
    wanted = outputs and [RequestedOutput(output, parameters={"binary_data": isBinary}) for output, isBinary in outputs]
    return InferRequest(model, [tensor], request_outputs=wanted, **options)


def files(content, *, binary, **options):
    if binary:
        array = np.array([bytes(file) for file in content], dtype=np.object_)
        return request("images", [len(content)], "BYTES", binary=array, **options)
    return request(
        "images", [len(content)], "BYTES", data=[base64.b64encode(file).decode() for file in content], **options)


async def main():
    client = InferenceRESTClient(RESTConfig(protocol="v2", timeout=120))

    async def infer(body, name=model):
        return await client.infer(arguments.url, body, model_name=name, headers=arguments.headers)

    check("the server lives", await client.is_server_live(arguments.url, headers=arguments.headers))
    check("the server is ready", await client.is_server_ready(arguments.url, headers=arguments.headers))
    check("the model is ready", await client.is_model_ready(arguments.url, model, headers=arguments.headers))

    rows = [expected.probabilities(number) for number in range(len(expected.files))]
    for binary in (True, False):
        kind = "bytes" if binary else "JSON"
        for isBinaryOutput in (True, False):
            answer = await infer(files(expected.files, binary=binary, outputs=[("probabilities", isBinaryOutput)]))
            values = answer.get_output_by_name("probabilities").as_numpy().reshape(len(rows), -1)
            difference = max(distance(a, b) for a, b in zip(values, rows))
            check(
                f"files as {kind}, probabilities as {'bytes' if isBinaryOutput else 'JSON'}: those of the command line",
                difference < TOLERANCE, difference)
    check("the answer names the model", answer.model_name == model, answer.model_name)

    array = np.random.default_rng(2).integers(0, 256, (2, side, side, 3), dtype=np.uint8)
    inBytes = await infer(request("pixels", list(array.shape), "UINT8", binary=array, outputs=[("logits", True)]))
    inJSON = await infer(request("pixels", list(array.shape), "UINT8", data=array.tolist()))
    difference = distance(
        inBytes.get_output_by_name("logits").as_numpy().ravel(), inJSON.get_output_by_name("logits").as_numpy().ravel())
    check("pixels have the same logits as bytes and as JSON", difference < 1e-4, difference)
    named = await infer(request("pixels", list(array.shape), "UINT8", binary=array, request_id="nine"))
    check("the request's id is returned", named.id == "nine", named.id)
    everything = await infer(
        request("pixels", list(array.shape), "UINT8", binary=array, parameters={"binary_data_output": True}))
    check(
        "all outputs come as bytes where the request says so",
        all(np.isfinite(output.as_numpy()).all() for output in everything.outputs) and len(everything.outputs) >= 3)

    for name, body, wanted, text in (
        ("an unknown model is refused", lambda: infer(files(expected.files[:1], binary=True), "nobody"), 404, "no model"),
        ("a damaged image is refused", lambda: infer(files([b"no image"], binary=True)), 422, "images[0]"),
        ("a wrong shape is refused", lambda: infer(request("pixels", [1, 2, 2, 3], "UINT8", data=[0] * 12)), 400, "shape"),
    ):
        try:
            await body()
            check(name, False, "it was answered")
        except httpx.HTTPStatusError as error:
            check(name, error.response.status_code == wanted and text in str(error), str(error))
    await client.close()


asyncio.run(main())
finish()
