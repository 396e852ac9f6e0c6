"""Sections of a report of text and tables, one function each."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch

from specsr.errors import SpecsrError
from specsr.models.card import model_card
from specsr.nvh.levels import overall_level
from specsr.report.content import estimated_from, rpm_of
from specsr.report.page import Item, Page, ReportOptions
from specsr.report.shared import Shared
from specsr.scores.evaluate import EvaluateOptions, evaluate
from specsr.signal import Signal
from specsr.version import __version__

_SOURCES = {
    "given": "as given",
    "corrected": "as given, corrected by the map",
    "found": "found in the map",
}


def facts_section(
    page: Page, items: Sequence[Item], rpm: np.ndarray | None, shared: Shared
) -> None:
    """Add the table of recordings and maps, with the levels of the channel shown."""
    channel, quality = shared.channel, shared.quality
    acoustic = items[0].spec.grid.unit in ("Pa", "1")
    heads = ["", "file", "kind", "rate, Hz", "length, s"]
    heads += [f"level, {items[0].spec.grid.level_label}"]
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
        if quality:
            heard = quality[item.role]
            row += [_number(heard.sone[0], 1), _number(heard.acum[0], 2)]
        rows.append(row)
    page.heading("Recordings and maps")
    page.table(rows, "facts")
    names = items[0].spec.channels
    if len(names) > 1:
        page.text(f"Channel shown: {names[channel]}, of {', '.join(names)}.", "note")
    if rpm is not None:
        sources = [i.spec.rpm_source for i in items if i.spec.rpm_source is not None]
        how = f", {_SOURCES[sources[0]]}" if sources else ""
        page.text(f"Speed: {np.min(rpm):.0f} to {np.max(rpm):.0f} rpm{how}.", "note")


def estimated_section(page: Page, items: Sequence[Item]) -> None:
    """State which part of the result is measured and which is estimated."""
    if len(items) < 2 or not items[1].is_result:
        return
    start = estimated_from(*items[:2])
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


def scores_section(
    page: Page, items: Sequence[Item], rpm: np.ndarray | None, options: ReportOptions,
    shared: Shared,
) -> None:  # fmt: skip
    """Add the scores against the reference, with baselines, or the reason for missing scores."""
    if len(items) < 3:
        return
    low, result, reference = items
    waves = all(isinstance(i.source, Signal) for i in (result, reference))
    pair = [i.source if waves else i.spec for i in (result, reference)]
    inputs = low.source if isinstance(low.source, Signal) == waves else None
    cut = estimated_from(low, result)
    inside = 0 < cut < reference.spec.grid.rate / 2
    try:
        report = evaluate(
            *pair, cut=cut if inside else None, orders=options.orders,
            rpm=rpm_of(reference, rpm) if len(options.orders) else None, low=inputs,
            options=EvaluateOptions(bandwidth=options.bandwidth, db_range=options.db_range),
            known=[shared.known(i) for i in (result, reference, low)],
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


def settings_section(page: Page, items: Sequence[Item], options: ReportOptions) -> None:
    """Add the command and the analysis of every map."""
    page.heading("Settings")
    if options.command:
        page.text(f"Command: {options.command}", "note")
    for item in items:
        grid = item.spec.grid
        cell = "" if grid.cell == (1, 1) else f", means of {grid.cell[0]} x {grid.cell[1]} cells"
        page.text(
            f"{item.role}: {grid.window} window of {grid.n_fft} samples, hop {grid.hop_length}, "
            f"{grid.scaling}{cell}; {grid.rows} x {grid.frames} cells.", "note",
        )  # fmt: skip


def origin_section(page: Page, options: ReportOptions) -> None:
    """Add how the files were made, and what computed this page."""
    page.heading("Versions")
    for text in options.origins:
        page.text(text, "note")
    page.text(
        f"This page: specsr {__version__}, numpy {np.__version__}, torch {torch.__version__}, "
        f"threads {torch.get_num_threads()}.", "note",
    )  # fmt: skip
