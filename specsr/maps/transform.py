"""Spectrogram of a signal and its exact inverse: STFT on a `Grid`, with calibration."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from specsr.choices import WINDOW
from specsr.errors import SpecsrError, expect
from specsr.maps.grid import Grid
from specsr.maps.spec_map import SpecMap
from specsr.signal import Signal

if TYPE_CHECKING:
    import torch


def stft(samples: torch.Tensor, grid: Grid) -> torch.Tensor:
    """Return the unscaled STFT of samples [..., length], complex [..., n_fft/2 + 1, fine_frames].

    Frames are centred on multiples of the hop; zeros precede and follow the signal.  The result has
    the device and precision of the samples.
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
    """Return the samples [..., length] of an unscaled STFT [..., n_fft/2 + 1, fine_frames].

    Exact for the STFT of a signal; for other spectra the least-squares inverse.

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


MOST_WINDOWS = 256
"""Most windows over one sample in a map of more than `MOST_CELLS`."""
MOST_CELLS = 1 << 22
"""Cells of a map that any overlap may ask for."""
LONGEST_WINDOW, SHORT_WINDOW = 16, 1 << 16
"""Longest window as a multiple of the recording, and samples up to which any recording is taken.

Zeros around a recording add rows, no resolution.
"""


@dataclass(frozen=True)
class SpectrogramTransform:
    """Analysis settings that turn signals into calibrated maps, and the exact inverse.

    Attributes:
        n_fft: samples in one window, even.
        hop_length: samples from one frame to the next; None for a quarter of the window.
        window: name of a scipy window.
        scaling: ``"rms"`` or ``"psd"``, see `Grid`.

    Example:
        >>> noise = np.random.default_rng(0).standard_normal(8192)
        >>> transform = specsr.SpectrogramTransform(n_fft=512, hop_length=128)
        >>> spec = transform(specsr.Signal(noise, 8000))
        >>> bool(np.allclose(transform.inverse(spec).samples, noise, atol=1e-5))
        True
    """

    n_fft: int = 2048
    hop_length: int | None = None
    window: str = WINDOW
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
        window: str = WINDOW,
        scaling: str = "rms",
    ) -> SpectrogramTransform:
        """Return the settings for a sampling rate in Hz; arguments as in `spectrogram`.

        Raises:
            SpecsrError: both of two alternatives are given, or ``df`` or ``overlap`` is out of
                range.
        """
        if n_fft is not None and df is not None:
            raise SpecsrError("both n_fft and df are given: leave one of them out")
        if hop_length is not None and overlap is not None:
            raise SpecsrError("both hop_length and overlap are given: leave one of them out")
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

    def grid(self, signal: Signal, length: int | None = None) -> Grid:
        """Return the grid of the map of a signal.

        Args:
            signal: the recording, or its first samples.
            length: number of samples of the recording; None for that of ``signal``.

        Raises:
            SpecsrError: a setting out of range, see `Grid`.
        """
        hop_length = max(1, self.n_fft // 4) if self.hop_length is None else self.hop_length
        length = signal.length if length is None else length
        if self.n_fft > max(SHORT_WINDOW, LONGEST_WINDOW * length):
            window, duration = self.n_fft / signal.rate, length / signal.rate
            raise SpecsrError(
                f"df of {1 / window:.3g} Hz needs a window of {window:.4g} s, the recording is "
                f"{duration:.4g} s long: choose df from {1 / duration:.3g} Hz up"
            )
        columns = length // hop_length if hop_length > 0 else 0
        if self.n_fft > MOST_WINDOWS * hop_length and columns * self.n_fft > 2 * MOST_CELLS:
            raise SpecsrError(
                f"an overlap of {1 - hop_length / self.n_fft:.6g} puts each sample into "
                f"{self.n_fft // hop_length} windows: {columns} columns, with neighbours that are "
                f"equal; expected up to {1 - 1 / MOST_WINDOWS:.3f} for this recording"
            )
        return Grid(
            signal.rate, self.n_fft, hop_length, length, self.window, self.scaling,
            signal.unit, signal.start,
        )  # fmt: skip

    def __call__(self, signal: Signal) -> SpecMap:
        """Return the map of a signal, with its phase, float32 [C, n_fft/2 + 1, frames].

        Raises:
            SpecsrError: a setting out of range, see `Grid`.
        """
        import torch

        from specsr.maps.polar import angle

        grid = self.grid(signal)
        samples = np.require(signal.samples, np.float32, ["C", "W"])  # the layout torch accepts
        factor = torch.from_numpy(grid.factor().astype(np.float32))[:, None]
        # frame by frame in memory, as torch.stft returns them: sums over them keep their order
        shape = (len(samples), grid.frames, grid.rows)
        magnitude, phase = (np.empty(shape, np.float32).swapaxes(1, 2) for _ in range(2))
        for channel, row in enumerate(torch.from_numpy(samples)):  # one by one bounds the memory
            spectrum = stft(row, grid)
            magnitude[channel] = (spectrum.abs() * factor).numpy()
            phase[channel] = angle(spectrum).numpy()
        return SpecMap(magnitude, grid, phase=phase, channels=signal.channels, rpm=signal.rpm)

    @staticmethod
    def inverse(spec: SpecMap, device: str | torch.device = "cpu") -> Signal:
        """Return the signal of a map with a phase, float32 samples [C, grid.length].

        Args:
            spec: a map that is not pooled, with its phase.
            device: torch device to compute on, or ``"auto"``.

        Raises:
            SpecsrError: the map has no phase, is pooled, its window and hop have no inverse, or no
                such device.
        """
        import torch

        from specsr.maps.device import pick_device
        from specsr.maps.polar import polar

        place = pick_device(device)

        spec.grid.require_invertible()
        if spec.phase is None:
            raise SpecsrError(
                "the map has no phase: estimate one with specsr.to_signal(map, 'pghi')"
            )
        # double precision: with a hop of a few samples, rounding errors add up over the frames
        magnitude = torch.from_numpy(spec.magnitude / spec.grid.factor()[:, None]).to(place)
        phase = torch.from_numpy(np.ascontiguousarray(spec.phase)).to(place).double()
        samples = istft(polar(magnitude, phase), spec.grid).cpu()
        return Signal(
            samples.numpy().astype(np.float32), spec.grid.rate, spec.grid.unit, spec.channels,
            spec.grid.start, rpm=spec.rpm,
        )  # fmt: skip


def spectrogram(
    signal: Signal,
    *,
    n_fft: int | None = None,
    hop_length: int | None = None,
    df: float | None = None,
    overlap: float | None = None,
    window: str = WINDOW,
    scaling: str = "rms",
) -> SpecMap:
    """Return the calibrated spectrogram of a recording, with its phase.

    Args:
        signal: the recording.
        n_fft: samples in one window, even; 2048 if neither this nor ``df`` is given.
        hop_length: samples from one frame to the next; a quarter of the window if neither this nor
            ``overlap`` is given.
        df: instead of ``n_fft``: spacing of the rows in Hz (the nearest even n_fft is used).
        overlap: instead of ``hop_length``: fraction of a window shared with the next, 0 to below 1.
        window: name of a scipy window (periodic form).
        scaling: ``"rms"`` (a sine of 1 unit rms reads 1 in its bin) or ``"psd"`` (unit/sqrt(Hz)).

    Returns:
        A map with magnitudes (in the signal's unit) and phases (rad), float32 [C, n_fft/2 + 1,
        frames].  Frames are centred on multiples of the hop.

    Raises:
        SpecsrError: both of two alternatives are given, a value is out of range, or scipy has no
            such window.

    Example:
        >>> t = np.arange(8000) / 8000
        >>> tone = specsr.Signal(np.sqrt(2) * np.sin(2 * np.pi * 1000 * t), 8000, unit="Pa")
        >>> spec = specsr.spectrogram(tone, n_fft=800, hop_length=200)
        >>> spec.magnitude.shape, spec.grid.df
        ((1, 401, 41), 10.0)
        >>> spec.db[0, spec.freqs == 1000, 20].round(2)  # dB re 20 µPa
        array([93.98], dtype=float32)
    """
    expect(signal, Signal, "; specsr.read(path) or specsr.Signal(samples, rate) makes one")
    transform = SpectrogramTransform.for_rate(
        signal.rate, n_fft=n_fft, hop_length=hop_length, df=df, overlap=overlap, window=window,
        scaling=scaling,
    )  # fmt: skip
    return transform(signal)
