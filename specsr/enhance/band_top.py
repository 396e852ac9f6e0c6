"""Where the spectrum of a recording ends that is brought to a higher rate: given, or assumed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from specsr.choices import NOISE_FILL
from specsr.enhance.segments import first_seconds
from specsr.enhance.speech import is_speech
from specsr.errors import SpecsrError
from specsr.io.bandwidth import N_FFT, true_bandwidth
from specsr.pairs.measured_band import REPRODUCED
from specsr.signal import Source

NARROW = 0.75
"""Fraction of half the rate below which the recording's own wall is taken for the end of its sound.

Anti-alias filters and resamplers end above it; codecs, and recordings made at a lower rate, below.
"""

TopSource = Literal["given", "wall", "speech", "model"]
"""Where the top of a spectrum comes from: stated by the user; a wall in the recording itself, above
which nothing is estimated; speech, which has a full spectrum; or left to the model."""


@dataclass(frozen=True)
class Top:
    """Top of the spectrum of a result.

    Attributes:
        hz: highest frequency with content, Hz; None where the model decides.
        source: where it comes from.
        wall: end of the content of the recording itself in Hz, if below what its rate can hold.
        speech: whether the recording sounds like speech.
    """

    hz: float | None
    source: TopSource
    wall: float | None = None
    speech: bool = False

    def known_rate(self, rate: float) -> float:
        """Return the rate that holds what is measured of a recording at ``rate``, Hz."""
        return rate if self.wall is None else min(rate, 2 * self.wall / REPRODUCED)


def assumed_top(low: Source, scale: int, given: float | None = None) -> Top:
    """Return the top of the spectrum of a recording at ``scale`` times its rate.

    It depends on the first seconds of the recording alone.

    Args:
        low: the recording.
        scale: ratio of the rates.
        given: highest frequency with content in Hz, if it is known.

    Raises:
        SpecsrError: a given top above half the rate of the result.
    """
    if given is not None and given > scale * low.rate / 2:
        raise SpecsrError(
            f"top is {given:g} Hz: a result at {scale * low.rate:g} Hz reaches up to "
            f"{scale * low.rate / 2:g} Hz: give a lower top, or a larger scale"
        )
    early = first_seconds(low, N_FFT)
    found = [true_bandwidth(samples, early.rate) for samples in early.samples]
    bands = [band for band in found if band is not None]
    walled = bool(bands) and all(band.flagged for band in bands)
    wall = max(band.hz for band in bands) if walled else None
    speech = is_speech(early)
    if given is not None:
        return Top(given, "given", wall, speech)
    if wall is not None and wall < NARROW * low.rate / 2:
        return Top(wall, "wall", wall, speech)
    if speech:
        return Top(low.rate * scale / 2, "speech", wall, speech)
    return Top(None, "model", wall)


def top_note(top: Top, model: str | None = None) -> str:
    """Return in words which top of the spectrum was assumed, and why.

    Args:
        top: of the spectrum.
        model: that fills the band; None for the bundled network.
    """
    if top.source == "given":
        return f"content up to {top.hz:g} Hz, as given"
    if top.source == "wall":
        return (
            f"the recording itself ends at {top.hz:.0f} Hz, so nothing is added above; --top "
            "FREQUENCY estimates the band up to there"
        )
    if top.source == "speech":
        return (
            "it sounds like speech, so a full spectrum was assumed; --top FREQUENCY states another"
        )
    if model == NOISE_FILL:
        return (
            "noise fills the band up to half the rate; --top FREQUENCY states where its content "
            "ends"
        )
    return "where its content ends is the model's guess; --top FREQUENCY states it"


def empty_rows(freqs: np.ndarray, top: Top, limit: float) -> np.ndarray:
    """Return which rows of a map are empty: above the top, and above the limit of the model."""
    return freqs > (limit if top.hz is None else min(limit, top.hz))
