#!/bin/sh
# Tries the wheel of `make wheel` in a new virtual environment: the command, its statuses, the server, the Python module.
#
#     tools/test_wheel.sh WHEEL
#
# pip brings torch, of which the public wheel has the libraries of CUDA: about 3 GB, from pip's cache the second time.
set -eu
wheel=$(realpath "$1")
project=$(realpath "$(dirname "$0")/..")
place=$(mktemp -d)
server=
trap '[ -z "$server" ] || kill -KILL "$server"; rm -rf "$place"' EXIT
trap 'exit 130' INT TERM
cd "$place"
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check "$wheel" -r "$project/tools/python-module.txt"
fovea=$place/venv/bin/fovea
export FOVEA_CACHE="$place/cache"

"$fovea" doctor | tee doctor
grep -q "venv/lib/python.*/torch/lib/libtorch_cpu.so" doctor
grep -q "venv/lib/python.*/fovea/lib/libvips" doctor
documents() { # documents FOLDER: that it has every document that help names
    for name in $(for command in train evaluate predict prepare serve; do "$fovea" "$command" --help; done |
        tr -s ' \n' '\n' | grep -o 'docs/[a-z-]*\.md' | sort -u); do test -s "$1/${name#docs/}"; done
    test -s "$1/images/demo-report.png"
}
documents "$(sed -n 's/^[^ ]* documents *//p' doctor)"
venv/bin/pip show --verbose fovea > shown
grep -q "^Author: The Fovea authors" shown
test "$(venv/bin/python -c 'import fovea; print(fovea.__version__)')" = "$("$fovea" --version)"
"$fovea" phantoms phantoms --training 24 --validation 12 --positives 1 --side 64
"$fovea" train "$project/tools/tiny-run.yaml" --log-level warning > table
"$fovea" predict run phantoms/images --json > predictions.json
grep -q '"probabilities"' predictions.json

expect() { # expect STATUS COMMAND...: that a command ends with a status
    expected=$1
    shift
    status=0
    "$@" > said 2>&1 || status=$?
    [ "$status" = "$expected" ] || { echo "error: $* ended with $status, not with $expected"; cat said; exit 1; }
}
# Statuses and signals pass through.
expect 65 "$fovea" predict nowhere phantoms/images
sed 's/epochs: 1, /epochs: 10000, /; s/output: run/output: long/' "$project/tools/tiny-run.yaml" > long.yaml
expect 143 timeout --preserve-status --signal TERM 10 "$fovea" train long.yaml
# The server answers about a photograph, and SIGTERM ends it.
"$fovea" serve run --port 0 > address &
server=$!
waited=0
until [ -s address ] || [ $waited = 600 ]; do sleep 0.1; waited=$((waited + 1)); done
venv/bin/python - "$(cat address)" phantoms/images/* << 'END'
import json, sys, urllib.request
address, image = sys.argv[1:3]
assert json.load(urllib.request.urlopen(address + "v2/health/ready", timeout=60)) == {"ready": True}
answer = json.load(urllib.request.urlopen(address + "v1/predict", open(image, "rb").read(), timeout=60))
print("served:", answer["images"][0]["findings"][0])
END
kill "$server"
status=0
wait "$server" || status=$?
server=
[ $status = 143 ] || { echo "error: the server ended with $status, not with 143"; exit 1; }
# Another torch is refused.
mkdir -p other/torch other/torch-2.10.0.dist-info
touch other/torch/__init__.py
printf 'Metadata-Version: 2.1\nName: torch\nVersion: 2.10.0\n' > other/torch-2.10.0.dist-info/METADATA
expect 69 env PYTHONPATH=other "$fovea" doctor
grep -q "needs torch 2.11.0 in the same Python environment; it is 2.10.0" said

# The module, against the program.
FOVEA=$fovea FOVEA_RUN=$place/run FOVEA_PHOTOGRAPHS=$place/phantoms/images venv/bin/python -m unittest discover --start-directory "$project/python/tests"
echo "The wheel works in a new virtual environment."
