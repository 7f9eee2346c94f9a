#!/usr/bin/env python3
"""Unpacks libtorch and libvips from their public wheels into a per-user cache, and links them into .deps/.

    python3 tools/setup.py            install what is missing (quick when nothing is)
    python3 tools/setup.py --check    only say what is there; exit status 1 when something is missing

pip downloads and verifies the wheels against tools/wheels.txt. Each library is unpacked beside its final place,
checked, and renamed at the end, so that an interrupted run leaves nothing half done: run it again.
Cache: $FOVEA_CACHE, else $XDG_CACHE_HOME/fovea, else ~/.cache/fovea. $LIBTORCH names another libtorch to use, of the
same version.
"""
import fcntl
import hashlib
import json
import os
import pathlib
import platform
import re
import shutil
import subprocess
import sys
import tempfile
import zipfile

PROJECT = pathlib.Path(__file__).resolve().parent.parent
WHEELS = PROJECT / "tools" / "wheels.txt"


def cache_folder():
    """As in Sources/Execution/ExecutionContext.swift: an empty variable counts as unset."""
    folder = os.environ.get("FOVEA_CACHE")
    if not folder:
        folder = os.path.join(os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache"), "fovea")
    return pathlib.Path(os.path.abspath(folder))


def torch_member(name):
    """Where a member of the torch or CUDA wheels belongs in libtorch/, or None."""
    if name in ("torch/lib/libtorch_cpu.so", "torch/lib/libc10.so", "torch/lib/libgomp.so.1"):
        return "lib/" + name.rsplit("/", 1)[1]
    if name.startswith("torch/include/"):
        return "include/" + name[len("torch/include/"):]
    if name in ("nvidia/cu13/lib/libcudart.so.13", "nvidia/cu13/lib/libcupti.so.13"):
        return "lib/" + name.rsplit("/", 1)[1]
    if name.startswith("torch-") and ".dist-info/" in name and name.endswith(("LICENSE", "NOTICE")):
        return "licenses/torch-" + name.rsplit("/", 1)[1]
    return None


def vips_member(name):
    if name.startswith("pyvips_binary.libs/libvips-") and ".so." in name:
        return "lib/" + name.rsplit("/", 1)[1]
    if ".dist-info/licenses/" in name:
        return "licenses/" + name.split(".dist-info/licenses/", 1)[1]
    return None


LIBRARIES = {
    "libtorch": ("2.11.0", ["torch", "nvidia-cuda-runtime", "nvidia-cuda-cupti"], torch_member),
    "libvips": ("8.18.7", ["pyvips-binary"], vips_member),
}


def requirement(name):
    for line in WHEELS.read_text().splitlines():
        if line.startswith(name + "=="):
            return line
    raise SystemExit(f"error: {WHEELS} has no line for {name}")


def digest(path):
    h = hashlib.sha256()
    with open(path, "rb") as f:
        while block := f.read(1 << 20):
            h.update(block)
    return h.hexdigest()


def fault(folder, thorough=False):
    """None when every file of a library is there in its recorded size (and hash, when thorough), else what is wrong."""
    manifest = folder / "manifest.json"
    if not manifest.exists():
        return f"{folder} is not there"
    try:
        files = [(folder / name, int(entry["size"]), str(entry["sha256"]))
                 for name, entry in json.loads(manifest.read_text()).items()]
    except (ValueError, TypeError, KeyError, AttributeError):
        return f"{manifest} is damaged"
    if not files:
        return f"{manifest} is damaged"
    for path, size, checksum in files:
        if not path.exists() or path.stat().st_size != size:
            return f"{path} is missing or has another size"
        if thorough and digest(path) != checksum:
            return f"{path} has another checksum"
    return None


def leftovers(library, cache):
    """Folders of installations that were killed. Only the holder of the lock may remove them: others may be at work."""
    return sorted(cache.glob(f".{library}-*"))


def require_swift():
    if shutil.which("swift") is None:
        raise SystemExit("error: `swift` is not on the PATH. Fovea needs Swift 6.3 or later (swift.org/install).")
    answer = subprocess.run(["swift", "--version"], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True).stdout
    found = re.search(r"Swift version (\d+)\.(\d+)", answer)
    if found is None:
        raise SystemExit("error: `swift --version` does not say its version. Fovea needs Swift 6.3 or later "
                         "(swift.org/install). It says:\n  " + answer.strip().replace("\n", "\n  "))
    if (int(found[1]), int(found[2])) < (6, 3):
        raise SystemExit(f"error: `swift` is version {found[1]}.{found[2]}. Fovea needs Swift 6.3 or later "
                         "(swift.org/install).")


def require_pip():
    answer = subprocess.run([sys.executable, "-m", "pip", "--version"], stdout=subprocess.DEVNULL,
                            stderr=subprocess.DEVNULL)
    if answer.returncode != 0:
        raise SystemExit(f"error: {sys.executable} has no pip, which downloads libtorch and libvips.\n"
                         "  Install it, for instance with `apt-get install python3-pip`, and run `make setup` again.")


def require_own_libtorch(folder, version):
    """$LIBTORCH must be of the version that Fovea is written for: operators change between versions."""
    if not (folder / "lib" / "libtorch_cpu.so").exists():
        raise SystemExit(f"error: LIBTORCH={folder} holds no lib/libtorch_cpu.so. Unset LIBTORCH to use Fovea's own.")
    found = None
    # Where 2.11 has the numbers, and where versions before it had them.
    for name in ("headeronly/version.h", "csrc/api/include/torch/version.h", "version.h"):
        header = folder / "include" / "torch" / name
        text = header.read_text(errors="replace") if header.exists() else ""
        numbers = [re.search(rf"#define TORCH_VERSION_{part} (\d+)", text) for part in ("MAJOR", "MINOR", "PATCH")]
        if found is None and all(numbers):
            found = ".".join(number[1] for number in numbers)
    if found != version:
        what = f"is libtorch {found}" if found else "has no include/torch/headeronly/version.h that says its version"
        raise SystemExit(f"error: LIBTORCH={folder} {what}. Fovea needs libtorch {version}; unset LIBTORCH to use "
                         "Fovea's own.")


def download(names, folder):
    lines = "\n".join(requirement(n) for n in names) + "\n"
    requirements = folder / "requirements.txt"
    requirements.write_text(lines)
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-deps",
               "--require-hashes", "--only-binary=:all:", "--python-version", "3.12", "--implementation", "cp",
               "--abi", "cp312", "--abi", "abi3", "--abi", "none", "-d", str(folder), "-r", str(requirements)]
    for tag in ("manylinux_2_28_x86_64", "manylinux_2_25_x86_64", "manylinux_2_17_x86_64", "manylinux2014_x86_64"):
        command += ["--platform", tag]
    if subprocess.run(command).returncode != 0:
        raise SystemExit("error: pip could not download " + ", ".join(names) + " (see above).\n"
                         "  Needed: network access to a Python package index, and about 1.5 GB of free disk space.\n"
                         "  Run `make setup` again once it is fixed; nothing was left half done.")
    return sorted(folder.glob("*.whl"))


def install(library, target, cache):
    version, wheels, member = LIBRARIES[library]
    print(f"setup: installing {library} {version} into {target}", flush=True)
    with tempfile.TemporaryDirectory(dir=cache, prefix=f".{library}-") as temporary:
        temporary = pathlib.Path(temporary)
        (temporary / "wheels").mkdir()
        new = temporary / "new"
        manifest = {}
        for wheel in download(wheels, temporary / "wheels"):
            with zipfile.ZipFile(wheel) as archive:
                for info in archive.infolist():
                    name = None if info.is_dir() else member(info.filename)
                    if name is None:
                        continue
                    path = new / name
                    path.parent.mkdir(parents=True, exist_ok=True)
                    with archive.open(info) as source, open(path, "wb") as sink:
                        shutil.copyfileobj(source, sink, 1 << 20)
                    if name.startswith("lib/"):
                        path.chmod(0o755)
                        manifest[name] = {"size": info.file_size, "sha256": digest(path)}
        if library == "libvips":
            (versioned,) = [n for n in manifest if n.startswith("lib/libvips-")]
            (new / "lib" / "libvips.so").symlink_to(os.path.basename(versioned))
        (new / "VERSION").write_text(version + "\n")
        (new / "manifest.json").write_text(json.dumps(manifest, indent=1))
        if target.exists():
            shutil.rmtree(target)
        os.rename(new, target)


def link(name, target):
    folder = PROJECT / ".deps"
    folder.mkdir(exist_ok=True)
    path = folder / name
    if path.is_symlink() and os.readlink(path) == str(target):
        return
    temporary = folder / f".{name}.{os.getpid()}"
    temporary.symlink_to(target)
    os.replace(temporary, path)


def main():
    check = "--check" in sys.argv[1:]
    if platform.system() != "Linux" or platform.machine() != "x86_64":
        raise SystemExit(f"error: Fovea is built for Linux on x86-64; this is {platform.system()} on "
                         f"{platform.machine()}.")
    require_swift()
    cache = cache_folder()
    missing = 0
    for library, (version, _, _) in LIBRARIES.items():
        own = os.environ.get("LIBTORCH") if library == "libtorch" else None
        target = pathlib.Path(os.path.abspath(own)) if own else cache / f"{library}-{version}"
        if own:
            require_own_libtorch(target, version)
        elif check:
            wrong = fault(target, thorough=True)
            state = f"missing ({wrong}); run `make setup`" if wrong else f"found in {target}"
            print(f"{library} {version}: {state}")
            missing += wrong is not None
            continue
        elif fault(target) is not None or leftovers(library, cache):
            cache.mkdir(parents=True, exist_ok=True)
            with open(cache / f".{library}.lock", "w") as lock:
                fcntl.flock(lock, fcntl.LOCK_EX)  # two clones may set up at once
                for folder in leftovers(library, cache):
                    shutil.rmtree(folder, ignore_errors=True)
                if fault(target) is not None:
                    require_pip()
                    install(library, target, cache)
        if not check:
            link(library, target)
    sys.exit(1 if missing else 0)


if __name__ == "__main__":
    try:
        main()
    except KeyboardInterrupt:
        print("\nsetup: stopped; run `make setup` again", file=sys.stderr)
        sys.exit(130)
    except OSError as error:
        raise SystemExit(f"error: {error}\n  Check the free space and the permissions of {cache_folder()}, or choose "
                         "another folder: FOVEA_CACHE=FOLDER.") from None
