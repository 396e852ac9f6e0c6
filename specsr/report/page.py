"""The page of a report: its options, its parts in order, and the HTML file they are joined to.

The parts do not depend on the kind of file: `specsr.report.printed` makes a PDF file of them.
"""

from __future__ import annotations

import html
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from string import Template
from typing import Any

from specsr.choices import AUDIO_SECONDS, DB_RANGE
from specsr.extras import require
from specsr.maps.spec_map import SpecMap
from specsr.names import plain
from specsr.signal import Signal
from specsr.version import __version__

_UUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")


@dataclass(frozen=True)
class ReportOptions:
    """Contents of a report.

    Attributes:
        orders: orders to draw and cut; they need a speed.
        channel: position of the channel.
        db_range: range of the colours and of the scores, dB.
        max_freq: highest frequency of the maps, Hz; None shows all.
        span: first and last time of the maps and players, s; None shows all.
        bandwidth: width of the order cuts in orders; None: that of the whole line
            (`specsr.nvh.order_cut.order_cut`).
        audio_seconds: length of the audio players, s; 0 for none.
        title: title of the page.
        origins: lines on how the files were made, for the end of the page.
        command: the command line that made the page; empty for none.
        device: torch device that estimates the phase of maps for the players, or ``"auto"``.
        result: what the result is called, such as ``"denoised"``.
    """

    orders: Sequence[float] = ()
    channel: int = 0
    db_range: float = DB_RANGE
    max_freq: float | None = None
    span: tuple[float, float] | None = None
    bandwidth: float | None = None
    audio_seconds: float = AUDIO_SECONDS
    title: str = "specsr report"
    origins: Sequence[str] = ()
    command: str = ""
    device: str = "auto"
    result: str = "super-resolved"


@dataclass(frozen=True, eq=False)
class Item:
    """One recording or map of a report.

    Attributes:
        role: ``"input"``, ``"reference"``, or what the result is called.
        name: file name.
        source: the recording or map as given.
        spec: its map.
        is_result: whether it was computed from the input.
    """

    role: str
    name: str
    source: Signal | SpecMap
    spec: SpecMap
    is_result: bool = False


@dataclass(frozen=True)
class Heading:
    """A heading."""

    text: str


@dataclass(frozen=True)
class Text:
    """A paragraph; ``kind`` is its CSS class, ``"screen"`` for one that is not printed."""

    text: str
    kind: str = ""


@dataclass(frozen=True)
class Table:
    """A table with a head row; ``name`` is its id."""

    rows: Sequence[Sequence[str]]
    name: str


@dataclass(frozen=True)
class Markup:
    """A piece of HTML, which has no counterpart on paper."""

    text: str


@dataclass(frozen=True, eq=False)
class Drawing:
    """A figure under a name of its own, drawn when the file is made.

    Attributes:
        name: of the figure.
        interactive: returns its Bokeh figure.
        printed: draws it into a part of a page (a `matplotlib.figure.SubFigure`); None for a
            figure that is not printed.
        height: of the part on paper, mm.
    """

    name: str
    interactive: Callable[[], Any]
    printed: Callable[[Any], None] | None = None
    height: float = 90.0


Part = Heading | Text | Table | Markup | Drawing


@dataclass(eq=False)
class Page:
    """Parts of a report in order."""

    parts: list[Part] = field(default_factory=list)

    def heading(self, text: str) -> None:
        """Add a heading."""
        self.parts.append(Heading(plain(text)))

    def text(self, text: str, kind: str = "") -> None:
        """Add a paragraph; ``kind`` is its CSS class."""
        self.parts.append(Text(plain(text), kind))

    def table(self, rows: Sequence[Sequence[str]], name: str) -> None:
        """Add a table with a head row; ``name`` is its id."""
        self.parts.append(Table([[plain(cell) for cell in row] for row in rows], name))

    def figure(self, name: str, figure: Any) -> None:
        """Add a Bokeh figure under a name of its own; it is not printed."""
        self.parts.append(Drawing(name, lambda: figure))

    def render(self, title: str) -> str:
        """Return the page as one self-contained HTML document.

        Raises:
            SpecsrError: Bokeh is not installed.
        """
        require("bokeh", "report", "reports")
        from bokeh import embed, resources

        figures = {p.name: p.interactive() for p in self.parts if isinstance(p, Drawing)}
        script, places = _stable_ids(*embed.components(figures))
        body = "\n".join(_markup(part, places) for part in self.parts)
        # not Resources.render(), which links files of any extension that is imported besides
        inline = resources.Resources("inline", components=["bokeh", "bokeh-widgets"])
        scripts = "\n".join(f"<script>\n{source}\n</script>" for source in inline.js_raw)
        template = Template(Path(__file__).with_name("report.html").read_text(encoding="utf-8"))
        return template.substitute(
            title=html.escape(plain(title)),
            made=f"Generated by specsr {__version__}. The file is self-contained.",
            resources=scripts,
            body=body,
            script=script,
        )


def _markup(part: Part, places: dict[str, str]) -> str:
    """Return a part as HTML; ``places`` are the elements of the figures."""
    if isinstance(part, Heading):
        return f"<h2>{html.escape(part.text)}</h2>"
    if isinstance(part, Text):
        attribute = f' class="{part.kind}"' if part.kind else ""
        return f"<p{attribute}>{html.escape(part.text)}</p>"
    if isinstance(part, Table):
        head, *body = ["".join(f"<@>{html.escape(c)}</@>" for c in row) for row in part.rows]
        lines = [head.replace("@>", "th>"), *(row.replace("@>", "td>") for row in body)]
        rows = "".join(f"<tr>{line}</tr>" for line in lines)
        return f'<div class="scroll"><table id="{part.name}">{rows}</table></div>'
    return part.text if isinstance(part, Markup) else places[part.name]


def _stable_ids(script: str, places: dict[str, str]) -> tuple[str, dict[str, str]]:
    """Return Bokeh's script and elements with counted ids: its own are random on every call."""
    found = list(dict.fromkeys(_UUID.findall(script + "".join(places.values()))))
    ids = {uuid: f"specsr-{i}" for i, uuid in enumerate(found)}

    def counted(text: str) -> str:
        return _UUID.sub(lambda match: ids[match.group()], text)

    return counted(script), {name: counted(place) for name, place in places.items()}
