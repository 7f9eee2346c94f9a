"""schemathesis against `fovea serve`: requests made from the served /openapi.yaml, all checks, answers as it describes them.

Image bodies are photographs, damaged ones and noise; all else is made from the document.
"""

import json
import os
import pathlib
import subprocess
import sys
import tempfile

from checks import Arguments, check, finish, needs

needs("schemathesis")

# What is right by the document may still be refused: a shape that does not fit its data, an image that is none, a model
# that is not there. Only a document that says less could promise to take all of it.
SETTINGS = """
color = false

[checks.positive_data_acceptance]
expected-statuses = ["2xx", "400", "404", "413", "422"]

[checks.not_a_server_error]
expected-statuses = ["2xx", "4xx"]
"""

# Loaded by schemathesis itself.
HOOKS = '''
import base64
import json
import os
import pathlib

import schemathesis
from hypothesis import strategies as st

files = [pathlib.Path(path).read_bytes() for path in json.loads(os.environ["FUZZ_IMAGES"])]
damaged = st.builds(
    lambda file, at, byte: file[:at] + bytes([byte]) + file[at + 1 :],
    st.sampled_from(files), st.integers(0, min(map(len, files)) - 1), st.integers(0, 255))
cut = st.builds(lambda file, at: file[:at], st.sampled_from(files), st.integers(1, min(map(len, files)) - 1))
images = st.one_of(st.sampled_from(files), damaged, cut, st.binary(min_size=1, max_size=2000))
schemathesis.openapi.media_type("image/*", images)
schemathesis.openapi.media_type("application/octet-stream", images)


@schemathesis.hook
def map_path_parameters(context, path_parameters):
    # Mostly the model that is there, so that more is tried than its name.
    if path_parameters and isinstance(path_parameters.get("model"), str):
        if len(path_parameters["model"]) % 4:
            path_parameters["model"] = os.environ["FUZZ_MODEL"]
        if isinstance(path_parameters.get("version"), str) and sum(map(ord, path_parameters["version"])) % 4:
            path_parameters["version"] = os.environ["FUZZ_VERSION"]
    return path_parameters


@schemathesis.hook
def before_call(context, case, kwargs):
    # The document cannot say that data has as many values as its shape: half of what is right by it is made so.
    meta = case.meta
    if meta is None or meta.generation.mode.value != "positive" or case.media_type != "application/json":
        return
    if not isinstance(case.body, dict) or len(str(case.body)) % 2:
        return
    (case.headers or {}).pop("Inference-Header-Content-Length", None)
    side = int(os.environ["FUZZ_SIDE"])
    for tensor in case.body.get("inputs", []):
        tensor.pop("parameters", None)
        if tensor.get("name") == "pixels":
            tensor["shape"], tensor["data"] = [1, side, side, 3], [7] * (side * side * 3)
        else:
            tensor["shape"], tensor["data"] = [1], [base64.b64encode(files[0]).decode()]
    outputs = case.body.get("outputs")
    if outputs:
        case.body["outputs"] = list({output["name"]: output for output in outputs}.values())
'''

arguments = Arguments(__doc__, more=(
    ("--seconds", {"type": int, "default": 60}), ("--seed", {"default": "1"}),
    ("--document", {"help": "a file instead of the served /openapi.yaml", "type": pathlib.Path})))
document = arguments.options.document
# What is served at /openapi.yaml may then be another document.
location = [
    str(document.resolve()), "--url", arguments.url, "--exclude-path", "/openapi.yaml",
] if document else [arguments.url + "/openapi.yaml"]
model = next(model for model in arguments.json("/v1/models")["models"] if model["name"] == arguments.model)
with tempfile.TemporaryDirectory() as folder:
    folder = pathlib.Path(folder)
    (folder / "schemathesis.toml").write_text(SETTINGS)
    (folder / "hooks.py").write_text(HOOKS)
    environment = {
        **os.environ, "SCHEMATHESIS_HOOKS": "hooks", "PYTHONPATH": str(folder), "PYTHONDONTWRITEBYTECODE": "1",
        "FUZZ_IMAGES": json.dumps([str(path.resolve()) for path in arguments.files[:4]]),
        "FUZZ_MODEL": arguments.model, "FUZZ_VERSION": model["version"], "FUZZ_SIDE": str(model["resolution"])}
    token = ["--header", f"Authorization: Bearer {arguments.token}"] if arguments.token else []
    program = [sys.executable, "-c", "from schemathesis.cli import schemathesis; schemathesis()"]
    result = subprocess.run(
        [*program, "--config-file", str(folder / "schemathesis.toml"), "run", *location,
         "--checks", "all", "--phases", "examples,coverage,fuzzing", "--max-examples", "40", "--workers", "1",
         "--max-time", str(arguments.options.seconds), "--seed", arguments.options.seed, "--continue-on-failure",
         "--request-timeout", "90", "--no-shrink", "--generation-database", "none", *token],
        cwd=folder, env=environment, capture_output=True, text=True, timeout=arguments.options.seconds * 5 + 120)
check("schemathesis finds nothing", result.returncode == 0, "\n" + result.stdout + result.stderr)
print("\n".join(result.stdout.strip().splitlines()[-12:]))
check("the server still answers", arguments.request("/v2/health/ready")[0] == 200)
finish()
