"""Prominent tones over time: `tones` of the blocks of a recording, and tones that last."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from specsr.errors import SpecsrError
from specsr.nvh.tonality import FEWEST, Tone, tones
from specsr.nvh.tone_ratios import critical_band, limits_db, proximity
from specsr.signal import Signal

OVERLAP = 0.5
"""Part of a block that it shares with the next, at least."""
NEAR = 0.25
"""Change of frequency from one block to the next of one tone, in critical bands: about that by
which a tone may move within a block."""


@dataclass(frozen=True, eq=False)
class ToneBlocks:
    """Tones in the blocks of a recording.

    Attributes:
        times: middles of the blocks, s, [B].
        block: length of a block, s.
        tones: of every channel, of every block, by frequency; of tones so near that they are heard
            together (ECMA-418-1, clause 11), the loudest.
    """

    times: np.ndarray
    block: float
    tones: tuple[tuple[tuple[Tone, ...], ...], ...]


@dataclass(frozen=True, eq=False)
class LastingTone:
    """A tone of one channel through consecutive blocks.

    Attributes:
        times: middles of the blocks, s, [b].
        tones: in each of them.
    """

    times: tuple[float, ...]
    tones: tuple[Tone, ...]

    @property
    def strongest(self) -> Tone:
        """The tone of the block in which it is farthest above its limits."""
        return max(self.tones, key=above_limit_db)


def above_limit_db(tone: Tone) -> float:
    """Return by how much a tone is above its limit of prominence, the higher of the two, dB."""
    tnr, pr = limits_db(tone.freq)
    return float(np.fmax(tone.tnr_db - tnr, tone.pr_db - pr))


def tone_blocks(signal: Signal, block: float = FEWEST) -> ToneBlocks:
    """Return the prominent tones of every channel over time.

    Blocks overlap by half or more, so that the last one ends with the recording.  Each has its own
    spectra, as `specsr.tones` of a recording of its length, so a tone may come, go and slowly move:
    within a block by up to a quarter of a critical band.  Source: ECMA-418-1:2022.

    Args:
        signal: the recording, in Pa, of at least ``block``.
        block: length of a block, s, at least 2.

    Raises:
        SpecsrError: samples not in Pa, a recording that is too short, or a block below 2 s.

    Example:
        >>> t = np.arange(4 * 8000) / 8000
        >>> noise = 0.01 * np.random.default_rng(1).standard_normal(len(t))
        >>> beep = 0.1 * np.sin(2 * np.pi * 1000 * t) * (t > 2)
        >>> found = specsr.tone_blocks(specsr.Signal(noise + beep, 8000, unit="Pa"))
        >>> [[tone.freq for tone in each] for each in found.tones[0]]
        [[], [1000.0], [1000.0]]
    """
    if not (math.isfinite(block) and block >= FEWEST):
        raise SpecsrError(f"block is {block}: expected a length in s of at least {FEWEST:g}")
    if signal.duration < block:
        raise SpecsrError(
            f"the recording is {signal.duration:.3g} s long: blocks of {block:g} s need as much"
        )
    size = min(round(block * signal.rate), signal.length)
    last = signal.length - size
    count = 1 + math.ceil(last / ((1 - OVERLAP) * size))
    starts = np.round(np.linspace(0, last, count)).astype(int).tolist()
    found = [[_apart(each) for each in tones(signal.cut(start, start + size))] for start in starts]
    times = signal.start + (np.array(starts) + size / 2) / signal.rate
    return ToneBlocks(times, size / signal.rate, tuple(zip(*found)))


def _apart(found: Sequence[Tone]) -> tuple[Tone, ...]:
    """Return tones without those within the proximity of a louder one, by frequency."""
    kept: list[Tone] = []
    for tone in sorted(found, key=lambda t: -t.level_db):
        if all(abs(tone.freq - other.freq) > proximity(other.freq) for other in kept):
            kept.append(tone)
    return tuple(sorted(kept, key=lambda t: t.freq))


def lasting_tones(times: np.ndarray, blocks: Sequence[Sequence[Tone]]) -> list[LastingTone]:
    """Return the tones of one channel, those of consecutive blocks joined, by their start.

    A tone goes on with the nearest one of the next block within a quarter of a critical band.

    Args:
        times: middles of the blocks, s, [B].
        blocks: tones of the channel in every block.
    """
    done: list[LastingTone] = []
    going: list[LastingTone] = []
    for time, found in zip(times.tolist(), blocks):
        free, kept = list(found), []
        for one in going:
            freq = one.tones[-1].freq
            low, high = critical_band(freq)
            near = [t for t in free if abs(t.freq - freq) <= NEAR * (high - low)]
            if not near:
                done.append(one)
                continue
            following = min(near, key=lambda t: abs(t.freq - freq))
            free.remove(following)
            kept.append(LastingTone((*one.times, time), (*one.tones, following)))
        going = kept + [LastingTone((time,), (tone,)) for tone in free]
    return sorted(done + going, key=lambda one: (one.times[0], one.tones[0].freq))
