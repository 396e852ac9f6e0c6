"""Sharp maps of a recording by other methods, as densities on one grid.

Every method gives the power of each cell of the grid of `specsr.sharp_map`, without the
Nyquist row, [F, T].  Where a method does not keep the power of a band over time, its bands get that
of the recording, as those of specsr do.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import torch
from scipy.signal.windows import dpss

from specsr import Signal, SpecMap
from specsr.enhance.expected import expected
from specsr.enhance.level_rule import keep_bands
from specsr.enhance.sharp import sharp_grid, sharp_map
from specsr.maps.grid import Grid
from specsr.maps.spec_map import FLOOR_DB
from specsr.maps.transform import SpectrogramTransform
from specsr.models.options import InferOptions
from specsr.pairs.windows_input import densities, density_factor, lengths, padded

NAMES = ("short", "middle", "long")
FLOOR = 0.1
"""Least power of a cell of a reassigned map, of the least of the three windows: it may be empty."""
CYCLES, ORDERS = 3.0, (1, 30)
"""Cycles of the shortest wavelet of a superlet; orders at 0 Hz and at half the rate, linear
between them."""


class Windows:
    """A recording under the three windows.

    Args:
        signal: one channel.
        n_fft: the long window.

    Attributes:
        grid: of the result.
        power: densities, short to long, [3, F, T].
    """

    def __init__(self, signal: Signal, n_fft: int) -> None:
        self.signal, self.grid = signal, sharp_grid(signal, n_fft)
        self.samples = signal.samples[0].astype(np.float64)
        self.power = densities(padded(self.samples, self.grid), self.grid)[:, :-1]

    def kept(self, power: np.ndarray) -> np.ndarray:
        """Return power with the bands of the recording."""
        return keep_bands(np.maximum(power, 10 ** (FLOOR_DB / 10)), self.power[-1], self.grid)

    def filled(self, power: np.ndarray) -> np.ndarray:
        """Return `kept` of a map with empty cells."""
        return self.kept(np.maximum(self.kept(power), FLOOR * self.power.min(axis=0)))


def multitaper(of: Windows, length: int) -> np.ndarray:
    """Return the mean power of four Slepian tapers, NW 2.5 (Thomson, Proc. IEEE 70(9), 1982)."""
    grid, total = of.grid, np.zeros(of.power.shape[1:])
    covered = torch.from_numpy(padded(of.samples, grid))
    for taper in dpss(length, 2.5, 4):
        spectrum = torch.stft(
            covered, grid.n_fft, grid.hop_length, length, torch.from_numpy(taper.copy()),
            center=False, return_complex=True,
        )  # fmt: skip
        total += spectrum[:-1].abs().square().numpy() / 4
    # tapers have the energy 1
    own = np.square(replace(grid, n_fft=length, hop_length=1).window_samples()).sum()
    return total * (density_factor(grid, length) * own)[:-1, None]


def reassigned(of: Windows) -> np.ndarray:
    """Return the power of the middle window, each cell moved to its centre of energy.

    Source: Auger, Flandrin, IEEE Trans. Signal Process. 43(5), 1995; librosa.
    """
    import librosa

    grid, n_fft = of.grid, lengths(of.grid.n_fft)[1]
    freqs, times, magnitude = librosa.reassigned_spectrogram(
        of.samples, sr=grid.rate, n_fft=n_fft, hop_length=grid.hop_length, fill_nan=True
    )
    row = np.round(freqs / grid.df).astype(int)
    column = np.round(times / grid.dt).astype(int)
    power = np.zeros(of.power.shape[1:])
    inside = (row >= 0) & (row < power.shape[0]) & (column >= 0) & (column < power.shape[1])
    np.add.at(power, (row[inside], column[inside]), np.square(magnitude[inside]))
    return of.filled(power)


def squeezed(of: Windows) -> np.ndarray:
    """Return the synchrosqueezed transform of the middle window.

    Source: Thakur, Wu, SIAM J. Math. Anal. 43(5), 2011; ssqueezepy.
    """
    from ssqueezepy import ssq_stft

    grid = of.grid
    found, *_ = ssq_stft(
        of.samples, "hann", n_fft=grid.n_fft, win_len=lengths(grid.n_fft)[1],
        hop_len=grid.hop_length, fs=grid.rate, padtype="zero",
    )  # fmt: skip
    rows, columns = of.power.shape[1:]
    power = np.zeros((rows, columns))
    part = np.square(np.abs(found[:rows, :columns]))
    power[:, : part.shape[1]] = part
    return of.filled(power)


def superlets(of: Windows) -> np.ndarray:
    """Return fractional adaptive superlets: geometric means over wavelets of 3, 6, ... cycles.

    Source: Moca et al., Nature Communications 12, 2021; the same at every row of the grid.
    """
    grid, hop = of.grid, of.grid.hop_length
    rows, columns = of.power.shape[1:]
    count = 1 << int(np.ceil(np.log2(columns + 2 * grid.n_fft // hop)))
    size = count * hop
    spectrum = np.fft.rfft(of.samples, size)
    step = grid.rate / size
    power = np.zeros((rows, columns))
    for row in range(2, rows):
        freq = row * grid.df
        order = ORDERS[0] + (ORDERS[1] - ORDERS[0]) * row / rows
        total = np.zeros(columns)
        for i in range(1, int(np.ceil(order)) + 1):
            width = 5 * freq / (2 * np.pi * CYCLES * i)
            low = max(1, int((freq - 4 * width) / step))
            high = min(spectrum.size, int((freq + 4 * width) / step) + 2)
            bins = np.arange(low, high)
            values = spectrum[low:high] * np.exp(-np.square((bins * step - freq) / width) / 2)
            # at every hop-th sample, bins a multiple of `count` apart are one
            folded = np.zeros(count, dtype=complex)
            first = low - low % count
            wide = np.zeros(-(-(high - first) // count) * count, dtype=complex)
            wide[low - first : high - first] = values
            folded = wide.reshape(-1, count).sum(axis=0)
            level = np.log(np.abs(np.fft.ifft(folded)[:columns]) + 1e-30)
            total += level * min(1.0, order - (i - 1))
        power[row] = np.exp(2 * total / order)
    power[:2] = power[2]
    return of.kept(power)


def of_expected(of: Windows) -> np.ndarray:
    """Return the expected map of each window (`specsr.expected`), short to long, [3, F, T]."""
    grid, found = of.grid, []
    for length in lengths(grid.n_fft):
        hop = max(grid.hop_length, length // 8)
        spec = SpectrogramTransform(length, hop)(of.signal.replace(rpm=None))
        clean = expected(spec.replace(phase=None), options=InferOptions(device="cpu"))
        power = np.square(clean.magnitude[0, :-1], dtype=np.float64)
        power *= density_factor(grid, length)[1] / np.square(spec.grid.factor()[1])
        found.append(_stretched(power, spec.grid, grid))
    return np.stack(found)


def _stretched(power: np.ndarray, grid: Grid, to: Grid) -> np.ndarray:
    """Return power interpolated to a finer grid, linear in dB along either axis."""
    db = 10 * np.log10(np.maximum(power, 10 ** (FLOOR_DB / 10)))
    for axis, ratio, count in (
        (0, to.n_fft // grid.n_fft, to.rows - 1),
        (1, grid.hop_length // to.hop_length, to.frames),
    ):
        at = np.minimum(np.arange(count) / ratio, db.shape[axis] - 1)
        below = np.minimum(at.astype(int), db.shape[axis] - 1)
        above = np.minimum(below + 1, db.shape[axis] - 1)
        share = np.expand_dims(at - below, 1 - axis)
        db = db.take(below, axis) * (1 - share) + db.take(above, axis) * share
    return 10 ** (db / 10)


def of_network(of: Windows, model: str | None) -> SpecMap:
    """Return the sharp map by specsr."""
    return sharp_map(
        of.signal, n_fft=of.grid.n_fft, model=model, options=InferOptions(device="cpu")
    )


METHODS: dict[str, str] = {
    "windows": "each window",
    "minimum": "least of the three windows",
    "geometric": "geometric mean of the three windows",
    "multitaper": "multitaper, middle and long",
    "reassigned": "reassigned, middle window",
    "squeezed": "synchrosqueezed, middle window",
    "superlets": "superlets",
    "expected": "specsr, expected, each window",
    "specsr": "specsr, sharp",
}
"""Method -> what it is."""

SIMPLE: dict[str, Callable[[Windows], np.ndarray]] = {
    "minimum": lambda of: of.kept(of.power.min(axis=0)),
    "geometric": lambda of: of.kept(np.exp(np.log(of.power + 1e-30).mean(axis=0))),
    "reassigned": reassigned,
    "squeezed": squeezed,
    "superlets": superlets,
}


def estimates(of: Windows, only: list[str]) -> dict[str, np.ndarray]:
    """Return the power of each method, label -> [F, T]; that of a window ends with its name."""
    found = {}
    if "windows" in only:
        found |= {f"window, {name}": power for name, power in zip(NAMES, of.power)}
    for name, function in SIMPLE.items():
        if name in only:
            try:
                found[name] = function(of)
            except ImportError as error:
                print(f"{name} is left out: {error}", file=sys.stderr)
    if "multitaper" in only:
        for name, length in list(zip(NAMES, lengths(of.grid.n_fft)))[1:]:
            found[f"multitaper, {name}"] = multitaper(of, length)
    if "expected" in only:
        maps = of_expected(of)
        found |= {f"expected, {name}": power for name, power in zip(NAMES, maps)}
        found["expected, minimum"] = of.kept(maps.min(axis=0))
    return found
