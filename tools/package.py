#!/usr/bin/env python3
"""Builds what people without Swift install: an archive to unpack anywhere, or a Python wheel.

    python3 tools/package.py dist     fovea-VERSION-linux-x86_64.tar.gz: the program, libtorch, libvips, the documents
    python3 tools/package.py wheel    fovea-VERSION-py3-none-manylinux_2_N_x86_64.whl: the program, libvips, the documents and
                                      the Python module; libtorch is that of the Python package torch
    --output FOLDER                   where to write it; the current folder otherwise

The same commit, toolchain and Package.resolved give the same bytes, whatever folder the project is in: the time of everything
inside is that of the commit, or $SOURCE_DATE_EPOCH. The program is built in /tmp/fovea-package, with the Swift runtime inside.
"""
import argparse
import base64
import fcntl
import filecmp
import gzip
import hashlib
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tarfile
import time
import zipfile

import setup

PROJECT = setup.PROJECT
# The compiler arranges some functions by the addresses of its own data, which follow from the lengths of the paths it is given.
# So everything is compiled in one place.
PLACE = pathlib.Path("/tmp/fovea-package")
BUILD = PLACE / ".build"
# What every Linux has that the packages are for, and what is therefore not inside.
SYSTEM = re.compile(r"(libc|libm|libdl|librt|libpthread|libutil|libresolv|libgcc_s|libstdc\+\+|ld-linux-x86-64)\.so\.\d+")


def output(*command, stream=subprocess.PIPE, environment=None):
    """What a command prints, which must succeed; None where it goes to another stream."""
    try:
        return subprocess.run(command, check=True, stdout=stream, text=True, cwd=PROJECT, env=environment).stdout
    except FileNotFoundError:
        raise SystemExit(f"error: `{command[0]}` is not on the PATH; it is needed to make packages.") from None
    except subprocess.CalledProcessError as error:
        raise SystemExit(f"error: `{' '.join(map(str, command))}` ended with status {error.returncode}.") from None


def version():
    return re.search(r'version = "(.+)"', (PROJECT / "Sources/Basics/Program.swift").read_text())[1]


def moment():
    """Seconds since 1970: the time of all files."""
    return int(os.environ.get("SOURCE_DATE_EPOCH") or output("git", "log", "-1", "--format=%ct"))


def copy_sources():
    """Brings what is compiled to PLACE; what is the same there already is left alone, so that it is not compiled again."""
    kept = {PLACE / ".deps" / name for name in ("libtorch", "libvips")}
    for link in kept:
        link.parent.mkdir(exist_ok=True)
        link.unlink(missing_ok=True)
        link.symlink_to((PROJECT / ".deps" / link.name).resolve())
    names = ["Package.swift", "Package.resolved", "Sources", "Tests"]
    for name in names:
        for source in [PROJECT / name, *(PROJECT / name).rglob("*")]:
            if source.is_file():
                copy = PLACE / source.relative_to(PROJECT)
                kept.add(copy)
                if not copy.exists() or not filecmp.cmp(source, copy, shallow=False):
                    copy.parent.mkdir(parents=True, exist_ok=True)
                    shutil.copy2(source, copy)
    for name in names:
        for copy in (PLACE / name).rglob("*"):
            if copy.is_file() and copy not in kept:
                copy.unlink()


def build():
    """The program: it looks for its libraries in ../lib, and holds neither symbols nor the folders that it was built in."""
    PLACE.mkdir(mode=0o700, exist_ok=True)
    if PLACE.is_symlink() or PLACE.stat().st_uid != os.getuid():
        raise SystemExit(f"error: {PLACE} is another user's; packages are built there.")
    with open(PLACE / ".lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        copy_sources()
        program = compile_program()
        if not (PROJECT / "Package.resolved").exists():
            shutil.copy2(PLACE / "Package.resolved", PROJECT)
        return program


def compile_program():
    """The same of the sources in PLACE."""
    command = ["swift", "build", "-c", "release", "--product", "fovea", "--package-path", str(PLACE),
               "--scratch-path", str(BUILD), "--static-swift-stdlib", "--disable-local-rpath", "-Xlinker", "-s"]
    for folder, name in [(PLACE, "fovea"), ((PROJECT / ".deps/libtorch").resolve(), "libtorch")]:
        command += ["-Xcc", f"-ffile-prefix-map={folder}={name}"]
    # The order of the compiler's own sets, which follows from a seed per process and from addresses, decides what it makes
    # of some functions.
    if shutil.which("setarch") and subprocess.run(["setarch", "-R", "true"], capture_output=True).returncode == 0:
        command = ["setarch", "-R", *command]
    settings = {"FOVEA_PACKAGE": "1", "SWIFT_DETERMINISTIC_HASHING": "1"}
    output(*command, stream=sys.stderr, environment=os.environ | settings)
    # Hashes of how it was compiled, folders included; nothing reads them at run time.
    output("objcopy", "--remove-section=.swift_modhash", "--remove-section=.note.gnu.build-id",
           str(BUILD / "release" / "fovea"), str(BUILD / "fovea"))
    return BUILD / "fovea"


# Versions of the symbols of Ubuntu 22.04, the oldest system that the packages are made for.
OLDEST = {"GLIBC": (2, 35), "GLIBCXX": (3, 4, 30), "CXXABI": (1, 3, 13)}


class Library:
    """What the loader reads in a program or a library."""

    def __init__(self, path):
        text = output("objdump", "-p", str(path))
        self.path = path
        self.needed = re.findall(r"NEEDED +(\S+)", text)
        self.symbols = re.findall(r"0x[0-9a-f]+ 0x\d+ \d+ (\w+?)_([\d.]+)$", text, re.MULTILINE)

    def newest(self, name):
        """The newest version of a system library's symbols that is needed, such as (2, 35) for GLIBC."""
        return max((tuple(map(int, number.split("."))) for found, number in self.symbols if found == name), default=(0,))


def closure(program, folders):
    """The libraries that a program needs and the system does not have, by name."""
    found, missing = {}, list(Library(program).needed)
    while missing:
        name = missing.pop()
        if name in found or SYSTEM.fullmatch(name):
            continue
        path = next((folder / name for folder in folders if (folder / name).exists()), None)
        if path is None:
            raise SystemExit(f"error: {program} needs {name}, which is not in {', '.join(map(str, folders))}.")
        found[name] = path
        missing += Library(path).needed
    return found


def licenses(with_torch):
    """By name: Fovea's, those in licenses/, the Swift runtime's, those of the Swift packages, and those of libtorch."""
    files = {"LICENSE": PROJECT / "LICENSE"}
    files |= {path.name: path for path in (PROJECT / "licenses").iterdir()}
    runtime = json.loads(output("swift", "-print-target-info"))["paths"]["runtimeResourcePath"]
    files["swift.txt"] = pathlib.Path(runtime).parents[1] / "share" / "swift" / "LICENSE.txt"
    for package in (BUILD / "checkouts").iterdir():
        for path in [*package.glob("LICENSE*"), *package.glob("NOTICE*")]:
            files[f"{package.name}-{path.stem}.txt"] = path
    files["pyvips-binary.txt"] = PROJECT / ".deps/libvips/licenses/LICENSE"
    if with_torch:
        files |= {path.name + ".txt": path for path in (PROJECT / ".deps/libtorch/licenses").iterdir()}
    else:
        for name in ("nvidia-cuda.txt", "intel-mkl.txt", "gcc-runtime.txt"):
            del files[name]
    return files


def documents():
    """By name: what help and messages name as docs/NAME.md, with its images and examples."""
    return {str(path.relative_to(PROJECT)): path for path in (PROJECT / "docs").rglob("*") if path.is_file()}


def dist(folder, program):
    name = f"fovea-{version()}-linux-x86_64"
    libraries = closure(program, [PROJECT / ".deps/libtorch/lib", PROJECT / ".deps/libvips/lib"])
    files = {"bin/fovea": program}
    files |= {f"lib/{library}": path for library, path in libraries.items()}
    files |= {f"licenses/{license}": path for license, path in licenses(with_torch=True).items()}
    files |= documents()
    path = folder / (name + ".tar.gz")
    with open(path, "wb") as file, gzip.GzipFile("", "wb", 6, file, 0) as packed, \
            tarfile.open(fileobj=packed, mode="w", format=tarfile.USTAR_FORMAT) as archive:
        for member in sorted(files):
            info = tarfile.TarInfo(f"{name}/{member}")
            info.size = files[member].stat().st_size
            info.mtime = moment()
            info.mode = 0o755 if member.startswith(("bin/", "lib/")) else 0o644
            with open(files[member], "rb") as source:
                archive.addfile(info, source)
    return path, libraries


METADATA = """\
Metadata-Version: 2.1
Name: fovea
Version: {version}
Summary: Recognises retinal diseases from colour fundus photographs, rare ones included. For research; not a medical device.
{origin}License: Apache-2.0
Keywords: ophthalmology,retina,fundus,long-tail,distillation
Classifier: Intended Audience :: Science/Research
Classifier: Operating System :: POSIX :: Linux
Classifier: Programming Language :: Python :: 3
Classifier: Programming Language :: Python :: 3 :: Only
Classifier: Topic :: Scientific/Engineering :: Medical Science Apps.
Requires-Python: >=3.10
Requires-Dist: torch=={torch}
Provides-Extra: models
Requires-Dist: torchvision; extra == "models"
Requires-Dist: timm; extra == "models"
Requires-Dist: safetensors; extra == "models"
Provides-Extra: tables
Requires-Dist: pandas; extra == "tables"
Description-Content-Type: text/markdown

"""


def metadata(torch):
    """What pip and an index say of the wheel: author and addresses as in CITATION.cff, and docs/python.md."""
    citation = (PROJECT / "CITATION.cff").read_text()
    author = re.search(r"^authors:\n  - name: (.+)$", citation, re.MULTILINE)[1]
    addresses = re.findall(r'^(repository-code|url): "?([^"\s]+)', citation, re.MULTILINE)
    origin = "".join([f"Author: {author}\n"] + [f"Project-URL: {name}, {address}\n" for name, address in addresses])
    # Links to other documents lead nowhere from there.
    text = re.sub(r"\[([^]]+)\]\((?!https?:)[^)]*\)", r"\1", (PROJECT / "docs" / "python.md").read_text())
    note = "The other documents lie in the package, in the folder `docs` that `fovea doctor` prints.\n\n"
    return METADATA.format(version=version(), torch=torch, origin=origin) + text.replace("\n## ", f"\n{note}## ", 1)


def wheel(folder, program):
    module = PROJECT / "python" / "fovea"
    torch, pinned = (setup.LIBRARIES["libtorch"][0], re.search(r'TORCH = "(.+)"', (module / "__main__.py").read_text())[1])
    if torch != pinned:
        raise SystemExit(f"error: {module / '__main__.py'} expects torch {pinned}; Fovea is built with {torch}.")
    own = PROJECT / ".deps/libvips/lib"
    libraries = {name: path for name, path in closure(program, [own, PROJECT / ".deps/libtorch/lib"]).items()
                 if path.parent == own}
    # PEP 600: the oldest glibc that has all symbols. The same for the wheel of torch that it is installed with.
    major, minor = max([Library(path).newest("GLIBC") for path in [program, *libraries.values()]] + [(2, 28)])[:2]
    tag = f"py3-none-manylinux_{major}_{minor}_x86_64"
    info = f"fovea-{version()}.dist-info"
    files = {f"fovea/{path.name}": path.read_bytes() for path in module.iterdir() if path.is_file()}
    files["fovea/bin/fovea"] = program.read_bytes()
    files |= {f"fovea/lib/{name}": path.read_bytes() for name, path in libraries.items()}
    files |= {f"{info}/licenses/{name}": path.read_bytes() for name, path in licenses(with_torch=False).items()}
    files |= {f"fovea/{name}": path.read_bytes() for name, path in documents().items()}
    files |= {
        f"{info}/METADATA": metadata(torch).encode(),
        f"{info}/WHEEL": f"Wheel-Version: 1.0\nGenerator: fovea\nRoot-Is-Purelib: false\nTag: {tag}\n".encode(),
        f"{info}/entry_points.txt": b"[console_scripts]\nfovea = fovea.__main__:main\n",
    }
    record = "".join(
        f"{name},sha256={base64.urlsafe_b64encode(hashlib.sha256(files[name]).digest()).decode().rstrip('=')},"
        f"{len(files[name])}\n" for name in sorted(files))
    files[f"{info}/RECORD"] = (record + f"{info}/RECORD,,\n").encode()
    path = folder / f"fovea-{version()}-{tag}.whl"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        # RECORD comes last, as the format recommends.
        for name in sorted(files, key=lambda name: (name.startswith(info), name.endswith("RECORD"), name)):
            entry = zipfile.ZipInfo(name, time.gmtime(moment())[:6])
            entry.compress_type = zipfile.ZIP_DEFLATED
            entry.create_system = 3  # Unix, where these permissions mean something
            entry.external_attr = (0o100755 if name.startswith(("fovea/bin/", "fovea/lib/")) else 0o100644) << 16
            archive.writestr(entry, files[name])
    return path, libraries


def main():
    parser = argparse.ArgumentParser(description="Builds what people without Swift install.")
    parser.add_argument("kind", choices=["dist", "wheel"])
    parser.add_argument("--output", type=pathlib.Path, default=pathlib.Path.cwd(), metavar="FOLDER")
    options = parser.parse_args()
    options.output.mkdir(parents=True, exist_ok=True)
    program = build()
    path, libraries = (dist if options.kind == "dist" else wheel)(options.output, program)
    needs = {name: max(Library(file).newest(name) for file in [program, *libraries.values()]) for name in OLDEST}
    for name, number in needs.items():
        if number > OLDEST[name]:
            path.unlink()
            raise SystemExit(f"error: {name} {number} is needed, but Ubuntu 22.04 has {OLDEST[name]}: build on an older system.")
    with open(path, "rb") as file:
        checksum = hashlib.sha256(file.read()).hexdigest()
    print(f"{path}: {path.stat().st_size / 1e6:.0f} MB, sha256 {checksum}")
    print("needs " + ", ".join(f"{name} {'.'.join(map(str, number))}" for name, number in needs.items()))


if __name__ == "__main__":
    main()
