#!/usr/bin/env python3
"""Makes pokeapi.txt.gz from a table of sizes: which answers of PokeAPI changed their size at which release.

    data/extract.py pokeapi.csv.gz

The table has a row for each document and release that changed it: `ts,path,bytes,commit`, with the release's time in
seconds since 1970, the path in the repository PokeAPI/api-data (`data/api/v2/item/1/index.json`), and the bytes of the
file. Kept are the templates with at least 20 documents. The README beside this file says what the result looks like.
"""
import collections
import csv
import gzip
import os
import re
import sys

LEAST_DOCUMENTS = 20

def template(path):
    parts = path.removeprefix("data/api/v2/").removesuffix("/index.json").split("/")
    return "/".join("{id}" if part.isdigit() else part for part in parts)

def number(path):
    return int(re.search(r"\d+", path.removeprefix("data/api/v2/")).group())

changes = collections.defaultdict(dict)
documents = collections.defaultdict(set)
with gzip.open(sys.argv[1], "rt") as table:
    for row in csv.DictReader(table):
        name = template(row["path"])
        documents[name].add(row["path"])
        changes[int(row["ts"]), name][row["path"]] = int(row["bytes"])

lines, sizes, release = [], {}, None
for (time, name), changed in sorted(changes.items()):
    if len(documents[name]) < LEAST_DOCUMENTS:
        continue
    if time != release:
        lines.append(f"release {time}")
        release = time
    numbers, grown, last = [], [], 0
    for path in sorted(changed, key=number):
        numbers.append(number(path) - last)
        grown.append(changed[path] - sizes.get(path, 0))
        last, sizes[path] = number(path), changed[path]
    lines += [f"template {name}", " ".join(map(str, numbers)), " ".join(map(str, grown))]

target = os.path.join(os.path.dirname(os.path.abspath(__file__)), "pokeapi.txt.gz")
with open(target, "wb") as file, gzip.GzipFile("", "wb", 9, file, mtime=0) as packed:
    packed.write(("\n".join(lines) + "\n").encode())
