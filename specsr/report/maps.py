"""The maps of a report, to zoom and read, drawn by Bokeh.

Levels travel as whole hundredths of a dB above a base, in 16 bits: half the size of floats and
finer than anyone reads.  Maps are shrunk to what a screen shows before that (`DRAWN`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from specsr.maps.spec_map import SpecMap
from specsr.plots.comparison import DIFFERENCE_RANGE
from specsr.plots.parts import colour_top, shrunk

DRAWN = (600, 1000)
"""Rows and columns of a map in a report at most; the highest level of each block is drawn."""

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
_HOVER_LEVEL = "return value == 0 ? 'silent' : (value / 100 + base).toFixed(1);"


def map_panels(
    maps: Mapping[str, SpecMap],
    difference: tuple[str, np.ndarray, SpecMap] | None,
    *,
    rpm: np.ndarray | None,
    orders: Sequence[float] = (),
    marks: Mapping[str, float] | None = None,
    channel: int = 0,
    db_range: float = 80.0,
    max_freq: float | None = None,
) -> tuple[Any, tuple[float, float]]:
    """Return a Bokeh layout of maps on one colour scale, and that scale's ends in dB.

    With two maps or more the first panel fades from one to the next by a slider; below it all
    maps side by side, sharing zoom and scale, and the difference.

    Args:
        maps: title -> map; the first two are faded into each other.
        difference: title, dB [rows, frames] and the map whose grid it has.
        rpm: speed in 1/min at every sample of the first map's signal, for hover and orders.
        orders: orders to draw as lines where there is a speed.
        marks: title -> frequency in Hz from which that map is estimated; drawn as a line.
        channel: position of the channel.
        db_range: dB of the colour scale.
        max_freq: highest frequency at first, Hz; zooming out shows all.
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
    speed = _speed_source(next(iter(maps.values())), rpm)
    sources = {name: _image(levels[name], spec, base) for name, spec in maps.items()}
    names = list(maps)
    ranges = _ranges(maps.values(), max_freq)
    panels = []
    if len(names) > 1:
        fade = _panel(f"{names[0]}  |  {names[1]}", ranges, height=420)
        images = [_draw(fade, sources[n], colours, base, speed, maps[n]) for n in names[:2]]
        images[1].glyph.global_alpha = 0.0
        _bar(fade, colours, base, f"Level ({maps[names[0]].grid.level_label})", db_range)
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
        _draw(panel, sources[name], colours, base, speed, spec)
        _bar(panel, colours, base, "dB", db_range)
        _lines(panel, rpm, orders, spec)
        if marks and name in marks:
            _mark(panel, marks[name])
        panels.append(panel)
    if difference is not None:
        panels.append(_difference(*difference, ranges, speed))
    scale = RangeSlider(
        start=top - 150, end=top + 10, value=(top - db_range, top), step=1,
        title="colours from / to, dB", sizing_mode="stretch_width",
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
    """Levels of a map as whole hundredths of a dB above the base, at most `DRAWN` cells."""
    values = np.clip(np.round(100 * (shrunk(db, *DRAWN).astype(np.float64) - base)), 0, 65535)
    return _source(values.astype(np.uint16), db.shape, spec)


def _source(values: np.ndarray, full: tuple[int, int], spec: SpecMap) -> Any:
    from bokeh.models import ColumnDataSource

    # a last cell that stands for fewer is drawn as wide as the others
    rows, columns = (
        -(-n // limit) * drawn for n, limit, drawn in zip(full, DRAWN, values.shape, strict=True)
    )
    grid = spec.grid
    left = grid.start - grid.dt / grid.cell[1] / 2
    return ColumnDataSource({
        "image": [values], "x": [left], "y": [float(spec.freqs[0] - grid.df / 2)],
        "dw": [columns * grid.dt], "dh": [rows * grid.df],
    })  # fmt: skip


def _speed_source(spec: SpecMap, rpm: np.ndarray | None) -> Any:
    from bokeh.models import ColumnDataSource

    if rpm is None:
        return None
    points = np.linspace(0, len(rpm) - 1, min(len(rpm), 1000)).astype(int)
    times = spec.grid.start + points / (len(rpm) / spec.grid.length * spec.grid.rate)
    return ColumnDataSource({"t": times, "rpm": np.round(np.asarray(rpm)[points], 1)})


def _draw(panel: Any, source: Any, colours: Any, base: float, speed: Any, spec: SpecMap) -> Any:
    from bokeh.models import CustomJSHover

    image = panel.image(
        "image", source=source, x="x", y="y", dw="dw", dh="dh", color_mapper=colours
    )
    level = CustomJSHover(args={"base": base}, code=_HOVER_LEVEL)
    _hover(panel, image, speed, (spec.grid.level_label, "@image{level}"), level)
    return image


def _hover(panel: Any, image: Any, speed: Any, last: tuple[str, str], level: Any) -> None:
    from bokeh.models import CustomJSHover, HoverTool

    tips = [("Hz", "$y{0.0}"), ("s", "$x{0.000}")]
    formatters: dict[str, Any] = {"@image": level}
    if speed is not None:
        tips = [("Hz", "$y{0.0}"), ("s", "$x{time}"), ("rpm", "$x{rpm}")]
        formatters["$x"] = CustomJSHover(args={"source": speed}, code=_HOVER_X)
    panel.add_tools(HoverTool(renderers=[image], tooltips=[*tips, last], formatters=formatters))


def _bar(panel: Any, colours: Any, base: float, title: str, db_range: float) -> None:
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
    """Order lines, which a click on their name in the legend hides."""
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
    title: str, error: np.ndarray, spec: SpecMap, ranges: tuple[Any, Any], speed: Any
) -> Any:
    """Panel of a difference in dB; of the cells that share a place the greatest error is shown."""
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
    _hover(panel, image, speed, ("difference, dB", "@image{level}"), level)
    ticks = [100.0 * x for x in range(-15, 16, 5)]
    panel.add_layout(
        ColorBar(
            color_mapper=colours, ticker=FixedTicker(ticks=ticks), title="dB", width=12,
            formatter=CustomJSTickFormatter(code="return (tick / 100).toFixed(0)"),
        ),
        "right",
    )  # fmt: skip
    return panel
