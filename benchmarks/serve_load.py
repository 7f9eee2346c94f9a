#!/usr/bin/env python3
"""How fast `fovea serve` answers, by the number of clients: wrk on /v1/predict and on ready pixels. Without packages.

    fovea serve runs/mine --port 8080 &
    benchmarks/serve_load.py http://127.0.0.1:8080 photograph.jpg [--seconds 10] [--clients 1,8,64]

Prints a table for each: images per second, the median and the 99th percentile of the latency, the mean size of batches
and the share of time for which the network computed (from /metrics), and answers other than 200.
Needs wrk (Debian and Ubuntu: apt-get install wrk). wrk and the server share the processors of one machine.
"""

import argparse
import json
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import time
import urllib.request

parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
parser.add_argument("url")
parser.add_argument("image", type=pathlib.Path)
parser.add_argument("--seconds", type=int, default=10)
parser.add_argument("--clients", default="1,8,64")
parser.add_argument("--token")
options = parser.parse_args()
url = options.url.rstrip("/")
if not shutil.which("wrk"):
    sys.exit("error: wrk is not installed. On Debian or Ubuntu: apt-get install wrk")
authorization = {"Authorization": f"Bearer {options.token}"} if options.token else {}

# wrk reads the body from a file and tells what it measured on a line of its own.
SCRIPT = """
wrk.method = "POST"
wrk.headers["Content-Type"] = "%(type)s"
%(headers)s
local file = io.open("%(body)s", "rb")
wrk.body = file:read("*a")
file:close()
function done(summary, latency, requests)
    io.write(string.format("RESULT %%d %%d %%d %%f %%f %%d\\n", summary.requests, summary.duration, summary.errors.status,
        latency:percentile(50), latency:percentile(99),
        summary.errors.connect + summary.errors.read + summary.errors.write + summary.errors.timeout))
end
"""


def get(path):
    with urllib.request.urlopen(urllib.request.Request(url + path, headers=authorization)) as answer:
        return answer.read().decode()


def counter(text, name):
    return sum(float(value) for value in re.findall(rf"^{name}(?:{{.*}})? (\S+)$", text, re.MULTILINE))


def settle():
    """Waits for requests that the last run left behind: the server answers them although wrk is gone."""
    while counter(get("/metrics"), "fovea_requests_in_progress") > 0:
        time.sleep(0.2)


def load(path, body, content_type, headers, clients):
    """One row of a table."""
    with tempfile.TemporaryDirectory() as folder:
        file, script = pathlib.Path(folder, "body"), pathlib.Path(folder, "post.lua")
        file.write_bytes(body)
        lines = "\n".join(f'wrk.headers["{k}"] = "{v}"' for k, v in {**headers, **authorization}.items())
        script.write_text(SCRIPT % {"type": content_type, "headers": lines, "body": file})
        settle()
        before = get("/metrics")
        output = subprocess.run(
            ["wrk", "-t", "1", "-c", str(clients), "-d", f"{options.seconds}s", "--timeout", "60s", "-s", script, url + path],
            check=True, capture_output=True, text=True).stdout
        after = get("/metrics")
    found = re.search(r"RESULT (.*)", output)[1].split()
    requests, microseconds, refused, median, high, broken = map(float, found)

    def grown(name):
        return counter(after, name) - counter(before, name)

    batches = grown("fovea_batch_size_count")
    seconds = microseconds / 1e6
    return [
        clients, f"{(requests - refused) / seconds:.1f}", f"{median / 1000:.1f}", f"{high / 1000:.1f}",
        f"{grown('fovea_batch_size_sum') / batches:.1f}" if batches else "", f"{grown('fovea_compute_seconds_total') / seconds:.2f}",
        int(refused), int(broken)]


model = json.loads(get("/v1/models"))["models"][0]
side = model["resolution"]
size = side * side * 3
text = json.dumps({
    "inputs": [{"name": "pixels", "datatype": "UINT8", "shape": [1, side, side, 3],
                "parameters": {"binary_data_size": size}}],
    "outputs": [{"name": "probabilities", "parameters": {"binary_data": True}}]}).encode()
kinds = [
    ("Photographs to /v1/predict", "/v1/predict?model=" + model["name"], options.image.read_bytes(), "image/jpeg", {}),
    ("Ready pixels to /v2", f"/v2/models/{model['name']}/infer", text + bytes(size), "application/octet-stream",
     {"Inference-Header-Content-Length": len(text)}),
]
print(f"{model['name']}: {model['architecture']}, {side} pixels, {model['precision']}\n")
for name, path, body, content_type, headers in kinds:
    print(f"{name} ({len(body):,} bytes)\n")
    print("| Clients | Images/s | Median, ms | 99 %, ms | Images per batch | Computing | Refused | Broken |")
    print("|---:|---:|---:|---:|---:|---:|---:|---:|")
    for clients in map(int, options.clients.split(",")):
        print("|", " | ".join(map(str, load(path, body, content_type, headers, clients))), "|", flush=True)
    print()
