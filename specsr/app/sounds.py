"""Sounds to compare by ear: one stretch of several results, at one gain or at one level."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from specsr.choices import AUDIO_SECONDS
from specsr.errors import SpecsrError
from specsr.io import stream
from specsr.jobs.options import Reading
from specsr.maps.grid import Grid
from specsr.report.audio import LOUDEST, flac
from specsr.signal import Signal, channel_position, fit_length

RATE = 48000.0
"""Sampling rate of all sounds, Hz: players at one rate stay together to the sample."""


@dataclass(frozen=True)
class Sound:
    """A stretch of a result, ready to be played.

    Attributes:
        title: of the result.
        flac: FLAC file of 16 bits at `RATE`, its peak at full scale, so that a soft sound keeps
            its resolution.
        level_db: rms level of the stretch, dB re the reference of its unit; -inf for silence.
        gain: factor of the player at the common gain, which keeps the levels beside each other.
        matched: factor at which all sounds have the same rms level.
    """

    title: str
    flac: bytes
    level_db: float
    gain: float
    matched: float

    @property
    def match_db(self) -> float:
        """Change of level by matching, dB; 0 for silence."""
        return 20 * math.log10(self.matched / self.gain) if self.gain and self.matched else 0.0


def stretch_of(signal: Signal, span: tuple[float, float], channel: str | int) -> Signal:
    """Return one channel of a stretch of a recording at `RATE`, without its mean (DC).

    It begins and ends at the same times for every recording that covers the span; beyond the edges
    of a recording it is silent.

    Args:
        signal: the recording.
        span: begin and end in s, at most `AUDIO_SECONDS` are taken.
        channel: name or position.

    Raises:
        SpecsrError: no such channel, or the span is outside the recording.
    """
    position = channel_position(signal.channels, channel)
    begin, seconds = _taken(span)
    first, last = _samples(begin, seconds, signal.start, signal.rate, signal.length)
    part = signal.cut(first, last)
    sound = Signal(part.samples[position], signal.rate, signal.unit).without_mean().resample(RATE)
    before = max(0, round((part.start - begin) * RATE))
    samples = np.pad(sound.samples, [(0, 0), (before, 0)])
    return Signal(fit_length(samples, max(1, round(seconds * RATE))), RATE, signal.unit)


def file_stretch(
    path: Path, reading: Reading, span: tuple[float, float], channel: str
) -> Signal | None:
    """Return the stretch of an audio file as `stretch_of`, reading no more than it.

    None for a file of another format, which is read whole.
    """
    with stream.opened(path, **reading.arguments()) as found:
        if found is None:
            return None
        begin, seconds = _taken(span)
        first, last = _samples(begin, seconds, found.start, found.rate, found.length)
        return stretch_of(found.cut(first, last), (begin, begin + seconds), channel)


def is_playable(grid: Grid) -> bool:
    """Whether a map can be turned into a waveform."""
    return grid.cell == (1, 1) and grid.is_invertible()


def together(stretches: Sequence[tuple[str, Signal]]) -> list[Sound]:
    """Return sounds of the same stretch with their gains.

    At the common gain the loudest peak of a unit is at `LOUDEST` of full scale; matched, all have
    the level at which none exceeds it.

    Args:
        stretches: titles, and one channel each at `RATE`, of one length.
    """
    sounds = [sound for _, sound in stretches]
    peaks = [float(np.abs(sound.samples).max()) for sound in sounds]
    levels = [float(sound.level()[0]) for sound in sounds]
    loudest: dict[str, float] = {}
    for sound, peak in zip(sounds, peaks):
        loudest[sound.unit] = max(loudest.get(sound.unit, 0.0), peak)
    # rms of each with its peak at 1; the sound with the highest crest limits the matched level
    relative = [_rms(s.samples / peak) if peak else 0.0 for s, peak in zip(sounds, peaks)]
    target = LOUDEST * min((rms for rms in relative if rms), default=0.0)
    found = []
    for (title, sound), peak, level, rms in zip(stretches, peaks, levels, relative):
        whole = Signal(sound.samples / peak if peak else sound.samples, RATE)
        gain = LOUDEST * peak / loudest[sound.unit] if peak else 0.0
        found.append(Sound(title, flac(whole), level, gain, target / rms if rms else 0.0))
    return found


def _rms(samples: np.ndarray) -> float:
    return float(np.sqrt(np.mean(np.square(samples, dtype=np.float64))))


def _taken(span: tuple[float, float]) -> tuple[float, float]:
    """Return begin and length in s of the part of a span that is played."""
    return span[0], min(max(span[1] - span[0], 0.0), AUDIO_SECONDS)


def _samples(
    begin: float, seconds: float, start: float, rate: float, length: int
) -> tuple[int, int]:
    """Return the first and the last sample (exclusive) of a stretch of a recording."""
    first = max(0, round((begin - start) * rate))
    last = min(length, round((begin + seconds - start) * rate))
    if first >= last:
        raise SpecsrError(
            f"{begin:.3f} to {begin + seconds:.3f} s: nothing to play: the recording has "
            f"{start:.3f} to {start + length / rate:.3f} s"
        )
    return first, last
