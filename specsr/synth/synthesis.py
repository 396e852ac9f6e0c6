"""Synthesis of machine run-ups with a known expected spectrogram.

A run-up is a deterministic part (orders through resonances, a gear mesh, impacts) plus Gaussian
noise of known spectrum.  So the *expected* power of every cell of a spectrogram is known:
|STFT of the deterministic part|² + noise spectrum x window energy.  This is the ground truth; the
cells of a single spectrogram scatter around it, because noise has speckle.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace

import numpy as np
import torch
from scipy.interpolate import CubicSpline
from scipy.signal import fftconvolve, welch

from specsr.errors import SpecsrError
from specsr.maps.grid import Grid
from specsr.maps.pooling import pool_power
from specsr.maps.spec_map import SpecMap
from specsr.maps.transform import stft
from specsr.signal import Signal
from specsr.synth.machine import Impact, RunUp
from specsr.synth.tones import tone_course
from specsr.units import REFERENCES

VERSION = 2
"""Incremented whenever `specsr.random_run_up` or `synthesise` change the result of a seed."""


@dataclass(frozen=True, eq=False)
class Synthetic:
    """A run-up with its ground truth.

    Attributes:
        clean: deterministic part in Pa, float32 [1, N], with its speed.
        noise: noise in Pa, float64 [N].
        envelopes: order -> its rms over time in Pa, float32 [N]; without modulation sidebands and
            without tones that have an offset.
        noise_gain: factor of the noise over time, [N].
        run: the parameters.
        theta: angle of the shaft, rad, [N].
        tone_scale: Pa for an amplitude of 1 in `specsr.synth.tones`.
        impact_scale: Pa at the peak of an impact of 0 dB.
    """

    clean: Signal
    noise: np.ndarray
    envelopes: dict[float, np.ndarray]
    noise_gain: np.ndarray
    run: RunUp
    theta: np.ndarray
    tone_scale: float
    impact_scale: float
    _psd_scale: float = field(default=0.0, repr=False)
    _welch: tuple[np.ndarray, np.ndarray] | None = field(default=None, repr=False)

    @property
    def signal(self) -> Signal:
        """Sum of the deterministic part and the noise, float32 [1, N] in Pa, with its speed."""
        return self.clean.replace(samples=self.clean.samples + self.noise.astype(np.float32))

    @property
    def rpm(self) -> np.ndarray:
        """Speed in 1/min at every sample, [N]."""
        assert self.clean.rpm is not None
        return self.clean.rpm

    def noise_psd(self, freqs: np.ndarray) -> np.ndarray:
        """Return the one-sided power spectral density of the noise at gain 1, Pa²/Hz, [F]."""
        if self._welch is not None:
            return np.interp(freqs, *self._welch)
        return self._psd_scale * _shape(self.run, freqs)

    def expected_power(self, grid: Grid) -> np.ndarray:
        """Return the expected mean square of every cell of a full map, float64 [rows, frames].

        Exact for the deterministic part.  For the noise it is exact where the spectrum, piecewise
        linear in dB over log frequency, is smooth within the main lobe of the window.

        Args:
            grid: of a full map of this run.
        """
        factor = np.square(grid.factor())[:, None]
        lines = stft(torch.from_numpy(self.clean.samples[0].astype(np.float64)), grid)
        energy = window_energy(self.noise_gain, grid)
        two_sided = self.noise_psd(np.arange(grid.n_fft // 2 + 1) * grid.rate / grid.n_fft)
        noise = (two_sided * grid.rate / 2)[:, None] * energy[None]
        return factor * (np.square(lines.abs().numpy()) + noise)

    def with_recorded_noise(
        self, samples: np.ndarray, n_fft: int, window: str = "hann"
    ) -> Synthetic:
        """Return the same run with a steady recording in place of the generated noise.

        The power spectral density of the recording, averaged over its length (Welch), replaces the
        known one: exact if the recording is stationary and many windows long.

        Args:
            samples: one channel at the rate of the run, any unit, [M]; scaled to the power of the
                noise that it replaces, and continued by reflection if shorter than the run.
            n_fft: window length of the map whose expected power is needed.
            window: a scipy window, of that map.

        Raises:
            SpecsrError: a recording that is silent or shorter than a window.
        """
        samples = np.asarray(samples, dtype=np.float64)
        if samples.size < n_fft or not samples.any():
            raise SpecsrError(
                f"a recording of {samples.size} samples: expected at least {n_fft}, not silent"
            )
        samples = samples * np.sqrt(np.mean(self.noise**2) / np.mean(samples**2))
        average = welch(
            samples, self.run.rate, window, n_fft, n_fft - n_fft // 4, detrend=False
        )  # fmt: skip
        length = self.noise.size
        noise = np.pad(samples, (0, max(0, length - samples.size)), mode="reflect")[:length]
        return replace(self, noise=noise, noise_gain=np.ones(length), _welch=average)

    def truth(self, grid: Grid) -> SpecMap:
        """Return the expected map on a grid of this run, full or pooled, without phase."""
        fine = Grid(
            grid.rate, grid.n_fft, grid.hop_length, grid.length, grid.window, grid.scaling,
            grid.unit, grid.start,
        )  # fmt: skip
        power = self.expected_power(fine)
        if grid.cell != (1, 1):
            power = pool_power(power[:-1], *grid.cell)
        return SpecMap(np.sqrt(power)[None], grid, rpm=self.rpm)


def _shape(run: RunUp, freqs: np.ndarray) -> np.ndarray:
    """Return the relative noise power, like freqs; constant outside the first and last point."""
    points = np.asarray(run.noise_shape, dtype=float)
    db = np.interp(np.log(np.maximum(freqs, 1e-3)), np.log(points[:, 0]), points[:, 1])
    return 10 ** (db / 10)


def window_energy(gain: np.ndarray, grid: Grid) -> np.ndarray:
    """Return the sum of window² x gain² of every frame, [fine_frames]."""
    window = np.square(grid.window_samples())
    # frame m is centred on sample m * hop; outside the signal the gain is zero
    energy = fftconvolve(np.square(gain), window[::-1])
    index = np.arange(grid.fine_frames) * grid.hop_length + grid.n_fft - 1 - grid.n_fft // 2
    return np.maximum(energy[np.minimum(index, energy.size - 1)] * (index < energy.size), 0)


def _slow_noise(rng: np.random.Generator, length: int, rate: float, cutoff: float) -> np.ndarray:
    """Return smooth Gaussian noise of unit rms below about ``cutoff`` Hz, [length]."""
    coarse = rng.standard_normal(max(4, int(length / rate * cutoff * 2) + 4))
    at = np.linspace(1, coarse.size - 2, length)
    slow = CubicSpline(np.arange(coarse.size), coarse)(at)
    return slow / max(np.sqrt(np.mean(np.square(slow))), 1e-9)


def impact_wave(run: RunUp, impact: Impact, length: int) -> tuple[int, np.ndarray]:
    """Return the first sample and the samples of an impact whose envelope starts at 1."""
    first = int(impact.time * run.rate)
    decay = 2 * math.pi * impact.damping * impact.freq
    count = max(0, min(length - first, int(12 / decay * run.rate) + 1))
    t = np.arange(count) / run.rate
    return first, np.exp(-decay * t) * np.sin(2 * math.pi * impact.freq * t)


def synthesise(run: RunUp) -> Synthetic:
    """Return the waveform of a run-up with its ground truth.

    Orders: x = sum A_k(t) cos(k theta + arg H + phi_k), with theta the integral of the speed and
    A_k = a_k (rpm / mean rpm)^p |H(k rpm / 60)|.  The same parameters give the same samples.

    Args:
        run: the parameters.

    Raises:
        SpecsrError: all orders lie above half the sampling rate.

    Example:
        >>> run = specsr.synthesise(specsr.RunUp(rate=8000, duration=2.0, rpm=(1200, 2400)))
        >>> truth = run.truth(specsr.spectrogram(run.signal).grid)  # the exact expected map
        >>> run.signal.length, truth.magnitude.shape
        (16000, (1, 1025, 33))
    """
    rng = np.random.default_rng(run.seed)
    length = round(run.rate * run.duration)
    rpm = np.interp(np.linspace(0, 1, length), np.linspace(0, 1, len(run.rpm)), run.rpm)
    rpm = rpm * (1 + run.fluctuation * _slow_noise(rng, length, run.rate, 4.0))
    theta = 2 * math.pi * np.cumsum(rpm) / 60 / run.rate
    rpm = np.round(rpm * 16) / 16  # the resolution of a tacho, and compact in a file
    samples = np.zeros(length)
    envelopes: dict[float, np.ndarray] = {}
    for tone in run.orders:
        course = tone_course(run, tone, theta, rpm)
        samples += course.samples(theta)
        if not tone.offset:
            envelopes[tone.order] = (course.amplitude / math.sqrt(2)).astype(np.float32)
    rms = math.sqrt(np.mean(np.square(samples))) if run.orders else 1.0
    if rms == 0:
        raise SpecsrError(
            "all orders lie above half the sampling rate: raise the rate or lower the orders"
        )
    for impact in run.impacts:
        first, wave = impact_wave(run, impact, length)
        samples[first : first + wave.size] += rms * 10 ** (impact.level / 20) * wave
    scale = REFERENCES["Pa"] * 10 ** (run.level / 20) / math.sqrt(np.mean(np.square(samples)))
    samples *= scale
    envelopes = {order: envelope * np.float32(scale) for order, envelope in envelopes.items()}

    gain = (rpm / np.mean(run.rpm)) ** run.noise_exponent
    order, depth = run.noise_modulation
    if depth:
        gain = gain * (1 + depth * np.cos(order * theta))
    freqs = np.fft.rfftfreq(length, 1 / run.rate)
    spectrum = np.fft.rfft(rng.standard_normal(length)) * np.sqrt(_shape(run, freqs))
    noise = np.fft.irfft(spectrum, length)
    # variance of the coloured noise over that of the white noise before shaping
    variance = np.mean(_shape(run, freqs)) * np.mean(np.square(gain))
    deterministic = np.mean(np.square(samples))
    power = deterministic * 10 ** (-run.line_to_noise / 10) / variance
    clean = Signal(samples.astype(np.float32), run.rate, "Pa", ("synthetic",), rpm=rpm)
    return Synthetic(
        clean,
        math.sqrt(power) * noise * gain,
        envelopes,
        gain,
        run,
        theta,
        scale,
        rms * scale,
        power / (run.rate / 2),
    )
