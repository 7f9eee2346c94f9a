#!/usr/bin/env bash
# RSKD on odir256 with each grouping and its controls: the table of docs/results.md.
#
#     benchmarks/odir_rskd.sh FOLD [GROUPING...]      validates on FOLD, trains on the rest without fold 0
#
# Runs of a fold share plain model, teachers and view banks. A finished run is not repeated, an interrupted one is resumed.
# Variables: FOVEA (the program), RUNS (where runs go), SEED, THREADS; FOVEA_DATA, FOVEA_LABELS, FOVEA_WEIGHTS as in
# docs/data.md.
set -euo pipefail
cd "$(dirname "$0")/.."
fold=${1:?usage: benchmarks/odir_rskd.sh FOLD [GROUPING...]}
shift
[ $# -gt 0 ] || set -- region shot single random:region feature
fovea=${FOVEA:-.build/release/fovea}
runs=${RUNS:-runs/odir-rskd}
seed=${SEED:-0}
for grouping in "$@"; do
    output=$runs/fold$fold-seed$seed/${grouping//:/-}
    [ -e "$output/metrics.json" ] && continue
    if [ -e "$output/config.yaml" ]; then
        "$fovea" train --resume "$output" --threads "${THREADS:-0}"
        continue
    fi
    # One view an epoch: the student sees the views that the plain model saw.
    "$fovea" train configs/odir33.yaml --threads "${THREADS:-0}" \
        --set "data.split.validation_folds=[$fold]" --set 'data.split.excluded_folds=[0]' \
        --set "distillation={grouping: '$grouping', student: pretrained, views: 0}" --set evaluation.every=0 \
        --set "seed=$seed" --set "stages=$runs/stages" --set "output=$output"
done
