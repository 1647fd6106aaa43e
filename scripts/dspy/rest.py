"""What searched programs do on rows that no cell uses: python rest.py URL DICTUM PROGRAM.json ...

The cells of `cargo xtask compare` on `questions` use 32 rows of train.csv, 25 of val.csv and 100 of test.csv; this takes all others, 203.
Each program is measured as it is used: one of Dictum's in process, by the command DICTUM, one of DSPy's by DSPy, which asks
`dictum serve-lm` at URL. Programs stay among the cells' runs: `*-random-search-*.run/program.json` and `*.dspy.json`.
"""

import csv
import json
import subprocess
import sys
import tempfile
from pathlib import Path

import dspy

import compare

DATA = Path(__file__).parents[2] / "data" / "temporal-questions"
FIELDS = ["question", "category"]


def rest():
    rows = []
    for name, used in [("test", 100), ("val", 25), ("train", 32)]:
        with open(DATA / f"{name}.csv", encoding="utf-8") as file:
            rows += list(csv.DictReader(file))[used:]
    return [{field: row[field] for field in FIELDS} for row in rows]


def by_dictum(command, state, rows):
    with tempfile.TemporaryDirectory() as folder:
        program, data, out = (Path(folder) / name for name in ("program.json", "rows.jsonl", "out.jsonl"))
        # Saved by code, it does not say what module it is.
        program.write_text(json.dumps({**state, "program": {"kind": "predict"}}), encoding="utf-8")
        data.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
        settings = ["--lm", "local/qwen2.5-coder-0.5b", "--adapter", "json", "--temperature", "0", "--max-tokens", "100"]
        asked = ["--program", program, "--data", data, "--metric", "exact:category", "--out", out]
        subprocess.run([command, "eval", *settings, *asked], check=True, stdout=subprocess.DEVNULL)
        return sum(json.loads(line)["value"] or 0 for line in out.read_text(encoding="utf-8").splitlines())


def by_dspy(url, state, rows):
    limits = {"task_tokens": 100, "proposer_tokens": 400}
    models = {"task": "qwen2.5-coder-0.5b", "proposer": "qwen2.5-coder-1.5b"}
    task, _ = compare.connect({"url": url, "models": models, "limits": limits})
    score, _ = compare.metrics(["category"])
    program = dspy.Predict(compare.Classify)
    program.load_state(state)
    examples = [dspy.Example(**row).with_inputs("question") for row in rows]
    with dspy.context(lm=task, adapter=dspy.JSONAdapter()):
        evaluate = dspy.Evaluate(devset=examples, metric=score, num_threads=8, max_errors=len(rows) + 1)
        return sum(float(score) for _, _, score in evaluate(program).results)


def main():
    url, command, *programs = sys.argv[1:]
    rows = rest()
    for program in programs:
        state = json.loads(Path(program).read_text(encoding="utf-8"))
        right = by_dictum(command, state, rows) if "dictum" in state else by_dspy(url, state, rows)
        print(f"{program}: {right:.0f} of {len(rows)} right", flush=True)


if __name__ == "__main__":
    main()
