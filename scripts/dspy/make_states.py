"""Writes the state of every program with DSPy's own `save`: python make_states.py FOLDER"""

import sys
from pathlib import Path

from programs import PROGRAMS, compiled

folder = Path(sys.argv[1])
folder.mkdir(parents=True, exist_ok=True)
for name in PROGRAMS:
    compiled(name).save(folder / f"{name}.json")
    print(f"wrote {name}.json")
