"""The server answers on this machine alone, to requests with its token, and leaves nothing."""

from __future__ import annotations

import asyncio
import gc
import os
import subprocess
import sys
from pathlib import Path

import pytest

from specsr.app.server import Served, lost_connections_unreported, refusal, serving, sweep
from specsr.errors import SpecsrError
from support.command import run

TOKEN, PORT = "aTokenOf24Bytes", 5000


@pytest.mark.parametrize(
    "host, origin, path, answered",
    [
        ("127.0.0.1:5000", None, f"/{TOKEN}/", True),
        ("localhost:5000", "http://localhost:5000", f"/{TOKEN}/ws", True),
        ("LOCALHOST:5000", "http://127.0.0.1:5000", f"/{TOKEN}/static/a.js", True),
        ("127.0.0.1:5000", None, "/", False),
        ("127.0.0.1:5000", None, f"/{TOKEN[:-1]}/", False),
        ("127.0.0.1:5000", None, f"/x/{TOKEN}/", False),
        ("127.0.0.1:5000", None, f"{TOKEN}", False),
        ("127.0.0.1:5001", None, f"/{TOKEN}/", False),
        ("evil.example:5000", None, f"/{TOKEN}/", False),  # a name made to mean 127.0.0.1
        ("127.0.0.1.evil.example:5000", None, f"/{TOKEN}/", False),
        ("", None, f"/{TOKEN}/", False),
        ("127.0.0.1:5000", "http://evil.example", f"/{TOKEN}/ws", False),
        ("127.0.0.1:5000", "null", f"/{TOKEN}/ws", False),
        ("127.0.0.1:5000", "http://127.0.0.1:9999", f"/{TOKEN}/ws", False),
    ],
)
def test_requests_need_the_token_this_host_and_no_other_origin(
    host: str, origin: str | None, path: str, answered: bool
) -> None:
    why = refusal(host, origin, path, TOKEN, PORT)
    assert (why is None) == answered
    assert why is None or (why.startswith("refused") and TOKEN not in why)


def test_a_tab_closed_while_the_page_writes_to_it_is_not_reported(caplog) -> None:
    pytest.importorskip("tornado")
    from tornado.iostream import StreamClosedError
    from tornado.websocket import WebSocketClosedError

    async def fail(error: Exception) -> None:
        raise error

    async def lose() -> None:
        for error in (WebSocketClosedError(), StreamClosedError(), ValueError("a fault")):
            asyncio.ensure_future(fail(error))
        await asyncio.sleep(0.01)
        gc.collect()  # asyncio reports a task that nobody waits for when it is freed

    gc.collect()  # what earlier tests left is reported now, and not below
    caplog.clear()
    with lost_connections_unreported():
        asyncio.run(lose())
    assert [record.exc_info[1].args for record in caplog.records] == [("a fault",)]
    caplog.clear()
    asyncio.run(lose())
    assert len(caplog.records) == 3


def test_the_command_refuses_what_is_missing(tmp_path: Path, capsys, monkeypatch) -> None:
    code, _, errors = run(capsys, "app", tmp_path / "nothing.wav", "--no-browser")
    assert code == 1 and "no such file or folder" in errors
    monkeypatch.setattr("specsr.extras.installed", lambda module: module != "panel")
    code, _, errors = run(capsys, "app", "--no-browser")
    assert code == 1 and "pip install 'specsr[app]'" in errors


def test_folders_of_killed_servers_are_removed(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    ended = subprocess.run([sys.executable, "-c", "import os; print(os.getpid())"],
                           capture_output=True, text=True, check=True).stdout.strip()  # fmt: skip
    kept = [f"specsr-app-{os.getpid()}-abc", "specsr-app-x-abc", f"other-{ended}-abc"]
    for name in (*kept, f"specsr-app-{ended}-abc"):
        (tmp_path / name).mkdir()
    sweep()
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(kept)


def _page(folder: Path):
    import panel

    (folder / "made").touch()
    return panel.pane.Str("hello")


def test_a_running_server_refuses_and_leaves_nothing() -> None:
    """Over real connections: pages, files and the websocket."""
    from tornado.httpclient import AsyncHTTPClient, HTTPRequest
    from tornado.websocket import websocket_connect

    async def status(address: str, **headers: str) -> int:
        request = HTTPRequest(
            address, headers=headers, follow_redirects=False, connect_timeout=300,
            request_timeout=300,  # the first page imports much
        )  # fmt: skip
        return (await AsyncHTTPClient().fetch(request, raise_error=False)).code

    async def websocket(address: str, **headers: str) -> int:
        address = address.replace("http", "ws", 1) + "ws"
        request = HTTPRequest(address, headers=headers, connect_timeout=300)
        try:
            connection = await websocket_connect(request, subprotocols=["bokeh", "token"])
        except Exception as error:
            return int(getattr(error, "code", 0))
        connection.close()
        return 101

    async def walk(served: Served) -> None:
        root = f"http://127.0.0.1:{served.port}/"
        assert served.address == f"{root}{served.token}/" and len(served.token) >= 32
        assert await status(served.address) == 200
        assert list(served.folder.glob("page-*/made"))
        assert os.stat(served.folder).st_mode & 0o077 == 0  # of this user alone
        assert await status(served.address + "favicon.ico") == 200
        for other in (root, root + "x/", root + "static/js/bokeh.min.js", served.address[:-2]):
            assert await status(other) == 403
        assert await status(served.address, Host="evil.example") == 403
        assert await status(served.address, Origin="http://evil.example") == 403
        assert await websocket(root) == 403
        assert await websocket(served.address, Origin="http://evil.example") == 403
        link = served.link()
        assert served.address in link.read_text() and link.parent == served.folder
        assert os.name == "nt" or os.stat(link).st_mode & 0o077 == 0
        with pytest.raises(SpecsrError, match="--port"):
            Served(_page, served.port)

    async def run() -> Path:
        with serving(_page) as served:
            await walk(served)
        return served.folder

    assert not asyncio.run(run()).exists()


def test_the_browser_is_not_waited_for_and_its_name_has_no_token(monkeypatch, tmp_path) -> None:
    import threading

    from specsr.cli.browser_app import browser_app

    opened: list[str] = []
    started, finish = threading.Event(), threading.Event()

    def open_browser(address: str) -> None:
        opened.append(address)
        started.set()
        finish.wait(300)

    monkeypatch.setattr("webbrowser.open", open_browser)

    class Served:
        address = "http://127.0.0.1:1/secret/"
        link = staticmethod(lambda: tmp_path / "open.html")

    # returns while the browser is open
    monkeypatch.setattr("specsr.app.server.serve", lambda make, port, ready: ready(Served))
    browser_app(None, 0, False)
    assert started.wait(300)
    finish.set()
    assert opened == [(tmp_path / "open.html").as_uri()]
