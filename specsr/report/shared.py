"""What several sections of a report need of its recordings and maps, computed once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from specsr.errors import SpecsrError
from specsr.nvh import sound_quality
from specsr.nvh.levels import BandLevels, third_octave_levels
from specsr.nvh.sound_quality import SteadyQuality, steady_quality
from specsr.report.page import Item
from specsr.scores.measured import Known
from specsr.signal import Signal


@dataclass(frozen=True, eq=False)
class Shared:
    """Levels of the items of a report, for several sections.

    Attributes:
        channel: position of the channel shown.
        quality: role -> loudness and sharpness of the channel shown, [1]; empty unless all items
            are recordings in Pa that are long enough.
        bands: role -> third octaves of all channels; empty where an item has none.
        no_bands: why there are no third octaves; empty where there are.
    """

    channel: int
    quality: Mapping[str, SteadyQuality]
    bands: Mapping[str, BandLevels]
    no_bands: str = ""

    def known(self, item: Item) -> Known:
        """Return what need not be computed again to score a recording."""
        heard = self.quality.get(item.role)
        sone = {} if heard is None else {self.channel: float(heard.sone[0])}
        return Known(item.spec, self.bands.get(item.role), sone)


def share(items: Sequence[Item], channel: int) -> Shared:
    """Return what several sections need.

    Args:
        items: recordings and maps.
        channel: position of the channel shown.
    """
    quality = _quality(items, channel)
    try:
        bands = {item.role: third_octave_levels(item.source) for item in items}
    except SpecsrError as error:
        return Shared(channel, quality, {}, str(error))
    return Shared(channel, quality, bands)


def _quality(items: Sequence[Item], channel: int) -> dict[str, SteadyQuality]:
    """Return loudness and sharpness of one channel by role; none unless all items have them."""
    waves = {item.role: item.source for item in items if isinstance(item.source, Signal)}
    fit = len(waves) == len(items) and all(
        wave.unit == "Pa"
        and wave.duration >= sound_quality.SHORTEST
        and wave.rate >= sound_quality.LOWEST_RATE
        for wave in waves.values()
    )
    if not (fit and sound_quality.available()):
        return {}
    return {
        role: steady_quality(wave.replace(samples=wave.samples[channel : channel + 1], channels=()))
        for role, wave in waves.items()
    }
