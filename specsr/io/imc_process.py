"""Reader of an imc file with imctermite, run by `specsr.io.isolated_script`.

`specsr.io.imc` has it run in a separate process: the library is compiled and follows the lengths
that a file states.  It imports nothing of specsr.  The arrays are ``c0``, ``c1``, ... (samples of a
channel, in its unit), ``x0``, ... (its abscissa; only of channels that store one) and ``facts``:
JSON with name, group, unit, step and start of each channel, unit of its abscissa, and the names of
those that are skipped, with the reason.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import imctermite
import numpy as np


def read(path: Path) -> dict[str, np.ndarray]:
    """Return the arrays of the output, by name."""
    arrays: dict[str, np.ndarray] = {}
    channels: list[dict[str, Any]] = []
    skipped: list[list[str]] = []
    file = imctermite.ImcTermite(str(path))
    for one in file.get_channels_metadata():
        name = one.name or one.y_name
        if one.kind != "numeric":
            skipped += [[name, "it holds events"]]
            continue
        if not one.sample_count:
            continue
        number = len(channels)
        # counts without a scale stay as they are stored
        plain = one.y_factor in (0.0, 1.0) and one.y_offset == 0.0
        explicit = one.dimension > 1
        data = file.get_channel_data(
            one.uuid, include_x=explicit, mode="raw" if plain and not explicit else "scaled"
        )
        arrays[f"c{number}"] = np.ascontiguousarray(data["y"])
        if explicit:
            arrays[f"x{number}"] = np.asarray(data["x"], dtype=np.float64)
        channels.append({
            "name": name, "group": one.group_name, "unit": one.y_unit, "x_unit": one.x_unit,
            "x_name": one.x_name, "step": one.x_step_width, "start": one.x_offset,
        })  # fmt: skip
    arrays["facts"] = np.array(json.dumps({"channels": channels, "skipped": skipped}))
    return arrays
