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

SOURCE = "bigbench/benchmark_tasks/intent_recognition/task.json"
SEED = 1
SIZES = {"train": 100, "val": 60, "test": 200}


def rows(package):
    """(utterance, intent) of every row."""
    data = json.loads((pathlib.Path(package) / SOURCE).read_text(encoding="utf-8"))
    for example in data["examples"]:
        scores = example["target_scores"]
        best = [intent for intent, score in scores.items() if score == max(scores.values())]
        if len(best) == 1:
            yield re.sub(r"^Utterance: ", "", example["input"]).strip(), best[0]


def without_repeats(pairs):
    """Keeps the first of every group of utterances that share most of their words."""
    kept, seen_text, seen_words = [], set(), []
    for utterance, intent in pairs:
        text = re.sub(r"[^a-z0-9]+", " ", utterance.lower()).strip()
        if text in seen_text:
            continue
        seen_text.add(text)
        words = frozenset(re.findall(r"[a-z0-9]+", utterance.lower()))
        if any(len(words & other) / len(words | other) >= 0.75 for other in seen_words):
            continue
        seen_words.append(words)
        kept.append((utterance, intent))
    return kept


def main():
    pairs = without_repeats(rows(sys.argv[1]))
    random.Random(SEED).shuffle(pairs)
    start = 0
    for name, size in SIZES.items():
        with open(pathlib.Path(__file__).parent / f"{name}.csv", "w", encoding="utf-8", newline="") as file:
            out = csv.writer(file, lineterminator="\n")
            out.writerow(["utterance", "intent"])
            out.writerows(pairs[start : start + size])
        start += size


if __name__ == "__main__":
    main()
