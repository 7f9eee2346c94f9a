#!/usr/bin/env bash
# `make bench`: Fovea's own timings, then training steps in alternating pairs with Python PyTorch.
# PyTorch is installed into an environment of its own, only for this.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
fovea="$here/../.build/release/fovea"
"$fovea" bench evaluation
python=$("$here/setup_python.sh")
"$python" "$here/pairs.py" --fovea "$fovea" "$@"
