"""Thousands of requests to `fovea serve`, a third of them bad: only documented answers, memory that stays, then SIGTERM.

Starts the server itself: soak.py FOVEA MODEL --images FOLDER. Without packages.
"""

import argparse
import base64
import collections
import http.client
import json
import os
import pathlib
import random
import re
import resource
import select
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import threading
import time
import zlib

from checks import check, finish

parser = argparse.ArgumentParser(description=__doc__)
parser.add_argument("fovea", help="the program")
parser.add_argument("folder", help="of a model")
parser.add_argument("--images", required=True, type=pathlib.Path, help="a folder of photographs")
parser.add_argument("--requests", type=int, default=10_000)
parser.add_argument("--warm-up", type=int, default=1_000)
parser.add_argument("--threads", type=int, default=16)
parser.add_argument("--seconds", type=float, default=600, help="after which no request is begun any more")
parser.add_argument("--seed", type=int, default=1)
parser.add_argument("--only", choices=["soak", "stop"], help="a part of it")
options = parser.parse_args()

DOCUMENTED = {200, 400, 401, 404, 405, 408, 413, 415, 421, 422, 431, 500, 503, 504}
files = [path.read_bytes() for path in sorted(options.images.rglob("*")) if path.suffix in (".jpg", ".jpeg", ".png")][:16]


class Server:
    """A process that serves the model as "m"."""

    def __init__(self, folder=options.folder, *more):
        self.process = subprocess.Popen(
            [options.fovea, "serve", "m=" + folder, "--port", "0", *more], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
            text=True)
        line = self.process.stdout.readline()
        self.log = []
        threading.Thread(target=lambda: self.log.extend(self.process.stderr), daemon=True).start()
        self.port = int(re.search(r":(\d+)/", line)[1])

    def terminate(self):
        """Sends SIGTERM; gives the status, or None where it does not end within 30 seconds."""
        self.process.send_signal(signal.SIGTERM)
        try:
            return self.process.wait(timeout=30)
        except subprocess.TimeoutExpired:
            self.process.kill()
            return None

    def memory(self):
        """Resident bytes."""
        status = pathlib.Path(f"/proc/{self.process.pid}/status").read_text()
        return int(re.search(r"VmRSS:\s+(\d+)", status)[1]) * 1024


def connect(server, timeout=90):
    return socket.create_connection(("127.0.0.1", server.port), timeout=timeout)


def wait_until(holds):
    """Waits for a minute at most."""
    until = time.monotonic() + 60
    while not holds() and time.monotonic() < until:
        time.sleep(0.05)


def head(method, path, body=b"", headers=None, *, length=None):
    """A request's first bytes."""
    lines = {"Host": "127.0.0.1", "Content-Length": len(body) if length is None else length, **(headers or {})}
    return (f"{method} {path} HTTP/1.1\r\n" + "".join(f"{k}: {v}\r\n" for k, v in lines.items()) + "\r\n").encode("latin-1")


def exchange(server, data, method="GET"):
    """Status and body of the answer to some bytes; None where the connection ended without one."""
    with connect(server) as link:
        try:
            link.sendall(data)
        except (BrokenPipeError, ConnectionResetError):
            pass  # The answer may have come before the end of the request.
        answer = http.client.HTTPResponse(link, method=method)
        try:
            answer.begin()
            return answer.status, answer.read()
        except (http.client.BadStatusLine, ConnectionResetError):
            return None, b""


def chunk(name, data):
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))


def png(width, height, data=None):
    """A grey PNG of any size, of few bytes."""
    rows = zlib.compress(bytes((width + 1) * height)) if data is None else data
    return (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0))
        + chunk(b"IDAT", rows) + chunk(b"IEND", b""))


bomb = png(60_000, 60_000, zlib.compress(bytes(10_000_000)))
INFER = "/v2/models/m/infer"
JSON = {"Content-Type": "application/json"}
JPEG = {"Content-Type": "image/jpeg"}
image = files[0]
side = None  # Known once a server runs.


def tensor(data, shape, name="pixels", datatype="UINT8", **more):
    return json.dumps({"inputs": [{"name": name, "datatype": datatype, "shape": shape, "data": data}], **more}).encode()


def binary(content, shape, name="images", datatype="BYTES", size=None):
    text = json.dumps({"inputs": [{
        "name": name, "datatype": datatype, "shape": shape,
        "parameters": {"binary_data_size": len(content) if size is None else size}}]}).encode()
    return text + content, {"Inference-Header-Content-Length": len(text)}


def form(parts, boundary="xyz", end="--"):
    body = b"".join(
        f"--{boundary}\r\n".encode() + b"\r\n".join(headers) + b"\r\n\r\n" + content + b"\r\n" for headers, content in parts)
    return body + f"--{boundary}{end}\r\n".encode(), {"Content-Type": f"multipart/form-data; boundary={boundary}"}


PART = [b'Content-Disposition: form-data; name="image"; filename="a.jpg"']


def good(server, chance):
    """A request that must be answered as asked."""
    kind = chance.randrange(6)
    if kind == 0:
        body, headers = form([(PART, file) for file in chance.sample(files, chance.randint(1, 3))])
        return head("POST", "/v1/predict", body, headers) + body
    if kind == 1:
        body, headers = binary(b"".join(struct.pack("<I", len(f)) + f for f in files[:2]), [2])
        return head("POST", INFER, body, headers) + body
    if kind == 2:
        body = tensor([chance.randrange(256)] * (side * side * 3), [1, side, side, 3])
        return head("POST", INFER, body, JSON) + body
    if kind == 3:
        return head("GET", chance.choice(["/", "/v1/models", "/v2", "/v2/models/m", "/openapi.yaml", "/v2/health/ready"]))
    if kind == 4:
        file = chance.choice(files)
        return head("POST", "/v1/predict?maps=findings", file, JPEG) + file
    file = chance.choice(files)
    return head("POST", "/v1/predict", file, JPEG) + file


def damaged(file, chance):
    data = bytearray(file)
    for _ in range(chance.randint(1, 30)):
        data[chance.randrange(len(data))] = chance.randrange(256)
    return bytes(data[: chance.choice([len(data), chance.randrange(1, len(data))])])


def bad_images(chance):
    """Damaged images, bombs, and what only looks like an image."""
    body = chance.choice([
        lambda: damaged(chance.choice(files), chance), lambda: bomb, lambda: png(1, 1), lambda: png(5000, 1),
        lambda: chance.randbytes(chance.randint(1, 5000)), lambda: image[:200], lambda: image[:20] + bytes(5000),
        lambda: b"GIF89a" + chance.randbytes(100), lambda: b"II*\0" + chance.randbytes(200),
        lambda: b"<svg xmlns='http://www.w3.org/2000/svg' width='99999' height='99999'/>",
        lambda: b"%PDF-1.4\n" + chance.randbytes(50), lambda: b"RIFF\xff\xff\xff\xffWEBPVP8 " + chance.randbytes(50),
        lambda: b"\0\0\0\x0cjP  \r\n\x87\n" + chance.randbytes(100),
    ])()
    if chance.random() < 0.3:
        body, headers = form([(PART, body), (PART, image)])
        return head("POST", "/v1/predict", body, headers) + body
    if chance.random() < 0.3:
        body, headers = binary(struct.pack("<I", len(body)) + body, [1])
        return head("POST", INFER, body, headers) + body
    return head("POST", "/v1/predict?maps=all", body, chance.choice([JPEG, {"Content-Type": "image/png"}])) + body


def bad_tensors(chance):
    """JSON and bytes that are cut, wrong or hostile."""
    right = tensor([0] * (side * side * 3), [1, side, side, 3])
    bodies = [
        lambda: right[: chance.randrange(len(right))], lambda: b"[" * chance.randint(1, 100_000), lambda: b"",
        lambda: b'{"inputs":' * 100, lambda: tensor([0], [1, side, side, 3]), lambda: tensor([0] * 12, [1, 2, 2, 3]),
        lambda: tensor([256] * (side * side * 3), [1, side, side, 3]), lambda: tensor([1e999], [1]),
        lambda: tensor([], [2**62, 2**62, 2, 3]), lambda: tensor([], [-1, side, side, 3]), lambda: tensor([], [0]),
        lambda: tensor(["%%%"], [1], "images", "BYTES"), lambda: tensor([1], [1], "images", "BYTES"),
        lambda: tensor([base64.b64encode(image).decode()], [2], "images", "BYTES"),
        lambda: tensor([[[[0.5] * 3]]], [1, side, side, 3]), lambda: tensor(None, "x"), lambda: b"\xff\xfe{}",
        lambda: b'{"inputs": [], "inputs": []}', lambda: b'{"id": "\\ud800"}', lambda: b'"' + b"a" * 100_000,
        lambda: b"1" * 100_000, lambda: b"{" + b" " * 100_000, lambda: b'{"a":' + b"-" * 1000,
        lambda: tensor([0] * (side * side * 3), [1, side, side, 3], outputs=[{"name": "nothing"}]),
        lambda: tensor([0] * (side * side * 3), [1, side, side, 3], outputs=[{"name": "logits"}] * 2),
        lambda: json.dumps({"inputs": [{}] * 1000}).encode(), lambda: chance.randbytes(1000),
        lambda: b'{"inputs":[{"name":"pixels","data":[' + b"[]," * 200_000 + b"[]]}]}",
    ]
    bytes_bodies = [
        lambda: binary(b"", [1]), lambda: binary(b"\xff\xff\xff\xff", [1]), lambda: binary(b"\0\0\0\0" * 1000, [1]),
        lambda: binary(struct.pack("<I", len(image)) + image, [2]), lambda: binary(image, [1], size=2**63),
        lambda: binary(image, [1], size=0), lambda: binary(image, [1], size=-1),
        lambda: binary(bytes(side * side * 3 - 1), [1, side, side, 3], "pixels", "UINT8"),
        lambda: (right, {"Inference-Header-Content-Length": 2**64}), lambda: (right, {"Inference-Header-Content-Length": -5}),
        lambda: (right, {"Inference-Header-Content-Length": "x"}), lambda: (right, {"Inference-Header-Content-Length": 5}),
        lambda: binary(b"\0\0\0\0" * 256, [256]),
    ]
    if chance.random() < 0.6:
        body, headers = chance.choice(bodies)(), JSON
    else:
        body, headers = chance.choice(bytes_bodies)()
    path = chance.choice([INFER, INFER, INFER, "/v2/models/nobody/infer", "/v2/models/m/versions/0/infer"])
    return head("POST", path, body, headers) + body


def bad_forms(chance):
    """multipart/form-data that is cut, endless, empty or without files."""
    kinds = [
        lambda: form([]), lambda: form([(PART, image)], end=""), lambda: form([(PART, b"")] * 17),
        lambda: form([([b"A: b"], image)]), lambda: form([(PART + [b"X: " + b"x" * 20_000], image)]),
        lambda: form([(PART, b"\r\n--xy" * 5000)]), lambda: form([(PART, image)], boundary="y" * 71),
        lambda: (b"--xyz" * 10_000, {"Content-Type": "multipart/form-data; boundary=xyz"}),
        lambda: (b"\r\n--xyz" * 10_000, {"Content-Type": "multipart/form-data; boundary=xyz"}),
        lambda: (form([(PART, image)])[0], {"Content-Type": "multipart/form-data"}),
        lambda: (form([(PART, image)])[0], {"Content-Type": 'multipart/form-data; boundary="'}),
        lambda: (form([(PART, image)])[0], {"Content-Type": "multipart/form-data; boundary=other"}),
        lambda: (form([(PART, image)])[0][: chance.randint(1, len(image))],
                 {"Content-Type": "multipart/form-data; boundary=xyz"}),
        lambda: (chance.randbytes(3000), {"Content-Type": "multipart/form-data; boundary=a"}),
    ]
    body, headers = chance.choice(kinds)()
    return head("POST", "/v1/predict", body, headers) + body


def bad_http(chance):
    """What is wrong outside the body."""
    return chance.choice([
        lambda: head("GET", "/v2", headers={"X": "x" * chance.choice([17_000, 200_000])}),
        lambda: head("GET", "/v2", headers={f"X-{n}": n for n in range(500)}),
        lambda: head("GET", "/" + "a" * 100_000), lambda: head("GET", "/%zz"), lambda: head("GET", "/v2/models/%ff"),
        lambda: head(chance.choice(["PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "CONNECT", "BREW", "GET"]), "/v1/predict"),
        lambda: head("POST", "/v2", image) + image, lambda: head("GET", "/v2", headers={"Host": "evil.example"}),
        lambda: b"GET /v2 HTTP/1.1\r\n\r\n", lambda: b"GET /v2 HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
        lambda: b"GET /v2 HTTP/9.9\r\nHost: localhost\r\n\r\n", lambda: b"\x16\x03\x01" + chance.randbytes(200) + b"\r\n\r\n",
        lambda: b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", lambda: chance.randbytes(500) + b"\r\n\r\n",
        lambda: head("POST", "/v1/predict", length=33 << 20, headers=JPEG), lambda: head("POST", "/v1/predict", length="x"),
        lambda: head("POST", "/v1/predict", length=-1), lambda: head("POST", "/v1/predict", length="9" * 40),
        lambda: head("POST", "/v1/predict", image, {**JPEG, "Transfer-Encoding": "chunked"}) + image,
        lambda: b"POST /v1/predict HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        lambda: b"POST /v1/predict HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\nffffffffffffffffff\r\n",
        lambda: head("POST", "/v1/predict", image, {"Content-Type": "text/html"}) + image,
        lambda: head("POST", "/v1/predict", image, {**JPEG, "Content-Encoding": "br"}) + image,
        lambda: head("POST", "/v1/predict?maps=x&maps=y&%00=%ff", image, JPEG) + image,
        lambda: head("POST", "/v1/predict?" + "map=a&" * 2000, image, JPEG) + image,
        lambda: b"G E T / HTTP/1.1\r\n\r\n", lambda: b"GET / HTTP/1.1\r\nHost : localhost\r\nA b\r\n\r\n",
    ])()


def leave(server, chance):
    """Goes away in the middle: of the head, of the body, or before the answer."""
    body = chance.choice(files)
    data = head("POST", "/v1/predict", body, chance.choice([JPEG, {**JPEG, "Expect": "100-continue"}])) + body
    with connect(server) as link:
        link.sendall(data[: chance.choice([len(data), chance.randrange(1, len(data)), chance.randrange(1, 60)])])
        if chance.random() < 0.5:  # Not politely, either.
            link.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        time.sleep(chance.random() * 0.05)


def drive(server, count, seed, until):
    """Sends requests from all threads; counts of what was answered, and what should not have been."""
    seen, wrong = collections.Counter(), []
    numbers, lock = iter(range(count)), threading.Lock()

    def work():
        while time.monotonic() < until:
            with lock:
                number = next(numbers, None)
            if number is None:
                return
            chance = random.Random(seed * 1_000_003 + number)
            kind = chance.choice([bad_images, bad_tensors, bad_forms, bad_http, leave]) if number % 3 == 0 else good
            name, data, status, body = kind.__name__, b"", None, b""
            try:
                if kind is leave:
                    leave(server, chance)
                    status = "left"
                else:
                    data = good(server, chance) if kind is good else kind(chance)
                    status, body = exchange(server, data)
            except Exception as error:
                status = type(error).__name__
            right = status == "left" or status in DOCUMENTED and (
                status in (200, 503) if kind is good else status != 500)
            if right and isinstance(status, int) and status >= 400:
                try:
                    right = list(json.loads(body)) == ["error"]
                except ValueError:
                    right = False
            with lock:
                seen[name, status] += 1
                if not right and len(wrong) < 20:
                    wrong.append((number, name, status, body[:200], data[:300]))

    threads = [threading.Thread(target=work) for _ in range(options.threads)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return seen, wrong


def soak():
    global side
    server = Server()
    try:
        _, body = exchange(server, head("GET", "/v1/models"))
        side = json.loads(body)["models"][0]["resolution"]
        until = time.monotonic() + options.seconds
        _, wrong = drive(server, options.warm_up, options.seed, until)
        check("the warm-up gets only documented answers", not wrong, "\n" + "\n".join(map(str, wrong)))
        time.sleep(1)
        before, start = server.memory(), time.monotonic()
        seen, wrong = drive(server, options.requests, options.seed + 1, until)
        time.sleep(3)
        seconds, total = time.monotonic() - start, sum(seen.values())
        for (name, status), count in sorted(seen.items(), key=str):
            print(f"  {name:12} {status}: {count}")
        check("the server still runs", server.process.poll() is None, server.process.poll())
        growth = (server.memory() - before) / 1e6
        print(f"  {total} requests in {seconds:.0f} s, resident memory {before / 1e6:.0f} MB, grown by {growth:.1f} MB")
        check("all requests were made", total == options.requests, total)
        check("only documented answers come", not wrong, "\n" + "\n".join(map(str, wrong)))
        check("resident memory grows by less than 20 MB", growth < 20, f"{growth:.1f} MB")
        status, body = exchange(server, head("POST", "/v1/predict", image, JPEG) + image)
        check("the server still answers", status == 200 and json.loads(body)["images"][0]["findings"], (status, body[:300]))
        _, body = exchange(server, head("GET", "/metrics"))
        gauges = dict(line.split() for line in body.decode().splitlines() if line.startswith(("fovea_requests_in", "fovea_images_w")))
        check("nothing is left in progress", set(gauges.values()) == {"0"}, gauges)
        lines = collections.Counter(server.log)
        check("the log is quiet", len(server.log) <= 2, lines.most_common(10))
    finally:
        server.process.kill()
        server.process.wait()


def stop():
    """SIGTERM while requests are answered: each one that was accepted before gets its answer, each other one that or a refusal."""
    server = Server()
    stopping, signalled = threading.Event(), threading.Event()
    lock, seen, lost = threading.Lock(), collections.Counter(), []
    request = head("POST", "/v1/predict", image, {**JPEG, "Expect": "100-continue"})

    def ask(link):
        """What became of a request. The server accepts one by `100 Continue`; before that it may end the connection."""
        isAccepted = False
        stream = link.makefile("rb")
        try:
            link.sendall(request)
            first = stream.readline()
            if first.startswith(b"HTTP/1.1 100 "):
                isAccepted = True
                stream.readline()
                link.sendall(image)
                first = stream.readline()
            if not isAccepted and not first:
                raise ConnectionResetError
            status = int(first.split()[1])
            body = stream.read(int(http.client.parse_headers(stream)["content-length"]))
            return status, status in (200, 503) and json.loads(body)
        except Exception as error:
            # A server that has not been told to stop refuses nobody.
            isRefused = isinstance(error, ConnectionError) and not isAccepted and signalled.is_set()
            return f"{type(error).__name__}, {'refused' if isRefused else 'lost'}", isRefused

    def work():
        while not stopping.is_set():
            try:
                link = connect(server)
            except OSError as error:
                if not signalled.is_set():
                    lost.append(repr(error))
                return  # Nobody listens any more.
            with link:
                outcome, isRight = ask(link)
            with lock:
                seen[outcome] += 1
                if not isRight:
                    lost.append(outcome)

    threads = [threading.Thread(target=work) for _ in range(options.threads)]
    for thread in threads:
        thread.start()
    wait_until(lambda: seen[200] >= options.threads)
    # Connections that do nothing must not hold the end up.
    idle = [connect(server) for _ in range(4)]
    idle[0].sendall(b"POST /v1/predict HTTP/1.1\r\nHost: localhost\r\nContent-Length: 10\r\n\r\n12")
    idle[1].sendall(b"GET /v2 HT")
    signalled.set()
    start = time.monotonic()
    code = server.terminate()
    seconds = time.monotonic() - start
    stopping.set()
    for thread in threads:
        thread.join()
    print(f"  stopped after {seconds:.1f} s: {dict(seen)}")
    check("SIGTERM ends the server with status 143", code == 143, code)
    # 5 for the answers and 2 for clients that are told so and may still be sending; the rest is for a busy machine.
    check("it ends within its 5 + 2 seconds", seconds < 25, f"{seconds:.1f} s")
    check("no request is lost", not lost, lost[:10])
    check("requests were answered", seen[200] > 0, seen)


def crowd():
    """2,000 connections: 1,024 are open and answered, and as these end the others are."""
    count, most = 2000, 1024
    # Connections that come together are accepted together, before they are counted.
    together = 16
    if resource.getrlimit(resource.RLIMIT_NOFILE)[1] < count + 200:
        return print(f"  Skipped: {count} connections. This needs {count + 200} open files (ulimit -Hn).")
    resource.setrlimit(resource.RLIMIT_NOFILE, (count + 200, resource.getrlimit(resource.RLIMIT_NOFILE)[1]))
    server = Server()

    def open_files():
        return len(os.listdir(f"/proc/{server.process.pid}/fd"))

    def answered():
        """Connections that are answered and that the server has not ended."""
        poll = select.poll()
        for number in links:
            poll.register(number, select.POLLIN | select.POLLRDHUP)
        return [number for number, events in poll.poll(0) if events == select.POLLIN]

    own = open_files()
    links = {link.fileno(): link for link in (connect(server) for _ in range(count))}
    for link in links.values():
        link.sendall(head("GET", "/v2"))
    wait_until(lambda: len(answered()) >= most)
    time.sleep(1)  # In which no more are.
    first = answered()
    check(f"of {count} connections about {most} are answered", most <= len(first) < most + together, len(first))
    check("the server has no more than these open", open_files() <= own + len(first), (own, open_files()))
    for number in first:
        links.pop(number).close()
    wait_until(lambda: len(answered()) == len(links))
    status = collections.Counter(link.recv(12) for link in links.values())
    check("the others are answered when those end", set(status) == {b"HTTP/1.1 200"}, status)
    server.process.kill()
    server.process.wait()


def desert():
    """SIGTERM while the network computes for clients that have left: nothing holds the end up, and it is an orderly one."""
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run(
            [options.fovea, "bench", "inference", "--model", "resnet50", "--size", "224", "--steps", "1", "--warmup", "0",
             "--save", folder + "/slow"], check=True, capture_output=True)
        server = Server(folder + "/slow", "--any-image")
        data = head("POST", "/v1/predict", image, JPEG) + image
        links = [connect(server) for _ in range(32)]
        for link in links:
            link.sendall(data)
        # Until the first batch, of one image, is computed and the next one is begun.
        links[0].recv(1)
        time.sleep(0.2)
        for link in links:
            link.close()
        code = server.terminate()
        check("a stop while the network computes for nobody ends with status 143", code == 143, (code, server.log[-5:]))


if options.only != "stop":
    soak()
if options.only != "soak":
    stop()
    crowd()
    desert()
finish()
