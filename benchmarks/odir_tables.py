#!/usr/bin/env python3
"""Prints the tables of docs/results.md about odir256 from finished runs, as Markdown.

    python benchmarks/odir_tables.py rskd RUNS      runs of odir_rskd.sh: RUNS/fold1-seed0/region, ...
    python benchmarks/odir_tables.py parity FOVEA_RUN... -- TORCH_JSON...

Only the standard library. Nothing is computed that Fovea has not measured, but means over folds and seeds.
"""
import json
import pathlib
import statistics
import sys

GROUPINGS = ["region", "feature", "shot", "random-region", "single"]


def load(folder):
    return json.loads((folder / "metrics.json").read_text())


def number(value):
    return "-" if value is None else f"{value:.3f}"


def signed(entry):
    """A difference over the fixed set of classes with its interval."""
    if entry is None:
        return "-"
    low, high = entry["interval"]["low"], entry["interval"]["high"]
    return f"{entry['difference']:+.3f} [{low:+.3f}, {high:+.3f}]"


def row(*cells):
    print("| " + " | ".join(str(c) for c in cells) + " |")


def table(*heads):
    row(*heads)
    row(*["---"] + ["---:"] * (len(heads) - 1))


def teacher_rows(folder):
    """(class, subset, training images, positives, plain AP, teacher AP, student AP, plain AUC, teacher AUC)."""
    rows, pending = [], []
    lines = (folder / "report.md").read_text().split("## Teachers against the plain model")[1].split("\n## ")[0]
    for line in lines.splitlines():
        cells = [c.strip().replace("\\", "") for c in line.strip().strip("|").split("|")]
        if len(cells) < 8 or cells[0] in ("Class", "---"):
            continue
        if ": mean of" in cells[0]:
            subset = cells[0].split(":")[0]
            rows += [(name, subset, *rest) for name, *rest in pending]
            pending = []
            continue
        value = [None if c in ("–", "-", "") else float(c.replace(",", "")) for c in cells[1:]]
        pending.append((cells[0], *value))
    return rows


def rskd(runs):
    folds = sorted(p for p in runs.glob("fold*-seed*"))
    print("Means over all classes that define them; the difference over the classes with at least 10 positive patients.\n")
    table("grouping", "fold", "teachers", "plain mAP", "student mAP", "difference [95 %]", "plain mAUC", "student mAUC",
          "difference [95 %]", "few-shot mAP, plain", "student")
    for grouping in GROUPINGS:
        for fold in folds:
            run = fold / grouping
            if not (run / "metrics.json").exists():
                row(grouping, fold.name.split("-")[0][4:], *["not run"] * 9)
                continue
            m = load(run)
            plain, student, change = (m[k]["groups"] for k in ("plain", "student", "difference"))
            teachers = sum(c["stage"].startswith("teacher") for c in m["cost"])
            def change_of(metric):
                return (change["all"][metric] or {}).get("fixed_set")
            row(grouping, fold.name.split("-")[0][4:], teachers,
                number(plain["all"]["average_precision"]["mean"]), number(student["all"]["average_precision"]["mean"]),
                signed(change_of("average_precision")),
                number(plain["all"]["roc_auc"]["mean"]), number(student["all"]["roc_auc"]["mean"]),
                signed(change_of("roc_auc")),
                number(plain["few"]["average_precision"]["mean"]), number(student["few"]["average_precision"]["mean"]))

    print("\nTeachers on their own classes with at least 5 positives in the fold, beside plain model and student.\n")
    table("grouping", "fold", "pairs of teacher and class", "AP: plain", "teacher", "student", "teacher above plain",
          "AUC: plain", "teacher", "teacher above plain")
    for grouping in GROUPINGS:
        for fold in folds:
            run = fold / grouping
            if not (run / "report.md").exists():
                continue
            rows = [r for r in teacher_rows(run) if r[3] is not None and r[3] >= 5]
            def mean(i):
                return number(statistics.mean(r[i] for r in rows))
            row(grouping, fold.name.split("-")[0][4:], len(rows), mean(4), mean(5), mean(6),
                f"{sum(r[5] > r[4] for r in rows)}", mean(7), mean(8), f"{sum(r[8] > r[7] for r in rows)}")

    print("\nWhat each part cost, in images that went forward and backward and in views that went forward only.\n")
    table("grouping", "plain", "teachers", "student", "teachers and student / plain", "views computed by teachers")
    for grouping in GROUPINGS:
        run = folds[0] / grouping if folds else None
        if run is None or not (run / "metrics.json").exists():
            continue
        m = load(run)
        cost = {c["stage"]: c["images"] for c in m["cost"]}
        teachers = [v for k, v in cost.items() if k.startswith("teacher")]
        images = next(iter(teachers)) // 4  # four epochs of every image
        row(grouping, cost["plain"], sum(teachers), cost["student"],
            f"{(sum(teachers) + cost['student']) / cost['plain']:.1f}", len(teachers) * images * 10)

    print("\nClass by class, `region`: average precision of plain model, teacher and student.\n")
    table("class", "subset", *(h for fold in folds for h in
                               (f"{fold.name.split('-')[0]}: training", "positive", "plain", "teacher", "student")))
    found = [{r[0]: r for r in teacher_rows(fold / "region")} for fold in folds
             if (fold / "region" / "report.md").exists()]
    names = list(dict.fromkeys(name for rows in found for name in rows))
    for name in names:
        cells = []
        for rows in found:
            r = rows.get(name)
            cells += ["-"] * 5 if r is None else [int(r[2]), int(r[3]), number(r[4]), number(r[5]), number(r[6])]
        subset = next(rows[name][1] for rows in found if name in rows)
        row(name, subset.removeprefix("region-"), *cells)


def parity(arguments):
    split = arguments.index("--")
    own = [load(pathlib.Path(p))["plain"] for p in arguments[:split]]
    other = [json.loads(pathlib.Path(p).read_text()) for p in arguments[split + 1:]]
    def ours(m, group, metric):
        return m["groups"][group][metric]["mean"]
    measures = [
        ("mAP, all", [ours(m, "all", "average_precision") for m in own], [m["mAP"]["value"] for m in other]),
        ("mAP, many", [ours(m, "many", "average_precision") for m in own], [m["mAP_many"]["value"] for m in other]),
        ("mAP, medium", [ours(m, "medium", "average_precision") for m in own],
         [m["mAP_medium"]["value"] for m in other]),
        ("mAP, few", [ours(m, "few", "average_precision") for m in own], [m["mAP_few"]["value"] for m in other]),
        ("mAUC, all", [ours(m, "all", "roc_auc") for m in own], [m["mAUC"]["value"] for m in other]),
    ]
    table("measure", "Fovea, by seed", "mean", "PyTorch, by seed", "mean", "difference of means")
    for name, a, b in measures:
        row(name, ", ".join(map(number, a)), number(statistics.mean(a)), ", ".join(map(number, b)),
            number(statistics.mean(b)), f"{statistics.mean(a) - statistics.mean(b):+.3f}")


if __name__ == "__main__":
    if sys.argv[1:2] == ["rskd"] and len(sys.argv) == 3:
        rskd(pathlib.Path(sys.argv[2]))
    elif sys.argv[1:2] == ["parity"] and "--" in sys.argv:
        parity(sys.argv[2:])
    else:
        raise SystemExit(__doc__)
