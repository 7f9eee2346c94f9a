#!/usr/bin/env python3
"""How fast `fovea serve` answers, by the number of clients: wrk on /v1/predict and on ready pixels. Without packages.

    benchmarks/serve_load.py photograph.jpg [--network mobilenetv1_100] [--size 128]    starts a server of its own
    benchmarks/serve_load.py photograph.jpg --url http://127.0.0.1:8080                 takes one that runs

Prints a table for each: images per second, the median and the 99th percentile of the latency, the mean size of batches
and the share of time for which the network computed (from /metrics), images per second relative to `fovea bench inference`
on batches of that size with nothing beside it, and answers other than 200.
Needs wrk (Debian and Ubuntu: apt-get install wrk). wrk and the server share the processors of one machine.
"""

import argparse
import atexit
import functools
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
parser.add_argument("image", type=pathlib.Path)
parser.add_argument("--url")
parser.add_argument("--fovea", default=str(pathlib.Path(__file__).parent.parent / ".build/release/fovea"))
parser.add_argument("--network", default="mobilenetv1_100")
parser.add_argument("--size", type=int, default=128)
parser.add_argument("--batch", type=int, default=16)
parser.add_argument("--seconds", type=int, default=10)
parser.add_argument("--clients", default="1,8,64")
parser.add_argument("--threads", default="0", help="threads of server and network: fewer than cores leave some for HTTP and wrk")
parser.add_argument("--token")
options = parser.parse_args()
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

    batch = grown("fovea_batch_size_sum") / max(1, grown("fovea_batch_size_count"))
    seconds = microseconds / 1e6
    images = (requests - refused) / seconds
    return [
        clients, f"{images:.1f}", f"{median / 1000:.1f}", f"{high / 1000:.1f}", f"{batch:.1f}",
        f"{grown('fovea_compute_seconds_total') / seconds:.2f}", f"{images / bare(max(1, round(batch))):.2f}",
        int(refused), int(broken)]


@functools.cache
def bare(batch):
    """Images per second of the network alone, on batches of one size; the server idles."""
    settle()
    answer = subprocess.run(
        [options.fovea, "bench", "inference", "--model", model["architecture"], "--size", str(side), "--batch", str(batch),
         "--steps", str(max(20, 400 // batch)), "--device", "cpu", "--threads", options.threads, "--json", "--log-level", "error"],
        check=True, capture_output=True, text=True).stdout
    return json.loads(answer)["images_per_second"]


def start_server(folder):
    """A server with a model of random weights; gives its address."""
    subprocess.run(
        [options.fovea, "bench", "inference", "--model", options.network, "--size", str(options.size), "--steps", "1",
         "--warmup", "0", "--save", folder + "/model", "--log-level", "error"], check=True, stdout=subprocess.DEVNULL)
    # An image is about this network's speed, not about whether it would refuse it.
    server = subprocess.Popen(
        [options.fovea, "serve", "model=" + folder + "/model", "--port", "0", "--device", "cpu", "--any-image",
         "--batch", str(options.batch), "--threads", options.threads, "--log-level", "error"], stdout=subprocess.PIPE, text=True)
    atexit.register(server.wait)
    atexit.register(server.terminate)
    return server.stdout.readline().strip() or sys.exit("error: the server did not start")


own = tempfile.TemporaryDirectory()
url = (options.url or start_server(own.name)).rstrip("/")
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
    print("| Clients | Images/s | Median, ms | 99 %, ms | Images per batch | Computing | Of the bare network | Refused | Broken |")
    print("|---:|---:|---:|---:|---:|---:|---:|---:|---:|")
    for clients in map(int, options.clients.split(",")):
        print("|", " | ".join(map(str, load(path, body, content_type, headers, clients))), "|", flush=True)
    print()
