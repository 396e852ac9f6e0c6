"""Denoise."""

from __future__ import annotations

from collections.abc import Generator
from pathlib import Path
from typing import Any, overload

import numpy as np
import torch

from specsr.choices import MAX_ATTENUATION
from specsr.enhance import segments as streaming
from specsr.enhance.segments import _plan, _transform
from specsr.errors import SpecsrError
from specsr.maps import levels
from specsr.maps.grid import Grid
from specsr.maps.spec_map import SpecMap
from specsr.maps.transform import SpectrogramTransform
from specsr.models.bundled import find_model
from specsr.models.model import Model
from specsr.models.options import InferOptions
from specsr.models.tiling import run_tiled
from specsr.progress import Progress
from specsr.signal import Signal


@overload
def denoise(noisy: Signal, **options: Any) -> Signal: ...
@overload
def denoise(noisy: SpecMap, **options: Any) -> SpecMap: ...


def denoise(  # type: ignore[misc]  # the overloads name no options
    noisy: Signal | SpecMap,
    *,
    model: str | Path | Model | None = None,
    attenuation: float = MAX_ATTENUATION,
    options: InferOptions = InferOptions(),
    progress: Progress | None = None,
) -> Signal | SpecMap:
    """Return a recording or map with the noise taken down; samples, channels and levels stay.

    Each cell is attenuated by what the model finds, never amplified, and keeps its phase.

    Args:
        noisy: a recording, or a full map on a grid like the model's.
        attenuation: largest attenuation of a cell in dB.
        model, options, progress: as in `upscale_map`.
    """
    found = find_model(model, "denoise", (1, 1))
    if attenuation < 0:
        raise SpecsrError(f"attenuation is {attenuation} dB: expected zero or more")
    if isinstance(noisy, Signal):
        return streaming.join(
            denoise_pieces(
                noisy, model=found, attenuation=attenuation, options=options, progress=progress
            )
        )
    grid: Grid = noisy.grid
    gains = []
    for channel in noisy.image():
        db = levels.to_db(np.square(channel, dtype=np.float64))
        level = levels.median_level(db, grid)
        seen = levels.relative_levels(db, level)
        result = run_tiled(found.net, torch.from_numpy(seen[None]), (1, 1), options, progress)
        gains.append(np.clip(result[0].numpy() - seen, -attenuation, 0.0))
    gain = 10 ** (np.stack(gains) / 20)
    if grid.cell == (1, 1):
        gain = np.concatenate([gain, gain[:, -1:]], axis=1)
    return noisy.replace(magnitude=noisy.magnitude * gain.astype(np.float32))


def denoise_pieces(
    noisy: streaming.Source,
    *,
    model: str | Path | Model | None = None,
    attenuation: float = MAX_ATTENUATION,
    options: InferOptions = InferOptions(),
    progress: Progress | None = None,
) -> Generator[Signal, None, None]:
    """Yield the result of `denoise` in pieces of ``options.segment`` seconds, in order.

    Args and errors are those of `denoise`; ``noisy`` may be a recording that is read as it is
    needed (`specsr.io.stream`).
    """
    found = find_model(model, "denoise", (1, 1))
    if noisy.rate < 0.99 * found.rates[0]:
        raise SpecsrError(
            f"the recording's rate is {noisy.rate:g} Hz: model {found.name} was trained from "
            f"{found.rates[0]:g} Hz up; train one on recordings of this rate "
            "(configs/denoise.yaml)"
        )

    def work(part: Signal, steps: Progress | None) -> Signal:
        spec = denoise(
            _transform(found)(part), model=found, attenuation=attenuation, options=options,
            progress=steps,
        )  # fmt: skip
        return SpectrogramTransform.inverse(spec).replace(full_scale=part.full_scale)

    return streaming.process(noisy, work, _plan(found, noisy, 1, options), progress)
