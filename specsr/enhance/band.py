"""Bandwidth extension of recordings: a higher rate with an estimated upper band."""

from __future__ import annotations

import logging
from collections.abc import Callable, Generator, Sequence
from pathlib import Path

import numpy as np
import torch

from specsr.choices import NOISE_FILL, SCALE
from specsr.enhance.band_options import BandOptions
from specsr.enhance.band_orders import orders_above
from specsr.enhance.band_top import Top, assumed_top, empty_rows
from specsr.enhance.noise_fill import noise_above, noise_transform
from specsr.enhance.segments import (
    Plan,
    first_seconds,
    join,
    model_plan,
    model_transform,
    one_channel,
    plan,
    process,
)
from specsr.errors import SpecsrError, expect
from specsr.maps import levels
from specsr.maps.phase import to_signal
from specsr.maps.spec_map import SpecMap
from specsr.models.bundled import find_model
from specsr.models.model import Model
from specsr.models.options import InferOptions
from specsr.models.tiling import rows_seen, run_tiled
from specsr.pairs.band_input import band_image, cut_row
from specsr.pairs.measured_band import put_band_back
from specsr.progress import Progress
from specsr.signal import Signal, Source

log = logging.getLogger(__name__)

SPEECH_MODEL = "band-speech"
"""Bundled model for recordings that sound like speech."""

RESAMPLER = 1024
"""Samples of the input beyond a part of it that the resampled part depends on."""

Work = Callable[[Signal, int, Progress | None], Signal]
"""Estimate of a part: (part, position of its first channel, progress) -> part at the high rate."""


def upscale_band(
    low: Signal,
    scale: int = SCALE,
    *,
    model: str | Path | Model | None = None,
    band: BandOptions = BandOptions(),
    options: InferOptions = InferOptions(),
    progress: Progress | None = None,
) -> Signal:
    """Return a recording at ``scale`` times its rate with an estimated upper band.

    The measured band is kept: decimating the result gives the input.  Above it the spectrum is
    estimated up to its top (`specsr.enhance.band_top.assumed_top`) and to `band_top`, the limit of
    the model's training data, and empty from there.  A recording that reaches that limit is
    resampled alone, with a warning.

    Args:
        low: the recording, samples [C, N]; with its speed for ``band.orders``.
        scale: ratio of the rates, a whole number from 2 up.
        model: name or file of a model for the pair ``band``; None for the bundled one for the kind
            of recording (`chosen_model`);
            `specsr.choices.NOISE_FILL` for noise of a typical spectrum, at any rate.
        band: top of the spectrum, orders, phase, consistency.
        options: tiling, ensemble, precision, device, length of the segments.
        progress: wraps the iterable of steps, for a bar.

    Returns:
        Samples [C, scale N] with the unit, channels and start of the input.

    Raises:
        SpecsrError: an option out of range, no such model, orders without a speed, or a rate of the
            result below that of the model's training data.
    """
    return join(upscale_pieces(low, scale, model=model, band=band, options=options,
                               progress=progress))  # fmt: skip


def upscale_pieces(
    low: Source,
    scale: int = SCALE,
    *,
    model: str | Path | Model | None = None,
    band: BandOptions = BandOptions(),
    options: InferOptions = InferOptions(),
    progress: Progress | None = None,
) -> Generator[Signal, None, None]:
    """Yield the result of `upscale_band` in pieces of ``options.segment`` seconds, in order.

    Arguments and errors are those of `upscale_band`; ``low`` may also be an open file
    (`specsr.io.stream`), without ``band.orders``.
    """
    expect(options, InferOptions, "; specsr.InferOptions(ensemble=True) makes one")
    if scale != int(scale) or scale < 2:
        raise SpecsrError(f"scale is {scale}: the pair band takes a whole number from 2 up")
    scale = int(scale)
    top = assumed_top(low, scale, band.top)
    if isinstance(model, str) and model == NOISE_FILL:
        estimate, lengths = _by_noise(low, scale, top, options)
        limit = low.rate * scale / 2
    else:
        found = find_model(chosen_model(model, top), "band", (1, 1))
        estimate, lengths = _by_network(low, scale, found, top, band, options)
        limit = band_top(found)
    lines = None
    if band.orders:
        if not isinstance(low, Signal):
            raise SpecsrError("orders: expected a recording in memory (specsr.read)")
        upper = min(limit, low.rate * scale / 2, top.hz or np.inf)
        cut = top.known_rate(low.rate) / 2
        lines = orders_above(low, low.rate * scale, band.orders, cut, upper)
        log.warning("%s", lines.note)

    def work(part: Signal, first: int, steps: Progress | None) -> Signal:
        signal = estimate(part, first, steps)
        if lines is not None:
            start = round((part.start - low.start) * signal.rate)
            channels = slice(first, first + len(signal.channels))
            added = lines.signal.samples[channels, start : start + signal.length]
            signal = signal.replace(samples=(signal.samples + added).astype(signal.samples.dtype))
        if band.consistency == "off":
            return signal
        return put_band_back(signal, part.resample(top.known_rate(part.rate)))

    return process(low, work, lengths, progress)


def chosen_model(model: str | Path | Model | None, top: Top) -> str | Path | Model | None:
    """Return the model for a recording: the given one, else that for speech or for other sound."""
    return SPEECH_MODEL if model is None and top.speech else model


def band_top(model: Model) -> float:
    """Return the highest frequency in Hz that a band model estimates, 10 % above its training."""
    return 1.1 * model.rates[1] / 2


def check_rate(rate: float, scale: int, model: Model) -> None:
    """Raise `SpecsrError` for a recording whose rate is too low for a model.

    Args:
        rate: of the recording, Hz.
        scale: ratio of the rates.
        model: for the pair ``band``.
    """
    if rate * scale < 0.99 * model.rates[0]:
        raise SpecsrError(
            f"the recording's rate is {rate:g} Hz: model {model.name} takes rates from "
            f"{model.rates[0] / scale:g} Hz up at scale {scale}; use a larger scale, noise "
            f"(--model {NOISE_FILL}), or train a model on recordings of this rate "
            "(configs/band.yaml)"
        )


def takes_top(model: Model) -> bool:
    """Return whether a band model was trained with the top of the spectrum as an input."""
    train = model.record.get("config", {}).get("train", {})
    return bool(train.get("top_share"))


def _by_noise(low: Source, scale: int, top: Top, options: InferOptions) -> tuple[Work, Plan]:
    """Return the estimate by noise of a typical spectrum, and the lengths of its segments."""
    rate = low.rate * scale
    transform = noise_transform(rate)
    cut = cut_row(top.known_rate(low.rate), rate, transform.n_fft)
    upper = rate / 2 if top.hz is None else top.hz
    n_fft = transform.n_fft
    margin = max(4 * n_fft, RESAMPLER * scale)

    def work(part: Signal, first: int, steps: Progress | None) -> Signal:
        start = round((part.start - low.start) * rate)
        full = part.resample(rate)
        noisy = noise_above(full, cut, upper, top.speech, (first, start))
        return noisy.replace(samples=noisy.samples.astype(part.samples.dtype))

    return work, plan(options.segment, rate, n_fft // 4, margin, low.length, scale)


def _by_network(
    low: Source, scale: int, model: Model, top: Top, band: BandOptions, options: InferOptions
) -> tuple[Work, Plan]:
    """Return the estimate by a network, and the lengths of its segments."""
    rate = low.rate * scale
    check_rate(low.rate, scale, model)
    if low.rate / 2 >= band_top(model):
        log.warning(
            "nothing can be added: the recording reaches %g kHz, model %s estimates up to %g kHz; "
            "the result is the recording at %g Hz",
            low.rate / 2000, model.name, band_top(model) / 1000, rate,
        )  # fmt: skip
    transform = model_transform(model)
    cut = cut_row(top.known_rate(low.rate), rate, transform.n_fft)
    early = first_seconds(low, transform.n_fft)
    reference = [
        levels.median_level(db, spec.grid)
        for channel in range(len(early.channels))
        for spec in [transform(one_channel(early, channel).resample(rate))]
        for db in _known_levels(spec, cut)
    ]
    del early

    def work(part: Signal, first: int, steps: Progress | None) -> Signal:
        spec = transform(part.resample(rate))
        known = _known_levels(spec, cut)
        level = [
            levels.segment_level(levels.median_level(db, spec.grid), wanted)
            for db, wanted in zip(known, reference[first:])
        ]
        estimate = _restore(model, spec, known, top, level, options, steps)
        signal = to_signal(estimate, band.phase, iterations=band.iterations, device=options.device)
        return signal.replace(full_scale=part.full_scale)

    return work, model_plan(model, low, scale, options)


def _known_levels(spec: SpecMap, cut: int) -> list[np.ndarray]:
    """Return the levels of each channel below a row of its map, [cut, T], dB re 1 unit."""
    return [levels.to_db(np.square(channel, dtype=np.float64)) for channel in spec.image()[:, :cut]]


def _restore(
    model: Model, spec: SpecMap, known: Sequence[np.ndarray], top: Top,
    own_levels: Sequence[float], options: InferOptions, progress: Progress | None,
) -> SpecMap:  # fmt: skip
    """Return a map with the rows above the known ones estimated and those marked as known.

    The network computes only the rows that are written, and those that they depend on.

    Args:
        spec: full map of the recording at the high rate.
        known: levels of each channel in the rows that the recording has, dB re 1 unit.
        top: where its spectrum ends.
        own_levels: level of each channel that its cells are seen relative to, dB re 1 unit.
    """
    grid = spec.grid
    image = spec.image().copy()
    cut, rows = len(known[0]), image.shape[1]
    freqs = grid.freqs()[:rows]
    written = np.arange(rows) >= cut
    image[:, written] = 0.0
    written &= ~empty_rows(freqs, top, band_top(model))
    stated = None
    if top.hz is not None and takes_top(model):
        stated = max(cut, int(np.searchsorted(freqs, top.hz, side="right")))
    seen = rows_seen(model.net, written)
    for channel, db, level in zip(image, known, own_levels, strict=True):
        if not seen:
            break
        relative = levels.relative_levels(db, level)
        # columns below the model's level range keep their offset, so silence stays silent
        clipped = (db - level).max(axis=0) - relative.max(axis=0)
        net_input = torch.from_numpy(band_image(relative, cut, grid.df, stated, seen))
        result = run_tiled(model.net, net_input, (1, 1), options, progress)[0].numpy()
        wanted = result[written[seen.start : seen.stop]]
        channel[written] = 10 ** ((wanted + level + clipped) / 20)
    return spec.replace(magnitude=grid.with_nyquist(image), known=np.arange(grid.rows) < cut)
