"""What the scores need of one channel of a recording or map, computed once for all comparisons.

A reference is compared with the result and with every baseline; each of them is measured once.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from specsr.choices import DB_RANGE
from specsr.maps.spec_map import SpecMap
from specsr.maps.transform import SpectrogramTransform
from specsr.nvh.levels import (
    BandLevels,
    overall_level,
    third_octave_bands,
    third_octave_levels,
)
from specsr.nvh.order_cut import OrderCut, order_cut
from specsr.nvh.sound_quality import steady_quality
from specsr.scores.map_errors import floored
from specsr.scores.ridges import Ridges, find_lines, find_transients
from specsr.signal import Signal


@dataclass(frozen=True, eq=False)
class Known:
    """What is computed already of a recording: the rest is computed where it is needed.

    Attributes:
        spec: its map, which is taken if it has the settings of the analysis; None for none.
        bands: its third octaves of all channels (`third_octave_levels`); None for none.
        sone: position of a channel -> its loudness (`steady_quality`), sone.
    """

    spec: SpecMap | None = None
    bands: BandLevels | None = None
    sone: Mapping[int, float] = field(default_factory=dict)

    def map(self, signal: Signal, transform: SpectrogramTransform) -> SpecMap:
        """Return the map of the recording by a transform."""
        if self.spec is not None and self.spec.grid == transform.grid(signal):
            return self.spec
        return transform(signal)

    def of(self, other: Signal, signal: Any) -> Known:
        """Return what is known of another recording: the same where it has the same samples.

        Args:
            other: the other recording, of the same unit.
            signal: the recording that this is known of; nothing is known of what is none.
        """
        if not isinstance(signal, Signal) or other.rate != signal.rate:
            return Known()
        same = np.array_equal(other.samples, signal.samples)
        return replace(self, spec=None) if same else Known()  # its map has other names and times


@dataclass(frozen=True, eq=False)
class Side:
    """A recording or map that is compared, with all of its channels.

    Attributes:
        spec: the map.
        wave: the recording; None where maps are compared.
        known: what is computed already of the recording.
    """

    spec: SpecMap
    wave: Signal | None = None
    known: Known = Known()


@dataclass(frozen=True, eq=False)
class Measures:
    """What is measured, the same for all sides and channels.

    Attributes:
        orders: multiples of the rotation frequency.
        rpm: speed in 1/min, one value or one per sample; None if unknown.
        bandwidth: width in orders of the band that an order's level is summed over; None: that of
            the whole line.
        db_range: range of levels below the reference's maximum, dB.
        loudness: whether the loudness is measured.
    """

    orders: Sequence[float] = ()
    rpm: Any = None
    bandwidth: float | None = None
    db_range: float = DB_RANGE
    loudness: bool = False


@dataclass(frozen=True, eq=False)
class Measured:
    """What the scores need of one channel.

    Attributes:
        spec: the map of the channel.
        wave: the recording of the channel; None where maps are compared.
        plain: |X|² of the plain STFT, of pooled cells the mean, float64 [rows, frames].
        db: levels of the map in dB, float32 [rows, frames].
        level: overall level, dB.
        a_level: A-weighted overall level, dB; None for a unit that is not acoustic.
        sone: loudness in sone; None if not measured.
        bands: third octaves; None where none is below half the sampling rate.
        cuts: levels of each order over time.
        lines, transients: ridges of the levels above the floor of the reference.
    """

    spec: SpecMap
    wave: Signal | None
    plain: np.ndarray
    db: np.ndarray
    level: float
    a_level: float | None
    sone: float | None
    bands: BandLevels | None
    cuts: Sequence[OrderCut]
    lines: Ridges
    transients: Ridges


def measure(
    side: Side, channel: int, measures: Measures, reference: Measured | None = None
) -> Measured:
    """Return what the scores need of a channel.

    Args:
        side: the recording or map.
        channel: position of the channel.
        measures: what is measured.
        reference: the same of the reference, for the floor of the levels; None if the side is it.

    Raises:
        SpecsrError: orders that cannot be read, or maps of different shapes.
    """
    spec = _channel(side.spec, channel)
    wave = None if side.wave is None else _channel(side.wave, channel)
    db = spec.db[0]
    levels = floored(db if reference is None else reference.db, db, measures.db_range)[1]
    acoustic = spec.grid.unit in ("Pa", "1")
    sone = None
    if wave is not None and measures.loudness:
        sone = side.known.sone.get(channel)
        sone = float(steady_quality(wave).sone[0]) if sone is None else sone
    return Measured(
        spec=spec,
        wave=wave,
        plain=_plain_power(spec),
        db=db,
        level=overall_level(spec).item(),
        a_level=overall_level(spec, "A").item() if acoustic else None,
        sone=sone,
        bands=_bands(spec if wave is None else wave, side.known, channel),
        cuts=[order_cut(spec, measures.rpm, k, measures.bandwidth, "orders")
              for k in measures.orders],
        lines=find_lines(levels, spec.grid),
        transients=find_transients(levels, spec.grid),
    )  # fmt: skip


def _channel(x: Any, channel: int) -> Any:
    """One channel of a signal or map."""
    part = slice(channel, channel + 1)
    if isinstance(x, Signal):
        return x.replace(samples=x.samples[part], channels=x.channels[part])
    return x.replace(
        magnitude=x.magnitude[part], phase=None, uncertainty_db=None, channels=x.channels[part]
    )


def _plain_power(spec: SpecMap) -> np.ndarray:
    """|X|² of the plain STFT of a map's one channel, [rows, frames]; of pooled cells the mean."""
    factor = np.square(spec.grid.factor())
    if spec.grid.cell != (1, 1):
        factor = factor[:-1].reshape(spec.grid.rows, -1).mean(1)
    return spec.power[0] / factor[:, None]


def _bands(source: Signal | SpecMap, known: Known, channel: int) -> BandLevels | None:
    """Return the third octaves of one channel; None where none is below half the rate."""
    if isinstance(source, Signal) and known.bands is not None:
        return replace(known.bands, levels=known.bands.levels[channel : channel + 1])
    rate = source.rate if isinstance(source, Signal) else source.grid.rate
    lowest = third_octave_bands()[-1][0]
    return None if lowest > rate / 2 else third_octave_levels(source)
