"""What only a bare socket can send to `fovea serve`: pipelines, half-closed and stalled connections, and greedy callers.

Takes about 40 seconds with the limits of `fovea serve`, since it waits for them.
"""

import http.client
import json
import math
import select
import socket
import struct
import threading
import time
import zlib

from checks import Arguments, check, finish, group

arguments = Arguments(__doc__, more=(
    ("--limit", {"type": float, "default": 30, "help": "seconds that the server gives a body and an idle connection"}),
    ("--small", {"action": "store_true", "help": "a tenth of the load, in a process that does other things too: its memory is not judged"})))
limit, share = arguments.options.limit, 10 if arguments.options.small else 1
SLACK = 30  # seconds that a busy machine may be late
host, port = arguments.host.split(":")
image = arguments.files[0].read_bytes()
token = f"Authorization: Bearer {arguments.token}\r\n" if arguments.token else ""
LIVE = b"GET /v2/health/live HTTP/1.1\r\nHost: localhost\r\n\r\n"
predict = f"/v1/predict?model={arguments.model}"
infer = f"/v2/models/{arguments.model}/infer"


def post(body=b"", headers="", length=None, path=predict):
    length = f"Content-Length: {len(body) if length is None else length}\r\n" if length != "" else ""
    return f"POST {path} HTTP/1.1\r\nHost: localhost\r\n{token}{length}{headers}\r\n".encode() + body


def exchange(data, count=1, *, half=False, ends=False):
    """Answers as (status, body), and whether the connection then ended, for which it waits with `ends`."""
    answers = []
    with socket.create_connection((host, int(port)), timeout=60) as link:
        link.sendall(data)
        if half:
            link.shutdown(socket.SHUT_WR)
        stream = link.makefile("rb")
        while len(answers) < count:
            try:
                head = stream.readline().split()
                if not head:
                    return answers, True
                headers = http.client.parse_headers(stream)
                if head[1] != b"100":  # May come before any answer.
                    answers.append((int(head[1]), stream.read(int(headers["content-length"] or 0))))
            except OSError as error:
                answers.append((type(error).__name__, b""))
                return answers, True
        link.settimeout(SLACK)
        try:
            # What is refused so says it; an idle connection ends too.
            isTold = answers[-1][0] < 400 or headers["connection"] == "close"
            return answers, ends and isTold and stream.read(1) == b""
        except OSError:
            return answers, False


def gets(name, wanted, data, *, half=False, ends=False):
    """A check of the statuses of answers, whose refusals have a text."""
    answers, ended = exchange(data, len(wanted), half=half, ends=ends)
    right = [status for status, _ in answers] == wanted and ended == ends
    for status, body in answers:
        if isinstance(status, int) and status >= 400:
            try:
                right = right and list(json.loads(body)) == ["error"]
            except ValueError:
                right = False
    check(name, right, (answers, ended))


def order():
    gets("three requests at once get three answers", [200, 200, 200], LIVE * 3)
    gets("a request behind an image is answered", [200, 200], post(image) + LIVE)
    gets("a request behind a refused body is answered", [405, 200], post(b"hello", path="/v2") + LIVE)
    gets("a client that ends its side is answered", [200], post(image), half=True, ends=True)
    gets("a body that ends too early is refused", [400], post(b"abc", length=100), half=True, ends=True)
    gets("a head that ends too early is refused", [400], b"POST /v1/pre", half=True, ends=True)
    chunks = b"5;a=b\r\nhello\r\n0\r\nX: y\r\n\r\n"
    gets("chunks may have extensions and trailers", [422, 200], post(chunks, "Transfer-Encoding: chunked\r\n", "") + LIVE)
    gets("a chunk without a length is refused", [400], post(b"zz\r\n", "Transfer-Encoding: chunked\r\n", ""), ends=True)
    gets("a length and chunks are refused", [400], post(b"0\r\n\r\n", "Transfer-Encoding: chunked\r\n"), ends=True)
    gets("two lengths are refused", [400], post(b"hello", "Content-Length: 6\r\n"), ends=True)
    gets("TLS is refused", [400], b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"a" * 300, ends=True)
    gets("what is not HTTP behind a request is refused after its answer", [200, 400], LIVE + b"\0garbage\r\n\r\n", ends=True)
    gets(
        "what is not HTTP behind an image is refused after its answer", [200, 400], post(image) + b"\0garbage\r\n\r\n",
        ends=True)


def stalls():
    """Each ends after the time that a body or an idle connection has, with 408 where a head has come."""
    def timed(name, wanted, data, drip=None):
        def run():
            start = time.monotonic()
            with socket.create_connection((host, int(port)), timeout=limit + SLACK) as link:
                link.sendall(data)
                found = b""
                try:
                    while True:
                        link.settimeout(min(1, limit / 10) if drip else limit + SLACK)
                        try:
                            more = link.recv(1 << 16)
                            if not more:
                                break
                            found += more
                        except TimeoutError:
                            if not drip or time.monotonic() - start > limit + SLACK:
                                break
                        if drip and not found.endswith(b"}"):
                            link.sendall(drip)
                except OSError:
                    pass
            seconds = time.monotonic() - start
            text = found.decode()
            right = text.startswith(f"HTTP/1.1 {wanted} ") and '{"error":' in text if wanted else text == ""
            check(f"{name} ends after {limit:g} seconds", right and limit * 0.9 < seconds < limit + SLACK, (seconds, text))

        thread = threading.Thread(target=run)
        thread.start()
        return thread

    threads = [
        timed("a body that stalls", 408, post(b"abc", length=100)),
        timed("a body that drips", 408, post(b"abc", length=100), b"x"),
        timed("a head that stalls", None, b"GET /v2 HT"),
        timed("a head that drips", None, b"GET /v2 HTTP/1.1\r\nX: ", b"x"),
        timed("a connection that says nothing", None, b""),
    ]
    idle = []
    for _ in range(500):
        idle.append(socket.create_connection((host, int(port))))
        idle[-1].sendall(b"GET /v2 HT")
    gets("500 connections that stall do not keep others waiting", [200], LIVE)
    for thread in threads:
        thread.join()
    for link in idle:
        link.close()


def heads():
    """An address and headers above 16 KiB are refused, also those that never end."""
    gets("an address of 17 KiB is refused", [431], b"GET /" + b"a" * (17 << 10) + b" HTTP/1.1\r\nHost: localhost\r\n\r\n", ends=True)
    for name, start, more in [
        ("an address", b"GET /", b"a"), ("a header", b"GET /v2 HTTP/1.1\r\nX: ", b"x"),
        ("a list of headers", b"GET /v2 HTTP/1.1\r\n", b"X: y\r\n"),
    ]:
        gets(f"{name} that does not end is refused", [431], start + more * ((64 << 10) // len(more)), ends=True)


def disc(side):
    """A large photograph of few bytes that takes long to decode."""
    rows = []
    for y in range(side):
        half = int(math.sqrt(max(0, (0.48 * side) ** 2 - (y - side / 2) ** 2)))
        black = bytes(3 * (side // 2 - half))
        rows.append(b"\0" + black + b"\xb4\x5a\x28" * (side - 2 * (side // 2 - half)) + black)

    def chunk(name, data):
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))

    return (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0))
        + chunk(b"IDAT", zlib.compress(b"".join(rows), 1)) + chunk(b"IEND", b""))


def greed():
    """One caller must not take the memory or the time of all others."""
    def resident():
        text = arguments.request("/metrics")[2].decode()
        return float(next(line for line in text.splitlines() if line.startswith("process_resident")).split()[1]) / 1e6

    before = resident()
    for value in (b'{"a":0},', b"[0],", b"[],", b'"",', b"0,"):
        body = b'{"inputs":[' + value * ((31 << 20) // share // len(value)) + b"0]}"
        status, _, _ = arguments.request(infer, body, {"Content-Type": "application/json"})
        grown = resident() - before
        check(f"{len(body) >> 20} MiB of {value.decode()} are refused without 300 MB", status == 400 and (grown < 300 or share > 1), (status, grown))

    large = disc(4000 // int(share**0.5))
    status = arguments.request(predict, large, {"Content-Type": "image/png"})[0]
    check("a large photograph is answered", status == 200, status)
    count = 40
    content = (struct.pack("<I", len(large)) + large) * count
    text = json.dumps({"inputs": [{
        "name": "images", "datatype": "BYTES", "shape": [count], "parameters": {"binary_data_size": len(content)}}]})
    links = []
    for _ in range(16):
        links.append(socket.create_connection((host, int(port))))
        links[-1].sendall(post(
            text.encode() + content, f"Inference-Header-Content-Length: {len(text)}\r\n", path=infer))
        time.sleep(0.1)
    status = arguments.request(predict, image, {"Content-Type": "image/jpeg"})[0]
    answered = select.select(links, [], [], 0)[0]
    for link in links:
        link.close()
    check(
        "a caller with one image is answered before others with 40 each", status == 200 and len(answered) < len(links),
        (status, len(answered)))


for part in (order, stalls, heads, greed):
    group(part)
finish()
