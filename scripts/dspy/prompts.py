"""Whose prompt does the small model answer better? python prompts.py URL DICTUM [DRAWS | PROGRAM.json ...]

The same demonstrations of data/temporal-questions in Dictum's and in DSPy's messages (JSON layout), asked of `dictum serve-lm` at URL
under the same schema, on rows that no cell of `cargo xtask compare` uses. DICTUM is the command that renders Dictum's messages. The
demonstrations are drawn at random (2 draws), or those of programs that cells of `questions` left among their runs, of either system.
"""

import csv
import json
import pathlib
import random
import subprocess
import sys
import tempfile
import urllib.request
from concurrent.futures import ThreadPoolExecutor

import dspy

from compare import Classify

MODEL = "qwen2.5-coder-0.5b"
DEMOS = 8
CATEGORIES = ["Absolute Timepoint", "Event Duration", "Event Ordering", "Frequency", "Transient v. Stationary"]
DATA = pathlib.Path(__file__).parents[2] / "data" / "temporal-questions"


def rows(name):
    with open(DATA / f"{name}.csv", encoding="utf-8") as file:
        return [(row["question"], row["category"]) for row in csv.DictReader(file)]


def of_dspy(demos, question):
    shown = [{"question": question, "category": category} for question, category in demos]
    return dspy.JSONAdapter().format(Classify, shown, {"question": question})


def of_dictum(command, demos, question):
    """As the command renders a program with these demonstrations."""
    fields = [
        {"name": "question", "kind": "input", "type": {"type": "string"}},
        {"name": "category", "kind": "output", "type": {"type": "string", "enum": CATEGORIES}},
    ]
    signature = {"version": 1, "name": "Classify", "instructions": Classify.__doc__, "fields": fields}
    shown = [{"fields": {"question": question, "category": category}} for question, category in demos]
    program = {"dictum": 1, "program": {"kind": "predict"}, "predictors": {"self": {"signature": signature, "demos": shown}}}
    with tempfile.NamedTemporaryFile("w", suffix=".json") as file:
        json.dump(program, file)
        file.flush()
        render = [command, "render", "--adapter", "json", "--json", "--program", file.name, "--set", f"question={question}"]
        said = subprocess.run(render, check=True, capture_output=True, text=True).stdout
    return [
        {"role": message["role"], "content": "".join(part["text"] for part in message["parts"])}
        for message in json.loads(said)["messages"]
    ]


def ask(url, messages):
    schema = {
        "type": "object",
        "properties": {"category": {"type": "string", "enum": CATEGORIES}},
        "required": ["category"],
        "additionalProperties": False,
    }
    body = {
        "model": MODEL,
        "messages": messages,
        "temperature": 0,
        "max_tokens": 100,
        "response_format": {"type": "json_schema", "json_schema": {"name": "answer", "strict": True, "schema": schema}},
    }
    request = urllib.request.Request(f"{url}/chat/completions", json.dumps(body).encode(), {"content-type": "application/json"})
    with urllib.request.urlopen(request, timeout=300) as answer:
        return json.loads(json.load(answer)["choices"][0]["message"]["content"])["category"]


def demos_of(program):
    """The demonstrations of a saved program: Dictum's state, or DSPy's of one predictor."""
    with open(program, encoding="utf-8") as file:
        state = json.load(file)
    if "predictors" in state:
        shown = [demo["fields"] for demo in state["predictors"]["self"]["demos"]]
    else:
        shown = state["demos"]
    return [(demo["question"], demo["category"]) for demo in shown]


def main():
    url, command, *what = sys.argv[1:]
    train, val = rows("train"), rows("val")
    # The comparison learns from the first 32 and chooses by the first 25.
    pool, asked = train[:32], train[32:] + val[25:]
    writers = {"Dictum": lambda *row: of_dictum(command, *row), "DSPy": of_dspy}
    if what and not what[0].isdecimal():
        sets = {program: demos_of(program) for program in what}
    else:
        draws = int(what[0]) if what else 2
        sets = {f"draw {draw}": random.Random(draw).sample(pool, DEMOS) for draw in range(1, 1 + draws)}
    for label, demos in sets.items():
        for name, write in writers.items():
            with ThreadPoolExecutor(8) as threads:
                right = threads.map(lambda row: ask(url, write(demos, row[0])) == row[1], asked)
            print(f"{label}, messages of {name}: {sum(right)} of {len(asked)} right", flush=True)


if __name__ == "__main__":
    main()
