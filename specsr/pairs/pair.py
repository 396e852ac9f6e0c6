"""What "low resolution" means: every pair as a pure function from high to low.

| kind | low from high | known exactly |
|---|---|---|
| pool | mean power over s_f x s_t cells | the power of every low cell |
| stft | STFT with n_fft / s_f and hop x s_t | the low cells |
| band | signal decimated by s | the low band, magnitude and phase |
| denoise | signal plus noise at a given ratio | nothing |
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from specsr.errors import SpecsrError
from specsr.maps.pooling import pool
from specsr.maps.spec_map import SpecMap
from specsr.maps.transform import SpectrogramTransform
from specsr.signal import Signal

KINDS = ("pool", "stft", "band", "denoise")


@dataclass(frozen=True)
class Pair:
    """One definition of low and high resolution.

    Attributes:
        kind: one of `KINDS`.
        scale: (s_f, s_t), rows and columns of the high map to one of the low, whole numbers; for
            ``band`` s_f is the ratio of the rates, any number, and the maps have one grid.
        snr: range of signal-to-noise ratios in dB of noise added to the low side; None for none.
    """

    kind: str
    scale: tuple[float, float] = (1, 1)
    snr: tuple[float, float] | None = None

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise SpecsrError(f"pair is {self.kind!r}: expected one of {', '.join(KINDS)}")
        whole = all(s == int(s) for s in self.scale) or self.kind == "band"
        if min(self.scale) < 1 or not whole:
            raise SpecsrError(f"scale is {self.scale}: expected whole numbers from 1 up")
        if self.kind == "denoise" and self.snr is None:
            raise SpecsrError("a denoise pair needs snr=(lowest, highest) in dB")

    def low(
        self,
        high: Signal,
        transform: SpectrogramTransform,
        noise: np.ndarray | None = None,
        rng: np.random.Generator | None = None,
    ) -> SpecMap:
        """Return the low map of a signal: noise added, then pooled, coarsened or decimated.

        ``noise`` is [N] or [C, N] of any level (white noise where None); its level is set by a
        ratio drawn from ``snr``.
        """
        if self.snr is not None:
            rng = rng or np.random.default_rng(0)
            if noise is None:
                noise = rng.standard_normal(high.samples.shape)
            high = add_noise(high, noise, float(rng.uniform(*self.snr)))
        if self.kind == "band":
            return transform(band_limit(high, self.scale[0]))
        s_f, s_t = int(self.scale[0]), int(self.scale[1])
        if self.kind == "pool":
            return pool(transform(high), s_f, s_t)
        if self.kind == "stft":
            return coarse_transform(transform, s_f, s_t)(high)
        return transform(high)


def coarse_transform(transform: SpectrogramTransform, s_f: int, s_t: int) -> SpectrogramTransform:
    """Return the transform with s_f times fewer lines and frames s_t times as far apart."""
    hop_length = transform.n_fft // 4 if transform.hop_length is None else transform.hop_length
    if transform.n_fft % (2 * s_f):
        raise SpecsrError(f"n_fft {transform.n_fft} cannot be cut by {s_f} to an even number")
    n_fft = transform.n_fft // s_f
    if hop_length * s_t > n_fft:
        raise SpecsrError(
            f"a window of {n_fft} samples every {hop_length * s_t} would leave gaps: use a smaller "
            "scale or a smaller hop_length in the high map"
        )
    return SpectrogramTransform(n_fft, hop_length * s_t, transform.window, transform.scaling)


def decimate(signal: Signal, ratio: float) -> Signal:
    """Return the signal at 1/ratio of its rate (soxr, very high quality)."""
    return signal.resample(signal.rate / ratio)


def band_limit(signal: Signal, ratio: float) -> Signal:
    """Return the signal decimated by ``ratio`` and brought back to its rate and length."""
    low = decimate(signal, ratio).resample(signal.rate)
    samples = np.zeros_like(signal.samples)
    length = min(low.length, signal.length)
    samples[:, :length] = low.samples[:, :length]
    return signal.replace(samples=samples)


def add_noise(signal: Signal, noise: np.ndarray, snr: float) -> Signal:
    """Return signal + noise, scaled so that their rms levels over all are ``snr`` dB apart."""
    noise = np.broadcast_to(np.asarray(noise), signal.samples.shape)
    wanted = np.mean(np.square(signal.samples, dtype=np.float64))
    there = np.mean(np.square(noise, dtype=np.float64))
    if there == 0:
        raise SpecsrError("the noise is silent: no level can be set")
    gain = np.sqrt(wanted / there * 10 ** (-snr / 10))
    samples = signal.samples + (gain * noise).astype(signal.samples.dtype)
    return signal.replace(samples=samples)
