"""Order cuts and third octaves of what is seen, and the tables that steps made."""

from __future__ import annotations

import asyncio
from typing import Any

import panel as pn

from specsr.app.coroutines import queued
from specsr.app.read_off import WHOLE, Look, Reading, of_map, of_recording
from specsr.app.session import Result, Session
from specsr.app.work_forms import numbers
from specsr.choices import XAxis
from specsr.errors import SpecsrError
from specsr.names import plain
from specsr.report.curves import band_panel, cut_panel
from specsr.signal import Signal

PAUSE = 0.3
"""Time in s that a view rests before it is read off."""

ROWS = 200
"""Most rows of a table on the page."""

HEIGHT = 270
"""Height of a figure, pixels."""

_WIDE: dict[str, Any] = {"sizing_mode": "stretch_width"}


class ReadOff:
    """What is read off the maps of a session.

    Args:
        session: the state of the page.
    """

    def __init__(self, session: Session) -> None:
        self.session = session
        self.wanted = 0
        w = pn.widgets
        self.orders = w.TextInput(name="Orders", value="2,4", width=160)
        self.x = w.Select(name="Over", options={"rpm": "rpm", "s": "time"}, width=80)
        self.follow = w.Toggle(name="Follow the view", value=True, align="end")
        self.cuts = pn.pane.Bokeh(sizing_mode="stretch_width", min_height=10)
        self.bands = pn.pane.Bokeh(sizing_mode="stretch_width", min_height=10)
        self.notes = pn.pane.Str("", **_WIDE)
        session.param.watch(
            self._changed, ["time_range", "freq_range", "shown", "results", "channel", "weighting"]
        )
        for widget in (self.orders, self.x, self.follow):
            widget.param.watch(self._changed, "value")

    def view(self) -> Any:
        """Return the panel."""
        return pn.Column(
            pn.Row(self.orders, self.x, self.follow), pn.Row(self.cuts, self.bands, **_WIDE),
            self.notes, **_WIDE,
        )  # fmt: skip

    @queued
    async def _changed(self, *_: Any) -> None:
        self.wanted += 1
        wanted = self.wanted
        await asyncio.sleep(PAUSE)
        if wanted != self.wanted or not self.follow.value:
            return
        try:
            look = look_of(self.session, str(self.orders.value or ""))
        except SpecsrError as error:
            self.notes.object = plain(error)
            return
        readings = await read_shown(self.session, look) if look is not None else []
        if wanted == self.wanted:
            await self.session.locked(lambda: self.draw(readings))

    def draw(self, readings: list[Reading]) -> None:
        """Draw what was read off; figures and notes."""
        labels = {reading.label for reading in readings}
        notes = [note for reading in readings for note in reading.notes]
        if len(labels) > 1:
            notes.append(f"several units ({', '.join(sorted(labels))}): the first one is shown")
            readings = [reading for reading in readings if reading.label == readings[0].label]
        x: XAxis = self.x.value
        # by the numbers of the results: the titles are beside the third octaves
        cuts = {r.title.partition(":")[0]: r.cuts for r in readings if r.cuts}
        bands = {
            reading.title: reading.bands
            for reading in readings
            if reading.bands is not None and reading.bands.resolved.any()
        }
        label = readings[0].label if readings else ""
        self.cuts.object = _low(cut_panel(cuts, label, x=x)) if cuts else None
        self.bands.object = _low(band_panel(bands, label)) if bands else None
        if readings and not cuts and not notes:
            notes.append("no order cuts: there is no speed, or no order is named")
        self.notes.object = plain_lines(notes)


def _low(figure: Any) -> Any:
    """Return a figure of the report for the width and height that the page has for it."""
    legend = figure.legend[0]
    figure.right = [each for each in figure.right if each is not legend]
    figure.above = [each for each in figure.above if each is not legend]
    legend.update(ncols=2, label_text_font_size="8pt", spacing=0, padding=2, margin=2)
    figure.add_layout(legend, "above")
    figure.height = HEIGHT
    figure.toolbar.logo = None
    return figure


class Tables:
    """The tables and figures that steps of a session made."""

    def __init__(self, session: Session) -> None:
        self.session = session
        self.chosen = pn.widgets.Select(name="Table", options={}, width=300)
        self.chosen.param.watch(self._show, "value")
        self.figure = pn.pane.PNG(None, width=760)
        self.text = pn.pane.Str("", styles={"font-family": "monospace"})
        session.param.watch(self._changed, "tables")

    def view(self) -> Any:
        """Return the panel."""
        return pn.Column(self.chosen, self.figure, self.text, **_WIDE)

    def _changed(self, *_: Any) -> None:
        tables = self.session.tables
        options = {f"{i}: {plain(table.title)}": i for i, table in enumerate(tables, 1)}
        self.chosen.param.update(options=options, value=len(tables) or None)

    def _show(self, *_: Any) -> None:
        if not self.chosen.value:
            return
        table = self.session.tables[self.chosen.value - 1]
        self.figure.object = table.files[1].read_bytes()
        lines = table.files[0].read_text(encoding="utf-8").splitlines()
        more = [f"... {len(lines) - ROWS} more rows in the file"] if len(lines) > ROWS else []
        self.text.object = plain_lines([*table.messages, "", *lines[:ROWS], *more])


def look_of(session: Session, orders: str) -> Look | None:
    """Return what is seen; None before anything is open.

    Raises:
        SpecsrError: orders that are no numbers.
    """
    if not session.shown or session.time_range[1] <= session.time_range[0]:
        return None
    wanted = numbers(orders, "orders") if orders.strip() else ()
    return Look(
        session.channel, session.time_range, session.freq_range, wanted, session.weighting
    )  # fmt: skip


async def read_shown(session: Session, look: Look) -> list[Reading]:
    """Return what is read off the maps that are shown."""
    found = []
    for result in [session.get(key) for key in session.shown]:
        try:
            found.append(await _read(session, result, look))
        except (SpecsrError, OSError, MemoryError) as error:
            label = result.screen.grid.level_label
            found.append(Reading(title_of(result), label, (), None, (str(error),)))
    return found


async def _read(session: Session, result: Result, look: Look) -> Reading:
    """Read one result: a recording itself where the stretch is short, else its map."""
    grid, title = result.screen.grid, title_of(result)
    if result.kind == "recording" and grid.length * len(result.screen.channels) <= WHOLE:
        data = await session.load(result)
        assert isinstance(data, Signal)
        return await asyncio.to_thread(of_recording, title, data, look, grid.level_label)
    return await asyncio.to_thread(of_map, title, result.screen, look)


def title_of(result: Result) -> str:
    """Return the title of a result with its number, which makes it unique."""
    return f"{result.key}: {plain(result.title)}"


def plain_lines(lines: list[str]) -> str:
    """Return lines for the page, without characters that reorder or hide them."""
    return "\n".join(map(plain, lines))


def read_off_panel(session: Session) -> Any:
    """Return the panel of cuts and third octaves, with the tables of the steps."""
    return pn.Tabs(
        ("Of this view", ReadOff(session).view()), ("Tables of steps", Tables(session).view()),
        **_WIDE,
    )  # fmt: skip
