"""The steps of the page: results to choose from, forms, progress, cancel, lines to copy."""

from __future__ import annotations

import asyncio
import os
import threading
from dataclasses import replace
from pathlib import Path
from typing import Any

import panel as pn
from bokeh.events import ConnectionLost

from specsr.app.coroutines import queued
from specsr.app.process import Child, Status
from specsr.app.session import Origin, Result, Session, Table
from specsr.app.source import Source
from specsr.app.steps import Step, command_text, step
from specsr.app.work_forms import Form, forms
from specsr.errors import SpecsrError
from specsr.jobs.options import Speed
from specsr.names import plain

POLL = 0.2
"""Time in s between two looks at a running step."""

_WIDE: dict[str, Any] = {"sizing_mode": "stretch_width"}
_WRAPPED = "pre { white-space: pre-wrap; font: inherit; margin: 0; }"


class Work:
    """The steps of a session.

    Args:
        session: the state of the page.
    """

    def __init__(self, session: Session) -> None:
        self.session = session
        self.child: Child | None = None
        self.cancelled = self.closed = False
        w = pn.widgets
        self.results = w.RadioBoxGroup(options={}, **_WIDE)
        self.results.param.watch(self._choose, "value")
        self.remove = w.Button(name="Remove from the page", disabled=True)
        self.remove.on_click(lambda *_: session.close(session.active))
        self.forms = {form.title: form for form in forms()}
        self.kind = w.Select(name="Step", options=list(self.forms), **_WIDE)
        self.fields = pn.Column(**_WIDE)
        self.run = w.Button(name="Upscale", button_type="primary", disabled=True, **_WIDE)
        self.run.on_click(self.start)
        self.cancel = w.Button(name="Cancel", button_type="danger", disabled=True, width=90)
        self.cancel.on_click(self.stop_step)
        self.bar = pn.indicators.Progress(value=0, max=100, visible=False, **_WIDE)
        self.progress = pn.pane.Str("", stylesheets=[_WRAPPED], **_WIDE)
        self.command = _lines("Command line")
        self.python = _lines("Python")
        for form in self.forms.values():
            for widget in form.widgets:
                widget.param.watch(lambda *_: self.preview(), "value")
        self.kind.param.watch(lambda *_: self._show_form(), "value")
        session.param.watch(lambda *_: self._results_changed(), ["results", "active"])
        if pn.state.curdoc is not None:
            # a page without connection is disabled: its step must not go on until the session ends
            pn.state.curdoc.on_event(ConnectionLost, self._gone)
            pn.state.on_session_destroyed(self._gone)
        self._results_changed()

    def view(self) -> Any:
        """Return the panel."""
        return pn.Column(
            self.results, self.remove, self.kind, self.fields,
            pn.Row(self.run, self.cancel, **_WIDE), self.bar, self.progress,
            pn.Card(
                *self.command, *self.python, title="Lines that do the same", collapsed=True, **_WIDE
            ),
            **_WIDE,
        )  # fmt: skip

    def _gone(self, *_: Any) -> None:
        threading.Thread(target=self.stop).start()  # the end of a step takes time

    def stop(self) -> None:
        """End a step that runs; the page is closed."""
        self.closed = True
        if self.child is not None:
            self.child.cancel()

    @property
    def form(self) -> Form:
        """The form that is shown."""
        return self.forms[self.kind.value]

    def _results_changed(self) -> None:
        results = self.session.results
        options = {_label(result): result.key for result in results}
        self.results.param.update(options=options, value=self.session.active or None)
        self.remove.disabled = not results
        self._show_form()

    def _choose(self, event: Any) -> None:
        if event.new and event.new != self.session.active:
            self.session.choose(event.new)

    def _show_form(self) -> None:
        self.fields.objects = list(self.form.widgets)
        self.run.name = self.form.title
        self.preview()

    def preview(self) -> None:
        """Show the lines of the step that the form stands for."""
        if self.session.chosen is not None:
            self.form.fit(self.session.chosen.kind)
        made = self._step()
        idle = self.child is None or self.child.status.state != "running"
        self.run.disabled = made is None or not idle
        before = [] if made is None else self._ancestors(self.session.chosen)
        heads = [f"# result {result.key}" for result in before]
        commands = [command_text(result.command) for result in before]
        lines = [result.python for result in before]
        if made is not None:
            heads.append("# this step")
            commands.append(made.command)
            lines.append(made.python)
        for field, texts in ((self.command[0], commands), (self.python[0], lines)):
            if before:
                texts = [f"{head}\n{text}" for head, text in zip(heads, texts)]
            field.value = plain_lines("\n".join(texts))

    def _ancestors(self, result: Result | None) -> list[Result]:
        """Return the results with a command that a step builds on, the first one first."""
        found: list[Result] = []
        while result is not None and result.command:
            found.insert(0, result)
            result = next((r for r in self.session.results if r.key == result.parent), None)
        return found

    def _step(self) -> Step | None:
        """Return the step that the form stands for; None if there is none, with an error."""
        chosen = self.session.chosen
        if chosen is None:
            return None
        try:
            if chosen.kind not in self.form.kinds:
                raise SpecsrError(f"{self.form.title.lower()}: takes a {self.form.kinds[0]}")
            options = self.form.options()
        except SpecsrError as error:
            self.progress.object = plain(error)
            return None
        self.progress.object = ""
        try:
            taken = [path.name for path in self.session.folder.iterdir()]
        except FileNotFoundError:  # the page is closed
            return None
        return step(source_in(chosen.source, self.session.folder), options, taken)

    @queued
    async def start(self, *_: Any) -> None:
        """Run the step that the form stands for, to its end."""
        made, chosen = self._step(), self.session.chosen
        if made is None or chosen is None or not self.cancel.disabled:
            return
        self.session.param.update(error="", message=f"{made.title} of {plain(chosen.title)}")
        self.child, self.cancelled = None, False
        self.run.disabled, self.cancel.disabled = True, False
        try:
            self.session.running = True
            self.child = await asyncio.to_thread(Child, made.arguments, self.session.folder)
            if self.cancelled or self.closed:  # before it had started
                await asyncio.to_thread(self.child.cancel)
            while (status := self.child.status).state == "running":
                self._report(status)
                await asyncio.sleep(POLL)
        except OSError as error:
            status = Status("failed", error=f"the step could not be started: {error}")
        finally:
            self.cancel.disabled = True
            self.bar.visible = self.session.running = False
        if self.closed:
            return
        await self._ended(made, chosen, status)

    def _report(self, status: Status) -> None:
        known = status.fraction is not None
        self.bar.param.update(
            visible=True, value=round(100 * (status.fraction or 0)) if known else -1
        )
        left = "" if status.seconds_left is None else f", {time_text(status.seconds_left)} left"
        self.progress.object = plain(f"{status.label or 'starting'}{left}")

    @queued
    async def _ended(self, made: Step, chosen: Result, status: Status) -> None:
        session = self.session
        if status.state != "done":
            failed = status.state == "failed"
            session.param.update(
                error=plain(status.error) if failed else "",
                message="" if failed else f"{made.title}: cancelled, nothing is left of it",
            )
            self.preview()
            return
        title = f"{made.title} of {chosen.key}"
        paths = tuple(session.folder / name for name in made.outputs)
        if made.kind == "table":
            session.tables = (*session.tables, Table(title, paths, status.messages))
            session.message = f"{title}: in the tables of the steps"
            self.preview()
            return
        # a step that takes no speed leaves that of a table to its result
        table = None if chosen.speed.is_auto or "--rpm" in made.arguments else chosen.speed.table
        origin = Origin(
            speed=Speed(table=table), command=made.arguments, python=made.python, parent=chosen.key
        )
        for path in paths[1:]:
            await session.open(path, f"removed from {chosen.key}", origin)
        await session.open(paths[0], title, origin)
        self.progress.object = plain("; ".join(m.strip() for m in status.messages[1:]))

    @queued
    async def stop_step(self, *_: Any) -> None:
        """Cancel the step that runs, and wait until nothing of it is left."""
        self.cancel.disabled = self.cancelled = True
        if self.child is not None:
            await asyncio.to_thread(self.child.cancel)


def _lines(name: str) -> tuple[Any, Any]:
    """Return a field of lines and the button that copies them."""
    field = pn.widgets.TextAreaInput(
        name=name, value="", rows=3, max_length=1 << 20, disabled=True, resizable="height",
        stylesheets=["textarea { font: 12px monospace; white-space: pre; }"], **_WIDE,
    )  # fmt: skip
    button = pn.widgets.Button(name=f"Copy {name.lower()}", width=160)
    button.js_on_click(args={"field": field}, code="navigator.clipboard.writeText(field.value)")
    return field, button


def _label(result: Result) -> str:
    return f"{result.key}: {plain(result.title)}"


def source_in(source: Source, folder: Path) -> Source:
    """Return a source as a command in a folder names it: by its name there, else absolute."""
    path = Path(os.path.abspath(source.path))
    name = path.name if path.parent == Path(os.path.abspath(folder)) else str(path)
    speed = source.speed
    if speed.table is not None and not speed.is_auto:
        speed = replace(speed, table=Path(os.path.abspath(speed.table)))
    return replace(source, path=name, speed=speed)


def time_text(seconds: float) -> str:
    """Return a time left such as ``75 s`` or ``12 min``."""
    return f"{seconds:.0f} s" if seconds < 100 else f"{seconds / 60:.0f} min"


def plain_lines(text: str) -> str:
    """Return lines without characters that reorder or hide what is shown."""
    return "\n".join(map(plain, text.split("\n")))
