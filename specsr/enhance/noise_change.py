"""Whether a recording shows that the level of its noise changed, from the rises of third octaves.

Noise whose level changes rises by one factor in every third octave that it fills: many third
octaves then stand at one level over the spectrum of the noise, which is also the least.  A machine
that becomes louder (tyres, wind, flow) has a spectrum of its own, so its third octaves stand at
levels that spread.  Followed is what rises far, was not there all the time, and has many third
octaves at the least level.  The levels are those of the measured map, without a network.
"""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from specsr.enhance.level_rule import band_edges
from specsr.enhance.measured_columns import measured_columns, whole_grid
from specsr.enhance.noise_profile import (
    ALWAYS_SHARE,
    BAND_SHARE,
    FEWEST_ROWS,
    FOLLOWED_SECONDS,
    ROW_SHARE,
)
from specsr.maps.grid import Grid
from specsr.maps.spec_map import SpecMap
from specsr.maps.transform import SpectrogramTransform
from specsr.signal import Signal, Source

log = logging.getLogger(__name__)

BLOCKS = 8
"""Steps in `FOLLOWED_SECONDS`."""

LOG_MEAN_DB = 10 * np.euler_gamma / np.log(10)
"""Mean power of noise over its mean level, dB: the power of a cell is exponentially distributed."""

HEARD_DB = 80.0
"""Third octaves whose noise is further below the loudest one have none, such as those above half
the rate of its recording, dB."""

COUNTED_DB, NEAR_DB = 2.0, 1.5
"""Rise from which a time counts, and distance from the least rise at which a third octave stands at
it, dB."""

FEWEST_BANDS = 4
"""Least third octaves that are compared."""

RISE_DB, ALWAYS_DB, SHARE = 7.0, 3.0, 0.39
"""Least rise, largest rise that is there nearly always, dB, and least share of the third octaves
at the least level.  Chosen on machines of sets 2 and 3 of `benchmarks/generator.py` and 32 real
recordings whose own level changes, both of training material, in steady noise."""


@dataclass(frozen=True)
class Change:
    """How the least level of the third octaves over the noise changes.

    Attributes:
        rise: largest rise over what is there nearly always, dB.
        always: what is there nearly always, dB over the noise, not below 0.
        share: of the third octaves at the least level while it is risen, 0 to 1.
    """

    rise: float
    always: float
    share: float

    @property
    def is_of_noise(self) -> bool:
        """Whether the noise itself changed."""
        return self.rise >= RISE_DB and self.always <= ALWAYS_DB and self.share >= SHARE


def changing(rises: Sequence[Sequence[np.ndarray]], names: tuple[str, ...]) -> np.ndarray:
    """Return in which channels the noise changes, bool [C]; a warning says so.

    Args:
        rises: of the third octaves over the noise, dB, for each channel those of its maps
            (`rises_of`), of which one has to show it.
        names: of the channels.
    """
    found = np.array([any(change_of(each).is_of_noise for each in maps) for maps in rises])
    if found.any():
        log.warning(
            "the level of the noise changes%s, alike in the third octaves that it fills: it is "
            "followed; --no-follow-noise (follow=False) takes the level of its recording",
            in_channels(found, names),
        )  # fmt: skip
    return found


def in_channels(found: np.ndarray, names: tuple[str, ...]) -> str:
    """Return the channels that a note is on in brackets, or nothing if it is on all, bool [C]."""
    return "" if found.all() else f" ({', '.join(np.array(names)[found].tolist())})"


def rises_of(
    noisy: Source | SpecMap, transforms: Sequence[SpectrogramTransform],
    spectrum: Callable[[Grid], np.ndarray], again: Callable[[], Source] | None = None,
) -> list[list[np.ndarray]]:  # fmt: skip
    """Return how far third octaves are over the noise, for each channel those of its maps, [B, T].

    Args:
        noisy: the recording, or a full map.  An open file is read only if it can be opened
            ``again``; else there are no maps.
        transforms: of the recording; none for a map.
        spectrum: power of the noise in the rows of a map, [C, F + 1] or [1, F + 1].
        again: opens the recording once more.
    """
    found: list[list[np.ndarray]] = [[] for _ in noisy.channels]

    def add(columns: Iterable[np.ndarray], grid: Grid) -> None:
        rises = band_rises(columns, spectrum(grid), grid)
        for i, maps in enumerate(found):
            maps.append(rises[i % len(rises)])  # one for all where there are no bands

    if isinstance(noisy, SpecMap):
        if noisy.grid.cell == (1, 1):
            add([noisy.magnitude], noisy.grid)
    elif again is not None or isinstance(noisy, Signal):
        for transform in transforms:
            grid = whole_grid(transform, noisy)
            add(measured_columns(noisy if again is None else again(), grid), grid)
    return found


def change_of(rises: np.ndarray) -> Change:
    """Return the change that the rises of third octaves show, dB over the noise, [B, T]."""
    if len(rises) < FEWEST_BANDS or not rises.shape[1]:
        return Change(0.0, 0.0, 0.0)
    least = np.percentile(rises, BAND_SHARE, axis=0)
    always = max(0.0, float(np.percentile(least, ALWAYS_SHARE)))
    over = least - always
    weight = np.maximum(over - COUNTED_DB, 0)
    if not weight.any():
        return Change(float(over.max()), always, 0.0)
    near = np.mean(np.abs(rises - least) < NEAR_DB, axis=0)
    return Change(float(over.max()), always, float(near @ weight / weight.sum()))


def band_rises(columns: Iterable[np.ndarray], noise: np.ndarray, grid: Grid) -> list[np.ndarray]:
    """Return how far the third octaves are over the noise, for each channel, dB, [B, T].

    A value is the level of the quieter rows of a third octave (`ROW_SHARE`), each a mean of levels
    over `FOLLOWED_SECONDS`, at eight times in that time.  Third octaves without noise are left out.

    Args:
        columns: of the measured map, magnitudes [C, F + 1, k], in order.
        noise: power of the noise in every row, [C, F + 1] or [1, F + 1].
        grid: of the map.
    """
    size = max(1, round(FOLLOWED_SECONDS / grid.dt / BLOCKS))
    known = noise[:, :-1]
    edges = np.unique(np.round(band_edges(grid) / grid.df).astype(int))
    pairs = zip(edges, np.minimum(edges[1:], known.shape[1]), strict=False)
    bands = [slice(a, b) for a, b in pairs if b - a >= FEWEST_ROWS]
    held: deque[np.ndarray] = deque(maxlen=BLOCKS)
    found: list[np.ndarray] = []
    if not bands:
        return [np.zeros((0, 0)) for _ in known]
    for block in _blocks(columns, size):
        held.append(block)
        if len(held) == BLOCKS:
            level = np.mean(held, axis=0) + LOG_MEAN_DB
            found.append(_quiet_rows(level - _db(known), bands))
    if not found and held:
        found.append(_quiet_rows(np.mean(held, axis=0) + LOG_MEAN_DB - _db(known), bands))
    if not found:
        return [np.zeros((0, 0)) for _ in known]
    levels = np.stack([_db(known[:, rows].mean(axis=1)) for rows in bands], axis=1)
    rises = np.stack(found, axis=-1)
    heard = np.broadcast_to(levels > levels.max(axis=1, keepdims=True) - HEARD_DB, rises.shape[:2])
    return [each[there] for each, there in zip(rises, heard, strict=True)]


def _blocks(columns: Iterable[np.ndarray], size: int) -> Iterable[np.ndarray]:
    """Yield the mean level of every ``size`` columns, dB, [C, F]; the rest is left out."""
    total: np.ndarray | None = None
    count = 0
    for piece in columns:
        level = _db(np.square(piece[:, :-1], dtype=np.float64))
        at = 0
        while at < level.shape[-1]:
            part = level[..., at : at + size - count]
            at += part.shape[-1]
            count += part.shape[-1]
            total = part.sum(axis=-1) + (0 if total is None else total)
            if count == size:
                yield total / size
                total, count = None, 0


def _quiet_rows(over: np.ndarray, bands: list[slice]) -> np.ndarray:
    """Return the level of the quieter rows of every band, [C, B], of levels [C, F]."""
    return np.stack([np.percentile(over[:, rows], ROW_SHARE, axis=1) for rows in bands], axis=1)


def _db(power: np.ndarray) -> np.ndarray:
    return np.asarray(10 * np.log10(np.maximum(power, 1e-30)))
