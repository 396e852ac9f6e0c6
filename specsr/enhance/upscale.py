"""Super-resolution of a recording or map by one function."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import overload

import numpy as np

from specsr.choices import SCALE, Consistency, SignalPair, check
from specsr.enhance.band import upscale_band
from specsr.enhance.band_options import BandOptions
from specsr.enhance.maps import upscale_map
from specsr.enhance.resolution import low_map, shared_cells
from specsr.errors import SpecsrError, expect
from specsr.maps.cells import require_means
from specsr.maps.spec_map import SpecMap
from specsr.models.bundled import model_path
from specsr.models.model import Model, read_info
from specsr.models.options import InferOptions
from specsr.nvh.speed_options import SpeedOptions
from specsr.progress import Progress
from specsr.signal import Signal

log = logging.getLogger(__name__)


@overload
def upscale(
    x: SpecMap,
    scale: int | tuple[int, int] = SCALE,
    pair: SignalPair | None = None,
    *,
    model: str | Path | Model | None = None,
    consistency: Consistency | None = None,
    speed: SpeedOptions = SpeedOptions(),
    options: InferOptions = InferOptions(),
    progress: Progress | None = None,
) -> SpecMap: ...
@overload
def upscale(
    x: Signal,
    scale: int | tuple[int, int] = SCALE,
    pair: SignalPair | None = None,
    *,
    model: str | Path | Model | None = None,
    consistency: Consistency | None = None,
    speed: SpeedOptions = SpeedOptions(),
    options: InferOptions = InferOptions(),
    progress: Progress | None = None,
) -> Signal | SpecMap: ...


def upscale(
    x: Signal | SpecMap,
    scale: int | tuple[int, int] = SCALE,
    pair: SignalPair | None = None,
    *,
    model: str | Path | Model | None = None,
    consistency: Consistency | None = None,
    speed: SpeedOptions = SpeedOptions(),
    options: InferOptions = InferOptions(),
    progress: Progress | None = None,
) -> Signal | SpecMap:
    """Super-resolve a recording or a map.

    A map gives a finer map (`upscale_map`).  A recording gives, with the pair ``band``, a recording
    at ``scale`` times the rate (`upscale_band`).  With ``pool`` or ``stft`` a coarse map of the
    recording is computed first and the finer map of it returned; `specsr.low_map` makes that coarse
    map with another window or hop.

    Args:
        x: the recording or map.
        scale: ratio of the rates (pair ``band``), or factor of both axes of a map; a map may take
            two factors (frequency, time).
        pair: definition of the low resolution; None for ``band`` (recordings) or that of
            `pair_of_map` (maps), which refuses a full STFT.  ``"pool"`` states that the cells of a
            map are means.  ``stft`` has no bundled model.
        model: name or file of a model; None for the bundled one.
        consistency: what the result reproduces of its input, see `specsr.choices.Consistency`;
            None for ``measured``.  For the pair ``band`` None puts the measured band back, and
            ``off`` is the only other value.
        speed: for the pair ``pool``: whether a speed is searched for, known orders, and further
            shafts.
        options: tiling, ensemble, precision, device, length of the segments.
        progress: wraps the iterable of steps, for a bar.

    Raises:
        SpecsrError: an option that does not fit ``x`` or the pair, no model for the pair and
            scale, a full STFT instead of a pooled map, or a rate that the model was not trained
            for.

    Example:
        >>> noise = np.random.default_rng(0).standard_normal(8192)
        >>> transform = specsr.SpectrogramTransform(n_fft=512, hop_length=128)
        >>> low = specsr.low_map(specsr.Signal(noise, 25600), 4, transform=transform)
        >>> specsr.upscale(low, scale=4).magnitude.shape
        (1, 257, 65)
    """
    expect(x, (Signal, SpecMap), "; specsr.read(path) or specsr.read_map(path) makes one")
    expect(options, InferOptions, "; specsr.InferOptions(ensemble=True) makes one")
    if pair is None:
        pair = pair_of_map(x, model) if isinstance(x, SpecMap) else "band"
    check(pair, SignalPair, "pair")
    if consistency is not None:
        check(consistency, Consistency, "consistency")
    if isinstance(x, SpecMap) or pair != "band":
        low = x if isinstance(x, SpecMap) else low_map(x, scale, pair)
        if note := shared_cells(low.grid, low.rpm, isinstance(x, Signal), speed):
            log.info("%s", note)
        return upscale_map(
            low, scale, pair=pair, model=model, consistency=consistency or "measured",
            speed=speed, options=options, progress=progress,
        )  # fmt: skip
    if not isinstance(scale, (int, np.integer)):
        raise SpecsrError(f"scale is {scale}: the pair band takes one whole number")
    if speed != SpeedOptions():
        raise SpecsrError(
            "speed is for maps: leave it out for the pair band (specsr.upscale_band takes orders)"
        )
    return upscale_band(
        x, int(scale), model=model, band=BandOptions(consistency=consistency), options=options,
        progress=progress,
    )  # fmt: skip


def pair_of_map(low: SpecMap, model: str | Path | Model | None = None) -> SignalPair:
    """Return the pair of a map where none is stated: ``stft`` for a model of that, else ``pool``.

    Raises:
        SpecsrError: the map is a full STFT and the model is not for one, see
            `specsr.maps.cells.require_means`.
    """
    if isinstance(model, Model):
        trained = model.pair
    else:
        path = None if model is None else model_path(model)
        trained = read_info(path)["pair"] if path is not None and path.is_file() else "pool"
    if trained == "stft":
        return "stft"
    require_means(low)
    return "pool"
