#!/usr/bin/env python3
"""Time and memory of every command on ever more images: nothing may grow faster than their number.

    benchmarks/many_images.py [IMAGES...]        10000 40000 160000 unless said otherwise

Draws 2,000 phantoms of 64 pixels and copies them under new names until there are so many images; every two are a
patient's, and a fifth of the patients validates. Prints a row for each command and number of images: seconds, seconds of
processor time per thousand images, and the greatest memory. Training is stopped by SIGTERM after SECONDS (60 by default), as
is everything that computes for each image where there are more than WHOLE (no limit by default): only their memory counts.
"""

import csv
import os
import shutil
import signal
import sys
import tempfile
import threading
import time
from pathlib import Path

FOVEA = os.environ.get("FOVEA", str(Path(__file__).resolve().parent.parent / ".build/release/fovea"))
SECONDS = int(os.environ.get("SECONDS", 60))
WHOLE = int(os.environ.get("WHOLE", 10**9))
DRAWN = 2000


def measured(*arguments, stop_after=None):
    """Runs the program, and stops it by SIGTERM after some seconds. Seconds, processor time, and peak memory in MB."""
    begin = time.monotonic()
    with open("output.txt", "wb") as output:
        process = os.posix_spawn(FOVEA, [FOVEA, *arguments], os.environ, file_actions=[
            (os.POSIX_SPAWN_DUP2, output.fileno(), 1), (os.POSIX_SPAWN_DUP2, output.fileno(), 2)])
    stop = threading.Timer(stop_after, os.kill, (process, signal.SIGTERM)) if stop_after else None
    if stop:
        stop.start()
    _, status, usage = os.wait4(process, 0)
    if stop:
        stop.cancel()
    if os.waitstatus_to_exitcode(status) not in (0, 143 if stop else 0):
        sys.exit(f"{' '.join(arguments)}: status {os.waitstatus_to_exitcode(status)}\n" + Path("output.txt").read_text()[-2000:])
    return time.monotonic() - begin, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024


def cohort(images):
    """A table of so many images, copies of the phantoms in folders of a thousand, and made-up probabilities of each."""
    shutil.rmtree("cohort", ignore_errors=True)
    with open("phantoms/labels.csv", newline="") as file:
        header, *rows = csv.reader(file)
    first = header.index("split") + 1
    drawn = [Path("phantoms/images", row[0]).read_bytes() for row in rows]
    Path("cohort/images").mkdir(parents=True)
    with open("cohort/labels.csv", "w", newline="") as labels, open("cohort/predictions.csv", "w", newline="") as predictions:
        labels, predictions = csv.writer(labels), csv.writer(predictions)
        labels.writerow(["image", "patient", "split"] + header[first:])
        predictions.writerow(["image"] + header[first:])
        for number in range(images):
            row = rows[number % len(rows)]
            name = f"{number // 1000:04}/{number:07}.jpg"
            if number % 1000 == 0:
                Path("cohort/images", name).parent.mkdir()
            # What follows the end of a JPEG is ignored, and makes each file's content its own.
            Path("cohort/images", name).write_bytes(drawn[number % len(rows)] + b"%07d" % number)
            labels.writerow([name, f"p{number // 2}", "train" if number // 2 % 5 else "val"] + row[first:])
            predictions.writerow([name] + [
                f"{(number * 7919 + place * 104729) % 10007 / 20014 + 0.4 * int(label):.5f}"
                for place, label in enumerate(row[first:])])


def configuration(folder, output):
    return (f"data: {{table: {folder}/labels.csv, images: {folder}/images, attributes: phantoms/attributes.yaml,"
            f" split: {{method: column}}}}\nimage: {{resolution: 32, crop: none}}\ncache: cache\noutput: {output}\n"
            "model: {architecture: mobilenetv1_100}\ndistillation: null\nevaluation: {every: 0}\n"
            "training: {epochs: 1, batch_size: 64, precision: float32}\n")


def main(sizes):
    place = tempfile.mkdtemp(dir=os.environ.get("PLACE"))
    os.chdir(place)
    os.environ["FOVEA_LOG_LEVEL"] = "info"
    measured("phantoms", "phantoms", "--training", str(DRAWN // 3), "--validation", str(DRAWN // 6), "--positives", "4",
             "--side", "64")
    Path("model.yaml").write_text(configuration("phantoms", "model"))
    measured("train", "model.yaml")
    print("| images | command | seconds | processor seconds per 1,000 | memory, MB |")
    print("|---:|---|---:|---:|---:|", flush=True)
    for images in sizes:
        cohort(images)
        Path("run.yaml").write_text(configuration("cohort", "run"))
        for folder in ("run", "cache", "predicted"):
            shutil.rmtree(folder, ignore_errors=True)
        for name, arguments, counted in [
            ("inspect --quick", ["inspect", "run.yaml", "--quick"], False),
            ("train --dry-run", ["train", "run.yaml", "--dry-run"], False),
            ("evaluate --predictions",
             ["evaluate", "--predictions", "cohort/predictions.csv", "--labels", "cohort/labels.csv"], False),
            ("inspect", ["inspect", "run.yaml"], images > WHOLE),
            ("train", ["train", "run.yaml"], True),
            ("evaluate MODEL", ["evaluate", "model", "run.yaml", "--split", "all"], images > WHOLE),
            ("predict --output-folder",
             ["predict", "model", "cohort/images", "--output-folder", "predicted"], images > WHOLE),
        ]:
            seconds, processor, memory = measured(*arguments, stop_after=SECONDS if counted else None)
            each = "stopped" if counted else f"{1000 * processor / images:.3f}"
            print(f"| {images:,} | {name} | {seconds:.1f} | {each} | {memory:.0f} |", flush=True)
    os.chdir("/")
    shutil.rmtree(place)


if __name__ == "__main__":
    main([int(text) for text in sys.argv[1:]] or [10000, 40000, 160000])
