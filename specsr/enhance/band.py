"""Bandwidth extension of recordings: a higher rate with an estimated upper band."""

from __future__ import annotations

import logging
from collections.abc import Generator, Sequence
from pathlib import Path

import numpy as np
import torch

from specsr.choices import SCALE, Consistency, Phase
from specsr.enhance.segments import (
    first_seconds,
    join,
    model_plan,
    model_transform,
    one_channel,
    process,
)
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
from specsr.signal import Signal, Source

log = logging.getLogger(__name__)

ITERATIONS = 16
"""Iterations of the phase estimate; few are needed, as the phase of the lower band is known."""


def upscale_band(
    low: Signal,
    scale: int = SCALE,
    *,
    model: str | Path | Model | None = None,
    phase: Phase = "auto",
    iterations: int = ITERATIONS,
    consistency: Consistency | None = None,
    options: InferOptions = InferOptions(),
    progress: Progress | None = None,
) -> Signal:
    """Return a recording at ``scale`` times its rate with an estimated upper band.

    The measured band is kept: decimating the result gives the input.  Above it the spectrum is
    estimated up to `band_top`, the limit of the model's training data, and empty from there.  A
    recording that reaches that limit is resampled alone, with a warning.

    Args:
        low: the recording, samples [C, N].
        scale: ratio of the rates, a whole number from 2 up.
        model: name or file of a model for the pair ``band``; None for the bundled one.
        phase: method that estimates the phase of the upper band, see `specsr.choices.Phase`.
            ``auto`` uses the measured phase of the lower band and is recommended; ``pghi`` alone
            gives too low levels.
        iterations: number of iterations of the phase estimate.
        consistency: None to put the measured band back; ``"off"`` to keep the model's estimate of
            it.
        options: tiling, ensemble, precision, device, length of the segments.
        progress: wraps the iterable of steps, for a bar.

    Returns:
        Samples [C, scale N] with the unit, channels and start of the input.

    Raises:
        SpecsrError: an option out of range, no such model, or a rate of the result below that of
            the model's training data.
    """
    pieces = upscale_pieces(
        low, scale, model=model, phase=phase, iterations=iterations, consistency=consistency,
        options=options, progress=progress,
    )  # fmt: skip
    return join(pieces)


def upscale_pieces(
    low: Source,
    scale: int = SCALE,
    *,
    model: str | Path | Model | None = None,
    phase: Phase = "auto",
    iterations: int = ITERATIONS,
    consistency: Consistency | None = None,
    options: InferOptions = InferOptions(),
    progress: Progress | None = None,
) -> Generator[Signal, None, None]:
    """Yield the result of `upscale_band` in pieces of ``options.segment`` seconds, in order.

    Arguments and errors are those of `upscale_band`; ``low`` may also be an open file
    (`specsr.io.stream`).
    """
    if scale != int(scale) or scale < 2:
        raise SpecsrError(f"scale is {scale}: the pair band takes a whole number from 2 up")
    scale = int(scale)
    if consistency not in (None, "off"):
        raise SpecsrError(
            f"consistency is {consistency!r}: the pair band takes only 'off'; leave it out to put "
            "the measured band back"
        )
    found = find_model(model, "band", (1, 1))
    rate = low.rate * scale
    if rate < 0.99 * found.rates[0]:
        raise SpecsrError(
            f"the recording's rate is {low.rate:g} Hz: model {found.name} takes rates from "
            f"{found.rates[0] / scale:g} Hz up at scale {scale}; use a larger scale, or train a "
            "model on recordings of this rate (configs/band.yaml)"
        )
    if low.rate / 2 >= band_top(found):
        log.warning(
            "nothing can be added: the recording reaches %g kHz, model %s estimates up to %g kHz; "
            "the result is the recording at %g Hz",
            low.rate / 2000, found.name, band_top(found) / 1000, rate,
        )  # fmt: skip

    transform = model_transform(found)
    cut = cut_row(low.rate, rate, transform.n_fft)
    early = first_seconds(low, transform.n_fft)
    reference = [
        level
        for channel in range(len(early.channels))
        for level in _median_levels(transform(one_channel(early, channel).resample(rate)), cut)
    ]
    del early

    def work(part: Signal, first: int, steps: Progress | None) -> Signal:
        spec = transform(part.resample(rate))
        pairs = zip(_median_levels(spec, cut), reference[first:])
        level = [levels.segment_level(*pair) for pair in pairs]
        estimate = _restore(found, spec, cut, level, options, steps)
        signal = to_signal(estimate, phase, iterations=iterations, device=options.device)
        signal = signal.replace(full_scale=part.full_scale)
        return signal if consistency == "off" else put_band_back(signal, part)

    return process(low, work, model_plan(found, low, scale, options), progress)


def band_top(model: Model) -> float:
    """Return the highest frequency in Hz that a band model estimates, 10 % above its training."""
    return 1.1 * model.rates[1] / 2


def _median_levels(spec: SpecMap, cut: int) -> list[float]:
    """Return the median level of each channel below a row of its map, dB re 1 unit."""
    below = np.square(spec.image()[:, :cut], dtype=np.float64)
    return [levels.median_level(levels.to_db(power), spec.grid) for power in below]


def _restore(
    model: Model, spec: SpecMap, cut: int, own_levels: Sequence[float], options: InferOptions,
    progress: Progress | None,
) -> SpecMap:  # fmt: skip
    """Return a map with the rows from ``cut`` on estimated and those below marked as known.

    Args:
        spec: full map of the recording at the high rate.
        cut: first row that the recording does not have.
        own_levels: level of each channel that its cells are seen relative to, dB re 1 unit.
    """
    grid = spec.grid
    image = spec.image().copy()
    for channel, level in zip(image, own_levels, strict=True):
        db = levels.to_db(np.square(channel, dtype=np.float64))
        relative = levels.relative_levels(db, level)
        # columns below the model's level range keep their offset, so silence stays silent
        clipped = (db[:cut] - level).max(axis=0) - relative[:cut].max(axis=0)
        net_input = torch.from_numpy(band_image(relative, cut, grid.df))
        result = run_tiled(model.net, net_input, (1, 1), options, progress)[0].numpy()
        channel[cut:] = 10 ** ((result[cut:] + level + clipped) / 20)
        channel[grid.freqs()[: len(channel)] > band_top(model)] = 0.0
    known = np.arange(grid.rows) < cut
    return spec.replace(magnitude=grid.with_nyquist(image), known=known)
