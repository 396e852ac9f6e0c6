"""Bokeh figures of the maps of a report, with shared zoom and colour scale.

Levels are stored as integers of 16 bits, in hundredths of a dB above a base: half the size of
single-precision floats.  Maps are shrunk to the resolution of a screen first (`DRAWN`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from specsr.choices import DB_RANGE
from specsr.maps.spec_map import SpecMap
from specsr.plots.comparison import DIFFERENCE_RANGE
from specsr.plots.parts import colour_top, shrunk

DRAWN = (600, 1000)
"""Most rows and columns of a map in a report; every block of cells is drawn by its maximum."""

BASE_BELOW = 250.0
"""dB from the top of the colour scale down to the base of the 16-bit levels."""

_HOVER_X = """
if (format != "rpm") return value.toFixed(3);
const {t, rpm} = source.data;
let i = 0;
while (i + 1 < t.length && t[i + 1] < value) i++;
const j = Math.min(i + 1, t.length - 1);
const part = t[j] > t[i] ? Math.min(Math.max((value - t[i]) / (t[j] - t[i]), 0), 1) : 0;
return (rpm[i] + part * (rpm[j] - rpm[i])).toFixed(0);
"""
_HOVER_LEVEL = "return value == 0 ? 'silence' : (value / 100 + base).toFixed(1);"


def map_panels(
    maps: Mapping[str, SpecMap],
    difference: tuple[str, np.ndarray, SpecMap] | None,
    *,
    rpm: np.ndarray | None,
    orders: Sequence[float] = (),
    marks: Mapping[str, float] | None = None,
    channel: int = 0,
    db_range: float = DB_RANGE,
    max_freq: float | None = None,
) -> tuple[Any, tuple[float, float]]:
    """Return a Bokeh layout of maps on one colour scale, and the limits of the scale in dB.

    With two or more maps the first panel fades from the first map to the second by a slider.
    Below it are all maps and the difference, with shared zoom.

    Args:
        maps: title -> map; the first two are faded into each other.
        difference: title, values in dB [rows, frames] and the map whose grid they have; None for
            no difference.
        rpm: speed in 1/min at every sample of the first map's signal, for the hover text and the
            order lines; None if unknown.
        orders: orders to draw as lines if the speed is known.
        marks: title -> frequency in Hz from which that map is estimated, drawn as a line.
        channel: position of the channel.
        db_range: dB from the top of the colour scale to its bottom.
        max_freq: highest frequency of the initial view, Hz; zooming out shows all.
    """
    from bokeh.layouts import column, gridplot
    from bokeh.models import CustomJS, LinearColorMapper, RangeSlider, Slider
    from bokeh.palettes import Magma256

    levels = {name: spec.db[channel] for name, spec in maps.items()}
    top = colour_top(levels.values())
    base = top - BASE_BELOW
    colours = LinearColorMapper(
        palette=Magma256, low=100 * (BASE_BELOW - db_range), high=100 * BASE_BELOW
    )
    rpm_source = _rpm_source(next(iter(maps.values())), rpm)
    sources = {name: _image(levels[name], spec, base) for name, spec in maps.items()}
    names = list(maps)
    ranges = _ranges(maps.values(), max_freq)
    panels = []
    if len(names) > 1:
        fade = _panel(f"{names[0]}  |  {names[1]}", ranges, height=420)
        images = [_draw(fade, sources[n], colours, base, rpm_source, maps[n]) for n in names[:2]]
        images[1].glyph.global_alpha = 0.0
        _bar(fade, colours, base, f"Level ({maps[names[0]].grid.level_label})")
        _lines(fade, rpm, orders, maps[names[0]])
        slider = Slider(
            start=0, end=100, value=0, step=1, title=f"{names[0]} (0) to {names[1]} (100), %",
            sizing_mode="stretch_width",
        )  # fmt: skip
        slider.js_on_change(
            "value",
            CustomJS(
                args={"image": images[1].glyph},
                code="image.global_alpha = {value: cb_obj.value / 100};",
            ),
        )
    for name, spec in maps.items():
        panel = _panel(name, ranges)
        _draw(panel, sources[name], colours, base, rpm_source, spec)
        _bar(panel, colours, base, "dB")
        _lines(panel, rpm, orders, spec)
        if marks and name in marks:
            _mark(panel, marks[name])
        panels.append(panel)
    if difference is not None:
        panels.append(_difference(*difference, ranges, rpm_source))
    scale = RangeSlider(
        start=top - 150, end=top + 10, value=(top - db_range, top), step=1,
        title="Colour scale from / to, dB", sizing_mode="stretch_width",
    )  # fmt: skip
    scale.js_on_change(
        "value",
        CustomJS(
            args={"colours": colours, "base": base},
            code="colours.low = 100 * (cb_obj.value[0] - base);"
            "colours.high = 100 * (cb_obj.value[1] - base);",
        ),
    )
    across = 1 if len(panels) == 1 else 2
    grid = gridplot(
        panels,
        ncols=across,
        sizing_mode="stretch_width",
        merge_tools=True,
        toolbar_location="above",
    )
    head = [slider, fade] if len(names) > 1 else []
    return column(scale, *head, grid, sizing_mode="stretch_width"), (top - db_range, top)


def _ranges(specs: Any, max_freq: float | None) -> tuple[Any, Any]:
    from bokeh.models import Range1d

    grids = [spec.grid for spec in specs]
    first = min(g.start for g in grids)
    last = max(g.start + g.length / g.rate for g in grids)
    top = max(g.rate / 2 for g in grids)
    seen = top if max_freq is None else min(max_freq, top)
    return Range1d(first, last, bounds=(first, last)), Range1d(0, seen, bounds=(0, top))


def _panel(title: str, ranges: tuple[Any, Any], height: int = 320) -> Any:
    from bokeh.plotting import figure

    panel = figure(
        title=title, x_range=ranges[0], y_range=ranges[1], height=height,
        sizing_mode="stretch_width", tools="pan,wheel_zoom,box_zoom,reset,save",
        active_drag="box_zoom", x_axis_label="Time (s)", y_axis_label="Frequency (Hz)",
        background_fill_color="#e0e0e0",
    )  # fmt: skip
    panel.grid.visible = False
    return panel


def _image(db: np.ndarray, spec: SpecMap, base: float) -> Any:
    """Levels of a map in hundredths of a dB above the base, shrunk to at most `DRAWN` cells."""
    values = np.clip(np.round(100 * (shrunk(db, *DRAWN).astype(np.float64) - base)), 0, 65535)
    return _source(values.astype(np.uint16), db.shape, spec)


def _source(values: np.ndarray, full: tuple[int, int], spec: SpecMap) -> Any:
    from bokeh.models import ColumnDataSource

    # a last block of fewer cells is drawn at full width
    rows, columns = (
        -(-n // limit) * drawn for n, limit, drawn in zip(full, DRAWN, values.shape, strict=True)
    )
    grid = spec.grid
    left = grid.start - grid.dt / grid.cell[1] / 2
    return ColumnDataSource({
        "image": [values], "x": [left], "y": [float(spec.freqs[0] - grid.df / 2)],
        "dw": [columns * grid.dt], "dh": [rows * grid.df],
    })  # fmt: skip


def _rpm_source(spec: SpecMap, rpm: np.ndarray | None) -> Any:
    from bokeh.models import ColumnDataSource

    if rpm is None:
        return None
    points = np.linspace(0, len(rpm) - 1, min(len(rpm), 1000)).astype(int)
    times = spec.grid.start + points / (len(rpm) / spec.grid.length * spec.grid.rate)
    return ColumnDataSource({"t": times, "rpm": np.round(np.asarray(rpm)[points], 1)})


def _draw(
    panel: Any, source: Any, colours: Any, base: float, rpm_source: Any, spec: SpecMap
) -> Any:
    from bokeh.models import CustomJSHover

    image = panel.image(
        "image", source=source, x="x", y="y", dw="dw", dh="dh", color_mapper=colours
    )
    level = CustomJSHover(args={"base": base}, code=_HOVER_LEVEL)
    _hover(panel, image, rpm_source, (spec.grid.level_label, "@image{level}"), level)
    return image


def _hover(panel: Any, image: Any, rpm_source: Any, last: tuple[str, str], level: Any) -> None:
    from bokeh.models import CustomJSHover, HoverTool

    tips = [("Hz", "$y{0.0}"), ("s", "$x{0.000}")]
    formatters: dict[str, Any] = {"@image": level}
    if rpm_source is not None:
        tips = [("Hz", "$y{0.0}"), ("s", "$x{time}"), ("rpm", "$x{rpm}")]
        formatters["$x"] = CustomJSHover(args={"source": rpm_source}, code=_HOVER_X)
    panel.add_tools(HoverTool(renderers=[image], tooltips=[*tips, last], formatters=formatters))


def _bar(panel: Any, colours: Any, base: float, title: str) -> None:
    from bokeh.models import ColorBar, CustomJSTickFormatter, FixedTicker

    marks = 100 * (np.arange(-20, 60) * 10.0 - base)
    panel.add_layout(
        ColorBar(
            color_mapper=colours, ticker=FixedTicker(ticks=marks.tolist()), title=title, width=12,
            formatter=CustomJSTickFormatter(
                args={"base": base}, code="return (tick / 100 + base).toFixed(0)"
            ),
        ),
        "right",
    )  # fmt: skip


def _lines(panel: Any, rpm: np.ndarray | None, orders: Sequence[float], spec: SpecMap) -> None:
    """Draw order lines; a click on a name in the legend hides its line."""
    if rpm is None or not len(orders):
        return
    points = np.linspace(0, len(rpm) - 1, min(len(rpm), 400)).astype(int)
    times = spec.grid.start + points * (spec.grid.length / spec.grid.rate / len(rpm))
    for order in orders:
        panel.line(
            times, order * np.asarray(rpm)[points] / 60, color="white", line_dash="dashed",
            alpha=0.6, legend_label=f"order {order:g}",
        )  # fmt: skip
    panel.legend.click_policy = "hide"
    panel.legend.background_fill_color = "#202028"
    panel.legend.background_fill_alpha = 0.6
    panel.legend.label_text_color = "white"
    panel.legend.label_text_font_size = "8pt"
    panel.legend.padding = panel.legend.spacing = 2


def _mark(panel: Any, freq: float) -> None:
    from bokeh.models import Label, Span

    panel.add_layout(Span(location=freq, dimension="width", line_color="cyan", line_dash="dashed"))
    panel.add_layout(
        Label(
            x=8, y=freq, x_units="screen", text=f"estimated from {freq:.0f} Hz up",
            text_color="cyan", text_font_size="9pt",
        )
    )  # fmt: skip


def _difference(
    title: str, error: np.ndarray, spec: SpecMap, ranges: tuple[Any, Any], rpm_source: Any
) -> Any:
    """Panel of a difference in dB; every block of cells is drawn by its largest absolute value."""
    from bokeh.models import (
        ColorBar,
        CustomJSHover,
        CustomJSTickFormatter,
        FixedTicker,
        LinearColorMapper,
    )
    from bokeh.palettes import RdBu11, interp_palette

    high, low = shrunk(error, *DRAWN), -shrunk(-error, *DRAWN)
    worst = np.where(high >= -low, high, low)
    values = np.round(100 * np.clip(worst, -300, 300)).astype(np.int16)
    limit = 100 * DIFFERENCE_RANGE
    colours = LinearColorMapper(palette=interp_palette(RdBu11, 256), low=-limit, high=limit)
    panel = _panel(title, ranges)
    source = _source(values, error.shape, spec)
    image = panel.image(
        "image", source=source, x="x", y="y", dw="dw", dh="dh", color_mapper=colours
    )
    level = CustomJSHover(code="return (value > 0 ? '+' : '') + (value / 100).toFixed(1)")
    _hover(panel, image, rpm_source, ("difference, dB", "@image{level}"), level)
    ticks = np.arange(-limit, limit + 1, 500).tolist()
    panel.add_layout(
        ColorBar(
            color_mapper=colours, ticker=FixedTicker(ticks=ticks), title="dB", width=12,
            formatter=CustomJSTickFormatter(code="return (tick / 100).toFixed(0)"),
        ),
        "right",
    )  # fmt: skip
    return panel
