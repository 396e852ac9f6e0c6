"""Server of the page: this machine alone, a token in the address, nothing left at its end."""

from __future__ import annotations

import asyncio
import hmac
import logging
import os
import secrets
import shutil
import signal
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from specsr.app.process import cancel_all
from specsr.errors import SpecsrError
from specsr.extras import require
from specsr.io.temporaries import is_running

ADDRESS = "127.0.0.1"
NAMES = (ADDRESS, "localhost")
"""Names of this machine that a request may be sent to."""

UPLOAD = 512 * 1024**2
"""Largest message from the browser, bytes; files are sent in parts of `PART`."""
PART = 4 * 1024**2
LEFT = 60_000
"""Time in ms after which a page that nobody sees any more ends."""

LOGGERS = (
    "asyncio", "bokeh.server.protocol_handler", "bokeh.server.views.ws", "tornado.application",
    "tornado.general",
)  # fmt: skip
"""Those that report what failed on a connection."""

PREFIX = "specsr-app-"
"""Start of the names of temporary folders; the number of the process and a token follow."""


def sweep() -> None:
    """Remove the temporary folders of servers that were killed: those of processes that ended."""
    for folder in Path(tempfile.gettempdir()).glob(f"{PREFIX}*-*"):
        number = folder.name.removeprefix(PREFIX).partition("-")[0]
        if number.isdecimal() and not is_running(int(number)):
            shutil.rmtree(folder, ignore_errors=True)


def refusal(
    host: str, origin: str | None, path: str, token: str, port: int
) -> str | None:  # fmt: skip
    """Return why a request is refused; None for one that is answered.

    The token keeps other users and programs out; host and origin keep out pages of other servers,
    also those whose name was made to mean this machine (DNS rebinding).

    Args:
        host: its header ``Host``.
        origin: its header ``Origin``; None without one.
        path: of the address, such as ``/TOKEN/ws``.
        token: first part of every path.
        port: of the server.
    """
    allowed = {f"{name}:{port}" for name in NAMES}
    if port == 80:
        allowed.update(NAMES)
    if host.lower() not in allowed:
        return "refused: this page is for this machine alone: open the address that specsr printed"
    if origin is not None and urlsplit(origin).netloc.lower() not in allowed:
        return "refused: the request comes from a page of another server"
    given = path.split("/", 2)[1] if path.startswith("/") else ""
    if not hmac.compare_digest(given.encode(), token.encode()):
        return "refused: the address lacks the token: open the address that specsr printed"
    return None


class Served:
    """A running server.

    Attributes:
        address: to open in a browser.
        folder: temporary files of all pages; removed at the end.
    """

    def __init__(self, make: Callable[[Path], Any], port: int = 0) -> None:
        """Listen.

        Args:
            make: called for every page with its temporary folder; returns the page.
            port: 0 for a free one.

        Raises:
            SpecsrError: the port is in use, or a library of the extra is missing.
        """
        require("panel", "app", "the page")
        import panel
        import panel.io.server  # its handlers replace those of Bokeh
        from bokeh.server.server import BaseServer
        from bokeh.server.tornado import BokehTornado
        from panel.io.application import build_applications
        from panel.io.resources import DIST_DIR
        from tornado.httpserver import HTTPServer
        from tornado.ioloop import IOLoop
        from tornado.netutil import bind_sockets
        from tornado.web import StaticFileHandler

        try:
            sockets = bind_sockets(port, ADDRESS)
        except OSError as error:
            raise SpecsrError(
                f"port {port} cannot be used ({error.strerror}): choose another with --port, or "
                "leave it out for a free one"
            ) from None
        self.port = int(sockets[0].getsockname()[1])
        self.token = secrets.token_urlsafe(24)
        self.address = f"http://{ADDRESS}:{self.port}/{self.token}/"
        sweep()
        self.folder = Path(tempfile.mkdtemp(prefix=f"{PREFIX}{os.getpid()}-"))
        panel.extension("filedropper", "tabulator", notifications=False)

        def page() -> Any:
            folder = Path(tempfile.mkdtemp(prefix="page-", dir=self.folder))
            panel.state.on_session_destroyed(lambda _: shutil.rmtree(folder, ignore_errors=True))
            return make(folder)

        self.loop = IOLoop.current()
        self.tornado = BokehTornado(
            build_applications({"/": page}, title="specsr"), prefix=f"/{self.token}",
            extra_websocket_origins=[f"{name}:{self.port}" for name in NAMES],
            websocket_max_message_size_bytes=UPLOAD, unused_session_lifetime_milliseconds=LEFT,
            check_unused_sessions_milliseconds=LEFT // 4,
            extra_patterns=[(r"/(favicon\.ico)", StaticFileHandler, {"path": DIST_DIR / "images"})],
        )  # fmt: skip
        http = HTTPServer(_gate(self.tornado, self.token, self.port), max_buffer_size=UPLOAD)
        http.add_sockets(sockets)
        self.server = BaseServer(self.loop, self.tornado, http)
        self.server.start()

    def link(self) -> Path:
        """Return a file of this user alone that leads a browser to the address.

        A browser is started with its name: other users can read the command line of a process,
        and so the token, but not this file.
        """
        path = self.folder / "open.html"
        # the folder is of this user alone
        path.write_text(
            '<!DOCTYPE html><meta charset="utf-8"><title>specsr</title>'
            f'<meta http-equiv="refresh" content="0; url={self.address}">'
            f'<a href="{self.address}">specsr</a>\n'
        )
        path.chmod(0o600)
        return path

    def close(self) -> None:
        """End the server and remove the temporary files."""
        cancel_all()
        with suppress(Exception):  # a page that fails while it closes must not keep the others
            self.server.stop(wait=False)
        shutil.rmtree(self.folder, ignore_errors=True)


def _gate(inner: Any, token: str, port: int) -> Any:
    """Return a router that refuses requests (`refusal`) before the application sees them."""
    from tornado.routing import Router
    from tornado.web import Application, RequestHandler

    class Refused(RequestHandler):
        def initialize(self, why: str = "") -> None:
            self.why = why

        def prepare(self) -> None:
            self.set_status(403)
            self.set_header("Content-Type", "text/plain; charset=utf-8")
            self.finish(f"{self.why}\n")

    application = Application()

    class Gate(Router):
        def find_handler(self, request: Any, **kwargs: Any) -> Any:
            headers = request.headers
            why = refusal(headers.get("Host", ""), headers.get("Origin"), request.path, token, port)
            if why is None:
                return inner.find_handler(request, **kwargs)
            return application.get_handler_delegate(request, Refused, {"why": why})

    return Gate()


@contextmanager
def serving(make: Callable[[Path], Any], port: int = 0) -> Iterator[Served]:
    """Yield a running server; its temporary files are removed at the end."""
    served = Served(make, port)
    try:
        yield served
    finally:
        served.close()


def serve(
    make: Callable[[Path], Any],
    port: int = 0,
    ready: Callable[[Served], None] = lambda served: None,
) -> None:
    """Serve pages until Ctrl-C or the end of the process is asked for.

    Args:
        make: called for every page with its temporary folder; returns the page.
        port: 0 for a free one.
        ready: called with the server as soon as it listens.

    Raises:
        SpecsrError: as `Served`.
    """

    async def run() -> None:
        stopped = asyncio.Event()
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            with suppress(NotImplementedError):  # Windows: Ctrl-C raises KeyboardInterrupt
                loop.add_signal_handler(number, stopped.set)
        with serving(make, port) as served:
            ready(served)
            await stopped.wait()

    with lost_connections_unreported(), suppress(KeyboardInterrupt):
        asyncio.run(run())


@contextmanager
def lost_connections_unreported() -> Iterator[None]:
    """Keep connections that their end cut off out of what the server's libraries report."""
    loggers = [logging.getLogger(name) for name in LOGGERS]
    for logger in loggers:
        logger.addFilter(_is_no_lost_connection)
    try:
        yield
    finally:
        for logger in loggers:
            logger.removeFilter(_is_no_lost_connection)


def _is_no_lost_connection(record: logging.LogRecord) -> bool:
    """Whether a log record is of no connection that its end cut off.

    A tab that is closed while the page writes to it is no fault. Panel starts the parts of a
    message at once: where one is refused, nobody waits for those before it any more, and asyncio
    reports them.
    """
    from tornado.iostream import StreamClosedError
    from tornado.websocket import WebSocketClosedError

    lost = (asyncio.CancelledError, StreamClosedError, WebSocketClosedError)
    kind = record.exc_info[0] if record.exc_info else None
    return kind is None or not issubclass(kind, lost)
