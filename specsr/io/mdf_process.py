"""Script that reads an MDF file with asammdf and writes its channels as ``.npz``.

Its arguments are IN.mf4 OUT.npz and the bytes of memory that it may take besides the libraries.
`specsr.io.mdf` runs it as a separate process, which may crash; it imports nothing of specsr.  The
output holds ``c0``, ``c1``, ... (samples of a channel), ``t0``, ... (its time stamps, s) and
``facts``: JSON with [name, unit, group] of each channel, and whether frames of a bus were found.
"""

from __future__ import annotations

import io
import json
import sys
from pathlib import Path
from typing import Any

import asammdf
import numpy as np

BUS = ("CAN_", "LIN_", "FLX_", "ETH_", "MOST_", "K_LINE")
"""Starts of the names of channels that hold frames of a bus."""


def read(path: Path) -> dict[str, np.ndarray]:
    """Return the arrays of the output, by name."""
    arrays: dict[str, np.ndarray] = {}
    channels: list[tuple[str, str, int]] = []
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
                if samples.ndim != 1 or samples.dtype.kind not in "biuf" or len(samples) < 2:
                    continue
                arrays[f"c{len(channels)}"] = np.ascontiguousarray(samples)
                arrays[f"t{len(channels)}"] = np.asarray(signal.timestamps, dtype=np.float64)
                channels.append((name, str(signal.unit or ""), number))
    arrays["facts"] = np.array(json.dumps({"channels": channels, "frames": bool(frames)}))
    return arrays


def limit_memory(nbytes: int) -> None:
    """Limit the memory of this process from now on, where the system can (not on Windows)."""
    try:
        import resource

        used = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
        resource.setrlimit(resource.RLIMIT_AS, (used + nbytes, resource.RLIM_INFINITY))
    except (ImportError, OSError, ValueError):
        pass


if __name__ == "__main__":
    try:
        limit_memory(int(sys.argv[3]))
        arrays: Any = read(Path(sys.argv[1]))
        np.savez(sys.argv[2], **arrays)
    except Exception as error:
        sys.exit(f"{type(error).__name__}: {error}")
