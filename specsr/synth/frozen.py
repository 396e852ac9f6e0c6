"""Truth that no single window shows: a machine of known parts, each part as sharp as it can be.

The expected power of a cell under one window is smeared by that window.  Here every part of a
machine has its own:

- Tones: the long window on the machine *frozen* at the moment of the column.  Speed, amplitudes and
  modulation stay what they are at its centre, so a line has the width of the long window at any
  change of speed, and begins and ends with the tone.  Tones add up as amplitudes: close ones beat.
- Impacts: the longest of the windows that is no longer than twice the time constant of the decay,
  at least the short one.  Impacts under one window add up as amplitudes.
- Noise: its spectral density, times the mean square of its gain under the short window.

The parts add up as powers: what lines, clicks and noise interfere by is random.  All are densities
as in `specsr.pairs.windows_input`, so the sum over a band and over time is the power of the
recording there.
"""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
from scipy.special import jv

from specsr.maps.grid import Grid
from specsr.pairs.windows_input import density, density_factor, lengths, padded
from specsr.synth.synthesis import Synthetic, impact_wave, window_energy
from specsr.synth.tones import Course, tone_course

LOBE = 16
"""Rows on either side of a line that it reaches: beyond, a Hann window is below -80 dB."""

WEAKEST = 1e-4
"""Sidebands of a smaller relative amplitude are left out."""


def frozen_power(made: Synthetic, grid: Grid) -> np.ndarray:
    """Return the power of every cell as defined above, float64 [rows, T].

    Args:
        made: the machine.
        grid: full map of the recording under the long Hann window, rms scaling.
    """
    return sum(frozen_parts(made, grid).values())  # type: ignore[return-value]


def frozen_parts(made: Synthetic, grid: Grid) -> dict[str, np.ndarray]:
    """Return the power of tones, impacts and noise, float64 [rows, T] each."""
    return {
        "tones": _tones(made, grid),
        "impacts": _impacts(made, grid),
        "noise": _noise(made, grid),
    }


def _tones(made: Synthetic, grid: Grid) -> np.ndarray:
    """Return the power of the frozen tones."""
    at = np.minimum(np.arange(grid.frames) * grid.hop_length, grid.length - 1)
    # rows from -LOBE on: what lies below 0 Hz is the mirrored half of the spectrum
    total = np.zeros((grid.rows + 2 * LOBE + 1, grid.frames), dtype=complex)
    for tone in made.run.orders:
        _add(total, tone_course(made.run, tone, made.theta, made.rpm), made, at, grid)
    own = total[LOBE : LOBE + grid.rows]
    own[: LOBE + 1] += total[LOBE::-1].conj()
    return (
        np.square(np.abs(own) * made.tone_scale)
        * np.square(grid.factor() / grid.factor()[1])[:, None]
    )


def _add(total: np.ndarray, course: Course, made: Synthetic, at: np.ndarray, grid: Grid) -> None:
    """Add the lines of a tone and its sidebands to amplitudes [rows + 2 LOBE + 1, T]."""
    rotation, tone = made.rpm[at] / 60, course.tone
    columns, reach = np.arange(at.size), np.arange(-LOBE, LOBE + 1)[:, None]
    for n, share in sidebands(tone.modulation, tone.phase_modulation).items():
        row = (course.freq[at] + n * rotation) / grid.df
        amplitude = share / math.sqrt(2) * course.amplitude[at]
        amplitude = np.where((row >= 0) & (row <= grid.rows - 1), amplitude, 0)
        centre = np.clip(np.round(row), 0, grid.rows - 1).astype(int)
        rows = centre + reach
        line = amplitude * np.exp(1j * (course.phase[at] + n * made.theta[at]))
        total[rows + LOBE, columns] += line * hann_lobe(rows - row)


def sidebands(modulation: float, phase_modulation: float) -> dict[int, float]:
    """Return the relative amplitude of the n-th sideband of a modulated tone, n to amplitude.

    (1 + m cos a) cos(b + p sin a) is the sum of c_n cos(b + n a), with c_n = J_n(p) +
    m/2 (J_{n-1}(p) + J_{n+1}(p)).
    """
    orders = range(-24, 25)
    bessel = {n: float(jv(n, phase_modulation)) for n in range(-25, 26)}
    found = {n: bessel[n] + modulation / 2 * (bessel[n - 1] + bessel[n + 1]) for n in orders}
    return {n: share for n, share in found.items() if abs(share) > WEAKEST}


def hann_lobe(rows: np.ndarray) -> np.ndarray:
    """Return the amplitude of a line ``rows`` away from its centre under a Hann window; 1 there."""
    # the singularities at 0, 1 and -1 are removed by a displacement that float64 resolves
    x = np.where(np.abs(np.abs(rows) - 1) < 1e-6, rows + 2e-6, rows)
    return np.sinc(x) / (1 - np.square(x))


def impact_window(time_constant: float, grid: Grid) -> int:
    """Return the window in samples for an impact that decays with a time constant in s."""
    fitting = [n for n in lengths(grid.n_fft) if n <= 2 * time_constant * grid.rate]
    return max(fitting, default=min(lengths(grid.n_fft)))


def _impacts(made: Synthetic, grid: Grid) -> np.ndarray:
    """Return the power of the impacts."""
    waves: dict[int, np.ndarray] = {}
    for impact in made.run.impacts:
        window = impact_window(1 / (2 * math.pi * impact.damping * impact.freq), grid)
        first, wave = impact_wave(made.run, impact, grid.length)
        total = waves.setdefault(window, np.zeros(grid.length))
        total[first : first + wave.size] += made.impact_scale * 10 ** (impact.level / 20) * wave
    total = np.zeros((grid.rows, grid.frames))
    for window, samples in waves.items():
        total += density(padded(samples, grid), grid, window)
    return total


def _noise(made: Synthetic, grid: Grid) -> np.ndarray:
    """Return the expected power of the noise."""
    short = min(lengths(grid.n_fft))
    energy = window_energy(made.noise_gain, replace(grid, n_fft=short))
    two_sided = made.noise_psd(grid.freqs()) * grid.rate / 2
    return (two_sided * density_factor(grid, short))[:, None] * energy[None]
