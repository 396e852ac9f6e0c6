"""Synthetic run-ups of machines whose every level is known exactly.

A run-up is a deterministic part (orders through resonances, a gear mesh, impacts) plus Gaussian
noise with a known spectrum.  So the *expected* power of every cell of a spectrogram is known:
|STFT of the deterministic part|² + noise spectrum x window energy.  That is the truth which a
single measured spectrogram, speckled by its noise, only scatters about.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace

import numpy as np

from specsr.errors import SpecsrError
from specsr.maps.grid import Grid
from specsr.maps.spec_map import SpecMap
from specsr.maps.transform import stft
from specsr.signal import Signal
from specsr.synth.machine import Impact, Order, RunUp
from specsr.units import REFERENCES

VERSION = 2
"""Raised whenever `specsr.random_run_up` or `synthesise` make something else of a seed."""


@dataclass(frozen=True, eq=False)
class Synthetic:
    """A run-up with its ground truth.

    Attributes:
        clean: deterministic part, Pa, with rpm, one channel.
        noise: noise samples, Pa, [N].
        envelopes: rms amplitude of every order over time in Pa, {order: [N]}; sidebands, and tones
            with an offset, left out.
        noise_gain: factor on the noise over time, [N].
        run: what it was made from.
    """

    clean: Signal
    noise: np.ndarray
    envelopes: dict[float, np.ndarray]
    noise_gain: np.ndarray
    run: RunUp
    _psd_scale: float = field(default=0.0, repr=False)
    _measured: tuple[np.ndarray, np.ndarray] | None = field(default=None, repr=False)

    @property
    def signal(self) -> Signal:
        """Deterministic part and noise together, as a microphone would record them."""
        return self.clean.replace(samples=self.clean.samples + self.noise.astype(np.float32))

    @property
    def rpm(self) -> np.ndarray:
        """Speed in 1/min at every sample, [N]."""
        assert self.clean.rpm is not None
        return self.clean.rpm

    def noise_psd(self, freqs: np.ndarray) -> np.ndarray:
        """One-sided power spectral density of the noise at unit gain, Pa²/Hz."""
        if self._measured is not None:
            return np.interp(freqs, *self._measured)
        return self._psd_scale * _shape(self.run, freqs)

    def expected_power(self, grid: Grid) -> np.ndarray:
        """Expected mean square of every cell of the full map on ``grid``, [rows, frames], float64.

        Exact for the deterministic part; for the noise, exact where its spectrum is smooth over
        one window (its shape is piecewise linear in dB over log frequency).
        """
        import torch

        factor = np.square(grid.factor())[:, None]
        lines = stft(torch.from_numpy(self.clean.samples[0].astype(np.float64)), grid)
        energy = _window_energy(self.noise_gain, grid)
        two_sided = self.noise_psd(np.arange(grid.n_fft // 2 + 1) * grid.rate / grid.n_fft)
        noise = (two_sided * grid.rate / 2)[:, None] * energy[None]
        return factor * (np.square(lines.abs().numpy()) + noise)

    def over_recording(self, samples: np.ndarray, n_fft: int, window: str = "hann") -> Synthetic:
        """Return the deterministic part over a steady recording instead of the made-up noise.

        The recording's spectrum, averaged over all of it (Welch), takes the place of the known
        one: exact where the recording is steady and many windows long.

        Args:
            samples: one channel at this rate, any unit, at least ``n_fft``; scaled to the power of
                the noise it replaces, and carried on as its mirror image where it is too short.
            n_fft, window: of the map whose expected power is wanted.
        """
        from scipy.signal import welch

        samples = np.asarray(samples, dtype=np.float64)
        if samples.size < n_fft or not samples.any():
            raise SpecsrError(f"a recording of {samples.size} samples: expected sound of {n_fft}")
        samples = samples * np.sqrt(np.mean(self.noise**2) / np.mean(samples**2))
        average = welch(
            samples, self.run.rate, window, n_fft, n_fft - n_fft // 4, detrend=False
        )  # fmt: skip
        length = self.noise.size
        noise = np.pad(samples, (0, max(0, length - samples.size)), mode="reflect")[:length]
        return replace(self, noise=noise, noise_gain=np.ones(length), _measured=average)

    def truth(self, grid: Grid) -> SpecMap:
        """Expected map on ``grid`` (full or pooled), as a `SpecMap` without phase."""
        from specsr.maps.pooling import pool_power

        fine = Grid(
            grid.rate, grid.n_fft, grid.hop_length, grid.length, grid.window, grid.scaling,
            grid.unit, grid.start,
        )  # fmt: skip
        power = self.expected_power(fine)
        if grid.cell != (1, 1):
            power = pool_power(power[:-1], *grid.cell)
        return SpecMap(np.sqrt(power)[None], grid, rpm=self.rpm)


def _shape(run: RunUp, freqs: np.ndarray) -> np.ndarray:
    """Noise power over frequency, relative; flat below the first and above the last point."""
    points = np.asarray(run.noise_shape, dtype=float)
    db = np.interp(np.log(np.maximum(freqs, 1e-3)), np.log(points[:, 0]), points[:, 1])
    return 10 ** (db / 10)


def _window_energy(gain: np.ndarray, grid: Grid) -> np.ndarray:
    """Sum of window² x gain² seen by every frame, shape [fine_frames]."""
    from scipy.signal import fftconvolve

    window = np.square(grid.window_samples())
    # frame m is centred on sample m * hop; beyond the signal the gain is zero
    energy = fftconvolve(np.square(gain), window[::-1])
    index = np.arange(grid.fine_frames) * grid.hop_length + grid.n_fft - 1 - grid.n_fft // 2
    return np.maximum(energy[np.minimum(index, energy.size - 1)] * (index < energy.size), 0)


def _slow_noise(rng: np.random.Generator, length: int, rate: float, cutoff: float) -> np.ndarray:
    """Smooth Gaussian noise of unit rms below ``cutoff`` Hz."""
    coarse = rng.standard_normal(max(4, int(length / rate * cutoff * 2) + 4))
    at = np.linspace(1, coarse.size - 2, length)
    from scipy.interpolate import CubicSpline

    slow = CubicSpline(np.arange(coarse.size), coarse)(at)
    return slow / max(np.sqrt(np.mean(np.square(slow))), 1e-9)


def _transfer(run: RunUp, freq: np.ndarray) -> np.ndarray:
    """Complex gain of direct path and resonances at ``freq`` Hz (single degrees of freedom)."""
    gain = np.ones(freq.shape, dtype=complex)
    for mode in run.resonances:
        r = freq / mode.freq
        gain += mode.gain * np.square(r) / (1 - np.square(r) + 2j * mode.damping * r)
    return gain


def _order(run: RunUp, tone: Order, theta: np.ndarray, rpm: np.ndarray) -> tuple[np.ndarray, ...]:
    """Samples and peak envelope of one tone."""
    freq = tone.offset + tone.order * rpm / 60
    # the gain varies slowly with speed: evaluated on every 64th sample and joined
    knots = np.append(np.arange(0, rpm.size - 1, 64), rpm.size - 1)
    gain = _transfer(run, freq[knots])
    at = np.arange(rpm.size)
    amplitude = np.interp(at, knots, np.abs(gain)) * 10 ** (tone.level / 20)
    if tone.order:
        amplitude *= (rpm / np.mean(run.rpm)) ** run.exponent
    if tone.order < 0:  # a lower sideband ends where it would come back from below zero
        amplitude *= np.clip(freq / 20, 0, 1)
    if tone.span:
        edge = 0.02 * run.rate
        first, last = (t * run.rate for t in tone.span)
        amplitude *= np.clip((at - first) / edge, 0, 1) * np.clip((last - at) / edge, 0, 1)
    # tones fade out over the last 5 % below Nyquist rather than alias
    amplitude *= np.clip((run.rate / 2 - freq) / (0.05 * run.rate / 2), 0, 1)
    angle = np.interp(at, knots, np.unwrap(np.angle(gain)))
    phase = tone.order * theta + angle + tone.phase
    if tone.offset:
        phase += 2 * math.pi * tone.offset / run.rate * at
    if tone.wobble:
        phase += tone.wobble * np.sin(theta)
    samples = amplitude * np.cos(phase)
    if tone.modulation:
        samples *= 1 + tone.modulation * np.cos(theta)
    return samples, amplitude


def _impact(run: RunUp, impact: Impact, length: int) -> tuple[int, np.ndarray]:
    """First sample and samples of one impact with unit peak of its envelope."""
    first = int(impact.time * run.rate)
    decay = 2 * math.pi * impact.damping * impact.freq
    count = max(0, min(length - first, int(12 / decay * run.rate) + 1))
    t = np.arange(count) / run.rate
    return first, np.exp(-decay * t) * np.sin(2 * math.pi * impact.freq * t)


def synthesise(run: RunUp) -> Synthetic:
    """Return the waveform of a run-up with its ground truth.

    Orders: x = sum A_k(t) cos(k theta + angle H + phi_k) with theta the integral of the speed and
    A_k = a_k (rpm / mean)^p |H(k rpm / 60)|.
    """
    rng = np.random.default_rng(run.seed)
    length = round(run.rate * run.duration)
    rpm = np.interp(np.linspace(0, 1, length), np.linspace(0, 1, len(run.rpm)), run.rpm)
    rpm = rpm * (1 + run.fluctuation * _slow_noise(rng, length, run.rate, 4.0))
    theta = 2 * math.pi * np.cumsum(rpm) / 60 / run.rate
    rpm = np.round(rpm * 16) / 16  # as fine as a tacho reads, and small in a file
    samples = np.zeros(length)
    envelopes: dict[float, np.ndarray] = {}
    for tone in run.orders:
        wave, amplitude = _order(run, tone, theta, rpm)
        samples += wave
        if not tone.offset:
            envelopes[tone.order] = (amplitude / math.sqrt(2)).astype(np.float32)
    rms = math.sqrt(np.mean(np.square(samples))) if run.orders else 1.0
    if rms == 0:
        raise SpecsrError("all orders lie above half the rate: raise the rate or lower the orders")
    for impact in run.impacts:
        first, wave = _impact(run, impact, length)
        samples[first : first + wave.size] += rms * 10 ** (impact.level / 20) * wave
    scale = REFERENCES["Pa"] * 10 ** (run.level / 20) / math.sqrt(np.mean(np.square(samples)))
    samples *= scale
    envelopes = {order: envelope * np.float32(scale) for order, envelope in envelopes.items()}

    gain = (rpm / np.mean(run.rpm)) ** run.noise_exponent
    swell, depth = run.noise_modulation
    if depth:
        gain = gain * (1 + depth * np.cos(swell * theta))
    freqs = np.fft.rfftfreq(length, 1 / run.rate)
    spectrum = np.fft.rfft(rng.standard_normal(length)) * np.sqrt(_shape(run, freqs))
    noise = np.fft.irfft(spectrum, length)
    # the variance of the coloured noise over that of the white noise it was made from
    variance = np.mean(_shape(run, freqs)) * np.mean(np.square(gain))
    deterministic = np.mean(np.square(samples))
    power = deterministic * 10 ** (-run.line_to_noise / 10) / variance
    clean = Signal(samples.astype(np.float32), run.rate, "Pa", ("synthetic",), rpm=rpm)
    return Synthetic(
        clean, math.sqrt(power) * noise * gain, envelopes, gain, run, power / (run.rate / 2)
    )
