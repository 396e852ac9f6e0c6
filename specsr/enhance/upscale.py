"""Upscale."""

from __future__ import annotations

from typing import Any

import numpy as np

from specsr.enhance.band import upscale_band
from specsr.enhance.maps import low_map, map_transform, upscale_map
from specsr.errors import SpecsrError
from specsr.maps.spec_map import SpecMap
from specsr.signal import Signal


def upscale(
    x: Signal | SpecMap,
    scale: int | tuple[int, int] = 2,
    pair: str | None = None,
    **options: Any,
) -> Signal | SpecMap:
    """Super-resolve a recording or a map.

    A map gives a finer map (`upscale_map`).  A recording with the pair ``band`` (its default)
    gives a recording at ``scale`` times the rate (`upscale_band`); with ``pool`` or ``stft`` its
    coarse map is made first and the finer map returned.
    """
    if isinstance(x, SpecMap):
        return upscale_map(x, scale, pair=pair or "pool", **options)
    pair = pair or "band"
    if pair == "band":
        if not isinstance(scale, (int, np.integer)):
            raise SpecsrError(f"scale is {scale}: the band pair takes one whole number")
        return upscale_band(x, int(scale), **options)
    if pair not in ("pool", "stft"):
        raise SpecsrError(f"pair is {pair!r}: expected band, pool or stft")
    transform = options.pop("transform", None) or map_transform(scale)
    return upscale_map(low_map(x, scale, pair, transform), scale, pair=pair, **options)
