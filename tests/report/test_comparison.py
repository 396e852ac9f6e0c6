"""Report of a comparison: its tables, and curves with the values of the comparison."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

pytest.importorskip("bokeh")
from bokeh.layouts import GridPlot
from bokeh.models import Line, VArea

from specsr.errors import SpecsrError
from specsr.nvh.compare import Comparison
from specsr.report.comparison import comparison_page
from specsr.report.page import Drawing, Heading, Table, Text

RUNS = ("first", "<second>", "third")


def comparison(channel: str = "mic", unit: str = "Pa", count: int = 3) -> Comparison:
    rpm = np.arange(1000.0, 2001.0, 100.0)
    levels = 60.0 + np.arange(count)[:, None, None] + np.zeros((count, 2, rpm.size))
    levels[0, 1, 0] = np.nan
    bands = 40.0 + 2 * np.arange(count)[:, None] + np.zeros((count, 3))
    bands[-1, 0] = -np.inf
    return Comparison(
        channel, unit, RUNS[:count], 0, rpm, ("overall", "order 2"), levels,
        np.array([25.0, 31.5, 40.0]), bands, "A" if unit == "Pa" else "Z",
    )  # fmt: skip


def parts(page: Any, kind: type) -> list[Any]:
    return [part for part in page.parts if isinstance(part, kind)]


def test_each_channel_has_its_section_those_of_one_unit_together() -> None:
    found = [comparison("mic"), comparison("acc", "m/s2"), comparison("near")]
    page = comparison_page(found, "specsr compare a b -o c.html")
    heads = [head.text for head in parts(page, Heading)]
    assert [head.split(",")[0] for head in heads] == ["mic", "near", "acc", "Settings and versions"]
    assert heads[0].endswith("dB re 20 µPa, A-weighted") and "1e-6 m/s²" in heads[2]
    assert len({part.name for part in parts(page, Drawing) + parts(page, Table)}) == 6
    texts = " ".join(text.text for text in parts(page, Text))
    assert "1000 to 2000 rpm in steps of 100 rpm; reference: first." in texts
    assert "without a level there: third" in texts and "specsr compare a b -o c.html" in texts
    html = page.render("Comparison")
    assert "&lt;second&gt;" in html and "<td><second>" not in html


def test_the_table_holds_means_differences_and_scatter() -> None:
    head, *rows = parts(comparison_page([comparison()]), Table)[0].rows
    assert head == ["run", "overall", "difference", "order 2", "difference"]
    assert rows[0] == ["first", "60.0", "-", "60.0", "-"]
    assert rows[2] == ["third", "62.0", "+2.0", "62.0", "+2.0"]
    assert rows[3] == ["mean scatter", "1.0", "", "1.0", ""]
    assert len(parts(comparison_page([comparison(count=2)]), Table)[0].rows) == 3


def test_the_curves_are_levels_differences_and_third_octaves_of_every_run() -> None:
    layout = parts(comparison_page([comparison()]), Drawing)[0].interactive()
    assert isinstance(layout, GridPlot)
    panels = [child[0] for child in layout.children]
    assert len(panels) == 6  # overall, order 2, third octaves; levels and differences
    lines = [[r for r in p.renderers if isinstance(r.glyph, Line)] for p in panels]
    assert [len(each) for each in lines] == [3] * 6
    values = [r.data_source.data["y"] for r in lines[2]]
    assert np.isnan(values[0][0]) and (values[1] == 61).all()
    assert (lines[3][2].data_source.data["y"][1:] == 2).all()  # nan where the reference has none
    assert np.isnan(lines[4][2].data_source.data["y"][0])  # silence
    areas = [[r for r in p.renderers if isinstance(r.glyph, VArea)] for p in panels]
    assert [len(each) for each in areas] == [1, 0] * 3
    assert panels[0].x_range is panels[3].x_range  # one zoom
    assert (panels[0].y_range.start, panels[0].y_range.end) == (59.5, 62.5)  # 3 dB at least
    (legend,) = panels[0].legend
    assert [item.label.value for item in legend.items] == [*RUNS, "mean ± scatter"]
    assert len(legend.items[0].renderers) == 6 and legend.click_policy == "hide"


def test_no_comparison_is_refused() -> None:
    with pytest.raises(SpecsrError, match="no comparison"):
        comparison_page([])
