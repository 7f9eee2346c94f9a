#!/usr/bin/env bash
# Fuzzes every reader of files that come from outside: fuzz.sh RUNS [TARGET...]
#
# With libFuzzer, which the Swift toolchain for Linux brings, inputs are chosen by the code that they reach; it begins
# with the good files of the tests and keeps what it finds in .build/fuzz/found. Without it, the same program reads as
# many random mutations of the good files, the same ones every time. More than 1 GB of memory, or 10 seconds for one
# input, is a finding; so is a trap. A finding is left in .build/fuzz as crash-..., oom-... or timeout-...
set -euo pipefail
cd "$(dirname "$0")/.."
runs=${1:?fuzz.sh RUNS [TARGET...]}
shift
targets=("${@:-image weights configuration attributes table request}")
read -ra targets <<<"${targets[*]}"

files() {
    case $1 in
    image) ls Tests/FundusImagingTests/Golden/odd/*.{jpg,png,tiff,webp,gif} ;;
    weights) ls Tests/WeightsTests/Golden/*.{pth,safetensors} ;;
    *) ls Tests/fuzzTests/Corpus/"$1"/* ;;
    esac
}

export SWIFT_BACKTRACE=enable=no
if FOVEA_FUZZ=guided swift build -c release --sanitize=fuzzer --scratch-path .build/fuzz --product fuzz; then
    for target in "${targets[@]}"; do
        found=.build/fuzz/found/$target
        mkdir -p "$found"
        # Without its seeds' names: libFuzzer takes folders.
        seeds=$(mktemp -d)
        files "$target" | while read -r path; do cp "$path" "$seeds"; done
        echo "$target: $runs inputs"
        FOVEA_FUZZ_TARGET=$target .build/fuzz/release/fuzz -runs="$runs" -seed=1 -max_len=65536 -timeout=10 \
            -rss_limit_mb=1024 -detect_leaks=0 -print_final_stats=1 -print_funcs=0 -verbosity=0 -artifact_prefix=.build/fuzz/ \
            "$found" "$seeds"
        rm -rf "$seeds"
    done
else
    echo "This toolchain has no libFuzzer: random mutations instead."
    swift build -c release --product fuzz
    for target in "${targets[@]}"; do
        echo "$target: $runs inputs"
        files "$target" | xargs .build/release/fuzz "$target" "$runs" 1
    done
fi
