"""Connection to a cluster: addresses, time limits, ports, and what is said where none answers."""

from __future__ import annotations

import contextlib
import socket
import threading
import urllib.error
import urllib.request
from collections.abc import Iterator

import pytest

import specsr
from specsr.jobs import connection
from support.command import run as specsr_command
from support.folder_jobs import recordings

distributed = pytest.importorskip("distributed")
psutil = pytest.importorskip("psutil")  # comes with distributed


@pytest.fixture
def deaf() -> Iterator[str]:
    """Yield an address that refuses connections, and that no other program gets meanwhile."""
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        yield f"tcp://127.0.0.1:{bound.getsockname()[1]}"


@pytest.mark.parametrize(
    "where", ["local", "local:0", "local:-1", "local:x", "4", "tcp://host", "http://host:8786", ""]
)
def test_invalid_cluster_addresses_are_refused(where, tmp_path, capsys):
    source = recordings(tmp_path / "in", "a")
    code, _, err = specsr_command(
        capsys, "denoise", source, "-o", tmp_path / "out", "--cluster", where
    )
    assert code == 1 and "expected local:4" in err and not (tmp_path / "out").exists()


@pytest.mark.parametrize("port", [0, 65536, 99999])
def test_a_port_out_of_range_is_refused_at_once(port: int) -> None:
    where = f"tcp://127.0.0.1:{port}"
    with (
        pytest.raises(specsr.SpecsrError, match="expected a port from 1 to 65535"),
        connection.connect(where),
    ):
        pass


def test_error_names_the_missing_extra(monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with (
        pytest.raises(specsr.SpecsrError, match=r"pip install 'specsr\[cluster\]'"),
        connection.connect("local:2"),
    ):
        pass


def test_error_names_a_scheduler_that_does_not_answer(deaf):
    with (
        pytest.raises(specsr.SpecsrError, match="no scheduler answers there"),
        connection.connect(deaf, timeout=1),
    ):
        pass


def test_the_event_loop_has_ended_with_the_connection(monkeypatch, deaf):
    # Dask's own loop would fail at random: its thread must start within 10 s
    monkeypatch.delattr("distributed.utils._CollectErrorThread")
    before = set(threading.enumerate())
    with (
        pytest.raises(specsr.SpecsrError, match="no scheduler answers there") as caught,
        connection.connect(deaf, timeout=1),
    ):
        pass
    assert "_CollectErrorThread" not in str(caught.value)
    left = {thread.name for thread in set(threading.enumerate()) - before}
    assert not {"specsr-cluster", "IO loop"} & left


def silent(answer: bytes = b"") -> Iterator[int]:
    """Yield the port of a socket that accepts connections and sends no more than ``answer``."""
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen(50)
        end = threading.Event()

        def accept() -> None:
            kept = []
            while not end.is_set():
                try:
                    kept.append(listening.accept()[0])
                    kept[-1].sendall(answer)
                except OSError:
                    return

        threading.Thread(target=accept, daemon=True).start()
        try:
            yield listening.getsockname()[1]
        finally:
            end.set()


@pytest.mark.parametrize("answer", [b"", b"HTTP/1.1 400 Bad Request\r\n\r\n", b"\0" * 64])
def test_an_address_that_accepts_and_does_not_answer_ends_in_time(answer):
    for port in silent(answer):
        with (  # without a limit of the wait, this test would not end
            pytest.raises(specsr.SpecsrError, match="no scheduler answers there") as caught,
            connection.connect(f"tcp://127.0.0.1:{port}", timeout=2),
        ):
            pass
        assert "within 2 s" in str(caught.value) and "\n" not in str(caught.value)


def test_the_default_wait_is_twenty_seconds():
    assert connection.TIMEOUT == 20


def listening_on() -> dict[int, set[str]]:
    """Return the addresses on which this process and its children listen, by process."""
    found = {}
    for process in (psutil.Process(), *psutil.Process().children(recursive=True)):
        with contextlib.suppress(psutil.NoSuchProcess):  # it has ended since
            places = process.net_connections()
            found[process.pid] = {one.laddr.ip for one in places if one.status == "LISTEN"}
    return found


@pytest.mark.slow
def test_a_local_cluster_listens_on_the_loopback_interface_only():
    before = {pid for pid, places in listening_on().items() if places}
    with connection.connect("local:2") as client:
        found = {pid: places for pid, places in listening_on().items() if pid not in before}
        http = {w["services"].get("dashboard") for w in client.scheduler_info()["workers"].values()}
        port = client.scheduler_info()["services"].get("dashboard")
        for served in {port, *http} - {None}:
            for page in ("status", "info/main/workers.html", "json/counts.json", "metrics"):
                with pytest.raises(urllib.error.HTTPError, match="404"):
                    urllib.request.urlopen(f"http://127.0.0.1:{served}/{page}", timeout=300)
    assert set().union(*found.values()) == {"127.0.0.1"}
    assert sum(map(bool, found.values())) >= 2
