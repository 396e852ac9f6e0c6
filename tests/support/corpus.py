"""Small files, one for each reader and kind of axis, rate, speed or scale, and what reading gives.

    python tests/support/corpus.py

prints the tables of `docs/formats.md`: readers down, kinds across, each cell right, refused or -
(not applicable).  `make` writes the file of a cell.  All hold the same: 1000 samples at 1000 Hz of
a sine of 50 Hz and amplitude 1 Pa, and where a speed belongs to it 1200 to 2400 1/min.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

if __name__ == "__main__":  # run by its name: the folder of the helpers is not on the path
    sys.path.insert(0, str(Path(__file__).parents[1]))

from support import corpus_files as files
from support import corpus_tables as tables
from support.corpus_kinds import KINDS

_STEPS = ("UFF", "TDMS", "MAT", "HDF5", "NPZ")
READERS = ("CSV", "UFF", "UFF, values", "MF4", "TDMS", "TDMS, values", "MAT", "MAT, values", "HDF5",
           "HDF5, values", "NPZ", "NPZ, values", "imc", "catman", "speed table",
           "map table")  # fmt: skip
"""Rows of the table.  ``values``: the axis as an array, not as a step."""

_MAKERS = {
    "CSV": tables.csv, "UFF": files.uff, "MF4": files.mf4, "TDMS": files.tdms, "MAT": files.mat,
    "HDF5": files.hdf5, "NPZ": files.npz, "imc": files.imc, "catman": files.catman,
    "speed table": tables.speed_table, "map table": tables.map_table,
}  # fmt: skip


def make(reader: str, name: str, folder: Path) -> Path | None:
    """Write the file of a reader and a kind; None if the reader has no such thing."""
    kind = KINDS[name]
    form, _, values = reader.partition(", ")
    maker: Any = _MAKERS[form]
    if form not in _STEPS:
        return maker(folder, kind, name)
    if bool(values) and kind.about not in ("time", "dates", "axis"):
        return None
    return maker(folder, kind, name, bool(values))


def expected(reader: str, name: str) -> str:
    """Return "right", "refused" or "-" for a cell of the table."""
    kind = KINDS[name]
    form, _, values = reader.partition(", ")
    only = {
        "rate": ("CSV", "MAT", "HDF5", "NPZ"), "clash": ("CSV", "MAT", "HDF5", "NPZ", "catman"),
        "scale": ("MF4", "TDMS", "MAT", "HDF5", "NPZ", "imc", "catman"),
    }.get(kind.about)  # fmt: skip
    if only and form not in only:
        return "-"
    if values and kind.about not in ("time", "dates", "axis"):
        return "-"
    if form in _STEPS and not values and kind.about == "dates":
        return "-"
    if (form, kind.about) in (
        ("MF4", "dates"), ("UFF", "dates"), ("UFF", "gap"), ("imc", "dates"), ("catman", "axis")
    ):  # fmt: skip
        return "-"
    if form == "map table" and (kind.about not in ("time", "axis") or name == "spectrum"):
        return "-"
    if form == "speed table" and name == "speed with a gap":
        return "refused"
    if form == "MF4" and name == "spectrum":
        return "refused"
    return "refused" if kind.refused else "right"


TABLES = {
    "Axis of time": ("time", "dates"),
    "Other axes": ("axis",),
    "Rates, speeds, scales": ("rate", "clash", "speed", "gap", "scale"),
}
"""Title of a table in the documentation -> kinds in it."""


def markdown() -> str:
    """Return the tables of `docs/formats.md`: readers down, kinds across."""
    found = []
    for title, abouts in TABLES.items():
        names = [name for name, kind in KINDS.items() if kind.about in abouts]
        lines = [f"| {title} | " + " | ".join(names) + " |", "| --- " * (len(names) + 1) + "|"]
        for reader in READERS:
            lines.append("| " + " | ".join([reader, *(expected(reader, n) for n in names)]) + " |")
        found.append("\n".join(lines))
    return "\n\n".join(found)


if __name__ == "__main__":
    print(markdown())
