"""Impacts that a noise reduction removed are given back: knocks, clicks, pulses of a bearing.

An impact raises whole octaves of a map with short windows over their level around it.  Of M
independent cells of noise the mean has a standard deviation of 1 / sqrt(M), so bands of several
rows hardly ever reach four times their level.  Sound that lasts longer than half of `AROUND` blocks
raises the level around it as well: it is no impact.
"""

from __future__ import annotations

from collections.abc import Generator, Iterable

import numpy as np
from scipy.ndimage import maximum_filter1d

from specsr.maps.spec_map import SpecMap
from specsr.maps.transform import SpectrogramTransform
from specsr.signal import Signal, Source

SECONDS = 0.004
"""Approximate length of a window, s."""

BLOCK, AROUND = 32, 5
"""Columns of a block, and blocks around each (0.2 s) whose median is the level there."""

FIRST_ROWS = 8
"""Rows of the lowest band; those above it are octaves."""

LOW_DB, HIGH_DB = 6.0, 9.0
"""Power of a band over its level from which it counts in part, and in full, dB."""


def impact_transform(rate: float) -> SpectrogramTransform:
    """Return the transform by the rate in Hz: a power of two near `SECONDS`, Hann, 75 %."""
    n_fft = max(16, 2 ** round(np.log2(rate * SECONDS)))
    return SpectrogramTransform(n_fft, n_fft // 4)


def impact_share(power: np.ndarray) -> np.ndarray:
    """Return the share of impacts in the cells of a map with short windows, 0 to 1, [F, T].

    Args:
        power: measured, [F, T].
    """
    rows, columns = power.shape
    level = _level(power)
    ratio = np.divide(power, level, out=np.ones_like(power), where=level > 0)
    share = np.zeros_like(power)
    edges = FIRST_ROWS * 2 ** np.arange(32)
    edges = np.r_[0, edges[edges < 2 * rows // 3], rows]
    for low, high in zip(edges, edges[1:]):
        over = 10 * np.log10(np.maximum(ratio[low:high].mean(axis=0), 1e-30))
        share[low:high] = np.clip((over - LOW_DB) / (HIGH_DB - LOW_DB), 0, 1)
    # the windows beside, where the flanks of the impact are lower; of rows with lines the excess
    share = maximum_filter1d(share, 5, axis=1, mode="nearest")
    return np.asarray(share * np.clip(ratio - 1, 0, 1))


def _level(power: np.ndarray) -> np.ndarray:
    """Return the mean power of noise around every cell, from the median of blocks, [F, T]."""
    rows, columns = power.shape
    count = -(-columns // BLOCK)
    filled = np.pad(power, ((0, 0), (0, count * BLOCK - columns)), mode="symmetric")
    blocks = filled.reshape(rows, count, BLOCK)
    half = AROUND // 2
    padded = np.pad(blocks, ((0, 0), (half, half), (0, 0)), mode="symmetric")
    around = np.lib.stride_tricks.sliding_window_view(padded, AROUND, axis=1)
    median = np.median(around.reshape(rows, count, -1), axis=-1) / np.log(2)
    at = np.clip((np.arange(columns) + 0.5) / BLOCK - 0.5, 0, count - 1)
    first = np.minimum(at.astype(int), max(0, count - 2))
    part = at - first
    return median[:, first] * (1 - part) + median[:, np.minimum(first + 1, count - 1)] * part


def keep_impacts(noisy: Signal, clean: Signal, device: str = "cpu") -> Signal:
    """Return a denoised recording with its impacts as they were measured.

    Args:
        noisy: the recording before, samples [C, N].
        clean: after, of the same shape.
        device: torch device of the inverse transform, or ``"auto"``.

    Raises:
        SpecsrError: no such device.

    Example:
        >>> samples = 0.01 * np.random.default_rng(0).standard_normal(8000)
        >>> samples[4000] = 1
        >>> noisy = specsr.Signal(samples, 8000)
        >>> kept = specsr.keep_impacts(noisy, noisy.replace(samples=0 * noisy.samples))
        >>> bool(kept.samples.max() > 0.9 and kept.samples.std() < 0.015)
        True
    """
    transform = impact_transform(noisy.rate)
    removed = transform(noisy.replace(samples=noisy.samples - clean.samples))
    shares = [impact_share(power) for power in _powers(transform(noisy))]
    back = removed.replace(magnitude=removed.magnitude * np.stack(shares).astype(np.float32))
    samples = clean.samples + SpectrogramTransform.inverse(back, device).samples
    return clean.replace(samples=samples.astype(clean.samples.dtype))


def _powers(spec: SpecMap) -> list[np.ndarray]:
    return [np.square(channel, dtype=np.float64) for channel in spec.magnitude]


def impact_pieces(
    noisy: Source, pieces: Iterable[Signal], device: str = "cpu"
) -> Generator[Signal, None, None]:
    """Yield consecutive pieces of a denoised recording with its impacts, as `keep_impacts`.

    Args:
        noisy: the recording before.
        pieces: after, from its start on, without gaps.
        device: torch device of the inverse transforms, or ``"auto"``.
    """
    transform = impact_transform(noisy.rate)
    unit = transform.n_fft // 4 * BLOCK
    edge = (AROUND // 2 + 2) * unit
    start = noisy.cut(0, 1).start
    first = done = 0  # positions of the samples that are held, and of those to come
    held: Signal | None = None
    for piece in pieces:
        held = piece if held is None else _joined(held, piece)
        end = first + held.length
        last = end if end == noisy.length else (end - edge) // unit * unit
        if last <= done:
            continue
        found = keep_impacts(noisy.cut(first, end), held, device)
        yield _part(found, done - first, last - first, start + done / noisy.rate)
        done = last
        cut = max(0, done - edge)
        held = _part(held, cut - first, held.length, start + cut / noisy.rate)
        first = cut


def _joined(held: Signal, piece: Signal) -> Signal:
    rpm = None if held.rpm is None or piece.rpm is None else np.r_[held.rpm, piece.rpm]
    samples = np.concatenate([held.samples, piece.samples], axis=1)
    return held.replace(samples=samples, rpm=rpm)


def _part(signal: Signal, first: int, last: int, start: float) -> Signal:
    rpm = None if signal.rpm is None else signal.rpm[first:last]
    return signal.replace(samples=signal.samples[:, first:last], rpm=rpm, start=start)
