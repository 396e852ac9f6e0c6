"""Reader of a Dewesoft file with dwdatareader, run by `specsr.io.isolated_script`.

`specsr.io.dewesoft` has it run in a separate process: Dewesoft's library is compiled and closed.
It imports nothing of specsr.  The arrays are ``c0``, ``c1``, ... (samples of a channel, in its
unit), ``t0``, ... (its time stamps, s; only where they are not those of its rate) and ``facts``:
JSON with name, group, unit, rate (Hz, or null) and start (s) of each channel, and why others are
skipped.
"""

from __future__ import annotations

import json
import shutil
import zipfile
from pathlib import Path
from typing import Any

import dwdatareader as dw
import numpy as np

MOST = 100
"""Number of skipped channels that are named."""


def read(path: Path) -> dict[str, np.ndarray]:
    """Return the arrays of the output, by name.

    Raises:
        ValueError: the library cannot open the file.
    """
    try:
        file = dw.DWFile(str(unpacked(path)))
    except dw.DWError as error:
        raise ValueError(text_of(error)) from None
    arrays: dict[str, np.ndarray] = {}
    channels: list[dict[str, Any]] = []
    skipped: list[list[str]] = []
    with file:
        for channel in file.values():
            why = reason_to_skip(channel)
            if why:
                skipped += [[channel.name, why]]
                continue
            try:
                times, samples = channel.scaled()
            except dw.DWError as error:
                skipped += [[channel.name, text_of(error)]]
                continue
            if not len(samples):
                continue
            number = len(channels)
            rate = float(channel.sample_rate) or None  # 0 for asynchronous channels
            single = channel.data_type.name == "dtSingle"
            arrays[f"c{number}"] = samples.astype(np.float32) if single else samples
            if rate is None or not even(times, rate):
                arrays[f"t{number}"] = times
            channels.append({
                "name": channel.name, "group": channel.long_name.rpartition("/")[0],
                "unit": channel.unit, "rate": rate, "start": float(times[0]),
            })  # fmt: skip
    arrays["facts"] = np.array(json.dumps({"channels": channels, "skipped": skipped[:MOST]}))
    return arrays


def text_of(error: Any) -> str:
    """Return the text of an error of the library, which has a number and a message."""
    return str(getattr(error, "message", "")) or str(error)


def unpacked(path: Path) -> Path:
    """Return a file, or its only part in an archive, unpacked into this folder.

    The library unpacks archives itself, to any place that their names state.
    """
    if not zipfile.is_zipfile(path):
        return path
    with zipfile.ZipFile(path) as archive:
        parts = {Path(one.filename).suffix.lower(): one for one in archive.infolist()}
        [suffix] = {".dxd", ".d7d"} & set(parts)
        made = Path(f"unpacked{suffix}").resolve()
        with archive.open(parts[suffix]) as packed, open(made, "wb") as file:
            shutil.copyfileobj(packed, file, 1 << 20)
    return made


def reason_to_skip(channel: Any) -> str:
    """Return why a channel is no waveform; "" for one that may be."""
    kind = channel.data_type.name
    if channel.array_size > 1:
        return "it holds an array for each time, such as a spectrum"
    if kind.startswith("dtComplex"):
        return "its values are complex"
    if kind in ("dtText", "dtBinary") or kind.startswith(("dtCAN", "dtBytes")):
        return "it holds no numbers"
    if channel.channel_type.name == "DW_CH_TYPE_SV":
        return "it holds a single value"
    return ""


def even(times: np.ndarray, rate: float) -> bool:
    """Return whether time stamps are those of a rate, within a tenth of a step."""
    off = times - (times[0] + np.arange(len(times)) / rate)
    return bool(np.isfinite(times).all() and np.abs(off).max() * rate < 0.1)
