"""Saving on the page: results, figures, tables and reports into a folder that the user names."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import panel as pn

from specsr.app import exports
from specsr.app.coroutines import queued
from specsr.app.figures import save_figure_of
from specsr.app.paths import why
from specsr.app.read_off import Look, bands_table, cuts_table
from specsr.app.read_off_panel import look_of, read_shown, title_of
from specsr.app.session import Result, Session
from specsr.app.steps import safe_name
from specsr.errors import SpecsrError
from specsr.names import plain

_WIDE: dict[str, Any] = {"sizing_mode": "stretch_width"}


class Save:
    """The form that saves.

    Args:
        session: the state of the page.
        folder: where to save at first; None for the working folder.
    """

    def __init__(self, session: Session, folder: Path | None = None) -> None:
        self.session = session
        w = pn.widgets
        self.folder = w.TextInput(name="Folder", value=str(folder or Path.cwd()), **_WIDE)
        self.name = w.TextInput(name="Name of the file", value="", **_WIDE)
        self.orders = w.TextInput(name="Orders of cuts and reports", value="2,4", width=200)
        self.result = w.Select(name="Chosen result as", options={}, width=170)
        self.figure = w.Select(
            name="Figure of this view as", options=list(exports.FIGURES), width=170
        )
        self.report = w.Select(
            name="Report on these maps as", options=list(exports.REPORTS), width=170
        )
        self.works = {
            "Save result": self._save_result,
            "Save figure": self._save_figure,
            "Save report": self._save_report,
            "Save order cuts (.csv)": self._save_cuts,
            "Save third octaves (.csv)": self._save_bands,
            "Save tables of steps": self._save_tables,
        }
        self.buttons = [self._button(name) for name in self.works]
        session.param.watch(self._changed, ["active", "results"])
        self._changed()

    def view(self) -> Any:
        """Return the panel."""
        result, figure, report, cuts, bands, tables = self.buttons
        return pn.Column(
            pn.Row(self.folder, self.name, **_WIDE),
            pn.Row(
                pn.Column(self.result, result), pn.Column(self.figure, figure),
                pn.Column(self.report, report), self.orders,
            ),
            pn.Row(cuts, bands, tables),
            **_WIDE,
        )  # fmt: skip

    def _button(self, name: str) -> Any:
        button = pn.widgets.Button(name=name, disabled=True, width=190)

        @queued
        async def clicked(_: Any) -> None:
            button.disabled = True
            try:
                await self.save(name)
            finally:
                button.disabled = False

        button.on_click(clicked)
        return button

    async def save(self, name: str) -> None:
        """Do what a button stands for; what happened, or an error, is shown in the page."""
        self.session.param.update(error="", message=f"{name} ...")
        try:
            self.session.message = plain(await self.works[name]())
        except (SpecsrError, OSError, MemoryError) as error:
            self.session.param.update(error=plain(why(error)), message="")

    def _changed(self, *_: Any) -> None:
        chosen = self.session.chosen
        for button in self.buttons:
            button.disabled = chosen is None
        if chosen is None:
            return
        stem = chosen.file.stem  # of map.wav.npz: map
        self.name.value = safe_name(Path(stem).stem if Path(stem).suffix in exports.TYPES else stem)
        found = exports.formats(chosen.kind, chosen.screen.grid)
        kept = self.result.value
        kept = kept if kept in found.values() else next(iter(found.values()))
        self.result.param.update(options=found, value=kept)

    def _target(self, suffix: str, more: str = "") -> Path:
        folder, name = str(self.folder.value or ""), str(self.name.value or "")
        return exports.target(folder, name, suffix, more)

    def _chosen(self) -> Result:
        if self.session.chosen is None:
            raise SpecsrError("nothing is open: open a recording or map first")
        return self.session.chosen

    def _look(self) -> Look:
        look = look_of(self.session, str(self.orders.value or ""))
        if look is None:
            raise SpecsrError("nothing is shown: open a recording or map first")
        return look

    def _shown(self) -> list[Result]:
        return [self.session.get(key) for key in self.session.shown]

    async def _save_result(self) -> str:
        chosen = self._chosen()
        path = self._target(self.result.value)
        if chosen.command and path.suffix == chosen.file.suffix:  # of any length, not read again
            await asyncio.to_thread(exports.copy_result, path, chosen.file)
        else:
            data = await self.session.load(chosen)
            await asyncio.to_thread(exports.save_result, path, data, chosen.file)
        self.session.saved |= {chosen.key}
        return f"{path}: written"

    async def _save_figure(self) -> str:
        path, look = self._target(self.figure.value), self._look()
        maps = {title_of(result): result.screen for result in self._shown()}
        levels = self.session.levels
        shown = levels if levels[1] > levels[0] else None
        await asyncio.to_thread(save_figure_of, path, maps, look, shown, self.session.seen)
        return f"{path}: written"

    async def _save_report(self) -> str:
        path, look = self._target(self.report.value), self._look()
        roles = exports.roles(self._shown(), self.session.results)
        data = [None if r is None else await self.session.load(r) for r in roles.all]
        return await asyncio.to_thread(exports.save_report, path, roles, data, look)

    async def _save_cuts(self) -> str:
        path, look = self._target(".csv", "-cuts"), self._look()
        readings = await read_shown(self.session, look)
        if not any(reading.cuts for reading in readings):
            raise SpecsrError("no order cuts in this view: there is no speed, or no order is named")
        exports.save_text(path, cuts_table(readings, look.channel))
        return f"{path}: written"

    async def _save_bands(self) -> str:
        path, look = self._target(".csv", "-third-octaves"), self._look()
        exports.save_text(path, bands_table(await read_shown(self.session, look)))
        return f"{path}: written"

    async def _save_tables(self) -> str:
        files = [path for table in self.session.tables for path in table.files]
        if not files:
            raise SpecsrError("no step has made a table: run Orders or Levels first")
        folder = str(self.folder.value or "")
        targets = [exports.target(folder, path.stem, path.suffix) for path in files]
        for path, new in zip(files, targets):
            exports.save_text(new, path.read_bytes())
        return f"{targets[0].parent}: {len(targets)} files written"
