"""The part that two maps have in common, where one is a little longer than the other."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from specsr.errors import SpecsrError
from specsr.maps.spec_map import SpecMap

FEW_COLUMNS, SMALL_PART = 4, 0.05
"""Two maps may differ by this many columns, or by this part of the longer one."""


def first_columns(spec: SpecMap, like: SpecMap) -> SpecMap:
    """Return a map cut to the length of a shorter one on the same rows and columns."""
    length, frames = like.grid.length, like.grid.frames
    if spec.grid.length == length:
        return spec

    def cut(values: np.ndarray | None, size: int) -> np.ndarray | None:
        return None if values is None else values[..., :size]

    shafts = tuple(
        replace(shaft, rpm=shaft.rpm[:length], confidence=cut(shaft.confidence, frames))
        for shaft in spec.shafts
    )
    return spec.replace(
        grid=replace(spec.grid, length=length), magnitude=spec.magnitude[..., :frames],
        phase=cut(spec.phase, frames), uncertainty_db=cut(spec.uncertainty_db, frames),
        rpm=cut(spec.rpm, length), rpm_confidence=cut(spec.rpm_confidence, frames), shafts=shafts,
    )  # fmt: skip


def common_part(a: SpecMap, b: SpecMap) -> tuple[SpecMap, SpecMap, str | None]:
    """Return two maps from one start cut to the shorter one, and what was cut; None for nothing.

    Their grids are equal but for the length.

    Raises:
        SpecsrError: one is longer by more than `FEW_COLUMNS` and `SMALL_PART`.
    """
    if a.grid.length == b.grid.length:
        return a, b, None
    short, long = sorted((a, b), key=lambda spec: spec.grid.length)
    frames, more = short.grid.frames, long.grid.frames
    seconds = [spec.grid.length / spec.grid.rate for spec in (short, long)]
    if more - frames > max(FEW_COLUMNS, SMALL_PART * more):
        raise SpecsrError(
            f"one map has {frames} columns ({seconds[0]:.4g} s), the other {more} "
            f"({seconds[1]:.4g} s): expected one recording; cut the longer one"
        )
    note = (
        f"the first {frames} columns of both, the longer one has {more}"
        if more > frames
        else f"lengths of {seconds[0]:.6g} and {seconds[1]:.6g} s give the same columns"
    )
    return first_columns(a, short), first_columns(b, short), note
