"""The main jobs: super-resolve a map, restore a band, remove noise."""

from __future__ import annotations

from collections.abc import Generator
from pathlib import Path
from typing import Any, overload

import numpy as np
import torch

from . import levels, streaming
from .choose import find_model
from .consistency import put_band_back
from .errors import SpecsrError
from .finer import low_map, map_transform, upscale_map
from .grid import Grid
from .infer import InferOptions, Progress, run_tiled
from .prefill import band_image, cut_row
from .signal import Signal
from .spectrogram import SpecMap, SpectrogramTransform
from .weights import Model

MAX_ATTENUATION = 40.0
ITERATIONS = 16
"""Of the phase of a restored band, which starts from the measured phase below it."""


def upscale_band(
    low: Signal,
    scale: int = 2,
    *,
    model: str | Path | Model | None = None,
    phase: str = "auto",
    iterations: int = ITERATIONS,
    consistency: str = "cell",
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
        phase: how the phase of the upper band is found, see `specsr.phase`; ``auto`` builds on the
            measured phase of the lower band and is the one to use (``pghi`` alone loses level).
        iterations: of the phase estimate.
        consistency: ``"off"`` leaves the model's own version of the measured band; anything else
            puts the measured one back.

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
    phase: str = "auto",
    iterations: int = ITERATIONS,
    consistency: str = "cell",
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
        signal = estimate.to_signal(phase, iterations=iterations)
        signal = signal.replace(full_scale=part.full_scale)
        return signal if consistency == "off" else put_band_back(signal, part)

    return streaming.process(low, work, _plan(found, low, scale, options), progress)


def _plan(
    found: Model, source: streaming.Source, ratio: int, options: InferOptions
) -> streaming.Plan:
    """Cut on whole blocks of cells; a margin holds all that a model and two transforms see."""
    grid = found.grids[0]
    hop = grid["hop_length"]
    fold = getattr(found.net.config, "fold", (1, 1))[1]
    margin = hop * found.net.reach((1, 1))[1] + 4 * grid["n_fft"]
    rate = source.rate * ratio
    return streaming.plan(options.segment, rate, hop * fold, margin, source.length, ratio)


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
        level = levels.own_level(db[:cut], grid)
        seen = levels.about(db, level)
        # a column quieter than the model's range keeps its distance: silence stays silent
        beyond = (db[:cut] - level).max(axis=0) - seen[:cut].max(axis=0)
        image_in = torch.from_numpy(band_image(seen, cut, grid.df))
        result = run_tiled(model.net, image_in, (1, 1), options, progress)[0].numpy()
        channel[cut:] = 10 ** ((result[cut:] + level + beyond) / 20)
        channel[grid.freqs()[: len(channel)] > band_top(model)] = 0.0
    known = np.arange(grid.rows) < cut
    return spec.replace(magnitude=grid.with_nyquist(image), known=known)


def _transform(model: Model) -> SpectrogramTransform:
    grid = model.grids[0]
    return SpectrogramTransform(grid["n_fft"], grid["hop_length"], grid["window"])


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
        level = levels.own_level(db, grid)
        seen = levels.about(db, level)
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
