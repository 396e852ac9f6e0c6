"""Where the cells of a spectrogram lie, what they mean, and all that is needed to go back."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np

from specsr.choices import Scaling, check
from specsr.errors import SpecsrError
from specsr.units import REFERENCES, parse_unit, reference_label


@dataclass(frozen=True)
class Grid:
    """Where the cells of a map lie, and all that is needed to go back to samples.

    Attributes:
        rate: sampling rate in Hz of the signal behind the map.
        n_fft: samples in one window, even.
        hop_length: samples from one frame to the next.
        length: samples of the signal.
        window: name of a scipy window (periodic form).
        scaling: ``"rms"`` (a sine of 1 unit rms reads 1 in its bin) or ``"psd"`` (unit/sqrt(Hz)).
        unit: unit of the samples.
        start: time of the first sample, s.
        cell: (s_f, s_t), how many fine rows and frames one cell holds; (1, 1) for a full map.
    """

    rate: float
    n_fft: int
    hop_length: int
    length: int
    window: str = "hann"
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
        """Frames of the full map: one at each multiple of the hop up to past the last sample."""
        return 1 + math.ceil(self.length / self.hop_length)

    @property
    def frames(self) -> int:
        """Columns of the map; a last cell may hold fewer fine frames than the others."""
        return math.ceil(self.fine_frames / self.cell[1])

    @property
    def rows(self) -> int:
        """Rows of the map: n_fft/2 + 1 in full, n_fft/2 over s_f where pooled (no Nyquist)."""
        if self.cell == (1, 1):
            return self.n_fft // 2 + 1
        return (self.n_fft // 2) // self.cell[0]

    @property
    def df(self) -> float:
        """Distance of two rows in Hz."""
        return self.rate / self.n_fft * self.cell[0]

    @property
    def dt(self) -> float:
        """Distance of two columns in s."""
        return self.hop_length / self.rate * self.cell[1]

    @property
    def reference(self) -> float:
        """Value of 0 dB in ``unit``."""
        return REFERENCES[self.unit]

    @property
    def level_label(self) -> str:
        """What the levels are: ``"dB re 20 µPa"``, with ``"/Hz"`` for psd scaling."""
        per = "/Hz" if self.scaling == "psd" else ""
        return f"dB{per} {reference_label(self.unit)}"

    def freqs(self) -> np.ndarray:
        """Centre frequency of every row in Hz, shape [rows]."""
        s_f = self.cell[0]
        return (np.arange(self.rows) * s_f + (s_f - 1) / 2) * (self.rate / self.n_fft)

    def times(self) -> np.ndarray:
        """Centre time of every column in s, shape [frames]."""
        s_t = self.cell[1]
        first = np.arange(self.frames) * s_t
        last = np.minimum(first + s_t, self.fine_frames) - 1
        return self.start + (first + last) / 2 * (self.hop_length / self.rate)

    def window_samples(self) -> np.ndarray:
        """The analysis window, shape [n_fft], float64."""
        from scipy.signal import get_window

        try:
            return get_window(self.window, self.n_fft)
        except ValueError as error:
            raise SpecsrError(
                f"window is {self.window!r}: expected a scipy window such as hann, hamming, "
                f"blackmanharris or flattop ({error})"
            ) from None

    def factor(self) -> np.ndarray:
        """Magnitude per |STFT| of every fine row, shape [n_fft/2 + 1]; see `scaling`."""
        window = self.window_samples()
        if self.scaling == "rms":
            one = 1 / window.sum()
        else:
            one = 1 / math.sqrt(self.rate * np.square(window).sum())
        factor = np.full(self.n_fft // 2 + 1, one * math.sqrt(2))
        factor[[0, -1]] = one
        return factor

    def is_invertible(self) -> bool:
        """Whether the window and hop let every sample be recovered (NOLA)."""
        from scipy.signal import check_NOLA

        window = self.window_samples()
        return bool(check_NOLA(window, self.n_fft, self.n_fft - self.hop_length, tol=1e-8))

    def require_invertible(self) -> None:
        """Raise `SpecsrError`, with the mend, where samples cannot be recovered."""
        if self.cell != (1, 1):
            raise SpecsrError(
                f"a map of {self.cell[0]} x {self.cell[1]} pooled cells has no inverse: "
                "upscale it to its full grid first"
            )
        if not self.is_invertible():
            raise SpecsrError(
                f"a {self.window} window of {self.n_fft} samples with a hop of {self.hop_length} "
                "leaves samples that no frame sees: use more overlap "
                f"(hop_length={self.n_fft // 4} is 75 %)"
            )

    def pooled(self, s_f: int, s_t: int) -> Grid:
        """Return the grid of this map after pooling s_f rows x s_t frames into one cell."""
        if (self.n_fft // 2) % (s_f * self.cell[0]):
            raise SpecsrError(
                f"{self.n_fft // 2} rows cannot be pooled by {s_f * self.cell[0]}: choose n_fft as "
                f"a multiple of {2 * s_f * self.cell[0]}"
            )
        return replace(self, cell=(self.cell[0] * s_f, self.cell[1] * s_t))

    def refined(self, s_f: int, s_t: int) -> Grid:
        """Return the grid s_f x s_t times finer: fewer fine cells a cell, or a longer window.

        A pooled map first gets its own fine cells back; a map that holds no more of them gets a
        window s_f times as long and a hop s_t times as short, on the same signal.
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
        """Return an image [..., n_fft/2, T] of magnitudes with an estimated Nyquist row added.

        The row below is taken over; its factor 2 in power for the mirrored half is left out.
        """
        return np.concatenate([image, image[..., -1:, :] / math.sqrt(2)], axis=-2)
