"""Dewesoft files (``.dxd``, ``.d7d``, ``.dxz``, ``.d7z``) through Dewesoft's own library.

It is called through dwdatareader.  Synchronous channels have the rate of the file over their
divider; where triggered storing left gaps, and for asynchronous channels, the time stamps count.
The library is closed, so it runs in a separate process (`specsr.io.isolated`, with
`specsr.io.dewesoft_process`).
"""

from __future__ import annotations

import zipfile
from pathlib import Path
from typing import Any

import numpy as np

from specsr.errors import SpecsrError
from specsr.extras import require
from specsr.io import sampling, unit_labels
from specsr.io.isolated import read_isolated
from specsr.io.limits import Total, array_memory, check_size
from specsr.io.recording import Channel, Contents
from specsr.io.sampling import Sampling

SUFFIXES = (".dxd", ".d7d", ".dxz", ".d7z")
SIGNATURE = b"MULTI_STREAM_FILE"
"""First bytes of a file; compressed ones are archives (ZIP) of one such file."""


def read_dewesoft(path: Path) -> Contents:
    """Return the channels of a Dewesoft file that hold numbers over time, in their units.

    Raises:
        SpecsrError: dwdatareader is not installed or does not run here, the file is damaged, or it
            holds no waveform.
    """
    _check_content(path)
    require("dwdatareader", "dewesoft", f"{path.suffix} files")
    found, arrays = read_isolated(path, "dewesoft_process.py", "Dewesoft")
    total = Total("its channels")
    channels, notes = [], []
    for number, facts in enumerate(found["channels"]):
        samples, times = arrays[f"c{number}"], arrays.get(f"t{number}")
        total.add(array_memory(len(samples), samples.dtype))
        sampled = _sampling(facts, times)
        channels.append(
            Channel(
                facts["name"], samples, label=unit_labels.clean(facts["unit"]),
                group=facts["group"], **sampled.fields(),
            )
        )  # fmt: skip
        if sampled.note:
            notes.append(f"channel {facts['name']}: {sampled.note}")
    reasons: dict[str, list[str]] = {}
    for name, why in found["skipped"]:
        reasons.setdefault(why, []).append(name)
    notes += [f"skipped: {', '.join(names)} ({why})" for why, names in reasons.items()]
    if not channels:
        raise SpecsrError(
            "holds no waveform: expected a channel of numbers over time"
            + "".join(f"; {note}" for note in notes)
        )
    return Contents(tuple(channels), tuple(notes))


def _check_content(path: Path) -> None:
    """Raise `SpecsrError` for a file of another kind, and for an archive that is too large."""
    with open(path, "rb") as file:
        if file.read(len(SIGNATURE)) == SIGNATURE:
            return
    if not zipfile.is_zipfile(path):
        raise SpecsrError("cannot be read as Dewesoft: it has no Dewesoft header; copy it again")
    with zipfile.ZipFile(path) as archive:
        sizes = [
            one.file_size for one in archive.infolist()
            if Path(one.filename).suffix.lower() in (".dxd", ".d7d")
        ]  # fmt: skip
    if len(sizes) != 1:
        raise SpecsrError(
            f"is an archive of {len(sizes)} Dewesoft files: expected one; unpack it first"
        )
    check_size(sizes[0], "the unpacked recording")


def _sampling(facts: dict[str, Any], times: np.ndarray | None) -> Sampling:
    """Return the sampling of a channel: its rate, or the times that it was stored at."""
    if times is None:
        return Sampling(facts["rate"], facts["start"])
    if len(times) < 2:
        return Sampling(times=times)
    return sampling.of_values(times, "s")
