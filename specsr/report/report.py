"""A report in one HTML file that opens anywhere, offline: maps, sound, orders, bands and scores."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path

from specsr.errors import SpecsrError
from specsr.maps.spec_map import SpecMap
from specsr.maps.transform import SpectrogramTransform, spectrogram
from specsr.report.audio import players_section
from specsr.report.page import Item, Page, ReportOptions
from specsr.report.sections import (
    bands_section,
    card_section,
    cuts_section,
    estimated_section,
    facts_section,
    maps_section,
    scores_section,
)
from specsr.signal import Signal

N_FFT = 2048

ROLES = ("input", "super-resolved", "reference")


def make_report(
    low: Signal | SpecMap,
    high: Signal | SpecMap | None = None,
    reference: Signal | SpecMap | None = None,
    *,
    names: Sequence[str] = (),
    model: str | Path | None = None,
    options: ReportOptions = ReportOptions(),
) -> str:
    """Return the report as HTML with everything in it: no file or network is needed to open it.

    Args:
        low: what was measured.
        high: what was made of it.
        reference: what it should be.
        names: names of the three (files), for the page.
        model: name or file of the model that made ``high``, for its card.
        options: what to show.

    Raises:
        SpecsrError: Bokeh is missing, the units differ, orders without a speed, or an option or
            channel that does not fit.
    """
    items = _items([low, high, reference], names)
    _check(items, options)
    rpm = next((i.source.rpm for i in items if i.source.rpm is not None), None)
    if len(options.orders) and rpm is None:
        raise SpecsrError("orders are asked for, but none of the recordings brings a speed")
    page = Page()
    facts_section(page, items, rpm, options.channel)
    estimated_section(page, items)
    maps_section(page, items, rpm, options)
    if options.audio_seconds > 0:
        players_section(page, items, options)
    if len(options.orders):
        cuts_section(page, items, rpm, options)
    bands_section(page, items, options)
    scores_section(page, items, rpm, options)
    card_section(page, model, len(items) > 1)
    return page.render(options.title)


def _items(sources: Sequence[Signal | SpecMap | None], names: Sequence[str]) -> list[Item]:
    """Everything with its map: the finest map given sets the grid of recordings beside it."""
    finest = next((x for x in reversed(sources) if isinstance(x, SpecMap)), None)
    top_rate = max(x.rate for x in sources if isinstance(x, Signal)) if finest is None else 0.0
    items = []
    for role, source, name in zip(ROLES, sources, [*names, "", "", ""]):
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
            # rows of one width and columns of one length, whatever the rate
            part = source.rate / top_rate if top_rate else 1.0
            spec = spectrogram(source, n_fft=max(2, 2 * round(N_FFT * part / 2)))
        items.append(Item(role, name or role, source, spec))
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
