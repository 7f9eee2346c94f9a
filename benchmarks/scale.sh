#!/usr/bin/env bash
# `benchmarks/scale.sh [PROCESSES]`: images per second of a training by one process and by several (2 by default) on one
# machine, with one thread each, and by one with as many threads. Nothing else may run meanwhile.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
fovea=${FOVEA:-$here/../.build/release/fovea}
processes=${1:-2}
files=$(mktemp -d)
trap 'rm -rf "$files"' EXIT
cd "$files"
"$fovea" phantoms p --training "${PATIENTS:-128}" --validation 60 --positives 4 --side 128 --log-level error
cat > run.yaml << 'END'
data: {table: p/labels.csv, images: p/images, attributes: p/attributes.yaml, split: {method: column}}
image: {resolution: 128, crop: none}
training: {epochs: 3, batch_size: 32, precision: float32, sync_batch_norm: false}
evaluation: {bootstrap: 0, every: 0}
distillation: null
cache: cache
END

# train MODEL PROCESSES THREADS SET...: images per second of the fastest epoch but the first.
train() {
    local model=$1 count=$2 threads=$3 rank pids=()
    shift 3
    rm -rf out
    for ((rank = 0; rank < count; rank++)); do
        RANK=$rank WORLD_SIZE=$count LOCAL_RANK=$rank LOCAL_WORLD_SIZE=$count MASTER_ADDR=127.0.0.1 MASTER_PORT=29511 \
            "$fovea" train run.yaml --threads "$threads" --device cpu --log-level error \
            --set output=out --set "model.architecture=$model" "$@" > /dev/null &
        pids+=($!)
    done
    for pid in "${pids[@]}"; do wait "$pid"; done
    awk -F, 'NR == 1 { for (i = 1; i <= NF; i++) if ($i == "images_per_second") column = i }
        NR > 2 && $column > best { best = $column } END { printf "%.1f", best }' out/history.csv
}

echo "| model | 1 process | $processes processes | efficiency | with sync_batch_norm | 1 process, $processes threads |"
echo "|---|---:|---:|---:|---:|---:|"
for model in mobilenetv1_100 resnet18 vit_tiny_patch16_224; do
    one=$(train $model 1 1)
    several=$(train $model "$processes" 1)
    shared=–
    [[ $model == vit* ]] || shared=$(train $model "$processes" 1 --set training.sync_batch_norm=true)
    threads=$(train $model 1 "$processes")
    efficiency=$(awk "BEGIN { printf \"%.0f %%\", 100 * $several / ($processes * $one) }")
    echo "| \`$model\` | $one | $several | $efficiency | $shared | $threads |"
done
