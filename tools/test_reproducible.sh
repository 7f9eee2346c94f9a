#!/bin/sh
# Builds the archive and the wheel a second time, from nothing and for a project in a folder of another name, and compares them
# byte for byte.
#
#     tools/test_reproducible.sh FOLDER       FOLDER has the archive and the wheel of this working tree
set -eu
packages=$(realpath "$1")
project=$(realpath "$(dirname "$0")/..")
place=$(mktemp -d)
trap 'rm -rf "$place"' EXIT
trap 'exit 130' INT TERM
mkdir "$place/another folder"
cd "$project"
# The versions of the Swift packages are a part of what is built.
{ git ls-files -z --cached --others --exclude-standard; printf 'Package.resolved\0'; } |
    tar --create --null --files-from=- | tar --extract --directory "$place/another folder"
cd "$place/another folder"
rm -rf /tmp/fovea-package
SOURCE_DATE_EPOCH=$(git -C "$project" log -1 --format=%ct)
export SOURCE_DATE_EPOCH
python3 tools/setup.py
python3 tools/package.py dist --output packages
python3 tools/package.py wheel --output packages
for file in packages/*; do cmp "$file" "$packages/$(basename "$file")"; done
echo "Two builds are the same bytes."
