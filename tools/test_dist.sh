#!/bin/sh
# Tries the archive of `make dist` on a bare Debian 12, without Swift, Python or a network: doctor, phantoms, train, predict.
#
#     tools/test_dist.sh ARCHIVE
#
# Needs root and debootstrap (on Debian or Ubuntu: apt-get install debootstrap); without them the test is skipped.
set -eu
archive=$(realpath "$1")
tools=$(realpath "$(dirname "$0")")
if [ "$(id -u)" != 0 ] || ! command -v debootstrap > /dev/null; then
    echo "Skipped: $archive on a bare Debian 12. This needs root and debootstrap."
    exit 0
fi
place=$(mktemp -d)
trap 'rm -rf "$place"' EXIT
trap 'exit 130' INT TERM
debootstrap --variant=minbase bookworm "$place/debian" > "$place/log" || { tail -n 20 "$place/log"; exit 1; }
mkdir "$place/debian/anywhere else" # a folder that the build did not know
tar xzf "$archive" -C "$place/debian/anywhere else"
cp "$tools/tiny-run.yaml" "$place/debian/root"
cat > "$place/debian/root/try" << 'END'
set -eu
cd /root
for program in swift python3; do if command -v "$program"; then echo "$program is there"; exit 1; fi; done
fovea=$(ls -d "/anywhere else"/fovea-*/bin/fovea)
set -x
"$fovea" doctor
"$fovea" phantoms phantoms --training 24 --validation 12 --positives 1 --side 64
"$fovea" train tiny-run.yaml --log-level warning > table
"$fovea" predict run phantoms/images --json > predictions.json
grep -q '"probabilities"' predictions.json
END
# Processes, mounts and the network of the chroot end with it.
unshare --mount --net --pid --fork sh -c 'mount -t proc proc "$1/proc" && exec chroot "$1" sh /root/try' sh "$place/debian"
echo "The archive works on a bare Debian 12."
