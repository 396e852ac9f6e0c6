"""A page in chromium for the walks through it; screenshots are kept in build/app."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

HOSTILE = "<img src=x onerror='window.hit=1'><script>hit=1<&#47script>\u202e$$x$$\".npz"


SHOTS = Path(__file__).resolve().parents[2] / "build" / "app"
WAIT = 300_000
"""Time in ms after which a step of a walk has failed, also on a machine under load."""


@dataclass
class Server:
    """A running ``specsr app``.

    Attributes:
        process: that runs it.
        address: of its page.
        errors: lines that it wrote to stderr so far.
    """

    process: subprocess.Popen[str]
    address: str = ""
    errors: list[str] = field(default_factory=list)


@contextmanager
def app(folder: Path, temporary: Path) -> Iterator[Server]:
    """Yield a server of a folder with its temporary files elsewhere; interrupted at the end."""
    command = [sys.executable, "-m", "specsr", "app", str(folder), "--no-browser"]
    environment = os.environ | {"TMPDIR": str(temporary)}
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True, env=environment) as process:
        assert process.stderr is not None
        server = Server(process)
        # a pipe that nobody reads would stop the server when it is full
        reader = threading.Thread(target=server.errors.extend, args=(process.stderr,))
        try:
            while not (found := re.search(r"http://\S+", line := process.stderr.readline())):
                assert line, f"the server ended without an address: {server.errors}"
                server.errors.append(line)  # a library may have a note before it
            server.address = found[0]
            reader.start()
            yield server
        finally:
            process.send_signal(signal.SIGINT)
            try:
                process.wait(WAIT / 1000)
            finally:
                process.kill()
                if reader.ident is not None:
                    reader.join()


class Walk:
    """A page in chromium, and what went wrong in it.

    Attributes:
        page: of playwright.
        problems: errors of scripts and of the console, and requests to elsewhere.
    """

    def __init__(self, page, address: str) -> None:
        self.page, self.address, self.problems = page, address, []
        page.set_default_timeout(WAIT)
        page.on("pageerror", lambda error: self.problems.append(f"script: {error}"))
        page.on("console", self._console)
        page.on("request", self._request)
        page.goto(address)
        self.status().filter(has_text="open a recording").wait_for()

    def _console(self, message) -> None:
        if message.type == "error":
            self.problems.append(f"console: {message.text}")

    def _request(self, request) -> None:
        if not request.url.startswith((self.address, "data:", "blob:")):
            self.problems.append(f"request: {request.url}")

    def status(self):
        """Return the line that shows what happened."""
        return self.page.get_by_role("status")

    def open(self, path: Path, title: str = "") -> None:
        """Open a file by its path, as it is found."""
        self.unfold()
        field = self.page.get_by_label("Path of a file or folder")
        field.fill(str(path))
        field.press("Enter")
        self.status().filter(has_text="check how it is read").wait_for()
        self.page.get_by_role("button", name="Open", exact=True).last.click()
        self.page.get_by_text(f": {title or path.name}").first.wait_for()
        self.drawn()

    def unfold(self) -> None:
        """Show the panel that opens files, which closes when one is open."""
        field = self.page.get_by_label("Path of a file or folder")
        if not field.is_visible():
            self.page.get_by_text("Open", exact=True).first.click()
        field.wait_for()

    def drawn(self) -> None:
        """Wait until a map is drawn."""
        self.page.wait_for_function(f"() => {MAPS}.some(r => r.data_source.data.image.length)")
        self.settled()

    def settled(self) -> None:
        """Wait until the page is drawn and the maps keep their place."""
        self.page.wait_for_function("() => Bokeh.documents[0].is_idle")
        before = None
        while before != (before := self._frame()):
            self.page.wait_for_timeout(500)

    def _frame(self, name: str = "maps") -> list[float]:
        """Return left, top, width and height of the frame of a figure."""
        return self.page.evaluate(
            "name => { const v = Bokeh.index.find_one_by_id"
            "(Bokeh.documents[0].get_model_by_name(name).id);"
            "const r = v.el.getBoundingClientRect(), b = v.frame.bbox;"
            "return [r.left + b.left, r.top + b.top, b.width, b.height]; }", name,
        )  # fmt: skip

    def until(self, condition: str) -> None:
        """Wait until an expression of JavaScript is true."""
        self.page.wait_for_function(f"() => {condition}")

    def value(self, label: str, pattern: str) -> str:
        """Wait until the field of this label holds what a pattern matches, and return that."""
        found = self.page.get_by_label(label).element_handle()
        self.page.wait_for_function(
            "([found, pattern]) => new RegExp(pattern).test(found.value)", arg=[found, pattern]
        )
        return found.input_value()

    def click(self, x: float, y: float, name: str = "maps") -> None:
        """Click on a figure at fractions of its frame."""
        self.page.wait_for_timeout(500)  # two clicks in a row are a double click to Bokeh
        box = self._frame(name)
        self.page.mouse.click(box[0] + x * box[2], box[1] + (1 - y) * box[3])

    def zoom(self, x: tuple[float, float], y: tuple[float, float]) -> None:
        """Show a part of the maps, in s and Hz."""
        self.page.evaluate(
            "([x, y]) => { const f = Bokeh.documents[0].get_model_by_name('maps');"
            "f.x_range.setv({start: x[0], end: x[1]}); f.y_range.setv({start: y[0], end: y[1]}); }",
            [x, y],
        )
        self.page.wait_for_timeout(1000)

    def shot(self, name: str) -> None:
        """Keep a picture of the page."""
        SHOTS.mkdir(parents=True, exist_ok=True)
        self.page.screenshot(path=SHOTS / f"{name}.png")


MAPS = "Bokeh.documents[0].get_model_by_name('maps').renderers.filter(r => r.glyph.type == 'Image')"
