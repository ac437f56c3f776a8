#!/usr/bin/env python3
"""Medians per release and template, from every answer's size at every release.

Reads CSV with a head, `ts,path,bytes,commit` (plain or gzip; one row for each document that a release changed), and prints

    release DATE COMMIT
    TEMPLATE MEDIAN DOCUMENTS

with only those templates below a release whose median it changed. The median is the smallest size that at least half of
the documents do not exceed. A path's segments that are numbers, UUIDs or long hexadecimal words are its variables.
"""
import csv
import datetime
import gzip
import re
import sys
from collections import defaultdict

VARIABLE = re.compile(r"(?<=/)(\d+|[0-9a-f]{8,}|[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12})(?=[/.]|$)", re.I)


def template(path: str) -> str:
    path = re.sub(r"/?index\.json$", "", "/" + path.lstrip("/"))
    return VARIABLE.sub("{id}", path).replace(" ", "%20") or "/"


def main(name: str) -> None:
    opened = (gzip.open if name.endswith(".gz") else open)(name, "rt", encoding="utf-8-sig", newline="")
    releases = defaultdict(list)
    with opened as rows:
        for row in csv.DictReader(rows):
            releases[int(row["ts"]), row["commit"]].append(row)
    documents, medians = defaultdict(dict), {}
    for (moment, commit), rows in sorted(releases.items()):
        for row in rows:
            documents[template(row["path"])][row["path"]] = int(row["bytes"])
        changed = []
        for name in sorted({template(row["path"]) for row in rows}):
            sizes = sorted(documents[name].values())
            median = sizes[(len(sizes) + 1) // 2 - 1]
            if medians.get(name) != median:
                medians[name] = median
                changed.append(f"{name} {median} {len(sizes)}")
        date = datetime.datetime.fromtimestamp(moment, datetime.timezone.utc).date()
        print(f"release {date} {commit[:7]}", *changed, sep="\n")


main(sys.argv[1])
