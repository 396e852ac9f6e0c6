"""Import of the scripts in `benchmarks/`, which import each other by their bare names."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType

FOLDER = Path(__file__).resolve().parents[2] / "benchmarks"


@contextmanager
def script(name: str) -> Iterator[ModuleType]:
    """Yield a script as a module; afterwards ``sys.path`` and ``sys.modules`` are as before."""
    own = {path.stem for path in FOLDER.glob("*.py")}
    before = {each: sys.modules.pop(each) for each in own & sys.modules.keys()}
    sys.path.insert(0, str(FOLDER))
    try:
        yield importlib.import_module(name)
    finally:
        sys.path.remove(str(FOLDER))
        for each in own & sys.modules.keys():
            del sys.modules[each]
        sys.modules.update(before)
