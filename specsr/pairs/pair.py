"""Definitions of low resolution: every pair is a pure function from high to low.

| kind | low resolution from high resolution | known exactly |
|---|---|---|
| pool | mean power over s_f x s_t cells | the power of every low cell |
| stft | STFT with n_fft / s_f and hop x s_t | the low cells |
| band | signal decimated by s | the low band, magnitude and phase |
| denoise | signal plus noise at a given signal-to-noise ratio | nothing |
| speckle | the same map, of one realisation; the high side is its expected power | band levels |
| windows | the maps under three windows; the high side is sharper than each | band levels |
| noise | signal plus noise, and the spectrum of another stretch of the noise | nothing |
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from specsr.errors import SpecsrError
from specsr.maps.pooling import pool
from specsr.maps.spec_map import SpecMap
from specsr.maps.transform import SpectrogramTransform
from specsr.signal import Signal, fit_length

KINDS = ("pool", "stft", "band", "denoise", "speckle", "windows", "noise")


@dataclass(frozen=True)
class Pair:
    """One definition of low and high resolution.

    Attributes:
        kind: one of `KINDS`.
        scale: (s_f, s_t), whole numbers of rows and columns of the high map per row and column of
            the low map.  For ``band``, s_f is the ratio of the rates, any number from 1 up, and
            both maps have the same grid.
        snr: (lowest, highest) signal-to-noise ratio in dB of noise added to the low side; None for
            no noise.

    Raises:
        SpecsrError: an unknown kind, a scale below 1 or not whole, or a missing ``snr``.
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
        if self.kind in ("denoise", "noise") and self.snr is None:
            raise SpecsrError(f"a {self.kind} pair needs snr=(lowest, highest) in dB")

    def low(
        self,
        high: Signal,
        transform: SpectrogramTransform,
        noise: np.ndarray | None = None,
        rng: np.random.Generator | None = None,
    ) -> SpecMap:
        """Return the low map of a signal: with added noise, then pooled, coarsened or decimated.

        Args:
            high: the signal, samples [C, N].
            transform: settings of the high map.
            noise: noise of any level, [N] or [C, N]; None for white noise.  It is scaled to a
                ratio drawn from ``snr``.
            rng: source of the ratio and of white noise; None for a fixed seed.

        Raises:
            SpecsrError: the scale does not fit the transform, or the noise is silent.
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
    """Return settings with a window s_f times as short and a hop s_t times as long.

    Raises:
        SpecsrError: s_f leaves no even window, or the hop would exceed the window.
    """
    hop_length = transform.n_fft // 4 if transform.hop_length is None else transform.hop_length
    if transform.n_fft % (2 * s_f):
        raise SpecsrError(
            f"n_fft {transform.n_fft} divided by {s_f} is not an even number: use another scale or "
            f"an n_fft that is a multiple of {2 * s_f}"
        )
    n_fft = transform.n_fft // s_f
    if hop_length * s_t > n_fft:
        raise SpecsrError(
            f"a window of {n_fft} samples every {hop_length * s_t} would leave gaps: use a smaller "
            "scale or a smaller hop_length in the high map"
        )
    return SpectrogramTransform(n_fft, hop_length * s_t, transform.window, transform.scaling)


def decimate(signal: Signal, ratio: float) -> Signal:
    """Return the signal resampled to 1/ratio of its rate, see `Signal.resample`."""
    return signal.resample(signal.rate / ratio)


def band_limit(signal: Signal, ratio: float) -> Signal:
    """Return the signal decimated by ``ratio`` and resampled to its rate, same shape and dtype."""
    low = decimate(signal, ratio).resample(signal.rate)
    return signal.replace(samples=fit_length(low.samples, signal.length))


def add_noise(signal: Signal, noise: np.ndarray, snr: float) -> Signal:
    """Return signal + noise at a signal-to-noise ratio in dB, over all channels and samples.

    Args:
        signal: samples [C, N].
        noise: of any level, [N] or [C, N].
        snr: 20 log10 of the ratio of the rms values of signal and noise.

    Raises:
        SpecsrError: the noise is silent.
    """
    noise = np.broadcast_to(np.asarray(noise), signal.samples.shape)
    signal_power = np.mean(np.square(signal.samples, dtype=np.float64))
    noise_power = np.mean(np.square(noise, dtype=np.float64))
    if noise_power == 0:
        raise SpecsrError("the noise is silent: expected samples other than zero")
    gain = np.sqrt(signal_power / noise_power * 10 ** (-snr / 10))
    samples = signal.samples + (gain * noise).astype(signal.samples.dtype)
    return signal.replace(samples=samples)
