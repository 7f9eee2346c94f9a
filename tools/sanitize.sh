#!/usr/bin/env bash
# Builds the modules without the engine, and their tests, with a sanitizer and runs them: sanitize.sh address|thread
set -euo pipefail
cd "$(dirname "$0")/.."
kind=${1:?sanitize.sh address|thread}
export FOVEA_MODULES=pure SWIFT_BACKTRACE=enable=no
# libvips and glib keep what they allocate once for the whole process, and sanitizers keep freed memory for a while.
export ASAN_OPTIONS=detect_leaks=0 FOVEA_FUZZ_MEGABYTES=2000
# What libvips and glib do among themselves is hidden from the thread sanitizer, which would take it for races.
export TSAN_OPTIONS="suppressions=$PWD/tools/thread-sanitizer.txt"
swift build --build-tests --sanitize="$kind" --scratch-path ".build/$kind"
swift test --skip-build --sanitize="$kind" --scratch-path ".build/$kind"
