"""The spectrogram as a measurement: transform, grid, map and exact inverse.

One rule for the ends of the spectrum: a full map has the rows DC, 1, ..., n_fft/2 (Nyquist).  The
*image* that a model sees, and every pooled map, holds the n_fft/2 rows from DC up to and without
Nyquist, so whole scales divide it exactly.  DC and Nyquist are their own mirror images and carry
no factor 2 in power.  On the way back from an image the Nyquist row is estimated from the row
below it (`Grid.with_nyquist`).
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from .errors import SpecsrError
from .signal import REFERENCES, Signal, parse_unit, reference_label

if TYPE_CHECKING:
    import torch

SCALINGS = ("rms", "psd")
FLOOR_DB = -300.0
"""Lowest level a map shows, in dB re 1 unit: 1e-15 of a pascal or of full scale."""


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
        if self.scaling not in SCALINGS:
            raise SpecsrError(f"scaling is {self.scaling!r}: expected one of {', '.join(SCALINGS)}")
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


@dataclass(frozen=True, eq=False)
class SpecMap:
    """A calibrated map of magnitudes over frequency and time.

    Attributes:
        magnitude: rms amplitude in ``unit`` (or unit/sqrt(Hz)), [C, rows, frames], float32, >= 0.
        grid: where the cells lie and how to go back.
        phase: phase of the STFT in rad where known, same shape; None for a map without one.
        known: which rows were measured rather than estimated, bool [rows]; None means all.
        channels: one name a channel.
        rpm: machine speed in 1/min at every sample of the signal, [grid.length], where known.
    """

    magnitude: np.ndarray
    grid: Grid
    phase: np.ndarray | None = None
    known: np.ndarray | None = None
    channels: tuple[str, ...] = ()
    rpm: np.ndarray | None = None

    def __post_init__(self) -> None:
        magnitude = np.asarray(self.magnitude, dtype=np.float32)
        if magnitude.ndim == 2:
            magnitude = magnitude[None]
        expected = (self.grid.rows, self.grid.frames)
        if magnitude.ndim != 3 or magnitude.shape[1:] != expected or not magnitude.shape[0]:
            raise SpecsrError(
                f"the map has shape {magnitude.shape}: its grid asks for [channels, {expected[0]}, "
                f"{expected[1]}]"
            )
        if not np.isfinite(magnitude).all() or magnitude.min() < 0:
            c, f, t = np.argwhere(~(np.isfinite(magnitude) & (magnitude >= 0)))[0]
            raise SpecsrError(
                f"the map holds {magnitude[c, f, t]} in channel {c + 1}, row {f}, column {t}: "
                "expected finite magnitudes from zero up"
            )
        if self.phase is not None and np.shape(self.phase) not in (
            magnitude.shape, magnitude.shape[1:]
        ):  # fmt: skip
            raise SpecsrError(f"phase has shape {np.shape(self.phase)}: expected {magnitude.shape}")
        if self.known is not None and np.shape(self.known) != (magnitude.shape[1],):
            raise SpecsrError(
                f"known has shape {np.shape(self.known)}: expected one value a row, "
                f"({magnitude.shape[1]},)"
            )
        if self.rpm is not None and np.shape(self.rpm) != (self.grid.length,):
            raise SpecsrError(f"rpm has shape {np.shape(self.rpm)}: expected ({self.grid.length},)")
        names = tuple(self.channels) or tuple(f"ch{i + 1}" for i in range(magnitude.shape[0]))
        if len(names) != magnitude.shape[0]:
            raise SpecsrError(f"{len(names)} channel names for {magnitude.shape[0]} channels")
        object.__setattr__(self, "magnitude", magnitude)
        object.__setattr__(self, "channels", names)
        if self.phase is not None:
            phase = np.asarray(self.phase, dtype=np.float32).reshape(magnitude.shape)
            object.__setattr__(self, "phase", phase)
        if self.known is not None:
            object.__setattr__(self, "known", np.asarray(self.known, dtype=bool))

    @property
    def power(self) -> np.ndarray:
        """Mean square in unit² (or unit²/Hz), float64, [C, rows, frames]."""
        return np.square(self.magnitude, dtype=np.float64)

    @property
    def db(self) -> np.ndarray:
        """Levels in dB re the unit's reference, float32, [C, rows, frames]; floor -300 dB re 1."""
        floor = 10 ** (FLOOR_DB / 20)
        level = 20 * np.log10(np.maximum(self.magnitude, floor, dtype=np.float64))
        return (level - 20 * math.log10(self.grid.reference)).astype(np.float32)

    @property
    def freqs(self) -> np.ndarray:
        """Centre frequency of every row in Hz."""
        return self.grid.freqs()

    @property
    def times(self) -> np.ndarray:
        """Centre time of every column in s."""
        return self.grid.times()

    def replace(self, **changes: Any) -> SpecMap:
        """Return a copy with some attributes changed."""
        return replace(self, **changes)

    def image(self) -> np.ndarray:
        """Magnitudes of the rows a model sees (no Nyquist row), [C, n_fft/2 / s_f, frames]."""
        return self.magnitude[:, :-1] if self.grid.cell == (1, 1) else self.magnitude

    def to_signal(self, phase: str = "auto", **options: Any) -> Signal:
        """Return the waveform; ``phase`` is a method of `specsr.phase` or ``"auto"``.

        ``"auto"`` uses the phase that the map carries and estimates what is missing.
        """
        from .phase import map_to_signal

        return map_to_signal(self, phase, **options)

    def plot(self, **options: Any) -> Any:
        """Draw the map; see `specsr.plots.plot_map`."""
        from .plots import plot_map

        return plot_map(self, **options)

    def save(self, path: Any, **options: Any) -> None:
        """Write the map as ``.npz`` or ``.h5`` with everything needed to invert it."""
        from .io import write_map

        write_map(path, self, **options)


def stft(samples: torch.Tensor, grid: Grid) -> torch.Tensor:
    """Return the plain STFT of samples [..., length] as complex [..., n_fft/2 + 1, fine_frames].

    Frames are centred on multiples of the hop and the signal is continued by zeros.
    """
    import torch

    window = torch.as_tensor(grid.window_samples(), dtype=samples.dtype, device=samples.device)
    padded = (grid.fine_frames - 1) * grid.hop_length
    flat = torch.nn.functional.pad(
        samples.reshape(-1, samples.shape[-1]), (0, padded - grid.length)
    )
    spectrum = torch.stft(
        flat, grid.n_fft, grid.hop_length, window=window, center=True, pad_mode="constant",
        return_complex=True,
    )  # fmt: skip
    return spectrum.reshape(*samples.shape[:-1], *spectrum.shape[-2:])


def istft(spectrum: torch.Tensor, grid: Grid) -> torch.Tensor:
    """Return the samples [..., length] of a plain STFT: the exact (least-squares) inverse.

    Source: Griffin and Lim, IEEE Trans. ASSP 32(2), 1984, equation 6.
    """
    import torch

    dtype = torch.float64 if spectrum.dtype == torch.complex128 else torch.float32
    window = torch.as_tensor(grid.window_samples(), dtype=dtype, device=spectrum.device)
    flat = spectrum.reshape(-1, *spectrum.shape[-2:])
    samples = torch.istft(
        flat, grid.n_fft, grid.hop_length, window=window, center=True,
        length=(grid.fine_frames - 1) * grid.hop_length,
    )  # fmt: skip
    return samples[..., : grid.length].reshape(*spectrum.shape[:-2], grid.length)


@dataclass(frozen=True)
class SpectrogramTransform:
    """Signal -> calibrated map and back, exactly.

    Args:
        n_fft: samples in one window, even.
        hop_length: samples between frames; None means a quarter of the window.
        window: name of a scipy window.
        scaling: ``"rms"`` or ``"psd"``, see `Grid`.
    """

    n_fft: int = 2048
    hop_length: int | None = None
    window: str = "hann"
    scaling: str = "rms"

    @classmethod
    def for_rate(
        cls,
        rate: float,
        *,
        n_fft: int | None = None,
        hop_length: int | None = None,
        df: float | None = None,
        overlap: float | None = None,
        window: str = "hann",
        scaling: str = "rms",
    ) -> SpectrogramTransform:
        """Build a transform from samples (``n_fft``, ``hop_length``) or Hz and overlap.

        ``df`` is the distance of the rows in Hz (the nearest even n_fft is taken), ``overlap``
        the part of a window shared with the next, 0 <= overlap < 1.
        """
        if n_fft is not None and df is not None:
            raise SpecsrError("both n_fft and df are given: choose one")
        if hop_length is not None and overlap is not None:
            raise SpecsrError("both hop_length and overlap are given: choose one")
        if df is not None:
            if not 0 < df <= rate / 2:
                raise SpecsrError(f"df is {df} Hz: expected above zero up to half the rate")
            n_fft = max(2, 2 * round(rate / df / 2))
        n_fft = 2048 if n_fft is None else n_fft
        if overlap is not None:
            if not 0 <= overlap < 1:
                raise SpecsrError(f"overlap is {overlap}: expected 0 to below 1 (0.75 is 75 %)")
            hop_length = max(1, round(n_fft * (1 - overlap)))
        return cls(n_fft, hop_length, window, scaling)

    def grid(self, signal: Signal) -> Grid:
        """Return the grid that this transform gives a signal."""
        hop_length = max(1, self.n_fft // 4) if self.hop_length is None else self.hop_length
        return Grid(
            signal.rate, self.n_fft, hop_length, signal.length, self.window, self.scaling,
            signal.unit, signal.start,
        )  # fmt: skip

    def __call__(self, signal: Signal) -> SpecMap:
        """Return the map of a signal, with its phase."""
        import torch

        grid = self.grid(signal)
        samples = np.require(signal.samples, np.float32, "CW")  # as torch takes them
        spectrum = stft(torch.from_numpy(samples), grid)
        factor = torch.from_numpy(grid.factor().astype(np.float32))[:, None]
        return SpecMap(
            (spectrum.abs() * factor).numpy(), grid, phase=spectrum.angle().numpy(),
            channels=signal.channels, rpm=signal.rpm,
        )  # fmt: skip

    @staticmethod
    def inverse(spec: SpecMap) -> Signal:
        """Return the samples of a map that carries its phase.

        Raises:
            SpecsrError: the map has no phase, is pooled, or its window and hop lose samples.
        """
        import torch

        spec.grid.require_invertible()
        if spec.phase is None:
            raise SpecsrError("the map has no phase: estimate one with to_signal(phase='pghi')")
        magnitude = torch.from_numpy(
            spec.magnitude / spec.grid.factor().astype(np.float32)[:, None]
        )
        phase = torch.from_numpy(np.require(spec.phase, requirements="CW"))
        samples = istft(torch.polar(magnitude, phase), spec.grid)
        return Signal(
            samples.numpy(), spec.grid.rate, spec.grid.unit, spec.channels, spec.grid.start,
            rpm=spec.rpm,
        )  # fmt: skip
