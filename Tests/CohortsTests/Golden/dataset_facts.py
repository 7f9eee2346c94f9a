#!/usr/bin/env python3
"""Prints the facts that SharedDataTests.swift expects, counted with Python's csv module alone.

Usage: dataset_facts.py SHARED, the folder that holds data/ and labels/.
"""
import collections
import csv
import itertools
import re
import sys

shared = sys.argv[1]
entry = re.compile(r'id: (\w+), name: "[^"]*", region: \[(.*?)\], feature: \[(.*?)\]')
with open(f"{shared}/labels/odir33.yaml") as file:
    entries = entry.findall(file.read())
classes = [e[0] for e in entries]
with open(f"{shared}/data/odir256/labels.csv") as file:
    rows = list(csv.DictReader(file))


def count(name, among):
    return sum(row[name] == "1" for row in among)


found = [[c for c in classes if row[c] == "1"] for row in rows]
print("odir images", len(rows), "classes", len(classes), "patients", len({row["patient"] for row in rows}))
print("labels per image", sorted(collections.Counter(map(len, found)).items()))
print("counts", max(count(c, rows) for c in classes), min(count(c, rows) for c in classes))
pairs = collections.Counter(pair for names in found for pair in itertools.combinations(names, 2))
print("pairs", pairs.most_common(2))
training = [row for row in rows if row["fold"] != "0"]
counts = [count(c, training) for c in classes]
print("fold 0: training", len(training), "validation", len(rows) - len(training))
print("shots", sum(n >= 100 for n in counts), sum(20 <= n < 100 for n in counts), sum(0 < n < 20 for n in counts))
for axis, column in (("region", 1), ("feature", 2)):
    subsets = collections.defaultdict(list)
    for e in entries:
        for value in filter(None, map(str.strip, e[column].split(","))):
            subsets[value].append(e[0])
    for value, names in subsets.items():
        print(f"{axis}-{value}", sum(any(row[c] == "1" for c in names) for row in training))

for part in ("Training", "Validation"):
    with open(f"{shared}/data/rfmid64/RFMiD_{part}_Labels.csv", encoding="utf-8-sig") as file:
        rows = list(csv.DictReader(file))
    names = [c for c in rows[0] if c not in ("ID", "Disease_Risk")]
    free = sum(all(row[c] == "0" for c in names) for row in rows)
    print("rfmid", part, len(rows), len(names), "DR", count("DR", rows), "MH", count("MH", rows), "label-free", free)
