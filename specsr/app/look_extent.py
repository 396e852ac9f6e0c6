"""Edges of the maps on the page: what is seen at first, and what all of them hold."""

from __future__ import annotations

from typing import Any

from specsr.app.screen import Axes, Picture, Plane, Range
from specsr.app.session import Result
from specsr.choices import MAX_ORDER

Edges = tuple[float, float, float, float]
"""Left, right, bottom, top, on the axes of the maps."""


def whole(planes: list[Plane]) -> Edges:
    """Return the edges that hold all maps."""
    edges = list(zip(*(p.extent for p in planes)))
    return min(edges[0]), max(edges[1]), min(edges[2]), max(edges[3])


def first_view(planes: list[Plane], axes: Axes) -> Edges:
    """Return the edges that are seen at first: all of the maps; of orders those to `MAX_ORDER`."""
    left, right, bottom, top = whole(planes)
    return left, right, bottom, min(top, MAX_ORDER) if axes.y == "order" else top


def duration(results: list[Result]) -> Range:
    """Return start and end of the recordings or maps in s."""
    grids = [r.screen.grid for r in results]
    return min(g.start for g in grids), max(g.start + g.length / g.rate for g in grids)


def speed_curve(results: list[Result]) -> Any:
    """Return times and speeds of the first result that has a speed; None without one."""
    return next((c for r in results if (c := r.screen.speed_curve()) is not None), None)


def detail_note(pictures: list[Picture | None], by: str) -> str:
    """Return how many cells the last map draws as one; "" for single cells.

    Args:
        pictures: of the maps, from first to last.
        by: ``"max"`` or ``"rms"``.
    """
    shown = next((p for p in reversed(pictures) if p is not None), None)
    if shown is None or shown.block == (1, 1):
        return ""
    value = "highest level" if by == "max" else "mean power"
    return (
        f"{shown.block[0]} x {shown.block[1]} cells are drawn as one, by their {value}: zoom in "
        "for single cells."
    )
