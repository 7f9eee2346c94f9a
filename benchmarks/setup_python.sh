#!/bin/sh
# Makes the Python environment of the benchmarks and golden numbers, and prints its interpreter on the last line.
#
#     PYTHON=$(benchmarks/setup_python.sh | tail -n 1)
#
# It lies in the per-user cache (FOVEA_CACHE, else XDG_CACHE_HOME/fovea, else ~/.cache/fovea), keyed by the content of
# requirements.txt; quick when it is there. It is built beside its place's mark, so an interrupted run only has to be run
# again. The CPU build of torch is taken where its index is reachable (200 MB), else PyPI's (with CUDA's wheels, about
# 3 GB): the arithmetic on the CPU is the same.
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
    echo "error: $(command -v python3 || echo python3) is $(python3 --version 2>&1); torch 2.11.0 needs Python 3.10 to 3.14." >&2
    exit 1
}
rm -rf "$place"
python3 -m venv "$place" || {
    echo "error: python3 cannot make a virtual environment. On Debian or Ubuntu: apt-get install python3-venv" >&2
    exit 1
}
pip() { "$python" -m pip --quiet --disable-pip-version-check "$@"; }
cpu=https://download.pytorch.org/whl/cpu
# --no-deps: that index holds few other packages; the rest comes from PyPI below. setuptools and the like are torch's own needs.
if pip install --no-deps --index-url "$cpu" torch==2.11.0+cpu torchvision==0.26.0+cpu 2> /dev/null; then
    echo "setup: torch 2.11.0 for the CPU" >&2
else
    echo "setup: the CPU index does not answer; taking torch from PyPI (about 3 GB)" >&2
fi
pip install -r "$here/requirements.txt" || {
    echo "error: pip could not install benchmarks/requirements.txt (see above). Run this again once it is mended." >&2
    exit 1
}
"$python" -c 'import torch, torchvision, timm, sklearn, yaml, safetensors; assert torch.__version__.startswith("2.11.0")'
touch "$place/ready"
echo "$python"
