"""Axes, calibration and analysis settings of a spectrogram."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np

from specsr.choices import WINDOW, Scaling, check
from specsr.errors import SpecsrError
from specsr.units import REFERENCES, parse_unit, reference_label


@dataclass(frozen=True)
class Grid:
    """Axes of a map and the analysis settings that its inverse needs.

    A *fine* row or frame is one of the full map; a pooled map holds several in each cell.

    Attributes:
        rate: sampling rate in Hz of the analysed signal.
        n_fft: samples in one window, even.
        hop_length: samples from one frame to the next, 1 to ``n_fft``.
        length: number of samples of the signal.
        window: name of a scipy window (periodic form).
        scaling: ``"rms"`` (a sine of 1 unit rms reads 1 in its bin) or ``"psd"`` (unit/sqrt(Hz)).
        unit: unit of the samples.
        start: time of the first sample, s.
        cell: (s_f, s_t), number of fine rows and frames in one cell; (1, 1) for a full map.

    Raises:
        SpecsrError: a value out of range, or an unknown scaling or unit.

    Example:
        >>> grid = specsr.Grid(rate=8000, n_fft=800, hop_length=200, length=8000)
        >>> grid.df, grid.rows, grid.frames
        (10.0, 401, 41)
    """

    rate: float
    n_fft: int
    hop_length: int
    length: int
    window: str = WINDOW
    scaling: str = "rms"
    unit: str = "1"
    start: float = 0.0
    cell: tuple[int, int] = (1, 1)

    def __post_init__(self) -> None:
        if not (math.isfinite(self.rate) and self.rate > 0):
            raise SpecsrError(f"rate is {self.rate}: expected a sampling rate in Hz above zero")
        if self.n_fft < 2 or self.n_fft % 2:
            raise SpecsrError(
                f"n_fft is {self.n_fft}: expected an even number of samples from 2 up"
            )
        if not 1 <= self.hop_length <= self.n_fft:
            raise SpecsrError(
                f"hop_length is {self.hop_length}: expected 1 to n_fft ({self.n_fft}) samples"
            )
        check(self.scaling, Scaling, "scaling")
        if self.length < 1:
            raise SpecsrError(f"length is {self.length}: expected at least one sample")
        if min(self.cell) < 1:
            raise SpecsrError(f"cell is {self.cell}: expected whole numbers from 1 up")
        object.__setattr__(self, "cell", (int(self.cell[0]), int(self.cell[1])))
        object.__setattr__(self, "unit", parse_unit(self.unit))

    @property
    def fine_frames(self) -> int:
        """Frames of the full map, centred on multiples of the hop, the last at or past the end."""
        return 1 + math.ceil(self.length / self.hop_length)

    @property
    def frames(self) -> int:
        """Columns of the map; the last cell may hold fewer fine frames than the others."""
        return math.ceil(self.fine_frames / self.cell[1])

    @property
    def rows(self) -> int:
        """Rows of the map: n_fft/2 + 1 if full, n_fft/2 / s_f if pooled (no Nyquist row)."""
        if self.cell == (1, 1):
            return self.n_fft // 2 + 1
        return (self.n_fft // 2) // self.cell[0]

    @property
    def df(self) -> float:
        """Spacing of the rows in Hz."""
        return self.rate / self.n_fft * self.cell[0]

    @property
    def dt(self) -> float:
        """Spacing of the columns in s."""
        return self.hop_length / self.rate * self.cell[1]

    @property
    def reference(self) -> float:
        """Value of 0 dB in ``unit``."""
        return REFERENCES[self.unit]

    @property
    def level_label(self) -> str:
        """Label of the levels: ``"dB re 20 µPa"``, ``"dB/Hz re 20 µPa"`` for psd scaling."""
        per = "/Hz" if self.scaling == "psd" else ""
        return f"dB{per} {reference_label(self.unit)}"

    def spans(self) -> tuple[np.ndarray, np.ndarray]:
        """Return the first and the last fine frame of every column, int, shape [frames] each."""
        first = np.arange(self.frames) * self.cell[1]
        return first, np.minimum(first + self.cell[1], self.fine_frames) - 1

    def freqs(self) -> np.ndarray:
        """Return the centre frequency of every row in Hz, shape [rows]."""
        s_f = self.cell[0]
        return (np.arange(self.rows) * s_f + (s_f - 1) / 2) * (self.rate / self.n_fft)

    def times(self) -> np.ndarray:
        """Return the centre time of every column in s, shape [frames]."""
        first, last = self.spans()
        return self.start + (first + last) / 2 * (self.hop_length / self.rate)

    def window_samples(self) -> np.ndarray:
        """Return the analysis window (periodic form), shape [n_fft], float64.

        Raises:
            SpecsrError: scipy has no window of this name.
        """
        from scipy.signal import get_window

        try:
            return get_window(self.window, self.n_fft)
        except ValueError as error:
            raise SpecsrError(
                f"window is {self.window!r}: expected a scipy window such as hann, hamming, "
                f"blackmanharris or flattop ({error})"
            ) from None

    def factor(self) -> np.ndarray:
        """Return map magnitude / |STFT| of every fine row, shape [n_fft/2 + 1], float64.

        It holds the calibration of `scaling` and the factor 2 in power of the mirrored half of the
        spectrum, which DC and Nyquist do not have.
        """
        window = self.window_samples()
        if self.scaling == "rms":
            one = 1 / window.sum()
        else:
            one = 1 / math.sqrt(self.rate * np.square(window).sum())
        factor = np.full(self.n_fft // 2 + 1, one * math.sqrt(2))
        factor[[0, -1]] = one
        return factor

    def is_invertible(self) -> bool:
        """Whether window and hop allow an inverse (nonzero overlap-add condition, NOLA)."""
        from scipy.signal import check_NOLA

        window = self.window_samples()
        return bool(check_NOLA(window, self.n_fft, self.n_fft - self.hop_length, tol=1e-8))

    def require_invertible(self) -> None:
        """Raise `SpecsrError`, with the fix, for a pooled map or one without overlap enough."""
        if self.cell != (1, 1):
            raise SpecsrError(
                f"a map of {self.cell[0]} x {self.cell[1]} pooled cells has no inverse: "
                "upscale it to its full grid first"
            )
        if not self.is_invertible():
            raise SpecsrError(
                f"a {self.window} window of {self.n_fft} samples with a hop of {self.hop_length} "
                "leaves samples without weight in any frame: use more overlap "
                f"(hop_length={self.n_fft // 4} is 75 %)"
            )

    def pooled(self, s_f: int, s_t: int) -> Grid:
        """Return the grid of this map after pooling s_f rows x s_t columns into one cell.

        Raises:
            SpecsrError: s_f does not divide the rows.
        """
        if (self.n_fft // 2) % (s_f * self.cell[0]):
            raise SpecsrError(
                f"{self.n_fft // 2} rows cannot be pooled by {s_f * self.cell[0]}: choose n_fft as "
                f"a multiple of {2 * s_f * self.cell[0]}"
            )
        return replace(self, cell=(self.cell[0] * s_f, self.cell[1] * s_t))

    def refined(self, s_f: int, s_t: int) -> Grid:
        """Return the grid of the same signal that is s_f x s_t times finer.

        If the scale divides the cell, the cell is split into smaller ones.  A full map gets a
        window s_f times as long and a hop s_t times as short instead.

        Raises:
            SpecsrError: the scale divides neither the cell nor the hop of a full map.
        """
        c_f, c_t = self.cell
        if c_f % s_f == 0 and c_t % s_t == 0:
            return replace(self, cell=(c_f // s_f, c_t // s_t))
        if self.cell != (1, 1) or self.hop_length % s_t:
            raise SpecsrError(
                f"cells of {c_f} x {c_t} (hop {self.hop_length}) cannot be refined by {s_f} x {s_t}"
            )
        return replace(self, n_fft=self.n_fft * s_f, hop_length=self.hop_length // s_t)

    def with_nyquist(self, image: np.ndarray) -> np.ndarray:
        """Return magnitudes [..., n_fft/2, T] with an estimated Nyquist row, [..., n_fft/2 + 1, T].

        The estimate is the row below without its factor 2 in power for the mirrored half.
        """
        return np.concatenate([image, image[..., -1:, :] / math.sqrt(2)], axis=-2)
