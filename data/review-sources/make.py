"""Make train.csv, val.csv and test.csv of this folder from the unpacked npm package `sentiment` 5.0.2.

    python3 make.py PATH_TO/package

Only the standard library is used; the same input always gives the same bytes.
"""

import csv
import json
import pathlib
import random
import re
import sys

SEED = 1
SOURCES = ["amazon", "imdb", "yelp"]
SIZES = {"train": 36, "val": 30, "test": 102}  # divisible by six: all parts are balanced


def sentences(package, source, sentiment):
    """The sentences of one source and one sentiment, without repeats and very short or long ones, shuffled."""
    path = pathlib.Path(package) / "test" / "fixtures" / f"{source}.json"
    seen, kept = set(), []
    for row in json.loads(path.read_text(encoding="utf-8")):
        text = " ".join(str(row.get("text", "")).split())
        key = re.sub(r"[^a-z0-9]+", " ", text.lower()).strip()
        if row.get("class") != sentiment or not 40 <= len(text) <= 160 or key in seen:
            continue
        seen.add(key)
        kept.append(text)
    random.Random(f"{SEED} {source} {sentiment}").shuffle(kept)
    return kept


def main():
    kinds = {(source, sentiment): iter(sentences(sys.argv[1], source, sentiment)) for source in SOURCES for sentiment in (0, 1)}
    for name, size in SIZES.items():
        rows = []
        for (source, sentiment), texts in kinds.items():
            label = "positive" if sentiment else "negative"
            rows += [(next(texts), source, label) for _ in range(size // len(kinds))]
        random.Random(f"{SEED} {name}").shuffle(rows)
        with open(pathlib.Path(__file__).parent / f"{name}.csv", "w", encoding="utf-8", newline="") as file:
            out = csv.writer(file, lineterminator="\n")
            out.writerow(["review", "source", "sentiment"])
            out.writerows(rows)


if __name__ == "__main__":
    main()
