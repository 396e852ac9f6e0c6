"""Noise reduction: the cells of a spectrogram are attenuated, by a network or by their floor."""

from __future__ import annotations

from collections.abc import Generator, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import overload

import numpy as np
import torch

from specsr.choices import MAX_ATTENUATION, DenoiseMethod, check
from specsr.enhance.expected import PAIR
from specsr.enhance.known_noise import KnownNoise, without_noise
from specsr.enhance.noise_floor import SECONDS, floor_transform, without_floor
from specsr.enhance.noise_pieces import noise_pieces
from specsr.enhance.noise_profile import Noise
from specsr.enhance.restraint import restrained_map
from specsr.enhance.restraint_pieces import attenuated_pieces
from specsr.enhance.segments import (
    first_seconds,
    join,
    model_plan,
    model_transform,
    one_channel,
    plan,
)
from specsr.errors import SpecsrError, expect
from specsr.maps import levels
from specsr.maps.grid import Grid
from specsr.maps.spec_map import SpecMap
from specsr.models.bundled import find_model
from specsr.models.model import Model
from specsr.models.options import InferOptions
from specsr.models.tiling import run_tiled
from specsr.progress import Progress
from specsr.signal import Signal, Source


@overload
def denoise(
    noisy: Signal,
    *,
    method: DenoiseMethod = "network",
    noise: Signal | Noise | None = None,
    strict: bool = False,
    model: str | Path | Model | None = None,
    attenuation: float = MAX_ATTENUATION,
    options: InferOptions = InferOptions(),
    progress: Progress | None = None,
) -> Signal: ...
@overload
def denoise(
    noisy: SpecMap,
    *,
    method: DenoiseMethod = "network",
    noise: Signal | Noise | None = None,
    strict: bool = False,
    model: str | Path | Model | None = None,
    attenuation: float = MAX_ATTENUATION,
    options: InferOptions = InferOptions(),
    progress: Progress | None = None,
) -> SpecMap: ...


def denoise(
    noisy: Signal | SpecMap,
    *,
    method: DenoiseMethod = "network",
    noise: Signal | Noise | None = None,
    strict: bool = False,
    model: str | Path | Model | None = None,
    attenuation: float = MAX_ATTENUATION,
    options: InferOptions = InferOptions(),
    progress: Progress | None = None,
) -> Signal | SpecMap:
    """Return a recording or map with reduced noise.

    The cells of a spectrogram are attenuated, never amplified, and keep their phase.  Without
    ``noise``, what was removed and is no noise is given back (`specsr.enhance.restraint`), but in
    maps without a phase.

    Args:
        noisy: a recording, or a full map of either scaling.  ``network`` takes the n_fft,
            hop_length and window of one of the model's grids (`specsr.spectrogram` with its
            defaults for the bundled model), ``floor`` any with an overlap of 25 to 90 %.
        method: ``"network"``: to the level without noise that a network estimates; ``"floor"``:
            by the share of the noise floor in the expected power (`specsr.enhance.noise_floor`).
        noise: recording of the noise alone, in the same unit, of a quarter of a second or more:
            one channel, or as many as ``noisy``.  Its spectrum is removed
            (`specsr.enhance.known_noise`) from a recording of any rate from 2 kHz, or a map as
            for ``floor``, in place of ``method``.  `Noise` has options.
        strict: without ``noise``, also remove what is no noise by its distribution.
        model: name or file of a model for the pair ``denoise``, with ``floor`` for ``speckle``,
            with ``noise`` for ``noise``; None for the bundled one.
        attenuation: largest attenuation of a cell in dB, from 0 up.
        options: tiling, ensemble, precision, device, length of the segments.
        progress: wraps the iterable of steps, for a bar.

    Returns:
        A recording or map of the shape, unit, channels and calibration of the input; with
        ``noise`` a map has the uncertainty of its levels.

    Raises:
        SpecsrError: an option out of range, no such model, a rate below that of the model's
            training data, or a map that is pooled, an estimate or on another grid.

    Example:
        >>> noise = np.random.default_rng(0).standard_normal(8192)
        >>> signal = specsr.Signal(noise, 25600)
        >>> quiet = specsr.denoise(signal)
        >>> bool(quiet.level()[0] < signal.level()[0] - 3)
        True
    """
    expect(noisy, (Signal, SpecMap), "; specsr.read(path) or specsr.read_map(path) makes one")
    expect(options, InferOptions, "; specsr.InferOptions(ensemble=True) makes one")
    if isinstance(noisy, Signal):
        return join(
            denoise_pieces(
                noisy, method=method, noise=noise, strict=strict, model=model,
                attenuation=attenuation, options=options, progress=progress,
            )
        )  # fmt: skip
    _check(method, attenuation, noise, strict)
    if noise is not None:
        known = KnownNoise.of(noise, noisy, model)
        return without_noise(noisy, known, attenuation, options, progress)
    if method == "floor":
        speckle = find_model(model, PAIR, (1, 1))
        clean = without_floor(noisy, speckle, attenuation, options, progress)
        return clean if strict else restrained_map(noisy, clean, options.device)
    found = _checked_model(model, noisy.grid.rate)
    _require_grid(found, noisy.grid)
    clean = _attenuated(noisy, _median_levels(noisy), found, attenuation, options, progress)
    return clean if strict else restrained_map(noisy, clean, options.device)


def denoise_pieces(
    noisy: Source,
    *,
    method: DenoiseMethod = "network",
    noise: Signal | Noise | None = None,
    strict: bool = False,
    model: str | Path | Model | None = None,
    attenuation: float = MAX_ATTENUATION,
    options: InferOptions = InferOptions(),
    progress: Progress | None = None,
) -> Generator[Signal, None, None]:
    """Yield the result of `denoise` in pieces of ``options.segment`` seconds, in order.

    Arguments and errors are those of `denoise`; ``noisy`` may also be an open file
    (`specsr.io.stream`), but not with noise that is followed: that recording is read again
    (`specsr.enhance.noise_pieces`).
    """
    _check(method, attenuation, noise, strict)
    if noise is not None:
        known = KnownNoise.of(noise, noisy, model)
        return noise_pieces(noisy, known, attenuation, options, progress)
    if method == "floor":
        speckle = find_model(model, PAIR, (1, 1))
        return _by_floor(noisy, speckle, attenuation, strict, options, progress)
    found = _checked_model(model, noisy.rate)

    transform = model_transform(found)
    early = first_seconds(noisy, transform.n_fft)
    reference = [
        level
        for channel in range(len(early.channels))
        for level in _median_levels(transform(one_channel(early, channel)))
    ]
    del early

    def clean(spec: SpecMap, first: int, steps: Progress | None) -> SpecMap:
        pairs = zip(_median_levels(spec), reference[first:])
        level = [levels.segment_level(*pair) for pair in pairs]
        return _attenuated(spec, level, found, attenuation, options, steps)

    cuts = model_plan(found, noisy, 1, options)
    return attenuated_pieces(noisy, transform, clean, cuts, options.device, strict, progress)


def _by_floor(
    noisy: Source, model: Model, attenuation: float, strict: bool, options: InferOptions,
    progress: Progress | None,
) -> Generator[Signal, None, None]:  # fmt: skip
    """Yield the result of the method ``floor`` in pieces."""
    transform = floor_transform(noisy.rate)

    def clean(spec: SpecMap, first: int, steps: Progress | None) -> SpecMap:
        return without_floor(spec, model, attenuation, options, steps)

    # the floor of a cell comes from half of `SECONDS` on either side
    step = transform.grid(noisy.cut(0, 1)).hop_length
    reach = model.net.reach((1, 1))[1] * step + 4 * transform.n_fft
    margin = reach + round(SECONDS * noisy.rate / 2)
    hop = step * model.net.config.fold[1]
    cuts = plan(options.segment, noisy.rate, hop, margin, noisy.length)
    return attenuated_pieces(noisy, transform, clean, cuts, options.device, strict, progress)


def _check(
    method: DenoiseMethod, attenuation: float, noise: Signal | Noise | None, strict: bool
) -> None:
    """Raise `SpecsrError` for options out of range or that exclude each other."""
    check(method, DenoiseMethod, "method")
    if noise is not None:
        expect(noise, (Signal, Noise), " of the noise alone; specsr.read(path) makes one")
        if method != "network":
            raise SpecsrError(f"method {method!r} and noise: two methods, leave one out")
        if strict:
            raise SpecsrError("strict is for methods without noise=: leave one of them out")
    if not attenuation >= 0:
        raise SpecsrError(f"attenuation is {attenuation} dB: expected zero or more")


def _checked_model(model: str | Path | Model | None, rate: float) -> Model:
    """Return the model; raise `SpecsrError` for a rate out of range."""
    found = find_model(model, "denoise", (1, 1))
    if rate < 0.99 * found.rates[0]:
        raise SpecsrError(
            f"the sampling rate is {rate:g} Hz: model {found.name} takes rates from "
            f"{found.rates[0]:g} Hz up; train one on recordings of this rate "
            "(configs/denoise.yaml)"
        )
    return found


def _channels_db(spec: SpecMap) -> Iterator[np.ndarray]:
    """Yield the levels of each channel of a full map as the networks see them, [rows, frames]."""
    # networks are trained on rms scaling, from which psd differs by a constant factor
    to_rms = (replace(spec.grid, scaling="rms").factor() / spec.grid.factor())[:-1, None]
    for channel in spec.image():
        yield levels.to_db(np.square(channel * to_rms, dtype=np.float64))


def _median_levels(spec: SpecMap) -> list[float]:
    """Return the median level of each channel of a full map, dB re 1 unit."""
    return [levels.median_level(db, spec.grid) for db in _channels_db(spec)]


def _attenuated(
    noisy: SpecMap, level: Sequence[float], model: Model, attenuation: float,
    options: InferOptions, progress: Progress | None,
) -> SpecMap:  # fmt: skip
    """Return a full map with every cell attenuated as the model estimates.

    ``level`` holds the level of each channel that its cells are seen relative to, dB re 1 unit.
    """
    gains = []
    for db, own in zip(_channels_db(noisy), level, strict=True):
        relative = levels.relative_levels(db, own)
        net_input = torch.from_numpy(relative[None])
        result = run_tiled(model.net, net_input, (1, 1), options, progress)[0].numpy()
        gains.append(np.clip(result - relative, -attenuation, 0.0))
    gain = 10 ** (np.stack(gains) / 20)
    gain = np.concatenate([gain, gain[:, -1:]], axis=1)  # Nyquist as the row below
    return noisy.replace(magnitude=noisy.magnitude * gain.astype(np.float32))


def _require_grid(model: Model, grid: Grid) -> None:
    """Raise `SpecsrError`, with the fix, for a map that the model was not trained on."""
    trained = [(own.n_fft, own.hop_length, own.window) for own in model.grids]
    n_fft, hop_length, window = trained[0]
    fix = (
        f"compute it with specsr.spectrogram(signal, n_fft={n_fft}, hop_length={hop_length}, "
        f"window={window!r})"
    )
    if grid.cell != (1, 1):
        raise SpecsrError(
            f"the map has pooled cells of {grid.cell[0]} x {grid.cell[1]}: model {model.name} "
            f"takes full maps; {fix}"
        )
    if (grid.n_fft, grid.hop_length, grid.window) not in trained:
        known = " or ".join(dict.fromkeys(_settings(*own) for own in trained))
        raise SpecsrError(
            f"the map has {_settings(grid.n_fft, grid.hop_length, grid.window)}: model "
            f"{model.name} takes {known}; {fix}"
        )


def _settings(n_fft: int, hop_length: int, window: str) -> str:
    return f"n_fft {n_fft}, hop_length {hop_length}, window {window}"
