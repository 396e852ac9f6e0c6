"""Course of a tone of a machine over time: amplitude, phase and frequency."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from specsr.synth.machine import Order, RunUp


@dataclass(frozen=True, eq=False)
class Course:
    """One tone over time, before the modulation at order 1.

    Attributes:
        tone: its parameters.
        amplitude: peak, [N].
        phase: without the phase modulation, rad, [N].
        freq: Hz, [N].
    """

    tone: Order
    amplitude: np.ndarray
    phase: np.ndarray
    freq: np.ndarray

    def samples(self, theta: np.ndarray) -> np.ndarray:
        """Return the samples of the tone with its modulation, [N]; theta is the angle in rad."""
        phase = self.phase
        if self.tone.phase_modulation:
            phase = phase + self.tone.phase_modulation * np.sin(theta)
        samples = self.amplitude * np.cos(phase)
        if self.tone.modulation:
            samples *= 1 + self.tone.modulation * np.cos(theta)
        return samples


def _transfer(run: RunUp, freq: np.ndarray) -> np.ndarray:
    """Return the complex gain of the direct path and the resonances, like ``freq`` in Hz."""
    gain = np.ones(freq.shape, dtype=complex)
    for mode in run.resonances:
        r = freq / mode.freq
        gain += mode.gain * np.square(r) / (1 - np.square(r) + 2j * mode.damping * r)
    return gain


def tone_course(run: RunUp, tone: Order, theta: np.ndarray, rpm: np.ndarray) -> Course:
    """Return the course of a tone.

    Args:
        run: the machine.
        tone: one of its tones.
        theta: angle of the shaft, rad, [N].
        rpm: speed, 1/min, [N].
    """
    freq = tone.offset + tone.order * rpm / 60
    # the gain varies slowly: evaluated at every 64th sample, linear in between
    knots = np.append(np.arange(0, rpm.size - 1, 64), rpm.size - 1)
    gain = _transfer(run, freq[knots])
    at = np.arange(rpm.size)
    amplitude = np.interp(at, knots, np.abs(gain)) * 10 ** (tone.level / 20)
    if tone.order:
        amplitude *= (rpm / np.mean(run.rpm)) ** run.exponent
    if tone.order < 0:  # a lower sideband fades out at 0 Hz rather than fold back
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
    return Course(tone, amplitude, phase, freq)
