"""Sections of a report, one function each: tables, text and figures of recordings and maps."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch

from specsr.errors import SpecsrError
from specsr.maps.spec_map import SpecMap
from specsr.models.card import model_card
from specsr.nvh import sound_quality
from specsr.nvh.levels import overall_level, third_octave_levels
from specsr.nvh.order_cut import OrderCut, order_cut
from specsr.nvh.order_map import MIN_SPEED, order_map
from specsr.pairs.band_input import KNOWN_PART
from specsr.report.curves import band_panel, cut_panel
from specsr.report.maps import DRAWN, map_panels
from specsr.report.page import Item, Page, ReportOptions
from specsr.scores.baselines import interpolated
from specsr.scores.evaluate import EvaluateOptions, evaluate
from specsr.signal import Signal
from specsr.version import __version__


def facts_section(
    page: Page, items: Sequence[Item], rpm: np.ndarray | None, channel: int = 0
) -> None:
    """Add the table of recordings and maps, with the levels of the channel shown."""
    acoustic = items[0].spec.grid.unit in ("Pa", "1")
    heads = ["", "file", "kind", "rate, Hz", "length, s"]
    heads += [f"level, {items[0].spec.grid.level_label}"]
    quality = all(
        isinstance(i.source, Signal)
        and i.source.unit == "Pa"
        and i.source.duration >= sound_quality.SHORTEST
        and i.source.rate >= sound_quality.LOWEST_RATE
        for i in items
    ) and sound_quality.available()  # fmt: skip
    heads += ["A-weighted, dB"] if acoustic else []
    heads += ["loudness, sone", "sharpness, acum"] if quality else []
    rows = [heads]
    for item in items:
        grid = item.spec.grid
        cells = f"{grid.rows} x {grid.frames} cells of {grid.df:.4g} Hz x {1000 * grid.dt:.4g} ms"
        kind = "recording" if isinstance(item.source, Signal) else f"map, {cells}"
        row = [item.role, item.name, kind, f"{grid.rate:g}", f"{grid.length / grid.rate:.2f}"]
        for weighting in ("Z", "A") if acoustic else ("Z",):
            row.append(f"{overall_level(item.source, weighting)[channel]:.1f}")
        if quality and isinstance(item.source, Signal):
            row.append(_number(sound_quality.loudness(item.source).sone[channel], 1))
            row.append(_number(sound_quality.sharpness(item.source)[channel], 2))
        rows.append(row)
    page.heading("Recordings and maps")
    page.table(rows, "facts")
    names = items[0].spec.channels
    if len(names) > 1:
        page.text(f"Channel shown: {names[channel]}, of {', '.join(names)}.", "note")
    if rpm is not None:
        page.text(f"Speed: {np.min(rpm):.0f} to {np.max(rpm):.0f} rpm.", "note")


def _estimated_from(low: Item, high: Item) -> float:
    """Frequency in Hz from which the result is estimated; 0 for all, inf for none."""
    known = high.spec.known
    if isinstance(high.source, SpecMap):
        if known is None:  # such as a denoised map: no row is a measured one
            return 0.0
        return math.inf if known.all() else float(high.spec.freqs[int(np.argmin(known))])
    if isinstance(low.source, Signal) and high.source.rate > low.source.rate:
        return KNOWN_PART * low.source.rate / 2
    return 0.0


def estimated_section(page: Page, items: Sequence[Item]) -> None:
    """State which part of the result is measured and which is estimated."""
    if len(items) < 2 or items[1].role != "super-resolved":
        return
    start = _estimated_from(*items[:2])
    if start == 0:
        text = (
            "All levels of the result are estimated. The levels and third octaves below show how "
            "well it reproduces those of the measured input."
        )
    elif math.isinf(start):
        text = "All rows of the result are marked as measured."
    else:
        text = (
            f"Measured below {start:.0f} Hz, estimated from {start:.0f} Hz up (dashed line): the "
            "estimated part is plausible, not measured."
        )
    page.text(text, "estimated")


def maps_section(
    page: Page, items: Sequence[Item], rpm: np.ndarray | None, options: ReportOptions
) -> None:
    """Add the maps on one colour scale, with a note on maps that are shrunk for the screen."""
    marks = {}
    if len(items) > 1 and items[1].role == "super-resolved":
        start = _estimated_from(*items[:2])
        if 0 < start < math.inf:
            marks = {items[1].role: start}
    layout, (low, high) = map_panels(
        {item.role: item.spec for item in items}, _difference(items, options), rpm=rpm,
        orders=options.orders, marks=marks, channel=options.channel, db_range=options.db_range,
        max_freq=options.max_freq,
    )  # fmt: skip
    page.heading("Maps")
    page.text(
        f"All maps share one colour scale ({low:.0f} to {high:.0f} dB) and one zoom: drag a box to "
        "zoom in, the reset tool returns to the full view. Hover to read frequency, time, speed "
        "and level."
        + (" The slider fades from the first map to the second." if len(items) > 1 else "")
    )
    page.figure("maps", layout)
    shrunk = [
        f"{i.role} {i.spec.grid.rows} x {i.spec.grid.frames}"
        for i in items
        if i.spec.grid.rows > DRAWN[0] or i.spec.grid.frames > DRAWN[1]
    ]
    if shrunk:
        page.text(
            f"Drawn with at most {DRAWN[0]} x {DRAWN[1]} cells (size of the maps: "
            f"{'; '.join(shrunk)}): every block of cells is drawn by its highest level, or its "
            "largest difference. The tables are computed from all cells.",
            "note",
        )


def _difference(
    items: Sequence[Item], options: ReportOptions
) -> tuple[str, np.ndarray, SpecMap] | None:
    """Title, values in dB and map of the difference: the last two items on one grid.

    The reference is subtracted, or the input; of a coarse map the cells are repeated.
    """
    if len(items) < 2:
        return None
    a, b = items[-2], items[-1]
    if b.role != "reference":
        a, b = b, a  # result minus input
    title = f"{a.role} - {b.role}"
    other = b.spec
    if not _same_grid(a.spec, b.spec):
        try:
            other = interpolated(b.spec, a.spec, "nearest")
        except SpecsrError:
            return None
        title += " (repeated cells)"
    levels = [x.db[options.channel].astype(np.float64) for x in (a.spec, other)]
    floor = max(x.max() for x in levels) - options.db_range
    return title + ", dB", np.maximum(levels[0], floor) - np.maximum(levels[1], floor), a.spec


def _same_grid(a: SpecMap, b: SpecMap) -> bool:
    one, two = a.grid, b.grid
    return a.magnitude.shape[1:] == b.magnitude.shape[1:] and (one.df, one.dt) == (two.df, two.dt)


def _rpm_of(item: Item, rpm: Any) -> np.ndarray:
    """Speed in 1/min at every sample of an item: its own, or another item's resampled."""
    length = item.spec.grid.length
    if item.source.rpm is not None or len(rpm) == length:
        return rpm if item.source.rpm is None else item.source.rpm
    at = np.linspace(0, 1, length), np.linspace(0, 1, len(rpm))
    return np.interp(*at, rpm)


def cuts_section(
    page: Page, items: Sequence[Item], rpm: np.ndarray | None, options: ReportOptions
) -> None:
    """Add order levels over speed: by angular resampling of recordings, summed cells of maps."""
    cuts: dict[str, list[OrderCut]] = {}
    for item in items:
        own = _rpm_of(item, rpm)
        if isinstance(item.source, Signal) and np.abs(own).min() > MIN_SPEED * np.mean(own):
            angular = order_map(item.source, own, max_order=max(20.0, 1.25 * max(options.orders)))
            cuts[item.role] = [angular.cut(k, options.bandwidth) for k in options.orders]
        else:
            cuts[item.role] = [
                order_cut(item.spec, own, k, options.bandwidth, "orders") for k in options.orders
            ]
    page.heading("Order cuts")
    page.text(
        "Power summed over the bandwidth given in the legend: compare cuts of equal bandwidth. "
        "Click a name to hide its curve."
    )
    page.figure("cuts", cut_panel(cuts, items[0].spec.grid.level_label, options.channel))


def bands_section(page: Page, items: Sequence[Item], options: ReportOptions) -> None:
    """Add third-octave levels as bars."""
    try:
        bands = {item.role: third_octave_levels(item.source) for item in items}
    except SpecsrError as error:
        page.text(f"Third octaves are not shown: {error}", "note")
        return
    page.heading("Third octaves")
    page.text(
        "Mean over time, unweighted (Z). Third octaves that the rows of a map do not resolve are "
        "omitted."
    )
    page.figure("bands", band_panel(bands, items[0].spec.grid.level_label, options.channel))


def scores_section(
    page: Page, items: Sequence[Item], rpm: np.ndarray | None, options: ReportOptions
) -> None:
    """Add the scores against the reference, with baselines, or the reason for missing scores."""
    by_role = {item.role: item for item in items}
    if "reference" not in by_role or "super-resolved" not in by_role:
        return
    result, reference, low = (by_role[r] for r in ("super-resolved", "reference", "input"))
    waves = all(isinstance(i.source, Signal) for i in (result, reference))
    pair = [i.source if waves else i.spec for i in (result, reference)]
    inputs = low.source if isinstance(low.source, Signal) == waves else None
    cut = _estimated_from(low, result)
    inside = 0 < cut < reference.spec.grid.rate / 2
    try:
        report = evaluate(
            *pair, cut=cut if inside else None, orders=options.orders,
            rpm=_rpm_of(reference, rpm) if len(options.orders) else None, low=inputs,
            options=EvaluateOptions(bandwidth=options.bandwidth, db_range=options.db_range),
        )  # fmt: skip
    except SpecsrError as error:
        page.heading("Scores")
        page.text(f"The result was not scored: {error}", "note")
        return
    names, lines = report.rows()
    rows = [["result minus reference", *names]]
    rows += [[label, *(_number(v, 2) for v in values)] for label, values in lines]
    page.heading("Scores")
    page.table(rows, "scores")
    page.text(f"Loudness: {report.settings['loudness']}.", "note")


def card_section(page: Page, model: str | Path | None, has_result: bool) -> None:
    """Add the card of the model, or a note that the model of a result is unknown."""
    if model is None:
        if has_result:
            page.heading("Model")
            page.text("No model given: --model adds the card of the model.", "note")
        return
    page.heading("Model")
    page.table([["property", "value"], *model_card(model)], "model")


def _number(value: float | None, digits: int) -> str:
    return "-" if value is None or math.isnan(value) else f"{value:.{digits}f}"


def origin_section(page: Page, options: ReportOptions) -> None:
    """Add how the files were made, and what computed this page."""
    page.heading("Versions")
    for text in options.origins:
        page.text(text, "note")
    page.text(
        f"This page: specsr {__version__}, numpy {np.__version__}, torch {torch.__version__}, "
        f"threads {torch.get_num_threads()}.", "note",
    )  # fmt: skip
