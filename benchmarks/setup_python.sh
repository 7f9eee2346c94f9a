#!/bin/sh
# Makes the Python environment of the benchmarks and golden numbers, and prints its interpreter on the last line.
#
#     PYTHON=$(benchmarks/setup_python.sh | tail -n 1)
#
# It lies in the per-user cache (FOVEA_CACHE, else XDG_CACHE_HOME/fovea, else ~/.cache/fovea), keyed by the content of
# requirements.txt; quick when it is there. It is built beside its place's mark, so an interrupted run only has to be run
# again. It takes about 3 GB, since the public wheel of torch brings the libraries of CUDA.
set -eu
here=$(CDPATH= cd -- "$(dirname -- "$0")" && pwd)
cache=${FOVEA_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/fovea}
key=$(sha256sum "$here/requirements.txt" | cut -c 1-12)
place=$cache/python-$key
python=$place/bin/python

if [ -e "$place/ready" ]; then
    echo "$python"
    exit 0
fi
mkdir -p "$cache"
exec 9> "$cache/.python-$key.lock"
if command -v flock > /dev/null; then flock 9; fi # two clones may set up at once
if [ -e "$place/ready" ]; then
    echo "$python"
    exit 0
fi

python3 -c 'import sys; sys.exit(not (3, 10) <= sys.version_info < (3, 15))' || {
    echo "error: torch 2.11.0 needs Python 3.10 to 3.14; python3 is $(python3 --version 2>&1)." >&2
    exit 1
}
rm -rf "$place"
python3 -m venv "$place" || {
    echo "error: python3 cannot make a virtual environment. On Debian or Ubuntu: apt-get install python3-venv" >&2
    exit 1
}
pip() { "$python" -m pip --quiet --disable-pip-version-check "$@"; }
pip install -r "$here/requirements.txt" || {
    echo "error: pip could not install benchmarks/requirements.txt (see above). Run this again once it is fixed." >&2
    exit 1
}
"$python" -c 'import torch, torchvision, timm, sklearn, yaml, safetensors; assert torch.__version__.startswith("2.11.0")'
touch "$place/ready"
echo "$python"
