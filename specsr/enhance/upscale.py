"""One verb for maps and recordings: upscale."""

from __future__ import annotations

from pathlib import Path
from typing import overload

import numpy as np

from specsr.choices import Consistency, SignalPair, check
from specsr.enhance.band import upscale_band
from specsr.enhance.maps import low_map, map_transform, upscale_map
from specsr.errors import SpecsrError
from specsr.maps.spec_map import SpecMap
from specsr.models.model import Model
from specsr.models.options import InferOptions
from specsr.progress import Progress
from specsr.signal import Signal


@overload
def upscale(
    x: SpecMap,
    scale: int | tuple[int, int] = 2,
    pair: SignalPair | None = None,
    *,
    model: str | Path | Model | None = None,
    consistency: Consistency | None = None,
    find_speed: bool = True,
    options: InferOptions = InferOptions(),
    progress: Progress | None = None,
) -> SpecMap: ...
@overload
def upscale(
    x: Signal,
    scale: int | tuple[int, int] = 2,
    pair: SignalPair | None = None,
    *,
    model: str | Path | Model | None = None,
    consistency: Consistency | None = None,
    find_speed: bool = True,
    options: InferOptions = InferOptions(),
    progress: Progress | None = None,
) -> Signal | SpecMap: ...


def upscale(
    x: Signal | SpecMap,
    scale: int | tuple[int, int] = 2,
    pair: SignalPair | None = None,
    *,
    model: str | Path | Model | None = None,
    consistency: Consistency | None = None,
    find_speed: bool = True,
    options: InferOptions = InferOptions(),
    progress: Progress | None = None,
) -> Signal | SpecMap:
    """Super-resolve a recording or a map.

    A map gives a finer map (`upscale_map`).  A recording with the pair ``band`` (its default)
    gives a recording at ``scale`` times the rate (`upscale_band`); with ``pool`` or ``stft`` its
    coarse map is made first (window 2048, hop 256, or near it) and the finer map returned.

    Args:
        x: the recording or map.
        scale: how many times finer, for a map one number or one an axis; ratio of the rates.
        pair: how the low resolution came about; ``pool`` for a map, ``band`` for a recording.
        model: name or file of a model; None for the bundled one.
        consistency: see `specsr.choices.Consistency`; ``row`` for a map.  With the pair ``band``
            only ``off`` may be given: by default the measured band is put back.
        find_speed: for a pooled map: estimate the speed from it, or correct a given one, if the
            evidence is clear.
        options: how the network is run.
        progress: wraps the iterable of tiles, for a bar.

    Raises:
        SpecsrError: an option that does not fit ``x`` or the pair, or no model for them.
    """
    pair = pair or ("pool" if isinstance(x, SpecMap) else "band")
    check(pair, SignalPair, "pair")
    if consistency is not None:
        check(consistency, Consistency, "consistency")
    if pair != "band":
        if isinstance(x, Signal):
            x = low_map(x, scale, pair, map_transform(scale))
        return upscale_map(
            x, scale, pair=pair, model=model, consistency=consistency or "row",
            find_speed=find_speed, options=options, progress=progress,
        )  # fmt: skip
    if isinstance(x, SpecMap):
        raise SpecsrError("pair is 'band', which is for recordings: a map takes pool or stft")
    if not isinstance(scale, (int, np.integer)):
        raise SpecsrError(f"scale is {scale}: the band pair takes one whole number")
    if not find_speed:
        raise SpecsrError("find_speed is for maps: leave it out for a recording of pair band")
    return upscale_band(
        x, int(scale), model=model, consistency=consistency, options=options, progress=progress
    )
