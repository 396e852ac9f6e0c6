"""imc files (``.raw``, ``.dat`` of imc STUDIO and FAMOS) through imctermite.

Formats imc2 (``|CF,``) and imc3 (``|imc3,``); other files have these suffixes too, so the content
decides.  The library follows the lengths that a file states, so those of imc2 are checked first,
and it runs in a separate process (`specsr.io.isolated`, with `specsr.io.imc_process`).
"""

from __future__ import annotations

import mmap
import re
from pathlib import Path
from typing import Any

import numpy as np

from specsr.errors import SpecsrError
from specsr.extras import require
from specsr.io import sampling, unit_labels, unread
from specsr.io.isolated import read_isolated
from specsr.io.limits import Total, array_memory
from specsr.io.recording import Channel, Contents
from specsr.io.sampling import Sampling
from specsr.io.titles import kind_of_name

SUFFIXES = (".raw", ".dat")
SIGNATURES = (b"|CF,", b"|imc3,")
"""First bytes of the two formats."""
_BLOCK = re.compile(rb"\s*\|([A-Z][A-Za-z]),\s*\d{1,9},\s*(\d{1,18}),")
"""Head of a block of imc2: key, version, length of its content."""


def read_imc(path: Path) -> Contents:
    """Return the channels of an imc file that hold numbers, in their units.

    Raises:
        SpecsrError: imctermite is not installed, it is no imc file, it is damaged or cut off, or
            it holds no waveform.
    """
    _check_content(path)
    require("imctermite", "imc", f"{path.suffix} files of imc")
    found, arrays = read_isolated(path, "imc_process.py", "imc")
    total = Total("its channels")
    channels, notes = [], []
    for number, facts in enumerate(found["channels"]):
        samples = arrays[f"c{number}"]
        total.add(array_memory(len(samples), samples.dtype))
        sampled = _sampling(facts, arrays.get(f"x{number}"))
        channels.append(
            Channel(
                facts["name"], samples, label=_label(facts["unit"]), group=facts["group"],
                **sampled.fields(),
            )
        )  # fmt: skip
        if sampled.note:
            notes.append(f"channel {facts['name']}: {sampled.note}")
    notes += [f"channel {name} is skipped: {why}" for name, why in found["skipped"]]
    if not channels:
        raise SpecsrError(
            "holds no waveform: expected a channel of numbers" + "".join(f"; {n}" for n in notes)
        )
    return Contents(tuple(channels), tuple(dict.fromkeys(notes)))


def is_imc(path: Path) -> bool:
    """Return whether a file starts as one of imc does."""
    with open(path, "rb") as file:
        return file.read(max(map(len, SIGNATURES))).startswith(SIGNATURES)


def _sampling(facts: dict[str, Any], values: np.ndarray | None) -> Sampling:
    """Return the sampling of a channel: its step, or the values of its abscissa."""
    label = _label(facts["x_unit"])
    kind = kind_of_name(facts["x_name"])
    if values is None:
        return sampling.of_step(facts["step"], facts["start"], label, kind or "time")
    if not label and kind is None:
        return sampling.asked("it is stored over another channel that has no unit")
    return sampling.of_values(values, label, kind or "time")


def _label(text: str) -> str:
    """Return a unit label; some recorders write it in quotes."""
    return unit_labels.clean(text.strip().strip('"'))


def _check_content(path: Path) -> None:
    """Raise `SpecsrError` for a file of another kind, and for blocks beyond its end."""
    if not is_imc(path):
        raise unread.other_content(path, "imc STUDIO or FAMOS, which start with |CF or |imc3")
    size = path.stat().st_size
    with open(path, "rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
        at = 0
        while head := _BLOCK.match(data, at):
            end = head.end() + int(head[2])
            if end > size:
                raise SpecsrError(
                    f"is cut off: the block {head[1].decode()} at byte {head.start()} declares "
                    f"{int(head[2])} bytes, the file ends after {size - head.end()}; copy it again"
                )
            if data[end : end + 1] != b";":
                raise SpecsrError(f"is damaged: the block at byte {head.start()} has no end")
            at = end + 1
        if data[at:].strip() and not data[:8].startswith(SIGNATURES[1]):
            raise SpecsrError(f"is damaged: no block starts at byte {at}; copy it again")
