"""curl against `fovea serve`: what people type, and what curl does by itself (Expect, multipart, HEAD, pipelines)."""

import json
import os
import pathlib
import subprocess
import sys
import tempfile

from checks import Arguments, check, finish

arguments = Arguments(__doc__)
url, image = arguments.url, arguments.files[0]
predict = f"{url}/v1/predict?model={arguments.model}"
token = ["-H", f"Authorization: Bearer {arguments.token}"] if arguments.token else []


def curl(*words, body=None, anonymous=False):
    """Status, headers and body of the last answer, and what curl said."""
    with tempfile.TemporaryDirectory() as folder:
        files = [os.path.join(folder, name) for name in ("headers", "body")]
        result = subprocess.run(
            ["curl", "-sS", "-v", "--max-time", "120", "-D", files[0], "-o", files[1], "-w", "%{http_code}",
             *([] if anonymous else token), *map(str, words)],
            input=body, capture_output=True)
        headers, content = (pathlib.Path(file).read_bytes() if os.path.exists(file) else b"" for file in files)
    status = int(result.stdout.decode()[-3:] or 0)
    said = f"curl ended with {result.returncode}: {result.stderr.decode(errors='replace')[-1500:]}"
    return status, headers.decode().lower(), content, said


def refused(name, status, *words, text="", **options):
    found, headers, content, said = curl(*words, **options)
    try:
        error = json.loads(content)["error"]
    except ValueError:
        error = None
    check(name, found == status and error and text in error, (found, content[:300], said))
    return headers


def answered(name, count, *words, **options):
    status, _, content, said = curl(*words, **options)
    images = json.loads(content)["images"] if status == 200 else []
    check(name, len(images) == count and all(i["error"] is None and i["findings"] for i in images), (status, content[:300], said))
    return images


jpeg = ["-H", "Content-Type: image/jpeg"]
raw = answered("a raw image", 1, predict, *jpeg, "--data-binary", f"@{image}")
answered("a raw image without a type", 1, predict, "-H", "Content-Type:", "--data-binary", f"@{image}")
answered("a raw image with curl's own type", 1, predict, "--data-binary", f"@{image}")
answered("a raw image with -T and POST", 1, "-X", "POST", predict, "-T", image)
answered("a raw image in chunks", 1, predict, *jpeg, "-H", "Transfer-Encoding: chunked", "--data-binary", f"@{image}")
form = answered("a form with one file", 1, predict, "-F", f"image=@{image}")
check("raw and form have the same findings", form and raw and form[0]["findings"] == raw[0]["findings"])
files = [word for file in arguments.files[:16] for word in ("-F", f"image=@{file}")]
answered("a form with 16 files", len(arguments.files[:16]), predict, *files)
maps = answered("maps of the findings", 1, predict + "&maps=findings", *jpeg, "--data-binary", f"@{image}")
drawn = [f["class"] for f in maps[0]["findings"] if f["map"]] if maps else []
above = [f["class"] for f in maps[0]["findings"] if f["above"]] if maps else []
check("maps are those of the findings", drawn == (above or drawn[:1]) and drawn, (drawn, above))
answered("maps of all classes", 1, predict + "&maps=all", *jpeg, "--data-binary", f"@{image}")
named = answered("a map of one class", 1, predict + f"&map={drawn[0]}", *jpeg, "--data-binary", f"@{image}")
check("one map is drawn", named and [f["class"] for f in named[0]["findings"] if f["map"]] == drawn[:1])
status, _, content, said = curl(predict, "-F", f"image=@{image}", "-F", "image=@-;filename=x.jpg", body=b"no image")
both = json.loads(content)["images"] if status == 200 else [{}, {}]
check(
    "of two files the damaged one has an error, the other findings",
    both[0].get("findings") and both[1].get("error") and both[1]["findings"] == [] and both[1]["width"] is None, said)

# A large body: curl sends Expect: 100-continue by itself above 1 MiB, and waits for the answer a second.
large = image.read_bytes() + bytes(4 << 20)
for version in ("--http1.1", "--http1.0"):
    status, headers, content, said = curl(
        version, predict, *jpeg, "--data-binary", "@-", "--expect100-timeout", "20", "-w", "%{time_total} %{http_code}",
        body=large)
    check(f"an image with 4 MiB behind it, {version}", status in (200, 422), (status, content[:300], said))
    if version == "--http1.1":
        check("100 Continue came", "100 continue" in headers or "HTTP/1.1 100" in said, said)
too = ["--data-binary", "@-", *jpeg]
refused("33 MiB are refused before they are sent", 413, predict, *too, body=bytes(33 << 20), text="33554432")
refused("33 MiB without Expect", 413, predict, *too, "-H", "Expect:", body=bytes(33 << 20))
refused("33 MiB in chunks", 413, predict, *too, "-H", "Expect:", "-H", "Transfer-Encoding: chunked", body=bytes(33 << 20))
refused("17 files are refused", 413, predict, *["-F", f"image=@{image}"] * 17, text="16")

refused("another type", 415, predict, "-H", "Content-Type: text/html", "--data-binary", f"@{image}")
refused("a compressed body", 415, predict, *jpeg, "-H", "Content-Encoding: gzip", "--data-binary", f"@{image}")
refused("a text", 422, predict, *jpeg, "--data-binary", "no image")
refused("an empty body", 400, "-X", "POST", predict, *jpeg)
refused("a form without a file", 400, predict, "-F", "image=text", text="not a file")
refused("an unknown option", 400, predict + "&colour=red", *jpeg, "--data-binary", f"@{image}", text="colour")
refused("maps and map together", 400, predict + f"&maps=all&map={drawn[0]}", *jpeg, "--data-binary", f"@{image}")
refused("an unknown model", 404, url + "/v1/predict?model=nobody", *jpeg, "--data-binary", f"@{image}", text="no model")
headers = refused("GET where POST is wanted", 405, predict)
check("Allow says POST", "allow: post" in headers, headers)
headers = refused("POST where GET is wanted", 405, url + "/v1/models", "-d", "x")
check("Allow says GET, HEAD", "allow: get, head" in headers, headers)
refused("an unknown path", 404, url + "/nothing")
refused("a path that climbs", 404, "--path-as-is", url + "/../../etc/passwd")
refused("long headers", 431, url + "/v2", "-H", "X: " + "x" * 20000)
refused("many headers", 431, url + "/v2", *[word for n in range(150) for word in ("-H", f"X-{n}: 1")])
refused("another Host", 421, url + "/v2/health/live", "-H", "Host: evil.example")
status, headers, content, said = curl(url + "/v2/health/live", "-H", "Host: LOCALHOST:1")
check("localhost in capitals with another port", status == 200, said)

for path in ("/", "/page.css", "/page.js", "/openapi.yaml", "/v1/models", "/v2", "/v2/health/ready", f"/v2/models/{arguments.model}"):
    status, headers, content, said = curl("--head", url + path)
    length = next((int(line.split(":")[1]) for line in headers.splitlines() if line.startswith("content-length")), -1)
    get = curl(url + path)
    check(f"HEAD {path} is GET without the body", status == 200 and length == len(get[2]), (status, headers, len(get[2])))
    check(f"{path} is not sniffed or stored", "nosniff" in headers and "no-store" in headers, headers)
status, headers, _, said = curl("--head", predict)
check("HEAD where POST is wanted is refused without a body", status == 405 and "ended with 0" in said, said)
page = curl(url + "/")[1]
check("the page has a strict policy", "content-security-policy: default-src 'none'" in page, page)

# One connection for several requests.
said = curl(url + "/v2", url + "/v2/health/live", "-o", os.devnull)[3]
check("a connection is used again", "Re-using existing connection" in said, said)

if arguments.token:
    for path in ("/", "/page.css", "/page.js", "/v2/health/live", "/v2/health/ready"):
        check(f"{path} needs no token", curl(url + path, anonymous=True)[0] == 200)
    for path in ("/v1/models", "/metrics", "/openapi.yaml", "/v2", f"/v2/models/{arguments.model}", "/nothing"):
        headers = refused(f"{path} needs the token", 401, url + path, anonymous=True, text="token")
        check(f"{path} says how", "www-authenticate: bearer" in headers, headers)
    refused("an image needs the token", 401, predict, *jpeg, "--data-binary", f"@{image}", anonymous=True)
    for wrong in (arguments.token[:-1], arguments.token + "x", "", arguments.token.swapcase()):
        refused("another token is refused", 401, url + "/v2", "-H", f"Authorization: Bearer {wrong}", anonymous=True)
    refused("another scheme is refused", 401, url + "/v2", "-u", f"x:{arguments.token}", anonymous=True)
    status = curl(url + "/v2", "-H", f"Authorization: bearer {arguments.token}", anonymous=True)[0]
    check("the scheme in lower case is taken", status == 200, status)
finish()
