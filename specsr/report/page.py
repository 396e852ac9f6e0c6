"""The page of a report: what it shows, its parts in order, and the one file they become."""

from __future__ import annotations

import html
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from string import Template
from typing import Any

from specsr.errors import SpecsrError
from specsr.maps.spec_map import SpecMap
from specsr.signal import Signal
from specsr.version import __version__


@dataclass(frozen=True)
class ReportOptions:
    """What a report shows.

    Attributes:
        orders: orders to draw and cut, where a speed is known.
        channel: position of the channel that is shown.
        db_range: range of the colours and of the scores, dB.
        max_freq: highest frequency at first, Hz.
        bandwidth: width of the order cuts in orders; None is the line's own.
        audio_seconds: length of the players, s; 0 for none.
        title: title of the page.
    """

    orders: Sequence[float] = ()
    channel: int = 0
    db_range: float = 80.0
    max_freq: float | None = None
    bandwidth: float | None = None
    audio_seconds: float = 30.0
    title: str = "specsr report"


@dataclass(frozen=True, eq=False)
class Item:
    """One recording or map of a report: its part, its file's name, itself and its map."""

    role: str
    name: str
    source: Signal | SpecMap
    spec: SpecMap


@dataclass(eq=False)
class Page:
    """Parts of the page as they come: HTML, and Bokeh figures that fill places in it."""

    parts: list[str] = field(default_factory=list)
    figures: dict[str, Any] = field(default_factory=dict)

    def heading(self, text: str) -> None:
        self.parts.append(f"<h2>{html.escape(text)}</h2>")

    def text(self, text: str, kind: str = "") -> None:
        attribute = f' class="{kind}"' if kind else ""
        self.parts.append(f"<p{attribute}>{html.escape(text)}</p>")

    def table(self, rows: Sequence[Sequence[str]], name: str) -> None:
        head, *body = ["".join(f"<@>{html.escape(c)}</@>" for c in row) for row in rows]
        lines = [head.replace("@>", "th>"), *(row.replace("@>", "td>") for row in body)]
        table = "".join(f"<tr>{line}</tr>" for line in lines)
        self.parts.append(f'<div class="scroll"><table id="{name}">{table}</table></div>')

    def figure(self, name: str, figure: Any) -> None:
        self.figures[name] = figure
        self.parts.append(f"<!--figure:{name}-->")

    def render(self, title: str) -> str:
        """Return the whole page; scripts, figures and sound are in it.

        Raises:
            SpecsrError: Bokeh is missing.
        """
        embed, resources = _bokeh()
        script, places = embed.components(self.figures)
        body = "\n".join(self.parts)
        for name, place in places.items():
            body = body.replace(f"<!--figure:{name}-->", place)
        template = Template(Path(__file__).with_name("report.html").read_text(encoding="utf-8"))
        return template.substitute(
            title=html.escape(title),
            made=f"Made by specsr {__version__}. Everything is in this file.",
            resources=resources.Resources("inline", components=["bokeh", "bokeh-widgets"]).render(),
            body=body,
            script=script,
        )


def _bokeh() -> tuple[Any, Any]:
    try:
        from bokeh import embed, resources
    except ImportError as error:
        raise SpecsrError(f"reports need Bokeh ({error}): pip install 'specsr[report]'") from None
    return embed, resources
