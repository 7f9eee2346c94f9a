#!/bin/sh
# Makes a Python environment and prints its interpreter on the last line.
#
#     PYTHON=$(tools/python_environment.sh tools/python-reference.txt | tail -n 1)
#
# python-reference.txt is that of the benchmarks and golden numbers, of about 3 GB, since the public wheel of torch brings
# the libraries of CUDA; python-tests.txt that of `make test`. Environments lie in the per-user cache (FOVEA_CACHE, else
# XDG_CACHE_HOME/fovea, else ~/.cache/fovea), keyed by the content of the file; quick when they are there. An interrupted
# run only has to be run again.
set -eu
requirements=$1
cache=${FOVEA_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/fovea}
key=$(sha256sum "$requirements" | cut -c 1-12)
place=$cache/python-$key
python=$place/bin/python

is_ready() { [ -e "$place/ready" ] && "$python" -c '' 2> /dev/null; } # a system update may have removed it
if is_ready; then
    echo "$python"
    exit 0
fi
mkdir -p "$cache"
exec 9> "$cache/.python-$key.lock"
if command -v flock > /dev/null; then flock 9; fi # two clones may set up at once
if is_ready; then
    echo "$python"
    exit 0
fi

python3 -c 'import sys; sys.exit(not (3, 10) <= sys.version_info < (3, 15))' || {
    echo "error: Python 3.10 to 3.14 is needed; python3 is $(python3 --version 2>&1)." >&2
    exit 1
}
rm -rf "$place"
python3 -m venv "$place" || {
    echo "error: python3 cannot make a virtual environment. On Debian or Ubuntu: apt-get install python3-venv" >&2
    exit 1
}
pip() { "$python" -m pip --quiet --disable-pip-version-check "$@"; }
pip install -r "$requirements" || {
    echo "error: pip could not install $requirements (see above). Run this again once it is fixed." >&2
    exit 1
}
touch "$place/ready"
echo "$python"
