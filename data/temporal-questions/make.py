"""Make train.csv, val.csv and test.csv of this folder from the unpacked source package.

    python3 make.py PATH_TO/bigbench-1.0.0

Only the standard library is used; the same input always gives the same bytes.
"""

import csv
import json
import pathlib
import random
import re
import sys

SOURCE = "bigbench/benchmark_tasks/natural_instructions/subtask019_mctaco_temporal_reasoning_category/task.json"
SEED = 1
SIZES = {"train": 100, "val": 60, "test": 200}


def rows(package):
    """(question, category) of every row whose annotators said that the category fits."""
    data = json.loads((pathlib.Path(package) / SOURCE).read_text(encoding="utf-8"))
    for example in data["examples"]:
        if example["target"] != ["Yes."]:
            continue  # the row names a wrong category, and doesn't say which one is right
        match = re.match(r"Sentence: (.*?)\nQuestion: (.*?)\nCategory: (.*)$", example["input"].strip(), re.S)
        if match:
            yield match[2].strip(), match[3].strip().rstrip(".")


def without_repeats(pairs):
    """Keeps the first of every group of questions that share most of their words."""
    kept, seen_text, seen_words = [], set(), []
    for question, category in pairs:
        text = re.sub(r"[^a-z0-9]+", " ", question.lower()).strip()
        if text in seen_text:
            continue
        seen_text.add(text)
        words = frozenset(re.findall(r"[a-z0-9]+", question.lower()))
        if any(len(words & other) / len(words | other) >= 0.75 for other in seen_words):
            continue
        seen_words.append(words)
        kept.append((question, category))
    return kept


def main():
    pairs = without_repeats(rows(sys.argv[1]))
    random.Random(SEED).shuffle(pairs)
    start = 0
    for name, size in SIZES.items():
        with open(pathlib.Path(__file__).parent / f"{name}.csv", "w", encoding="utf-8", newline="") as file:
            out = csv.writer(file, lineterminator="\n")
            out.writerow(["question", "category"])
            out.writerows(pairs[start : start + size])
        start += size


if __name__ == "__main__":
    main()
