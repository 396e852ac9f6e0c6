"""HTML report of an input, a result and a reference: maps, audio, orders, levels and scores."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path

from specsr.errors import SpecsrError
from specsr.extras import require
from specsr.maps.spec_map import SpecMap
from specsr.maps.transform import SpectrogramTransform, spectrogram
from specsr.plots.parts import check_max_freq
from specsr.report.audio import players_section
from specsr.report.figure_sections import (
    bands_section,
    cuts_section,
    maps_section,
    spectra_section,
)
from specsr.report.page import Item, Page, ReportOptions
from specsr.report.sections import (
    card_section,
    estimated_section,
    facts_section,
    origin_section,
    scores_section,
    settings_section,
)
from specsr.report.shared import share
from specsr.signal import Signal

N_FFT = 2048
"""Window of the recording with the highest rate, samples."""


def make_report(
    low: Signal | SpecMap,
    high: Signal | SpecMap | None = None,
    reference: Signal | SpecMap | None = None,
    *,
    names: Sequence[str] = (),
    model: str | Path | None = None,
    options: ReportOptions = ReportOptions(),
) -> str:
    """Return a report as one self-contained HTML document, which opens without a network.

    `make_page` returns its parts, of which `specsr.report.printed.render_pdf` makes a PDF file.

    Args:
        low: the measured input.
        high: the result computed from it.
        reference: the true recording or map.
        names: file names of the three, for the page.
        model: name or file of the model that produced ``high``, for its card.
        options: contents of the report.

    Raises:
        SpecsrError: Bokeh is not installed, different units or scalings, orders without a speed,
            or an option out of range.
    """
    require("bokeh", "report", "reports")
    return make_page([low, high, reference], names, model, options).render(options.title)


def make_page(
    sources: Sequence[Signal | SpecMap | None],
    names: Sequence[str] = (),
    model: str | Path | None = None,
    options: ReportOptions = ReportOptions(),
) -> Page:
    """Return the parts of a report, for a file of HTML or PDF.

    Args:
        sources: input, result and reference; None or left out where there is none.
        names, model, options: as in `make_report`, with its errors.
    """
    items = _items(sources, names, options.result)
    _check(items, options)
    rpm = next((i.source.rpm for i in items if i.source.rpm is not None), None)
    if len(options.orders) and rpm is None:
        raise SpecsrError(
            "orders need a speed, and none of the recordings carries one: omit orders"
        )
    shared = share(items, options.channel)
    page = Page()
    facts_section(page, items, rpm, shared)
    estimated_section(page, items)
    settings_section(page, items, options)
    maps_section(page, items, rpm, options)
    if options.audio_seconds > 0:
        players_section(page, items, options)
    if len(options.orders) and rpm is not None:
        cuts_section(page, items, rpm, options)
    spectra_section(page, items, options)
    bands_section(page, items, shared)
    scores_section(page, items, rpm, options, shared)
    card_section(page, model, any(item.is_result for item in items))
    origin_section(page, options)
    return page


def _items(
    sources: Sequence[Signal | SpecMap | None], names: Sequence[str], result: str
) -> list[Item]:
    """Every source with its map; recordings get the grid of the finest map given."""
    finest = next((x for x in reversed(sources) if isinstance(x, SpecMap)), None)
    top_rate = max(x.rate for x in sources if isinstance(x, Signal)) if finest is None else 0.0
    items = []
    roles = ("input", result, "reference")
    for role, source, name in zip(roles, sources, [*names, "", "", ""]):
        if source is None:
            continue
        if isinstance(source, SpecMap):
            spec = source
        elif finest is not None and finest.grid.cell == (1, 1):
            grid = finest.grid
            spec = SpectrogramTransform(grid.n_fft, grid.hop_length, grid.window, grid.scaling)(
                source
            )
        else:
            # equal width of rows and columns for all rates
            part = source.rate / top_rate if top_rate else 1.0
            spec = spectrogram(source, n_fft=max(2, 2 * round(N_FFT * part / 2)))
        items.append(Item(role, name or role, source, spec, is_result=role == result))
    return items


def _check(items: Sequence[Item], options: ReportOptions) -> None:
    labels = {item.role: item.spec.grid.level_label for item in items}
    if len(set(labels.values())) > 1:
        listed = ", ".join(f"{role} in {label}" for role, label in labels.items())
        raise SpecsrError(f"{listed}: expected one unit and scaling, for one dB scale")
    fewest = min(len(item.spec.channels) for item in items)
    if not 0 <= options.channel < fewest:
        raise SpecsrError(f"channel is {options.channel}: expected 0 to {fewest - 1}")
    if not 0 < options.db_range < math.inf:
        raise SpecsrError(f"db_range is {options.db_range}: expected a range in dB above zero")
    if options.max_freq is not None:
        check_max_freq(options.max_freq)
    if options.span is not None:
        first, last = options.span
        grids = [item.spec.grid for item in items]
        ends = [grid.start + grid.length / grid.rate for grid in grids]
        if not (first < last and first < min(ends) and last > max(g.start for g in grids)):
            raise SpecsrError(
                f"no part of all recordings is from {first:g} to {last:g} s: expected times from "
                f"{max(g.start for g in grids):g} to {min(ends):g} s, the first one below the last"
            )
