"""What the scripts of this folder share: one line for each check, and their arguments.

Each script takes the address of a running `fovea serve` and ends with status 1 where a check fails.
"""

import argparse
import importlib.util
import json
import pathlib
import sys
import traceback
import urllib.error
import urllib.request

failed = []


def check(name, holds, detail=""):
    """Prints PASS or FAIL and the name of a check."""
    print(f"{'PASS' if holds else 'FAIL'} {name}{'' if holds or detail == '' else f': {detail}'}", flush=True)
    if not holds:
        failed.append(name)
    return holds


def needs(package):
    """Ends the script with status 77 where a package is missing, which some do for the oldest or newest Python."""
    if importlib.util.find_spec(package) is None:
        print(f"this Python has no {package}: tools/python-tests.txt")
        sys.exit(77)


def group(body):
    """Runs checks; an exception in them is a failed check."""
    try:
        body()
    except Exception:
        check(body.__name__, False, traceback.format_exc())


def finish():
    """Ends the script."""
    print(f"{len(failed)} failed" if failed else "all passed")
    sys.exit(1 if failed else 0)


class Arguments:
    """The command line: URL --images FOLDER [--expected FILE] [--model NAME] [--token TOKEN]."""

    def __init__(self, description, *, expected=False, images=True, more=()):
        parser = argparse.ArgumentParser(description=description)
        parser.add_argument("url", help="of the server, such as http://127.0.0.1:8080")
        parser.add_argument("--model", help="as requests call it (default: the first one)")
        parser.add_argument("--token", help="where the server has one")
        if images:
            parser.add_argument("--images", required=True, type=pathlib.Path, help="a folder of photographs")
        if expected:
            parser.add_argument(
                "--expected", required=True, type=pathlib.Path, help="what `fovea predict --json` prints for some of them")
        for name, options in more:
            parser.add_argument(name, **options)
        self.options = parser.parse_args()
        self.url = self.options.url.rstrip("/")
        self.host = self.url.removeprefix("http://")
        self.token = self.options.token
        self.model = self.options.model or self.json("/v1/models")["models"][0]["name"]
        if images:
            self.files = sorted(
                path for path in self.options.images.rglob("*") if path.suffix in (".jpg", ".jpeg", ".png", ".tif"))
        if expected:
            self.expected = Expected(self.options.expected, self.options.images)

    @property
    def headers(self):
        """Those of a request; a new dictionary each time, since clients write into it."""
        return {"Authorization": f"Bearer {self.token}"} if self.token else {}

    def request(self, path, body=None, headers=None, method=None):
        """Status, headers and body of an answer."""
        request = urllib.request.Request(
            self.url + path, data=body, method=method, headers={**self.headers, **(headers or {})})
        try:
            with urllib.request.urlopen(request, timeout=120) as answer:
                return answer.status, answer.headers, answer.read()
        except urllib.error.HTTPError as answer:
            return answer.code, answer.headers, answer.read()

    def json(self, path, body=None, headers=None):
        """The body of an answer."""
        return json.loads(self.request(path, body, headers)[2])


class Expected:
    """What the command line says of some photographs."""

    def __init__(self, file, folder):
        document = json.loads(file.read_text())
        self.classes = document["classes"]
        self.rows = document["predictions"]
        self.files = [(folder / row["image"]).read_bytes() for row in self.rows]

    def probabilities(self, number, isCalibrated=True):
        """Of one photograph, in the order of the classes; calibrated ones where there are."""
        row = self.rows[number]
        values = (row.get("calibrated") if isCalibrated else None) or row["probabilities"]
        return [values[name] for name in self.classes]


def distance(a, b):
    """The largest difference of two lists of numbers; infinite where their lengths differ."""
    a, b = list(a), list(b)
    return max((abs(x - y) for x, y in zip(a, b)), default=0) if len(a) == len(b) else float("inf")


TOLERANCE = 1e-5
