"""Controls of the maps on the page: axes, weighting, colours, cursors, and what is beside."""

from __future__ import annotations

from typing import Any

import panel as pn

from specsr.app.cursors import MOST_LINES
from specsr.app.look_figures import COLOURS
from specsr.app.screen import Axes

BESIDE = ("nothing", "difference", "uncertainty")

_FADE = """
for (const [k, image] of images.entries())
    image.glyph.global_alpha = {value: Math.min(Math.max(cb_obj.value - k + 1, 0), 1)};
images[0].glyph.global_alpha = {value: 1};
hover.renderers = [images[Math.round(cb_obj.value)]];
"""
# the values under the mouse are those of the map that is seen most


class Controls:
    """Widgets of the maps.

    Args:
        images: renderers of the maps, from first to last; the slider fades from each to the next.
        hover: shows the values of one of them.
    """

    def __init__(self, images: list[Any], hover: Any) -> None:
        w = pn.widgets
        # no MultiChoice, here and elsewhere: it takes names as HTML
        self.chosen = w.CheckBoxGroup(
            name="Maps", options={}, inline=True, sizing_mode="stretch_width",
            stylesheets=[".bk-input-group { display: flex; flex-wrap: wrap; }"],
        )  # fmt: skip
        self.slider = w.FloatSlider(
            name="Map shown", start=0, end=1, step=0.02, value=1, sizing_mode="stretch_width",
            show_value=False, disabled=True,
        )  # fmt: skip
        self.slider.jscallback(value=_FADE, args={"images": images, "hover": hover})
        self.channel = w.Select(name="Channel", options=[], width=120)
        self.x = w.Select(name="Across", options={"s": "time", "rpm": "rpm"}, width=70)
        self.y = w.Select(name="Up", options={"Hz": "freq", "order": "order"}, width=75)
        self.weighting = w.Select(name="Weighting", options=["Z", "A"], width=70)
        self.detail = w.Select(
            name="Cells drawn by", options={"maximum": "max", "mean power": "rms"}, width=110
        )
        self.palette = w.Select(name="Colours", options=list(COLOURS), width=85)
        self.spacing = w.FloatInput(name="Rows, Hz", value=None, placeholder="auto", width=75)
        self.levels = w.RangeSlider(
            name="Level range, dB", start=-150, end=150, value=(20, 100), step=1,
            sizing_mode="stretch_width",
        )  # fmt: skip
        self.beside = w.Select(name="Beside", options=list(BESIDE), width=110)
        self.minus = w.Select(name="minus", options={}, width=150, visible=False)
        self.mode = w.RadioButtonGroup(options=["Read", "Harmonics"], value="Read", width=150)
        self.base = w.FloatInput(name="Base", value=None, width=85, step=0.5, start=0)
        self.count = w.IntInput(name="Lines", value=8, start=1, end=MOST_LINES, width=65)
        self.clear = w.Button(name="Clear", width=60)
        self.read_out = pn.pane.HTML("", sizing_mode="stretch_width", css_classes=["read-out"])
        self.note = pn.pane.HTML("", sizing_mode="stretch_width", css_classes=["note"])

    @property
    def axes(self) -> Axes:
        """How the maps are looked at."""
        return Axes(self.x.value, self.y.value, self.weighting.value, self.detail.value)

    def view(self, figures: list[Any]) -> Any:
        """Return the panel of the figures, with the controls above and the cursors below."""
        wide = {"sizing_mode": "stretch_width"}
        row = pn.Row(
            self.channel, self.x, self.y, self.weighting, self.detail, self.palette, self.spacing,
            self.beside, **wide,
        )  # fmt: skip
        cursors = pn.Row(
            pn.Column(pn.pane.HTML("Click on a map:", margin=(5, 10, 0, 10)), self.mode),
            self.base, self.count, pn.Column(pn.Spacer(height=14), self.clear), self.read_out,
            **wide,
        )  # fmt: skip
        edge = (5, 25, 5, 5)  # room for the numbers of the colour bar
        maps = pn.Row(*(pn.pane.Bokeh(f, margin=edge, **wide) for f in figures), **wide)
        scales = pn.Row(self.slider, self.levels, self.minus, **wide)
        return pn.Column(row, scales, self.chosen, maps, cursors, self.note, **wide)
