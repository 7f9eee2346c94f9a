#!/usr/bin/env bash
# How much a training loses beside others on the same cores, by how threads of the OpenMP library wait for work.
#
#     benchmarks/shared_cores.sh [ROUNDS] [STEPS]
#
# Times MobileNet v1 (128 px, batch 64, float32) on all cores, alone and three at once, with the library's default,
# passive waiting and several numbers of turns; images per second of all processes together, medians over ROUNDS (5), each
# of STEPS steps (20). Each round takes every way of waiting in turn, and then as many processes as cores with one thread
# each, as a comparison can be computed by. Nothing else may run meanwhile: about ten minutes on two cores.
set -euo pipefail
rounds=${1:-5}
steps=${2:-20}
together=3
here=$(cd "$(dirname "$0")" && pwd)
fovea="$here/../.build/release/fovea"
places=$(mktemp -d)
trap 'rm -rf "$places"' EXIT

# The library's default is a number of turns in active waiting; written out, so that the program sets none.
ways=(
    "default=GOMP_SPINCOUNT=300000"
    "passive=OMP_WAIT_POLICY=PASSIVE"
    "10000=GOMP_SPINCOUNT=10000"
    "30000=GOMP_SPINCOUNT=30000"
    "100000=GOMP_SPINCOUNT=100000"
)

# Prints the images per second of one process: its setting, its threads.
rate() {
    env -u OMP_NUM_THREADS -u GOMP_SPINCOUNT -u OMP_WAIT_POLICY "$1" "$fovea" bench step --model mobilenetv1 \
        --precision f32 --steps "$steps" --warmup 3 --threads "$2" --device cpu --json --log-level error |
        sed -E 's/.*"images_per_second":([0-9.]+).*/\1/'
}

# Prints the sum of the images per second of COUNT processes at once, of as many threads as there are cores, or THREADS.
sum() {
    local count=$1 setting=$2 threads=${3:-$(nproc)} number
    rm -f "$places"/*
    for number in $(seq "$count"); do rate "$setting" "$threads" >"$places/$number" & done
    wait
    cat "$places"/* | awk '{ total += $1 } END { printf "%.1f\n", total }'
}

median() { sort -n | awk '{ values[NR] = $1 } END { print values[int((NR + 1) / 2)] }'; }

results=$(mktemp -d)
trap 'rm -rf "$places" "$results"' EXIT
for round in $(seq "$rounds"); do
    for way in "${ways[@]}"; do
        for count in 1 "$together"; do
            sum "$count" "${way#*=}" >>"$results/${way%%=*}-$count"
        done
    done
    sum "$(nproc)" GOMP_SPINCOUNT=10000 1 >>"$results/apart"
    echo "round $round of $rounds" >&2
done
printf '| waiting | alone, images/s | %d at once, images/s together |\n|---|---:|---:|\n' "$together"
for way in "${ways[@]}"; do
    name=${way%%=*}
    printf '| %s | %s | %s |\n' "${way#*=}" "$(median <"$results/$name-1")" "$(median <"$results/$name-$together")"
done
printf '\n%d processes with one thread each: %s images/s together\n' "$(nproc)" "$(median <"$results/apart")"
