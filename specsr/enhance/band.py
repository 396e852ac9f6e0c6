"""The main jobs: super-resolve a map, restore a band, remove noise."""

from __future__ import annotations

from collections.abc import Generator
from pathlib import Path

import numpy as np
import torch

from specsr.choices import Consistency, Phase
from specsr.enhance import segments as streaming
from specsr.enhance.segments import _plan, _transform
from specsr.errors import SpecsrError
from specsr.maps import levels
from specsr.maps.phase import to_signal
from specsr.maps.spec_map import SpecMap
from specsr.models.bundled import find_model
from specsr.models.model import Model
from specsr.models.options import InferOptions
from specsr.models.tiling import run_tiled
from specsr.pairs.band_input import band_image, cut_row
from specsr.pairs.consistency import put_band_back
from specsr.progress import Progress
from specsr.signal import Signal

ITERATIONS = 16
"""Of the phase of a restored band, which starts from the measured phase below it."""


def upscale_band(
    low: Signal,
    scale: int = 2,
    *,
    model: str | Path | Model | None = None,
    phase: Phase = "auto",
    iterations: int = ITERATIONS,
    consistency: Consistency | None = None,
    options: InferOptions = InferOptions(),
    progress: Progress | None = None,
) -> Signal:
    """Return a recording at ``scale`` times its rate with an estimated upper band.

    The output has exactly ``scale`` times the samples; its own band is the input's (decimating
    the output gives the input), everything above is estimated up to `band_top`, where the model's
    training ends, and empty from there.

    Args:
        low: the recording.
        scale: ratio of the rates, a whole number from 2 up.
        model, options, progress: as in `upscale_map`.
        phase: how the phase of the upper band is found, see `specsr.maps.phase`; ``auto`` builds on
            the measured phase of the lower band and is the one to use (``pghi`` alone loses level).
        iterations: of the phase estimate.
        consistency: None puts the measured band back; ``"off"`` leaves the model's version of it.

    Raises:
        SpecsrError: the resulting rate is below what the model was trained for.
    """
    return streaming.join(
        upscale_pieces(
            low, scale, model=model, phase=phase, iterations=iterations, consistency=consistency,
            options=options, progress=progress,
        )
    )  # fmt: skip


def upscale_pieces(
    low: streaming.Source,
    scale: int = 2,
    *,
    model: str | Path | Model | None = None,
    phase: Phase = "auto",
    iterations: int = ITERATIONS,
    consistency: Consistency | None = None,
    options: InferOptions = InferOptions(),
    progress: Progress | None = None,
) -> Generator[Signal, None, None]:
    """Yield the result of `upscale_band` in pieces of ``options.segment`` seconds, in order.

    Args and errors are those of `upscale_band`; ``low`` may be a recording that is read as it is
    needed (`specsr.io.stream`).
    """
    if scale != int(scale) or scale < 2:
        raise SpecsrError(f"scale is {scale}: the band pair takes a whole number from 2 up")
    scale = int(scale)
    if consistency not in (None, "off"):
        raise SpecsrError(
            f"consistency is {consistency!r}: for the pair band only off, or nothing for the "
            "measured band put back"
        )
    found = find_model(model, "band", (1, 1))
    rate = low.rate * scale
    if rate < 0.99 * found.rates[0]:
        raise SpecsrError(
            f"the recording's rate is {low.rate:g} Hz: model {found.name} restores bands from "
            f"{found.rates[0] / scale:g} Hz x {scale} up; use a larger scale, or train a model on "
            "recordings of this rate (configs/band.yaml)"
        )

    def work(part: Signal, steps: Progress | None) -> Signal:
        spec = _transform(found)(part.resample(rate))
        estimate = _restore(found, spec, part.rate, options, steps)
        signal = to_signal(estimate, phase, iterations=iterations)
        signal = signal.replace(full_scale=part.full_scale)
        return signal if consistency == "off" else put_band_back(signal, part)

    return streaming.process(low, work, _plan(found, low, scale, options), progress)


def band_top(model: Model) -> float:
    """Highest frequency in Hz that a band model fills: a little above its training."""
    return 1.1 * model.rates[1] / 2


def _restore(
    model: Model, spec: SpecMap, low_rate: float, options: InferOptions, progress: Progress | None
) -> SpecMap:
    """Replace the rows above the cut by the model's estimate; the rest is marked as known."""
    grid = spec.grid
    cut = cut_row(low_rate, grid.rate, grid.n_fft)
    image = spec.image().copy()
    for channel in image:
        db = levels.to_db(np.square(channel, dtype=np.float64))
        level = levels.median_level(db[:cut], grid)
        seen = levels.relative_levels(db, level)
        # a column quieter than the model's range keeps its distance: silence stays silent
        beyond = (db[:cut] - level).max(axis=0) - seen[:cut].max(axis=0)
        image_in = torch.from_numpy(band_image(seen, cut, grid.df))
        result = run_tiled(model.net, image_in, (1, 1), options, progress)[0].numpy()
        channel[cut:] = 10 ** ((result[cut:] + level + beyond) / 20)
        channel[grid.freqs()[: len(channel)] > band_top(model)] = 0.0
    known = np.arange(grid.rows) < cut
    return spec.replace(magnitude=grid.with_nyquist(image), known=known)
