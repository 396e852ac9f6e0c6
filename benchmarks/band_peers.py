"""Results of other programs in the benchmark of bands: from files, and published ones."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from band_cases import RATE, Case
from common import read_first

from specsr.errors import SpecsrError
from specsr.signal import fit_length

PUBLISHED = [
    {"method": "NU-Wave2", "24 kHz": 0.72, "16 kHz": 0.86, "8 kHz": 1.09},
    {"method": "UDM+", "24 kHz": 0.64, "16 kHz": 0.79, "8 kHz": 1.03},
    {"method": "mdctGAN", "24 kHz": 0.71, "16 kHz": 0.83, "8 kHz": 0.93},
    {"method": "AP-BWE", "24 kHz": 0.61, "16 kHz": 0.72, "8 kHz": 0.84},
    {"method": "LavaSR v2 (its own table)", "24 kHz": 0.63, "16 kHz": 0.72, "8 kHz": 0.85},
]
"""LSD that others publish for speech of VCTK, by the rate it is estimated from."""


def peer(case: Case, folder: Path) -> np.ndarray:
    """Return the result of another program, from a file."""
    path = folder / f"{RATE / case.scale / 1000:g}" / case.name
    found = [p for p in (path, path.with_suffix(".wav")) if p.is_file()]
    if not found:
        raise SpecsrError(f"{path}: no such file: expected the peer's result at 48 kHz")
    samples, rate = read_first(found[0])
    if rate != RATE:
        raise SpecsrError(f"{found[0]}: {rate:g} Hz: expected {RATE:g} Hz")
    return fit_length(samples, case.high.size)
