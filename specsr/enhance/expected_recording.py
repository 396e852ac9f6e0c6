"""The expected map of a recording, from denser windows where the map has few of them.

Windows that overlap by 25 or 50 % leave out part of what a recording holds.  With the recording at
hand, the network sees further columns between those of the map, up to an overlap of 75 %; they are
left out of the result.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from specsr.enhance.expected import expected, expected_columns, finer
from specsr.errors import expect
from specsr.io.stream import parts
from specsr.maps.frames import Frames
from specsr.maps.grid import Grid
from specsr.maps.spec_map import SpecMap
from specsr.maps.transform import SpectrogramTransform
from specsr.models.model import Model
from specsr.models.options import InferOptions
from specsr.progress import Progress
from specsr.signal import Signal

ENOUGH = 4
"""Windows over a sample from which further columns no longer help: 75 % overlap."""


def expected_spectrogram(
    signal: Signal,
    *,
    model: str | Path | Model | None = None,
    options: InferOptions = InferOptions(),
    progress: Progress | None = None,
    **analysis: Any,
) -> SpecMap:
    """Return the expected map of a recording, with its uncertainty.

    From 50 % overlap down it is more exact than `specsr.expected` of the measured map, which has
    the columns of the result alone; above, both agree.

    Args:
        signal: the recording.
        model: name or file of a model for the pair ``speckle``; None for the bundled one.
        options: tiling, ensemble, precision, device.
        progress: wraps the iterable of blocks, for a bar.
        **analysis: of the map, as for `specsr.spectrogram`.

    Returns:
        A map on the grid of ``specsr.spectrogram(signal, **analysis)``, with ``uncertainty_db`` and
        without a phase.  The power of a band over time is that of the measured map.

    Raises:
        SpecsrError: as `specsr.spectrogram` and `specsr.expected`.

    Example:
        >>> noise = np.random.default_rng(0).standard_normal(8192)
        >>> signal = specsr.Signal(noise, 25600)
        >>> clean = specsr.expected_spectrogram(signal, n_fft=512, overlap=0.5)
        >>> clean.grid.hop_length
        256
    """
    expect(signal, Signal, "; specsr.read(path) or specsr.Signal(samples, rate) makes one")
    expect(options, InferOptions, "; specsr.InferOptions(ensemble=True) makes one")
    transform = SpectrogramTransform.for_rate(signal.rate, **analysis)
    grid = transform.grid(signal)
    every = further(grid)
    if every == 1:
        return expected(transform(signal), model=model, options=options, progress=progress)
    found = list(
        expected_columns(
            magnitudes([signal], finer(grid, every)), grid, every=every, model=model,
            options=options, progress=progress,
        )
    )  # fmt: skip
    magnitude, uncertainty = (np.concatenate(side, axis=-1) for side in zip(*found, strict=True))
    return SpecMap(
        magnitude, grid, channels=signal.channels, rpm=signal.rpm, uncertainty_db=uncertainty
    )


def further(grid: Grid) -> int:
    """Return how many columns the network sees for each one of a map; 1: those of the map alone.

    The largest divisor of the hop with an overlap of `ENOUGH` windows at most.
    """
    most = ENOUGH * grid.hop_length // grid.n_fft
    return max([n for n in range(1, most + 1) if grid.hop_length % n == 0], default=1)


def magnitudes(pieces: Iterable[Signal], grid: Grid) -> Iterator[np.ndarray]:
    """Yield the magnitudes of a recording that arrives in pieces, [C, rows, k].

    Args:
        pieces: consecutive parts of the recording.
        grid: of the whole map; zeros follow the recording up to its length.
    """
    frames = None
    for piece in pieces:
        frames = frames or Frames(grid, len(piece.samples))
        for samples in parts(piece, grid):
            yield frames.magnitude(frames.add(samples)).numpy()
    if frames is not None and frames.added < grid.length:
        rest = np.zeros((len(frames.held), grid.length - frames.added), dtype=np.float32)
        yield frames.magnitude(frames.add(rest)).numpy()
