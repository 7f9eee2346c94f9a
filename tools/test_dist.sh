#!/bin/sh
# Tries the archive of `make dist` on a bare Debian 12 and a bare Ubuntu 22.04, without Swift, Python or a network: doctor,
# phantoms, train, predict.
#
#     tools/test_dist.sh ARCHIVE
#
# Needs root and debootstrap (on Debian or Ubuntu: apt-get install debootstrap); without them the test is skipped. A system
# whose archive cannot be verified, for want of its keys, is skipped: the packages debian-archive-keyring and ubuntu-keyring have
# them, the latter in Debian from 13 on.
set -eu
archive=$(realpath "$1")
tools=$(realpath "$(dirname "$0")")
if [ "$(id -u)" != 0 ] || ! command -v debootstrap > /dev/null; then
    echo "Skipped: $archive on a bare Debian 12 and Ubuntu 22.04. This needs root and debootstrap."
    exit 0
fi
place=$(mktemp -d)
trap 'rm -rf "$place"' EXIT
trap 'exit 130' INT TERM

try() { # try NAME SUITE KEYRING
    if ! [ -e "/usr/share/keyrings/$3.gpg" ]; then
        echo "Skipped: the archive on a bare $1. This needs /usr/share/keyrings/$3.gpg, which verifies that system."
        return
    fi
    root=$place/$2
    debootstrap --variant=minbase --force-check-gpg "$2" "$root" > "$place/log" || { tail -n 20 "$place/log"; exit 1; }
    mkdir "$root/anywhere else" # a folder that the build did not know
    tar xzf "$archive" -C "$root/anywhere else"
    cp "$tools/tiny-run.yaml" "$place/commands" "$root/root"
    # Processes, mounts and the network of the chroot end with it.
    unshare --mount --net --pid --fork sh -c 'mount -t proc proc "$1/proc" && exec chroot "$1" sh /root/commands' sh "$root"
    rm -rf "$root"
    echo "The archive works on a bare $1."
}

cat > "$place/commands" << 'END'
set -eu
cd /root
for program in swift python3; do if command -v "$program"; then echo "$program is there"; exit 1; fi; done
fovea=$(ls -d "/anywhere else"/fovea-*/bin/fovea)
set -x
"$fovea" doctor > doctor
cat doctor
test -s "$(sed -n 's/^[^ ]* documents *//p' doctor)/scaling.md"
"$fovea" phantoms phantoms --training 24 --validation 12 --positives 1 --side 64
"$fovea" train tiny-run.yaml --log-level warning > table
"$fovea" predict run phantoms/images --json > predictions.json
grep -q '"probabilities"' predictions.json
END
try "Debian 12" bookworm debian-archive-keyring
try "Ubuntu 22.04" jammy ubuntu-archive-keyring
