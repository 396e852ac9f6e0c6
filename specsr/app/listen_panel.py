"""Listening on the page: all versions of a stretch in step, at their levels or at one level."""

from __future__ import annotations

import asyncio
from typing import Any

import panel as pn

from specsr.app.coroutines import queued
from specsr.app.player import Player, gains
from specsr.app.session import Result, Session
from specsr.app.sounds import Sound, file_stretch, is_playable, stretch_of, together
from specsr.choices import AUDIO_SECONDS
from specsr.errors import SpecsrError
from specsr.maps.phase import to_signal
from specsr.names import plain
from specsr.signal import Signal

KEPT = 4
"""Waveforms of maps that stay in memory."""


class Listen:
    """The players of a session.

    Args:
        session: the state of the page.
    """

    def __init__(self, session: Session) -> None:
        self.session = session
        self.sounds: list[Sound] = []
        self.waveforms: dict[int, Signal] = {}
        w = pn.widgets
        self.load = w.Button(name="Load", button_type="primary", disabled=True)
        self.load.on_click(self.start)
        self.loop = w.Toggle(name="Loop", value=True)
        self.matched = w.Toggle(name="Match levels")
        self.matched.param.watch(lambda *_: self._mix(), "value")
        self.player = Player(loop=True, margin=(5, 20, 5, 10), sizing_mode="stretch_width")
        self.loop.link(self.player, value="loop")
        self.notes = pn.pane.Str("", sizing_mode="stretch_width")
        session.param.watch(
            lambda *_: self._stretch_changed(), ["time_range", "marked", "shown", "channel"]
        )
        self._stretch_changed()

    def view(self) -> Any:
        """Return the panel."""
        return pn.Column(
            pn.Row(self.load, self.loop, self.matched), self.player, self.notes,
            sizing_mode="stretch_width",
        )  # fmt: skip

    def span(self) -> tuple[float, float]:
        """Return the stretch that is loaded next, s: the marked one, or what is seen."""
        begin, end = self.session.stretch()
        return begin, min(end, begin + AUDIO_SECONDS)

    def _stretch_changed(self) -> None:
        begin, end = self.span()
        self.load.disabled = end <= begin or not self.session.shown
        self.load.name = "Load" if self.load.disabled else f"Load {begin:.2f} to {end:.2f} s"

    @queued
    async def start(self, *_: Any) -> None:
        """Load the stretch of all results that are shown into the player."""
        session, span = self.session, self.span()
        self.load.param.update(disabled=True, name="Loading ...")
        stretches, notes = [], []
        try:
            for result in [session.get(key) for key in session.shown]:
                try:
                    title = f"{result.key}: {plain(result.title)}"
                    stretches.append((title, await self._stretch(result, span)))
                except (SpecsrError, OSError, MemoryError) as error:
                    notes.append(plain(f"{result.title}: {error}"))
            self.sounds = await asyncio.to_thread(together, stretches)
            self.player.load(self.sounds, span[0], self.matched.value)
            self._describe(notes)
        finally:
            self._stretch_changed()

    async def _stretch(self, result: Result, span: tuple[float, float]) -> Signal:
        """Return the stretch of a result.

        Raises:
            SpecsrError: a map that has no waveform, or a recording that does not cover the span.
        """
        channel = self.session.channel
        channel = channel if channel in result.screen.channels else result.screen.channels[0]
        if result.kind == "recording":
            arguments = (result.file, result.reading, span, channel)
            found = await asyncio.to_thread(file_stretch, *arguments)
            if found is not None:
                return found
        return await asyncio.to_thread(stretch_of, await self._waveform(result), span, channel)

    async def _waveform(self, result: Result) -> Signal:
        if result.key in self.waveforms:
            return self.waveforms[result.key]
        if result.kind == "map" and not is_playable(result.screen.grid):
            raise SpecsrError("a map of means, or with little overlap, has no waveform")
        data = await self.session.load(result)
        if isinstance(data, Signal):
            return data
        found = await asyncio.to_thread(to_signal, data, device="auto")
        self.waveforms[result.key] = found
        for key in list(self.waveforms)[:-KEPT]:
            del self.waveforms[key]
        return found

    def _mix(self) -> None:
        self.player.gains = gains(self.sounds, self.matched.value)
        self._describe()

    def _describe(self, notes: list[str] | None = None) -> None:
        """Show the levels of the sounds and the gains of matching."""
        lines = []
        for sound in self.sounds:
            moved = round(sound.match_db, 1) + 0.0  # no -0.0
            change = f", matched by {moved:+.1f} dB" if self.matched.value else ""
            lines.append(f"{sound.title}: {sound.level_db:.1f} dB in this stretch{change}")
        self.notes.object = "\n".join([*lines, *(notes or [])])
