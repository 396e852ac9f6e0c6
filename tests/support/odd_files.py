"""Recordings and maps at the edge of what is allowed: rates, lengths, values, names."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import numpy as np

from specsr import io
from specsr.maps.transform import spectrogram
from specsr.signal import Signal

NAMES = (r"$\frac{$", r"$x^{2$", "\\", "_", "[", "[/red]", "a\nb", "\x1b[31mred\u202e", "=1+1")
"""Names that mean something to figures, terminals or spreadsheets."""
BYTES_NAME = os.fsdecode(b"caf\xe9 \xff.wav")
"""A file name that is not UTF-8."""


def _sine(
    rate: float, length: int, value: float = 1.0, names: tuple[str, ...] = ("mic",)
) -> Signal:
    phase = 0.3 * np.arange(length) + np.arange(len(names))[:, None]
    rpm = np.linspace(1000.0, 3000.0, length)
    return Signal(
        value * np.sin(phase), rate, unit="Pa", channels=names, rpm=rpm,
        full_scale=max(1.0, abs(value)),
    )  # fmt: skip


def _write(signal: Signal, name: str) -> Callable[[Path], Path]:
    def make(folder: Path) -> Path:
        io.write(folder / name, signal)
        return folder / name

    return make


def _text(text: str, name: str = "a.csv") -> Callable[[Path], Path]:
    def make(folder: Path) -> Path:
        (folder / name).write_text(text)
        return folder / name

    return make


def _map(signal: Signal) -> Callable[[Path], Path]:
    def make(folder: Path) -> Path:
        io.write_map(folder / "map.npz", spectrogram(signal, n_fft=64, hop_length=16))
        return folder / "map.npz"

    return make


ODD: dict[str, Callable[[Path], Path]] = {
    "1 Hz": _write(_sine(1.0, 5000), "a.wav"),
    "10 Hz": _write(_sine(10.0, 5000), "a.wav"),
    "1e12 Hz": _write(_sine(1e12, 5000), "a.h5"),
    "one sample": _write(_sine(48000.0, 1), "a.wav"),
    "1e300": _write(_sine(48000.0, 4000, 1e300), "a.h5"),
    "-1e300": _write(_sine(48000.0, 4000, -1e300), "a.csv"),
    "1e-300": _write(_sine(48000.0, 4000, 1e-300), "a.h5"),
    "silence": _write(_sine(24000.0, 4000, 0.0), "a.wav"),
    "names": _write(_sine(24000.0, 8000, 1.0, NAMES[1::3]), "a.wav"),
    "names in a table": _write(_sine(8000.0, 4000, 1.0, NAMES), "a.csv"),
    "names in a map": _map(_sine(24000.0, 3000, 1.0, NAMES[:3])),
    "name of bytes": _write(_sine(24000.0, 4000), BYTES_NAME),
    "nan in the speed": _text(
        "time [s],mic [Pa],rpm [1/min]\n" + "".join(
            f"{i / 1000:g},{np.sin(i):g},{'nan' if i == 7 else 1000 + i}\n" for i in range(3000)
        )
    ),
    "empty table": _text("time [s],mic [Pa]\n"),
    "empty file": _text(""),
}  # fmt: skip
"""What is odd -> makes the file in a folder and returns its path."""
