"""Bokeh figures of the page: maps on one colour scale, the map beside them, cursors over both."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from specsr.app.screen import Axes, Picture
from specsr.nvh.view import X_AXES, Y_AXES
from specsr.plots.comparison import DIFFERENCE_RANGE

SIZE = (600, 1200)
"""Most rows and columns of cells on the screen."""

MOST_MAPS = 6
"""Maps that the slider can hold."""

BORDER = 62
"""Width in pixels of the colour bar with its numbers, which Bokeh measures only once."""

UNCERTAINTY_RANGE = 10.0
"""Top of the colours of an uncertainty, dB."""

COLOURS = ("Magma", "Viridis", "Inferno", "Turbo", "Cividis", "Greys")
"""Colour maps that are offered."""

_EMPTY: dict[str, list] = {"image": [], "x": [], "y": [], "dw": [], "dh": [], "title": []}

# Values under the mouse: the speed is interpolated between the points of its curve.
_SPEED = """
const {t, rpm} = speed.data;
function speed_at(x) {
  if (axes.tags[0] == "rpm") return x;
  if (t.length == 0) return NaN;
  let i = 0;
  while (i + 2 < t.length && t[i + 1] < x) i++;
  const j = Math.min(i + 1, t.length - 1);
  const part = t[j] > t[i] ? Math.min(Math.max((x - t[i]) / (t[j] - t[i]), 0), 1) : 0;
  return rpm[i] + part * (rpm[j] - rpm[i]);
}
const turns = speed_at(special_vars.x) / 60;
const y = special_vars.y, by_order = axes.tags[1] == "order";
const shown = (number, digits) => isFinite(number) ? number.toFixed(digits) : "-";
"""
_HOVER = {
    "hz": "return shown(by_order ? y * turns : y, 1);",
    "order": "return shown(by_order ? y : turns > 0 ? y / turns : NaN, 3);",
    "rpm": "return shown(60 * turns, 0);",
    "time": 'return axes.tags[0] == "time" ? special_vars.x.toFixed(3) : "-";',
}


def colours(name: str) -> list[str]:
    """Return the 256 colours of one of `COLOURS`."""
    from bokeh import palettes

    palette = list(getattr(palettes, f"{name}256"))
    return palette[::-1] if name == "Greys" else palette  # silence is white on paper


class Maps:
    """Figures of maps with shared axes: the maps of the slider, and one map beside them."""

    def __init__(self) -> None:
        from bokeh.models import ColumnDataSource, LinearColorMapper, Range1d

        self.x_range, self.y_range = Range1d(0, 1), Range1d(0, 1)
        self.mapper = LinearColorMapper(
            palette=colours("Magma"), low=0, high=100, nan_color=(0, 0, 0, 0)
        )
        self.beside_mapper = LinearColorMapper(
            palette=colours("Viridis"), low=0, high=10, nan_color=(0, 0, 0, 0)
        )
        self.speed = ColumnDataSource({"t": [], "rpm": []})
        self.lines = ColumnDataSource({"xs": [], "ys": [], "name": []})
        self.line_names = ColumnDataSource({"x": [], "y": [], "name": []})
        self.sources = [ColumnDataSource(dict(_EMPTY)) for _ in range(MOST_MAPS)]
        self.beside_source = ColumnDataSource(dict(_EMPTY))
        self.spans: list[Any] = []
        self.boxes: list[Any] = []
        self.hovers: list[Any] = []
        self.bars: list[Any] = []
        self.main = self._figure("maps")
        self.beside = self._figure("beside")
        self.beside.visible = False
        self.images = [
            self.main.image(
                "image", source=source, x="x", y="y", dw="dw", dh="dh", color_mapper=self.mapper
            )
            for source in self.sources
        ]
        self.beside_image = self.beside.image(
            "image", source=self.beside_source, x="x", y="y", dw="dw", dh="dh",
            color_mapper=self.beside_mapper,
        )  # fmt: skip
        self._dress(self.main, self.mapper, self.images, "dB")
        self._dress(self.beside, self.beside_mapper, [self.beside_image], "dB")

    def _figure(self, name: str) -> Any:
        from bokeh.plotting import figure

        shown = figure(
            name=name, x_range=self.x_range, y_range=self.y_range,
            height=360, styles={"height": "max(320px, 100vh - 440px)"},
            sizing_mode="stretch_width", min_border_right=BORDER,
            tools="box_zoom,pan,wheel_zoom,xbox_select,undo,reset",
            active_drag="box_zoom", active_scroll="wheel_zoom", toolbar_location="above",
            background_fill_color="#e4e4e4", output_backend="canvas",
        )  # fmt: skip
        shown.toolbar.logo = None
        shown.grid.visible = False
        shown.tags = ["time", "freq"]
        return shown

    def _dress(self, shown: Any, mapper: Any, images: Sequence[Any], unit: str) -> None:
        """Add colour bar, hover text, cursor, marks and harmonic lines."""
        from bokeh.models import BoxAnnotation, ColorBar, CustomJSHover, HoverTool, Span

        bar = ColorBar(color_mapper=mapper, title=unit, width=12, padding=4)
        shown.add_layout(bar, "right")
        self.bars.append(bar)
        formats = {
            name: CustomJSHover(args={"speed": self.speed, "axes": shown}, code=_SPEED + code)
            for name, code in _HOVER.items()
        }
        # every row has a variable of its own: a formatter belongs to one
        tips = [
            ("", "@title"), ("Hz", "$y{custom}"), ("order", "$sy{custom}"), ("s", "$x{custom}"),
            ("rpm", "$sx{custom}"), ("dB", "@image{0.0}"),
        ]  # fmt: skip
        formatters = {
            "$y": formats["hz"], "$sy": formats["order"], "$x": formats["time"],
            "$sx": formats["rpm"],
        }  # fmt: skip
        hover = HoverTool(renderers=list(images)[-1:], tooltips=tips, formatters=formatters)
        shown.add_tools(hover)
        self.hovers.append(hover)
        shown.multi_line(
            "xs", "ys", source=self.lines, line_color="white", line_dash="dashed", line_alpha=0.75
        )
        shown.text(
            "x", "y", text="name", source=self.line_names, text_color="white",
            text_font_size="9px", text_baseline="bottom", text_align="right",
        )  # fmt: skip
        colour = "#40e0ff"
        for dimension in ("height", "width"):
            span = Span(dimension=dimension, line_color=colour, location=0, visible=False)
            self.spans.append(span)
            shown.add_layout(span)
        box = BoxAnnotation(fill_color=colour, fill_alpha=0.15, visible=False)
        self.boxes.append(box)
        shown.add_layout(box)

    def axes(self, axes: Axes) -> None:
        """Label the axes."""
        for shown in (self.main, self.beside):
            shown.tags = [axes.x, axes.y]
        for axis, (title, unit) in (("xaxis", X_AXES[axes.x]), ("yaxis", Y_AXES[axes.y])):
            label = f"{title} ({unit})" if unit else title
            for shown in (self.main, self.beside):
                getattr(shown, axis).axis_label = label

    def shows(self, extent: tuple[float, float, float, float]) -> bool:
        """Whether the view is all within these edges: left, right, bottom, top."""
        x, y = self.x_range, self.y_range
        return bool(np.allclose((x.start, x.end, y.start, y.end), _seen(extent)))

    def level_label(self, label: str) -> None:
        """Label the levels of the maps by their unit."""
        self.bars[0].title = label

    def frame(
        self,
        extent: tuple[float, float, float, float],
        whole: tuple[float, float, float, float] | None = None,
    ) -> None:
        """Show a part of a map; the reset tool shows ``whole``, or else the same part."""
        left, right, bottom, top = _seen(extent)
        x0, x1, y0, y1 = _seen(whole or extent)
        self.x_range.update(start=left, end=right, reset_start=x0, reset_end=x1, bounds=None)
        self.y_range.update(start=bottom, end=top, reset_start=y0, reset_end=y1, bounds=None)

    def draw(self, place: int, picture: Picture | None, title: str) -> None:
        """Draw the part of a map of the slider."""
        self.sources[place].data = _data(picture, title)

    def draw_beside(self, picture: Picture | None, title: str, signed: bool) -> None:
        """Draw a difference (colours around zero) or an uncertainty (from zero)."""
        from bokeh.palettes import RdBu11, interp_palette

        palette = interp_palette(RdBu11, 256) if signed else colours("Viridis")
        high = DIFFERENCE_RANGE if signed else UNCERTAINTY_RANGE
        self.beside_mapper.update(palette=list(palette), low=-high if signed else 0.0, high=high)
        self.beside_source.data = _data(picture, title)

    def cursor(self, x: float, y: float) -> None:
        """Place the cross."""
        for span in self.spans:
            span.update(location=x if span.dimension == "height" else y, visible=True)

    def hide_cursor(self) -> None:
        """Remove the cross."""
        for span in self.spans:
            span.visible = False

    def marked(self, low: float, high: float) -> None:
        """Mark a stretch of the horizontal axis; nothing if it is empty."""
        for box in self.boxes:
            box.update(left=low, right=high, visible=high > low)

    def harmonics(self, lines: Sequence[tuple[np.ndarray, np.ndarray]]) -> None:
        """Draw harmonic lines with their numbers."""
        names = [str(n) for n in range(1, len(lines) + 1)]
        self.lines.data = {
            "xs": [x for x, _ in lines], "ys": [y for _, y in lines], "name": names,
        }  # fmt: skip
        self.line_names.data = {
            "x": [x[-1] for x, _ in lines], "y": [y[-1] for _, y in lines], "name": names,
        }  # fmt: skip

    def speeds(self, curve: tuple[np.ndarray, np.ndarray] | None) -> None:
        """Give the hover text the speed of the machine."""
        times, rpm = curve if curve is not None else ([], [])
        self.speed.data = {"t": times, "rpm": rpm}


def _seen(extent: tuple[float, float, float, float]) -> tuple[float, float, float, float]:
    """Return edges without frequencies below zero, which the first row reaches."""
    left, right, bottom, top = extent
    return left, right, max(bottom, 0.0), top


def _data(picture: Picture | None, title: str) -> dict[str, list]:
    if picture is None:
        return dict(_EMPTY)
    return {
        "image": [np.ascontiguousarray(picture.values)], "title": [title],
        "x": [picture.left], "dw": [picture.right - picture.left],
        "y": [picture.bottom], "dh": [picture.top - picture.bottom],
    }  # fmt: skip
