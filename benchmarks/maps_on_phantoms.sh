#!/usr/bin/env bash
# Do the maps of a trained model lie on the findings? Prints the table of "See where it looked" in docs/using-a-model.md.
#
#     benchmarks/maps_on_phantoms.sh mobilenetv1_100_imagenet.safetensors
#
# Draws 1,200 phantoms of 224 px with eight local findings, trains MobileNet v1 on 800 of them from the ImageNet weights
# in the given file, and compares the maps of the others with what was drawn. About eight minutes on one core.
set -euo pipefail
weights=$(realpath "${1:?the ImageNet weights of MobileNet v1}")
cd "$(dirname "$0")/.."
swift build -c release --build-tests
FOVEA_MAPS_WEIGHTS=$weights OMP_NUM_THREADS=1 swift test -c release --skip-build --filter PhantomMapTests/measurement
