"""Sections of a report with figures: maps, order cuts, mean spectra, third octaves."""

from __future__ import annotations

import logging
import math
from collections.abc import Sequence
from functools import partial

import numpy as np

from specsr.choices import XAxis
from specsr.errors import SpecsrError
from specsr.nvh.order_cut import OrderCut, order_cut
from specsr.nvh.order_map import OrderMap, order_map
from specsr.nvh.speed import is_steady
from specsr.report.content import (
    difference,
    estimated_from,
    map_view,
    mean_spectra,
    panel_titles,
    rpm_of,
)
from specsr.report.curves import band_panel, cut_panel, spectrum_panel
from specsr.report.detail import MOST_CELLS, shown_part
from specsr.report.maps import map_panels
from specsr.report.page import Drawing, Item, Page, ReportOptions
from specsr.report.printed_figures import (
    draw_bands,
    draw_cuts,
    draw_maps,
    draw_spectra,
    maps_height,
)
from specsr.report.shared import Shared
from specsr.signal import Signal
from specsr.units import reference_label

log = logging.getLogger(__name__)


def maps_section(
    page: Page, items: Sequence[Item], rpm: np.ndarray | None, options: ReportOptions
) -> None:
    """Add the maps on one colour scale, with a note on maps of more cells than a page holds."""
    maps = panel_titles(items, options.channel)
    marks = {}
    if len(items) > 1 and items[1].is_result:
        start = estimated_from(*items[:2])
        if 0 < start < math.inf:
            marks = {list(maps)[1]: start}
    view = map_view(maps.values(), options)
    apart = difference(items, options)
    low, high = view.limits
    page.heading("Maps")
    if len(maps) > 1:
        page.text("The slider fades from the first map to the second.", "screen")
    page.text(
        "Drag a box to zoom in, the reset tool returns to the full view. Hover to read frequency, "
        "time, speed and level. Zoomed out, a block of cells is drawn by its highest level, a "
        "difference by its mean; zoomed in, every cell is drawn.",
        "screen",
    )
    page.text(
        f"All maps share one colour scale ({low:.0f} to {high:.0f} dB)"
        + (f", from {options.span[0]:g} to {options.span[1]:g} s" if options.span else "")
        + (f", up to {options.max_freq:g} Hz." if options.max_freq is not None else ".")
    )
    page.parts.append(
        Drawing(
            "maps",
            partial(map_panels, maps, apart, view, rpm=rpm, marks=marks),
            partial(
                draw_maps, maps=maps, difference=apart, view=view, rpm=rpm, marks=marks
            ),
            maps_height(len(maps) + (apart is not None), rpm is not None),
        )
    )  # fmt: skip
    large = []
    for title, spec in maps.items():
        part = shown_part(spec, options.max_freq, options.span)
        if (each := math.ceil(spec.magnitude[options.channel][part].size / MOST_CELLS)) > 1:
            large.append(f"{title}: the highest of {each} columns")
    if large:
        page.text(
            f"A page holds {MOST_CELLS / 1e6:g} million cells of a map, in all rows "
            f"({'; '.join(large)}): a part of the time (--time) is drawn in full.",
            "note",
        )


def cuts_section(
    page: Page, items: Sequence[Item], rpm: np.ndarray, options: ReportOptions
) -> None:
    """Add order levels over speed, or over time if it is steady.

    Recordings are resampled by angle, of maps cells are summed.
    """
    cuts: dict[str, list[OrderCut]] = {}
    for item in items:
        own = rpm_of(item, rpm)
        if (angular := _by_angle(item, own, options)) is not None:
            cuts[item.role] = [angular.cut(k, options.bandwidth) for k in options.orders]
        else:
            cuts[item.role] = [
                order_cut(item.spec, own, k, options.bandwidth, "orders") for k in options.orders
            ]
    page.heading("Order cuts")
    page.text(
        "Power summed over the bandwidth given in the legend: compare cuts of equal bandwidth."
    )
    page.text("Click a name to hide its curve.", "screen")
    unread = [
        f"{k:g}"
        for i, k in enumerate(options.orders)
        if not any(np.isfinite(own[i].levels).any() for own in cuts.values())
    ]
    if unread:
        note = (
            f"Not readable: orders {', '.join(unread)}; their bandwidth is beyond half of the "
            "sampling rate or below 0 Hz."
        )
        page.text(note)
        log.warning("%s", note)
    x: XAxis = "time" if is_steady(rpm) else "rpm"
    label = items[0].spec.grid.level_label
    page.parts.append(
        Drawing(
            "cuts",
            partial(cut_panel, cuts, label, options.channel, x),
            partial(draw_cuts, cuts=cuts, label=label, channel=options.channel, x=x),
            95.0,
        )
    )


def _by_angle(item: Item, rpm: np.ndarray, options: ReportOptions) -> OrderMap | None:
    """Return the order map of a recording; None of a map, near standstill or of few revolutions."""
    if not isinstance(item.source, Signal):
        return None
    try:
        return order_map(item.source, rpm, max_order=max(20.0, 1.25 * max(options.orders)))
    except SpecsrError:
        return None


def bands_section(page: Page, items: Sequence[Item], shared: Shared) -> None:
    """Add third-octave levels as bars."""
    bands, channel = shared.bands, shared.channel
    if not bands:
        page.text(f"Third octaves are not shown: {shared.no_bands}", "note")
        return
    page.heading("Third octaves")
    page.text(
        "Mean over time, unweighted (Z). Third octaves that the rows of a map do not resolve are "
        "omitted."
    )
    label = f"dB {reference_label(items[0].spec.grid.unit)}"
    page.parts.append(
        Drawing(
            "bands",
            partial(band_panel, bands, label, channel),
            partial(draw_bands, bands=bands, label=label, channel=channel),
            75.0,
        )
    )


def spectra_section(page: Page, items: Sequence[Item], options: ReportOptions) -> None:
    """Add the mean spectra of the maps."""
    maps = panel_titles(items, options.channel)
    spectra, label = mean_spectra(maps, options.channel, options.max_freq)
    silent = [name for name, spec in maps.items() if not np.any(spec.magnitude[options.channel])]
    spectra = {name: each for name, each in spectra.items() if name not in silent}
    page.heading("Mean spectra")
    if silent:
        page.text(f"Silent, without a spectrum: {', '.join(silent)}.", "note")
    if not spectra:
        return
    page.text(
        "Mean power over time, per Hz: noise has one level at every spacing of rows, lines are the "
        "higher the closer the rows are."
    )
    page.parts.append(
        Drawing(
            "spectra",
            partial(spectrum_panel, spectra, label),
            partial(draw_spectra, spectra=spectra, label=label),
            70.0,
        )
    )
