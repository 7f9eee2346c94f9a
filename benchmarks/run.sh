#!/usr/bin/env bash
# `make bench`: Fovea's own timings, then predictions and training steps in alternating pairs with others.
# The server is tried where wrk is installed. PyTorch and ONNX Runtime are installed into an environment of their own,
# only for this; torch.compile needs g++. Nothing else may run meanwhile.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
fovea="$here/../.build/release/fovea"
"$fovea" bench evaluation
files=$(mktemp -d)
trap 'rm -rf "$files"' EXIT
"$fovea" phantoms "$files" --training 500 --validation 60 --side 512 --log-level error
# As many images as the machine trains in half a minute or so, and then four times as many: the memory is the same.
"$fovea" bench loader --images "$files/images" --model resnet50 --count 128 --epochs 3
"$fovea" bench loader --images "$files/images" --model mobilenetv1 --count 256 --epochs 5
"$fovea" bench loader --images "$files/images" --model mobilenetv1 --count 1024 --epochs 5
if command -v wrk > /dev/null; then
    "$here/serve_load.py" "$(find "$files/images" -name '*.*' | sort | head -n 1)" --fovea "$fovea"
else
    echo "Skipped: the server under load, which needs wrk (Debian and Ubuntu: apt-get install wrk)."
fi
python=$("$here/../tools/python_environment.sh" "$here/../tools/python-reference.txt" | tail -n 1)
"$python" "$here/inference_torch.py" --fovea "$fovea" --threads "$(nproc)"
"$python" "$here/pairs.py" --fovea "$fovea" --threads "$(nproc)" "$@"
