"""The maps of the page: what is shown, cursors, level range, the map beside them."""

from __future__ import annotations

import asyncio
import functools
import html
from collections.abc import Callable
from typing import Any

from bokeh.events import SelectionGeometry, Tap

from specsr.app.coroutines import queued
from specsr.app.cursors import Reading, base_at, harmonic_lines, level_unit, reading
from specsr.app.look_beside import beside, channel_of, plane_of
from specsr.app.look_controls import Controls
from specsr.app.look_extent import detail_note, duration, first_view, speed_curve, whole
from specsr.app.look_figures import MOST_MAPS, SIZE, Maps, colours
from specsr.app.screen import Axes, Picture, Plane, Range
from specsr.app.session import Result, Session
from specsr.choices import DB_RANGE
from specsr.errors import SpecsrError
from specsr.names import plain
from specsr.plots.parts import colour_top

PAUSE = 0.05
"""Time in s that a view rests before it is drawn: a drag moves it many times."""


class Look:
    """The maps of a session, drawn anew for every view.

    Args:
        session: the state of the page.
    """

    def __init__(self, session: Session) -> None:
        self.session = session
        self.maps = Maps()
        self.framed: tuple = ()
        self.extent = (0.0, 1.0, 0.0, 1.0)
        self.point: tuple[float, float] | None = None
        self.scaled: tuple = ()
        self.wanted = 0
        self.task: asyncio.Task | None = None
        self.complaint = ""
        self.controls = Controls(self.maps.images, self.maps.hovers[0])
        self._watch()
        for figure in (self.maps.main, self.maps.beside):
            figure.on_event(Tap, self._tapped)
            figure.on_event(SelectionGeometry, self._selected)
        for axis in (self.maps.x_range, self.maps.y_range):
            axis.on_change("start", self._moved)
            axis.on_change("end", self._moved)
        session.param.watch(self._results_changed, ["results", "shown", "active"])
        session.param.watch(lambda _: self.redraw(), ["channel"])
        session.param.watch(lambda _: self._mark(), ["marked"])

    def _watch(self) -> None:
        """Follow the controls."""
        c, session = self.controls, self.session
        for each in (c.x, c.y, c.weighting, c.detail, c.beside, c.minus):
            each.param.watch(lambda _: self._options_changed(), "value")
        c.chosen.param.watch(self._choice_changed, "value")
        c.channel.param.watch(lambda e: session.param.update(channel=e.new or ""), "value")
        c.palette.param.watch(lambda e: self._palette(e.new), "value")
        c.levels.param.watch(lambda e: self._scale(e.new), "value")
        for field in (c.base, c.count):
            field.param.watch(lambda _: self._draw_lines(), "value")
        c.clear.on_click(lambda _: self._clear())
        c.spacing.param.watch(self._spacing_changed, "value")

    def view(self) -> Any:
        """Return the panel."""
        return self.controls.view([self.maps.main, self.maps.beside])

    def results(self) -> list[Result]:
        """Return the results whose maps the slider holds."""
        known = {r.key for r in self.session.results}
        return [self.session.get(key) for key in self.session.shown if key in known][:MOST_MAPS]

    def _results_changed(self, *events: Any) -> None:
        """Follow the session: names of the maps, their channels, the view of the first one."""
        session = self.session
        options = {f"{r.key}: {r.title}": r.key for r in session.results}
        shown = [r.key for r in self.results()]
        others = {name: key for name, key in options.items() if key in shown}
        self.controls.minus.param.update(options=others, value=shown[0] if shown else None)
        self.controls.chosen.param.update(options=options, value=shown)
        count = max(1, len(shown) - 1)
        self.controls.slider.param.update(end=count, value=count, disabled=len(shown) < 2)
        self.controls.slider.name = "Map shown: " + "  |  ".join(str(k) for k in shown)
        if session.chosen is not None:
            names = list(session.chosen.screen.channels)
            channel = session.channel if session.channel in names else names[0]
            self.controls.channel.param.update(options=names, value=channel)
        self.redraw()

    def _choice_changed(self, event: Any) -> None:
        shown = tuple(sorted(event.new))
        if shown != self.session.shown:
            self.session.shown = shown

    def _options_changed(self) -> None:
        self.controls.minus.visible = self.controls.beside.value == "difference"
        beside = self.controls.beside.value != "nothing"
        self.session.soon(lambda: self.maps.beside.update(visible=beside))
        self.session.weighting = self.controls.weighting.value
        self._draw_lines()
        self.redraw()

    @queued
    async def _spacing_changed(self, event: Any) -> None:
        session, df = self.session, event.new if event.new and event.new > 0 else None
        if df != session.df:
            session.message = "computing the maps of the recordings"
            await session.analyse(df)
            session.message = "" if session.error else "maps computed"
        if event.new != session.df:  # refused, or no number, which the field would show as NaN
            self.controls.spacing.value = session.df

    def _moved(self, attr: str, old: Any, new: Any) -> None:
        self.redraw()

    def redraw(self) -> None:
        """Draw the maps soon; a request that follows another replaces it."""
        self.wanted += 1
        if self.task is None or self.task.done():
            self.task = asyncio.ensure_future(self._draw())

    async def _draw(self) -> None:
        done = -1
        while done != self.wanted:
            await asyncio.sleep(PAUSE)
            done = self.wanted
            results, axes, channel = self.results(), self.controls.axes, self.session.channel
            try:
                planes = await asyncio.to_thread(
                    lambda: [plane_of(r, channel, axes) for r in results]  # noqa: B023
                )
                apply = await self._view(results, planes, axes)
            except (SpecsrError, MemoryError) as error:
                apply = functools.partial(self._complain, plain(error))
            if done == self.wanted:
                await self.session.locked(apply)

    async def _view(
        self, results: list[Result], planes: list[Plane], axes: Axes
    ) -> Callable[[], None]:
        """Compute the pictures of the present view; return what draws them."""
        key = (axes.x, axes.y, *(r.screen.grid.length for r in results[:1]))
        extent = first_view(planes, axes) if planes else (0.0, 1.0, 0.0, 1.0)
        # a view of all stays one when a result has a higher rate
        grown = self.maps.shows(self.extent) and extent != self.extent
        new = bool(planes) and (key != self.framed or grown)
        x: Range = extent[:2] if new else (self.maps.x_range.start, self.maps.x_range.end)
        y: Range = extent[2:] if new else (self.maps.y_range.start, self.maps.y_range.end)

        what, channel = self.controls.beside.value, self.session.channel
        minus = self.controls.minus.value

        def compute() -> tuple[list[Picture | None], tuple[Picture | None, str]]:
            return [p.picture(x, y, SIZE) for p in planes], beside(
                what, results, channel, minus, axes, (x, y)
            )

        pictures, (other, note) = await asyncio.to_thread(compute)

        def apply() -> None:
            if new:
                self.framed, self.extent = key, extent
                self.maps.axes(axes)
                self.maps.frame(extent, whole(planes))
                self._forget_point()
                self._draw_lines()
            if results:
                curve = speed_curve(results)
                self.maps.speeds(curve)
                self.controls.base.name = "Base, Hz" if curve is None else "Base, order"
            for place in range(MOST_MAPS):
                picture = pictures[place] if place < len(pictures) else None
                title = f"{results[place].key}: {results[place].title}" if picture else ""
                self.maps.draw(place, picture, title)
            self.maps.hovers[0].renderers = [self.maps.images[round(self.controls.slider.value)]]
            self.maps.draw_beside(other, note, what == "difference")
            self._fit_scale(results, pictures, axes)
            if results:
                self.maps.level_label(level_unit(results[0].screen.grid, axes.weighting))
            self._read(results, axes)
            text = detail_note(pictures, axes.by)
            self.controls.note.object = html.escape("  ".join(filter(None, (text, note))))
            if self.complaint and self.session.error == self.complaint:
                self.session.error = self.complaint = ""
            self.session.seen = (axes, x, y) if planes else None
            if axes.x == "time" and planes:
                first, last = duration(results)
                self.session.time_range = max(x[0], first), min(x[1], last)
            if axes.y == "freq" and planes:
                self.session.freq_range = max(y[0], 0.0), y[1]

        return apply

    def _fit_scale(self, results: list[Result], pictures: list[Picture | None], axes: Axes) -> None:
        """Set the level range for another file or weighting, or for maps that are all below it.

        Else it stays as chosen: results of one file share a scale.
        """
        levels = [p.values for p in pictures if p is not None]
        if not levels:
            return
        root, unit = self.session.root(results[0]), results[0].screen.grid.level_label
        key = (tuple(r.key for r in results), root, unit, axes.weighting, self.session.channel)
        if key == self.scaled:
            return
        first = not self.scaled or key[1:] != self.scaled[1:]
        self.scaled = key
        top = colour_top(levels)
        if first or top <= self.session.levels[0]:
            self.controls.levels.param.update(
                start=top - 170, end=top + 20, value=(top - DB_RANGE, top)
            )
            self._scale((top - DB_RANGE, top))

    def _palette(self, name: str) -> None:
        self.session.soon(lambda: self.maps.mapper.update(palette=colours(name)))

    def _scale(self, value: tuple[float, float]) -> None:
        self.session.levels = value
        self.session.soon(lambda: self.maps.mapper.update(low=value[0], high=value[1]))

    def _complain(self, text: str) -> None:
        self.session.error = self.complaint = text
        axes = self.controls.axes
        for place in range(MOST_MAPS):
            self.maps.draw(place, None, "")
        if self.framed[:2] != (axes.x, axes.y):  # no numbers of the axes before under new names
            self.framed = ()
            self.maps.axes(axes)
            self.maps.frame((0.0, 1.0, 0.0, 1.0))
            self._forget_point()
            self.session.soon(lambda: self.maps.harmonics([]))

    def _tapped(self, event: Any) -> None:
        """Read the maps at a click, or lay harmonic lines through it."""
        results, axes = self.results(), self.controls.axes
        if event.x is None or not results:
            return
        self.point = (event.x, event.y)
        self.maps.cursor(*self.point)
        try:
            found = self._read(results, axes)
        except SpecsrError as error:
            self.session.error = plain(error)
            return
        if self.controls.mode.value == "Harmonics" and found and (base := base_at(found[0])):
            self.controls.base.value = round(base, 4)

    def _read(self, results: list[Result], axes: Axes) -> list[Reading]:
        """Show what the maps have at the cursor, and return it; nothing without a cursor."""
        if self.point is None or not results:
            self.controls.read_out.object = ""
            return []
        channel = self.session.channel
        found = [reading(r.screen, channel_of(r, channel), axes, *self.point) for r in results]
        values = [
            f"{r.key}: {f.value(level_unit(r.screen.grid, axes.weighting))}"
            for r, f in zip(results, found)
        ]
        text = html.escape(plain(f"{found[0].position()} | {' | '.join(values)}"))
        self.controls.read_out.object = f'<div role="note"><b>Cursor</b> {text}</div>'
        return found

    def _forget_point(self) -> None:
        self.point = None
        self.controls.read_out.object = ""
        self.session.soon(self.maps.hide_cursor)

    def _selected(self, event: Any) -> None:
        if event.final and event.geometry.get("type") == "rect" and self.controls.x.value == "time":
            self.session.marked = (event.geometry["x0"], event.geometry["x1"])

    def _mark(self) -> None:
        self.session.soon(lambda: self.maps.marked(*self.session.marked))

    def _draw_lines(self) -> None:
        """Draw the harmonic lines over the maps."""
        results, base, lines = self.results(), self.controls.base.value, []
        if results and base:
            axes, count = self.controls.axes, self.controls.count.value or 1
            lines = harmonic_lines(results[0].screen, axes, base, count)
        self.session.soon(lambda: self.maps.harmonics(lines))

    def _clear(self) -> None:
        self.controls.base.value = None
        self.session.marked = (0.0, 0.0)
        self._forget_point()
