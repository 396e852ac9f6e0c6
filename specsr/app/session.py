"""State of one page: what is open, what was made of it, and what is looked at."""

from __future__ import annotations

import asyncio
import itertools
import os
import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import param

from specsr.app.opening import screen_map
from specsr.app.paths import why
from specsr.app.screen import ScreenMap
from specsr.app.source import Kind, Source
from specsr.errors import SpecsrError
from specsr.io import is_map
from specsr.jobs.inputs import load
from specsr.jobs.options import Reading, Speed
from specsr.jobs.warned import collected_warnings
from specsr.maps.spec_map import SpecMap
from specsr.names import plain
from specsr.signal import Signal

KEPT = 4
"""Results whose whole data stay in memory."""


@dataclass(frozen=True, eq=False)
class Result:
    """A recording or map on the page: opened, or made by a step.

    Attributes:
        key: its number in the session, from 1.
        title: shown; any text, without control characters.
        file: where it is.
        kind: ``"recording"`` or ``"map"``.
        screen: its map for the screen.
        reading, speed: how a recording is read; the source of the speed.
        command: words of the command line after ``specsr`` that made it; () for an opened file.
        python: Python lines that do the same.
        parent: key of the result that it was made from; None for an opened file.
        notes: of the reader.
    """

    key: int
    title: str
    file: Path
    kind: Kind
    screen: ScreenMap
    reading: Reading = Reading()
    speed: Speed = Speed()
    command: tuple[str, ...] = ()
    python: str = ""
    parent: int | None = None
    notes: tuple[str, ...] = ()

    @property
    def summary(self) -> str:
        """Its title, with the first note of the reader."""
        return f"{self.title}: {self.notes[0]}" if self.notes else self.title

    @property
    def source(self) -> Source:
        """How the command line names it."""
        return Source(str(self.file), self.kind, self.reading, self.speed)


@dataclass(frozen=True)
class Origin:
    """How a result came about; the fields are those of `Result`."""

    reading: Reading = Reading()
    speed: Speed = Speed()
    command: tuple[str, ...] = ()
    python: str = ""
    parent: int | None = None


@dataclass(frozen=True)
class Table:
    """A table and its figure that a step made.

    Attributes:
        title: shown.
        files: the table (.csv) and the figure (.png).
        messages: what the command printed.
    """

    title: str
    files: tuple[Path, ...]
    messages: tuple[str, ...] = ()


class Session(param.Parameterized):
    """State of one page; panels watch its parameters.

    Args:
        folder: temporary files of this page; whoever made it removes it.
        document: of Bokeh; None without a browser, as in tests.
    """

    results: Any = param.Parameter(default=(), doc="Results in the order of making.")
    active = param.Integer(default=0, doc="Key of the chosen result; 0 for none.")
    shown: Any = param.Parameter(default=(), doc="Keys of the maps of the slider.")
    tables: Any = param.Parameter(default=(), doc="Tables that steps made (`Table`).")
    channel = param.String(default="", doc="Channel that is looked at.")
    time_range = param.Tuple(default=(0.0, 0.0), length=2, doc="View in s; (0, 0) for none.")
    freq_range = param.Tuple(default=(0.0, 0.0), length=2, doc="View in Hz; (0, 0) for none.")
    marked = param.Tuple(default=(0.0, 0.0), length=2, doc="Marked stretch in s; (0, 0): none.")
    levels = param.Tuple(default=(0.0, 0.0), length=2, doc="Level range in dB; (0, 0) for none.")
    weighting: Any = param.Selector(default="Z", objects=["Z", "A"])
    df = param.Number(default=None, allow_None=True, doc="Row spacing of recordings, Hz.")
    message = param.String(default="", doc="One line on what happened.")
    error = param.String(default="", doc="One line on what failed; empty for nothing.")
    busy = param.Number(default=-1.0, doc="Fraction of a file that is read; -1 when idle.")
    seen: Any = param.Parameter(default=None, doc="Axes of the maps, and ranges of x and y.")
    running = param.Boolean(default=False, doc="Whether a step runs.")
    saved: Any = param.Parameter(default=frozenset(), doc="Keys of results that were saved.")

    def __init__(self, folder: Path, document: Any = None, **params: Any) -> None:
        super().__init__(**params)
        self.folder = folder
        self.document = document
        self._keys = itertools.count(1)
        self._loaded: dict[int, Signal | SpecMap] = {}

    def get(self, key: int) -> Result:
        """Return a result by its key.

        Raises:
            KeyError: no such result.
        """
        return next((r for r in self.results if r.key == key), None) or _missing(key)

    @property
    def chosen(self) -> Result | None:
        """The result that steps start from."""
        return next((r for r in self.results if r.key == self.active), None)

    @property
    def unsaved(self) -> bool:
        """Whether something would be lost: a step that runs, or a result that is not saved."""
        made = {result.key for result in self.results if result.command}
        return self.running or not made <= self.saved

    def stretch(self) -> tuple[float, float]:
        """Return the marked stretch in s, or else the part of the time axis that is seen."""
        return self.marked if self.marked[1] > self.marked[0] else self.time_range

    def numbered(self, name: str) -> Path:
        """Return a new path in the folder of the session: the name, or ``2-name`` where it is used.

        Characters that paths and command lines treat in a special way become ``_``.
        """
        safe = re.sub(r"[^\w.+-]+", "_", Path(name).name)
        safe = f"file{safe}" if re.fullmatch(r"\.\w+", safe) else safe  # .wav: a suffix alone
        safe = safe.strip(".-")[-80:] or "file"
        starts = itertools.chain([""], (f"{k}-" for k in itertools.count(2)))
        return next(p for start in starts if not (p := self.folder / f"{start}{safe}").exists())

    def without_folder(self, text: str) -> str:
        """Return text that names the files of the page, as uploaded ones, without their folder."""
        return text.replace(f"{plain(self.folder)}{os.sep}", "")

    def soon(self, apply: Callable[[], Any]) -> None:
        """Call a function soon, from any thread, with the lock that Bokeh models need."""
        if self.document is None:
            apply()
        else:
            self.document.add_next_tick_callback(apply)

    async def locked(self, apply: Callable[[], Any]) -> None:
        """Call a function as `soon` does, and wait for it."""
        done = asyncio.get_running_loop().create_future()

        def run() -> None:
            try:
                apply()
            finally:
                if not done.done():
                    done.set_result(None)

        self.soon(run)
        await done

    async def open(
        self, file: Path, title: str | None = None, origin: Origin = Origin()
    ) -> Result | None:
        """Read a file in a thread, add it as a result, choose and show it; None after an error."""

        def advance(done: float) -> None:
            self.soon(lambda: self.param.update(busy=done))

        def read() -> tuple[ScreenMap, Kind, list[str]]:
            with collected_warnings(own_thread=True) as notes:
                kind: Kind = "map" if is_map(file) else "recording"
                given = origin.reading, origin.speed, self.df
                screen = screen_map(file, self.folder, *given, advance)
                return screen, kind, notes

        try:
            screen, kind, notes = await asyncio.to_thread(read)
        except (SpecsrError, OSError, MemoryError) as error:
            self.error = plain(why(error))
            return None
        finally:
            self.soon(lambda: self.param.update(busy=-1.0))
        result = Result(
            next(self._keys), plain(title or file.name), file, kind, screen, origin.reading,
            origin.speed, origin.command, origin.python, origin.parent, tuple(map(plain, notes)),
        )  # fmt: skip
        await self.locked(lambda: self.add(result))
        return result

    def add(self, result: Result) -> None:
        """Add a result, choose it, and show it after the maps of the same origin."""
        channel = self.channel if self.channel in result.screen.channels else None
        root = self.root(result)
        family = [r.key for r in self.results if self.root(r) == root and r.key in self.shown]
        if not family and result.parent is not None:
            family = [result.parent]
        self.param.update(
            results=(*self.results, result), active=result.key, shown=(*family, result.key),
            channel=channel or result.screen.channels[0], error="",
            message=result.summary,
        )  # fmt: skip

    def choose(self, key: int) -> None:
        """Choose a result, which the next step starts from, and show it after those it is made of.

        Raises:
            KeyError: no such result.
        """
        line = [self.get(key)]
        known = {r.key: r for r in self.results}
        while line[0].parent in known:
            line.insert(0, known[line[0].parent])
        self.param.update(
            active=key, shown=tuple(r.key for r in line), error="", message=line[-1].summary
        )

    def root(self, result: Result) -> int:
        """Return the key of the opened file that a result was made from."""
        known = {r.key: r for r in self.results}
        while result.parent in known:
            result = known[result.parent]
        return result.key

    def close(self, key: int) -> None:
        """Remove a result from the page; its file stays until the session ends."""
        kept = tuple(r for r in self.results if r.key != key)
        active = self.active if self.active != key else (kept[-1].key if kept else 0)
        shown = tuple(k for k in self.shown if k != key) or ((active,) if active else ())
        self._loaded.pop(key, None)
        self.param.update(results=kept, active=active, shown=shown)

    async def load(self, result: Result) -> Signal | SpecMap:
        """Return the whole data of a result, read in a thread; the last few stay in memory.

        Raises:
            SpecsrError: the file cannot be read any more.
        """
        if result.key not in self._loaded:
            data = await asyncio.to_thread(load, result.file, result.reading, result.speed)
            self._loaded[result.key] = data
            for key in list(self._loaded)[:-KEPT]:
                del self._loaded[key]
        return self._loaded[result.key]

    async def analyse(self, df: float | None) -> None:
        """Compute the maps of all recordings with another row spacing in Hz.

        A recording that fails keeps its map, and ``error`` names it; if all fail, ``df`` stays.
        """
        found, problems, tried = [], [], 0
        for result in self.results:
            if result.kind == "recording":
                tried += 1
                arguments = (result.file, self.folder, result.reading, result.speed, df)
                try:
                    screen = await asyncio.to_thread(screen_map, *arguments)
                except (SpecsrError, OSError, MemoryError) as error:
                    problems.append(plain(why(error)))
                    continue
                found.append(replace(result, screen=screen))
        new = {result.key: result for result in found}
        results = tuple(new.get(result.key, result) for result in self.results)
        kept = df if not problems or len(problems) < tried else self.df
        await self.locked(
            lambda: self.param.update(results=results, df=kept, error=next(iter(problems), ""))
        )


def _missing(key: int) -> Result:
    raise KeyError(f"no result {key}")
