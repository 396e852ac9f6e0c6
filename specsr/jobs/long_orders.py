"""Orders by angle of a long recording, read in parts, and its reduced Campbell diagram."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from specsr import io
from specsr.choices import XAxis
from specsr.errors import SpecsrError
from specsr.io import stream
from specsr.jobs.inputs import WHOLE, check_turning
from specsr.jobs.options import Reading, Speed
from specsr.jobs.order_inputs import Source, opened
from specsr.maps.pooling import pool_weights
from specsr.maps.transform import SpectrogramTransform
from specsr.maps.windows import coverage
from specsr.nvh.order_map import OrderMap, OrderResolution, order_map_of
from specsr.nvh.shaft_angle import ShaftAngle
from specsr.nvh.shafts import Shaft
from specsr.nvh.view import View, onto_rpm
from specsr.plots.parts import MAX_COLUMNS

BLOCK = 1 << 20
"""Samples that are read at a time."""


def is_long(path: Path, reading: Reading) -> bool:
    """Whether a file is an audio file of more than `WHOLE` samples over all channels."""
    if io.is_map(path):
        return False
    with stream.opened(path, **reading.arguments()) as found:
        return found is not None and found.length * len(found.channels) > WHOLE


@dataclass(frozen=True)
class LongRun:
    """A run of a long recording whose orders are cut by angle.

    Attributes:
        path: the recording.
        reading: channels and calibration.
        speed: source of its speed.
        span: returns the samples of the run, the last one exclusive.
    """

    path: Path
    reading: Reading
    speed: Speed
    span: Callable[[Source, Shaft], tuple[int, int]]

    def orders(self, options: OrderResolution) -> tuple[OrderMap, tuple[int, int]]:
        """Return the order map and the samples of the run; see `specsr.order_map`.

        Raises:
            SpecsrError: as `specsr.order_map` and `specsr.jobs.order_inputs.opened`.
        """
        with opened(self.path, self.reading, self.speed) as (source, shaft):
            check_speed(self.path, None if shaft is None else shaft.span, self.speed)
            assert shaft is not None
            span = self.span(source, shaft)
            return order_map_of(source, shaft, span, options), span

    def campbell(self, span: tuple[int, int], df: float | None, x: XAxis) -> View:
        """Return the Campbell diagram of the first channel, of at most `MAX_COLUMNS` columns.

        Each column is the mean power of the columns of the map that share it.

        Args:
            span: samples of the run.
            df: distance of the rows, Hz; None for the default of ``specsr orders``.
            x: ``"rpm"`` or ``"time"``.
        """
        with opened(self.path, self.reading, self.speed) as (source, shaft):
            assert shaft is not None  # see `orders`
            angle = ShaftAngle(shaft, *span, source.rate)
            head = source.cut(span[0], span[0] + 1).replace(rpm=None)
            transform = SpectrogramTransform.for_rate(
                source.rate, df=df or campbell_df(source.rate), overlap=0.75
            )
            full = transform.grid(head, angle.length)
            step = math.ceil(full.fine_frames / MAX_COLUMNS)
            grid = full.pooled(1, step)
            from specsr.maps.frames import Frames  # imports torch, which a refusal does not need

            frames, done = Frames(full, 1), 0
            power = np.zeros((1, grid.rows, grid.frames))
            for first in range(span[0], span[1], BLOCK):
                part = source.cut(first, min(first + BLOCK, span[1])).samples[:1]
                found = frames.magnitude(frames.add(part))[0, : grid.rows].numpy()
                if not found.shape[1]:
                    continue
                columns = (done + np.arange(found.shape[1])) // step
                places, firsts = np.unique(columns, return_index=True)
                squares = np.square(found, dtype=np.float64)
                power[0][:, places] += np.add.reduceat(squares, firsts, axis=1)
                done += found.shape[1]
        power /= pool_weights(full.fine_frames, step)
        begin, end = grid.spans()
        reach = max(1, full.n_fft // 4)  # as `specsr.nvh.speed.column_rpm`
        low = np.clip(begin * full.hop_length - reach, 0, angle.length - 2)
        high = np.clip(end * full.hop_length + reach, low + 1, angle.length - 1)
        rpm = 60 * source.rate * (angle.at(high) - angle.at(low)) / (high - low)
        columns = grid.times()
        if x == "rpm":
            power, columns = onto_rpm(power, rpm, coverage(grid), None)
            rpm = columns
        return View(
            power, columns, grid.freqs(), x, "freq", rpm, grid.unit, grid.scaling, head.channels[:1]
        )


def campbell_df(rate: float) -> float:
    """Return the distance of the rows of a Campbell diagram, Hz, where none is given."""
    return max(1.0, rate / 8192)


def check_speed(path: Path, rpm: Sequence[float] | np.ndarray | None, speed: Speed) -> None:
    """Raise `SpecsrError` for a recording or map without a speed, or one that is zero throughout.

    Arguments are those of `specsr.jobs.inputs.check_turning`.
    """
    if rpm is not None:
        return check_turning(path, rpm, speed)
    raise SpecsrError(
        f"{path}: has no speed: give a table (--rpm speed.csv) or, for recordings, a speed "
        "channel (--rpm-channel 1 --rpm-scale ...) or tacho pulses (--tacho-channel 1 "
        "--pulses 60), or have it found in the sound (--rpm auto)"
    )
