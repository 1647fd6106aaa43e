"""Loads the files Dictum exported into the real package and compares what it took from them with what DSPy had saved.

python check_export.py FOLDER: FOLDER holds DSPy's own files, FOLDER/exported those of Dictum.
"""

import json
import sys
from pathlib import Path

from programs import PROGRAMS



def by_path(state):
    """A bare Predict saves its entries without a path."""
    state = {key: value for key, value in state.items() if key != "metadata"}
    return {"self": state} if "signature" in state else state


folder = Path(sys.argv[1])
failed = 0
for name, make in PROGRAMS.items():
    original = by_path(json.loads((folder / f"{name}.json").read_text()))
    program = make()
    program.load(folder / "exported" / f"{name}.json")
    loaded = by_path(json.loads(json.dumps(program.dump_state())))
    for path in original:
        wrong = []
        for part in ["demos", "signature"]:
            if loaded[path][part] != original[path][part]:
                wrong.append(f"{part}:\n  DSPy saved  {original[path][part]}\n  after Dictum {loaded[path][part]}")
        demos = len(original[path]["demos"])
        failed += bool(wrong)
        print(f"{name}: {path}: {demos} demos: {'the same' if not wrong else chr(10).join(wrong)}")
print("all the same" if not failed else f"{failed} differ")
sys.exit(bool(failed))
