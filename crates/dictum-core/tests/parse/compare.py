"""Compares the parser with Python's json_repair on damaged JSON.

    DAMAGE_OUT=/tmp/damage.jsonl cargo test -p dictum-core --test parse -- --ignored damage
    pip install json_repair && python compare.py /tmp/damage.jsonl

json_repair knows no types. To be fair to it, its result is adjusted: where a text was wanted and it gives a number,
boolean or null whose spelling is that text, or the other way round, it counts as right.
"""

import collections
import json
import sys

import json_repair


def same(got, want):
    if isinstance(want, bool) or want is None:
        return got is want or (isinstance(got, str) and got.lower() == str(want).lower())
    if isinstance(want, str):
        return isinstance(got, str) and got == want or (not isinstance(got, (dict, list)) and str(got) == want)
    if isinstance(want, (int, float)):
        if isinstance(got, str):
            try:
                got = float(got)
            except ValueError:
                return False
        return not isinstance(got, bool) and isinstance(got, (int, float)) and got == want
    if isinstance(want, list):
        return isinstance(got, list) and len(got) == len(want) and all(map(same, got, want))
    return isinstance(got, dict) and got.keys() == want.keys() and all(same(got[k], want[k]) for k in want)


counts = collections.Counter()
by_damage = collections.defaultdict(collections.Counter)
theirs_only = []
for line in open(sys.argv[1], encoding="utf-8"):
    case = json.loads(line)
    try:
        theirs = json_repair.loads(case["text"])
    except Exception as error:  # noqa: BLE001 - any failure of it counts as wrong
        theirs = repr(error)
    them, us = same(theirs, case["value"]), case["right"]
    kind = {(1, 1): "both right", (0, 1): "theirs right only", (1, 0): "ours right only", (0, 0): "both wrong"}[us, them]
    if kind == "theirs right only" and case["text"][-1:].isdigit():
        # Nothing tells whether a number that ends with the text is whole: this parser refuses it by rule.
        kind = "theirs by trusting a number that ends with the text"
    counts[kind] += 1
    by_damage[" + ".join(sorted(set(case["damage"])))][kind] += 1
    if kind == "theirs right only":
        theirs_only.append(case)

print(dict(counts))
for case in theirs_only:
    print(json.dumps({k: case[k] for k in ("damage", "text", "value", "ours", "error")}, ensure_ascii=False))
