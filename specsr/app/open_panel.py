"""Opening files on the page: by path, from a folder, or dropped; the fields that reading needs."""

from __future__ import annotations

import asyncio
import functools
import html
import os
from pathlib import Path
from typing import Any

import panel as pn

from specsr.app.coroutines import queued
from specsr.app.opening import Facts, facts, fields_of
from specsr.app.paths import readable_files, typed_path, why
from specsr.app.server import PART
from specsr.app.session import Origin, Session
from specsr.errors import SpecsrError
from specsr.jobs.calibrated import calibrated_reading
from specsr.jobs.options import AUTO, Reading, Speed
from specsr.names import plain
from specsr.units import REFERENCES

_SOURCES = {
    "as in the file": "", "table": "table", "channel": "channel", "tacho pulses": "tacho",
    "found in the sound": "auto",
}  # fmt: skip


class Open:
    """The form that opens files.

    Args:
        session: the state of the page.
        start: file or folder of the command line; None for none.
    """

    def __init__(self, session: Session, start: Path | None = None) -> None:
        self.session = session
        self.path: Path | None = None
        self.title = self.reading_path = self.refused = ""
        w, wide = pn.widgets, {"sizing_mode": "stretch_width"}
        self.typed = w.TextInput(name="Path of a file or folder", placeholder="run.wav", **wide)
        self.files = w.Select(name="Files of the folder", options={}, visible=False, size=6, **wide)
        self.drop = w.FileDropper(
            multiple=True, chunk_size=PART, previews=[], layout="compact", min_height=70, **wide
        )
        self.found = pn.pane.HTML("", css_classes=["facts"], **wide)
        self.channels = w.MultiSelect(
            name="Channels (--channel); none: all that fit", options=[], size=3, **wide
        )
        self.unit = w.Select(name="Unit (--unit)", options=["", *REFERENCES], width=95)
        self.calib = w.FloatInput(
            name="Per full scale (--calib)", value=None, placeholder="of the file", width=155
        )
        self.full_scale = w.FloatInput(name="dB (--full-scale)", value=None, width=110)
        self.rate = w.FloatInput(name="Rate, Hz (--file-rate)", value=None, width=140)
        self.tone = w.TextInput(name="Calibrator (--calib-tone)", placeholder="tone.wav", width=180)
        self.tone_level = w.FloatInput(name="its dB", value=94.0, width=70)
        self.speed = w.Select(name="Speed", options=_SOURCES, **wide)
        self.table = w.TextInput(name="Table (--rpm)", placeholder="rpm.csv", **wide)
        self.speed_channel = w.Select(name="Channel (--rpm-channel)", options=[], width=160)
        self.scale = w.FloatInput(name="1/min per unit", value=1.0, width=110)
        self.tacho = w.Select(name="Channel (--tacho-channel)", options=[], width=160)
        self.pulses = w.FloatInput(name="Pulses per turn", value=1.0, width=110)
        self.button = w.Button(name="Open", button_type="primary", disabled=True, **wide)
        self.settings = pn.Card(
            self.channels, pn.Row(self.unit, self.rate), pn.Row(self.calib, self.full_scale),
            pn.Row(self.tone, self.tone_level), self.speed, self.table,
            pn.Row(self.speed_channel, self.scale), pn.Row(self.tacho, self.pulses),
            title="How it is read", collapsed=True, visible=False, **wide,
        )  # fmt: skip
        self.speed.param.watch(lambda _: self._speed_fields(), "value")
        self._speed_fields()
        self.typed.param.watch(self._typed, "value")
        self.typed.param.watch(self._entered, "enter_pressed")
        self.files.param.watch(self._picked, "value")
        self.drop.param.watch(self._dropped, "value")
        self.button.on_click(self._open)
        self.folder = start if start is not None and start.is_dir() else None
        if self.folder is not None:
            pn.state.onload(functools.partial(self.list_files, self.folder))
        elif start is not None:
            pn.state.onload(functools.partial(self.examine, start, at_once=True))

    def view(self) -> Any:
        """Return the panel."""
        return pn.Column(
            self.typed, self.files, self.drop, self.found, self.settings, self.button,
            sizing_mode="stretch_width",
        )  # fmt: skip

    @queued
    async def list_files(self, folder: Path) -> None:
        """List the recordings and maps of a folder."""
        found, complete = await asyncio.to_thread(readable_files, folder)
        names = {plain(path.relative_to(folder)): str(path) for path in found}
        self.files.param.update(options={"": "", **names}, value="", visible=bool(found))
        if not found:
            some = "" if complete else " in the part of it that was searched"
            self.session.error = plain(f"{folder}: holds no recording or map{some}")
        elif not complete:
            self.session.message = plain(
                f"{folder}: {len(found)} files are listed, it holds more: name a folder in it"
            )

    @queued
    async def _typed(self, *_: Any) -> None:
        """Open what is typed; the field is emptied, and keeps a path that was refused."""
        text = self.typed.value.strip()
        if not text or text == self.reading_path:
            return
        self.reading_path, self.session.error = text, ""
        try:
            path = typed_path(text)
            if await asyncio.to_thread(os.path.isdir, path):
                await self.list_files(path)
            else:
                await self.examine(path)
        except SpecsrError as error:
            self.session.error = plain(error)
        finally:
            self.reading_path = ""
        self.refused = text if self.session.error else ""
        if not self.refused:
            self.typed.value = ""

    @queued
    async def _entered(self, *_: Any) -> None:
        """Open a path that was refused once more: the file may be there by now."""
        if self.typed.value.strip() == self.refused:
            await self._typed()

    @queued
    async def _picked(self, event: Any) -> None:
        if event.new:
            await self.examine(Path(event.new))

    @queued
    async def _dropped(self, event: Any) -> None:
        """Store files from the browser in the folder of the page, and examine the first one.

        A sidecar (``run.wav.json``) that is dropped with its recording stays beside it.
        """
        dropped = dict(event.new)
        if not dropped:
            return
        paths: dict[str, Path] = {}
        for name in sorted(dropped, key=len):  # sidecars after their recordings
            of = paths.get(name.removesuffix(".json")) if name.endswith(".json") else None
            paths[name] = self.session.numbered(name) if of is None else Path(f"{of}.json")
            data = dropped[name]
            raw = data.encode() if isinstance(data, str) else data
            await asyncio.to_thread(paths[name].write_bytes, raw)
        self.drop.value = {}
        name, path = next(iter(paths.items()))
        await self.examine(path, title=name)

    @queued
    async def examine(self, path: Path, title: str = "", at_once: bool = False) -> None:
        """Show what a file holds and fill the form; open it if it can be and that is wanted."""
        self.session.error = ""
        self.session.message = f"reading {plain(path.name)}"
        self.button.disabled = True
        try:
            found = await asyncio.to_thread(facts, path)
        except (SpecsrError, OSError, MemoryError) as error:
            self._refused(plain(why(error)))
            return
        self.path, self.title = path, title or path.name
        self.session.message = f"{plain(self.title)}: check how it is read, then open it"
        self._fill(found)
        if at_once and not found.missing:
            await self._open(None)

    def _refused(self, message: str) -> None:
        """Show the message of a reader, and the fields that it is about."""
        self.session.param.update(error=message, message="")
        wanted = fields_of(message)
        for name in ("rate", "unit", "calib", "full_scale", "tone", "channels", "table",
                     "speed_channel", "tacho"):  # fmt: skip
            widget = getattr(self, name)
            widget.css_classes = ["wanted"] if name in wanted else []
        if wanted and self.path is not None:
            self.settings.param.update(collapsed=False, visible=True)

    def _fill(self, found: Facts) -> None:
        """Fill the form with what was found in a file."""
        lines = "".join(f"<div>{html.escape(plain(line))}</div>" for line in found.lines)
        self.found.object = f"<b>{html.escape(plain(self.title))}</b>{lines}"
        is_map = found.kind == "map"
        self.channels.param.update(options=list(found.channels), value=[])
        self.unit.value = found.unit if found.unit in REFERENCES else ""
        self.rate.param.update(value=None, placeholder=f"{found.rate:g}" if found.rate else "")
        self.calib.value = self.full_scale.value = None
        self.tone.value = self.table.value = self.speed.value = ""
        self.speed_channel.options = self.tacho.options = list(found.speeds)
        for widget in (self.channels, self.unit, self.rate, self.calib, self.full_scale, self.tone):
            widget.param.update(disabled=is_map, css_classes=[])
        self.filled = self.unit.value
        self.settings.param.update(visible=True, collapsed=not found.missing)
        self.button.disabled = False
        if found.missing:
            wanted = [line for line in found.lines if fields_of(line)]
            self._refused(plain(wanted[-1] if wanted else f"missing: {', '.join(found.missing)}"))
            self.button.disabled = False

    def _speed_fields(self) -> None:
        """Show the fields of the chosen source of the speed."""
        source = self.speed.value
        self.table.visible = source == "table"
        self.speed_channel.visible = self.scale.visible = source == "channel"
        self.tacho.visible = self.pulses.visible = source == "tacho"

    def reading(self) -> Reading:
        """Return how the recording is read; what was filled in and not changed is left to the file.

        Raises:
            SpecsrError: fields that exclude each other, or a calibrator that cannot be read.
        """
        tone = _text(self.tone)
        found, note = calibrated_reading(
            unit=self.unit.value if self.unit.value != self.filled else None,
            calib=self.calib.value,
            calib_tone=(typed_path(tone), self.tone_level.value or 94.0) if tone else None,
            full_scale=self.full_scale.value,
            channels=self.channels.value or None,
            rate=self.rate.value,
        )
        if note:
            self.session.message = plain(note)
        return found

    def source_of_speed(self) -> Speed:
        """Return the source of the speed."""
        source = self.speed.value
        if source == "table":
            if not _text(self.table):
                raise SpecsrError("the speed has no table: name one (--rpm rpm.csv)")
            return Speed(table=typed_path(_text(self.table)))
        if source == "channel":
            return Speed(channel=self.speed_channel.value, scale=self.scale.value or 1.0)
        if source == "tacho":
            return Speed(tacho=self.tacho.value, pulses=self.pulses.value or 1.0)
        return Speed(table=AUTO) if source == "auto" else Speed()

    @queued
    async def _open(self, _: Any) -> None:
        if self.path is None:
            return
        self.button.param.update(disabled=True, name="Opening ...")
        try:
            reading = await asyncio.to_thread(self.reading)
            origin = Origin(reading, self.source_of_speed())
            result = await self.session.open(self.path, self.title, origin)
            if result is None:
                self._refused(self.session.error)
            else:  # room for the work
                self.found.object = ""
                self.settings.param.update(visible=False, collapsed=True)
                self.path = None
        except (SpecsrError, OSError) as error:
            self._refused(plain(why(error)))
        finally:
            self.button.param.update(disabled=self.path is None, name="Open")


def _text(widget: Any) -> str:
    return str(widget.value or "").strip()
