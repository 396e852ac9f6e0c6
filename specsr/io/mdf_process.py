"""Reader of an MDF file with asammdf, run by `specsr.io.isolated_script`.

`specsr.io.mdf` has it run in a separate process, which may crash; it imports nothing of specsr.
The arrays are ``c0``, ``c1``, ... (samples of a channel), ``t0``, ... (its time stamps, s) and
``facts``: JSON with name, unit, group, axis (``sync``, ``axis_unit``) and texts of each channel,
the names of skipped ones, and whether frames of a bus were found.  A value that its conversion
turns into a text ("SNA") is NaN.
"""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import asammdf
import numpy as np

BUS = ("CAN_", "LIN_", "FLX_", "ETH_", "MOST_", "K_LINE")
"""Starts of the names of channels that hold frames of a bus."""


def read(path: Path) -> dict[str, np.ndarray]:
    """Return the arrays of the output, by name."""
    arrays: dict[str, np.ndarray] = {}
    channels: list[dict[str, Any]] = []
    skipped: list[str] = []
    frames = False
    # From memory: asammdf completes an unfinalised file in place.
    with asammdf.MDF(io.BytesIO(path.read_bytes())) as file:
        for number, group in enumerate(file.groups):
            names = [channel.name for channel in group.channels]
            filled = group.channel_group.cycles_nr > 0
            if any(name.startswith(BUS) for name in names):
                frames |= filled
                continue
            master = file.masters_db.get(number)
            for index, name in enumerate(names):
                if index == master or not filled:
                    continue
                signal = file.get(group=number, index=index)
                samples = signal.samples
                if samples.ndim != 1 or len(samples) < 2:
                    continue
                if samples.dtype.kind not in "biuf":
                    skipped += [name] * (samples.dtype.kind in "SUO")
                    continue
                texts = texts_of(group.channels[index].conversion)
                gaps = int(np.isnan(samples).sum()) if samples.dtype.kind == "f" else 0
                arrays[f"c{len(channels)}"] = np.ascontiguousarray(samples)
                arrays[f"t{len(channels)}"] = np.asarray(signal.timestamps, dtype=np.float64)
                axis = group.channels[master] if master is not None else None
                channels.append({
                    "name": name, "unit": str(signal.unit or ""), "group": number,
                    "sync": int(getattr(axis, "sync_type", 1)), "gaps": gaps,
                    "texts": texts if gaps else [],
                    "axis_unit": str(getattr(axis, "unit", "") or ""),
                })  # fmt: skip
    facts = {"channels": channels, "skipped": skipped, "frames": bool(frames)}
    arrays["facts"] = np.array(json.dumps(facts))
    return arrays


def texts_of(conversion: Any) -> list[str]:
    """Return the texts that a conversion gives instead of numbers, such as "SNA"."""
    blocks = getattr(conversion, "referenced_blocks", None) or {}
    texts = [block.decode("utf-8", "replace") for block in blocks.values() if type(block) is bytes]
    return [text for text in texts if text][:5]
