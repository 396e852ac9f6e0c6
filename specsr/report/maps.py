"""Bokeh figures of the maps of a report, with shared zoom and colour scale.

Levels are stored in steps of `specsr.report.detail` above a base.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from specsr.maps.spec_map import SpecMap
from specsr.plots.comparison import DIFFERENCE_RANGE
from specsr.plots.maps import limits
from specsr.report.content import Difference, MapView, speeds
from specsr.report.detail import STEPS, Cells, cells, follow_zoom, shown_part

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
_HOVER_LEVEL = f"return value == 0 ? 'silence' : (value / {STEPS} + base).toFixed(1);"


def map_panels(
    maps: Mapping[str, SpecMap],
    difference: Difference | None,
    view: MapView,
    *,
    rpm: np.ndarray | None,
    marks: Mapping[str, float] | None = None,
) -> Any:
    """Return a Bokeh layout of maps on one colour scale.

    With two or more maps the first panel fades from the first map to the second by a slider.
    Below it are all maps, the difference and the speed, with shared zoom.

    Args:
        maps: title -> map; the first two are faded into each other.
        difference: of two maps; None for none.
        view: part and colours.
        rpm: speed in 1/min at every sample of the first map's signal, for the hover text and the
            order lines; None if unknown.
        marks: title -> frequency in Hz from which that map is estimated, drawn as a line.
    """
    from bokeh.layouts import column, gridplot
    from bokeh.models import CustomJS, LinearColorMapper, RangeSlider, Slider
    from bokeh.palettes import Magma256

    low, top = view.limits
    base, orders = top - BASE_BELOW, view.orders
    colours = LinearColorMapper(palette=Magma256, low=STEPS * (low - base), high=STEPS * BASE_BELOW)
    rpm_source = _rpm_source(next(iter(maps.values())), rpm)
    found = {name: _cells(spec, view, base) for name, spec in maps.items()}
    sources = {name: each.drawn for name, each in found.items()}
    drawn = list(found.values())
    names = list(maps)
    ranges = _ranges(maps.values(), view)
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
        panel, each = _difference(difference, view, ranges, rpm_source)
        panels.append(panel)
        drawn.append(each)
    follow_zoom(drawn, ranges)
    scale = RangeSlider(
        start=top - 150, end=top + 10, value=(low, top), step=1,
        title="Colour scale from / to, dB", sizing_mode="stretch_width",
    )  # fmt: skip
    scale.js_on_change(
        "value",
        CustomJS(
            args={"colours": colours, "base": base},
            code=f"colours.low = {STEPS} * (cb_obj.value[0] - base);"
            f"colours.high = {STEPS} * (cb_obj.value[1] - base);",
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
    foot = [] if rpm is None else [_speed(maps[names[0]], rpm, ranges)]
    return column(scale, *head, grid, *foot, sizing_mode="stretch_width")


def _ranges(specs: Iterable[SpecMap], view: MapView) -> tuple[Any, Any]:
    from bokeh.models import Range1d

    times, freqs = limits(specs, view.max_freq)
    times = view.span or times
    return Range1d(*times, bounds=times), Range1d(*freqs, bounds=freqs)


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


def _cells(spec: SpecMap, view: MapView, base: float) -> Cells:
    """Levels of a map in steps above the base."""
    steps = np.round(STEPS * (spec.db[view.channel].astype(np.float64) - base))
    values = np.clip(steps, 0, 65535).astype(np.uint16)
    return cells(values, spec, shown_part(spec, view.max_freq, view.span))


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

    marks = STEPS * (np.arange(-20, 60) * 10.0 - base)
    panel.add_layout(
        ColorBar(
            color_mapper=colours, ticker=FixedTicker(ticks=marks.tolist()), title=title, width=12,
            formatter=CustomJSTickFormatter(
                args={"base": base}, code=f"return (tick / {STEPS} + base).toFixed(0)"
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


def _speed(spec: SpecMap, rpm: np.ndarray, ranges: tuple[Any, Any]) -> Any:
    """Panel of the speed over time, and of further shafts."""
    from bokeh.models import HoverTool
    from bokeh.palettes import Category10_10
    from bokeh.plotting import figure

    panel = figure(
        title="Speed", x_range=ranges[0], height=170, sizing_mode="stretch_width",
        x_axis_label="Time (s)", y_axis_label="rpm", tools="reset,save",
    )  # fmt: skip
    for colour, (name, each) in zip(Category10_10, speeds(spec, rpm).items()):
        points = np.linspace(0, len(each) - 1, min(len(each), 1000)).astype(int)
        times = spec.grid.start + points * (spec.grid.length / spec.grid.rate / len(each))
        panel.line(
            times, np.round(np.asarray(each)[points], 1), color=colour, width=1.5,
            **({"legend_label": name} if spec.shafts else {}),
        )  # fmt: skip
    panel.add_tools(HoverTool(tooltips=[("s", "$x{0.000}"), ("rpm", "$y{0}")], mode="vline"))
    return panel


def _difference(
    difference: Difference, view: MapView, ranges: tuple[Any, Any], rpm_source: Any
) -> tuple[Any, Cells]:
    """Panel of a difference in dB, and its cells; a block of cells is drawn by its mean."""
    from bokeh.models import (
        ColorBar,
        CustomJSHover,
        CustomJSTickFormatter,
        FixedTicker,
        LinearColorMapper,
    )
    from bokeh.palettes import RdBu11, interp_palette

    spec = difference.spec
    values = np.round(STEPS * np.clip(difference.values, -300, 300)).astype(np.int16)
    found = cells(values, spec, shown_part(spec, view.max_freq, view.span), "mean")
    limit = STEPS * DIFFERENCE_RANGE
    colours = LinearColorMapper(palette=interp_palette(RdBu11, 256), low=-limit, high=limit)
    panel = _panel(difference.title, ranges)
    image = panel.image(
        "image", source=found.drawn, x="x", y="y", dw="dw", dh="dh", color_mapper=colours
    )
    level = CustomJSHover(code=f"return (value > 0 ? '+' : '') + (value / {STEPS}).toFixed(1)")
    _hover(panel, image, rpm_source, ("difference, dB", "@image{level}"), level)
    ticks = np.arange(-limit, limit + 1, 5 * STEPS).tolist()
    panel.add_layout(
        ColorBar(
            color_mapper=colours, ticker=FixedTicker(ticks=ticks), title="dB", width=12,
            formatter=CustomJSTickFormatter(code=f"return (tick / {STEPS}).toFixed(0)"),
        ),
        "right",
    )  # fmt: skip
    return panel, found
