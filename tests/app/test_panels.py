"""The panels for listening, reading off and saving, without a browser."""

from __future__ import annotations

import asyncio
from pathlib import Path

import numpy as np
import pytest

import specsr
from specsr.app.session import Session
from specsr.maps.pooling import pool
from specsr.signal import Signal

pytest.importorskip("panel")

from specsr.app.listen_panel import Listen  # noqa: E402
from specsr.app.read_off_panel import ReadOff, Tables, look_of, read_shown  # noqa: E402
from specsr.app.save_panel import Save  # noqa: E402
from specsr.app.session import Table  # noqa: E402

pytestmark = pytest.mark.slow

RATE = 8000


@pytest.fixture
def session(tmp_path: Path) -> Session:
    """A recording, its map, and a map of means, opened one after the other and all shown."""
    times = np.arange(2 * RATE) / RATE
    rpm = 3000 + 600 * times
    samples = np.sin(4 * np.pi * np.cumsum(rpm / 60) / RATE) + 0.01 * np.cos(7 * times)
    run = Signal(samples.astype(np.float32), RATE, "Pa", ("mic",), full_scale=2.0, rpm=rpm)
    specsr.write(tmp_path / "run.wav", run)
    fine = specsr.spectrogram(run, n_fft=512, hop_length=128)
    specsr.write_map(tmp_path / "fine.npz", fine)
    specsr.write_map(tmp_path / "means.npz", pool(fine, 2, 2))
    folder = tmp_path / "page"
    folder.mkdir()
    session = Session(folder)

    async def read() -> None:
        for name in ("run.wav", "fine.npz", "means.npz"):
            await session.open(tmp_path / name)

    asyncio.run(read())
    assert session.error == ""
    session.param.update(shown=(1, 2, 3), time_range=(0.5, 1.5), freq_range=(0.0, 4000.0))
    return session


def test_all_versions_of_the_stretch_are_loaded(session: Session) -> None:
    listen = Listen(session)
    assert listen.load.name == "Load 0.50 to 1.50 s"
    asyncio.run(listen.start())
    assert listen.player.titles == ["1: run.wav", "2: fine.npz"]
    assert listen.player.begin == 0.5 and len(listen.player.sounds) == 2
    assert listen.player.gains == pytest.approx([listen.player.gains[0]] * 2, rel=1e-3)
    assert "means.npz: a map of means" in listen.notes.object
    before = listen.player.gains
    listen.matched.value = True
    assert "matched by +0.0 dB" in listen.notes.object
    assert listen.player.gains == pytest.approx(before, rel=1e-2)
    session.marked = (0.75, 1.0)
    assert listen.load.name == "Load 0.75 to 1.00 s"
    session.time_range, session.marked = (5.0, 6.0), (0.0, 0.0)
    asyncio.run(listen.start())
    assert listen.player.sounds == [] and "nothing to play" in listen.notes.object


def test_what_is_read_off_is_of_all_maps_shown(session: Session) -> None:
    look = look_of(session, "2")
    assert look is not None and look.span == (0.5, 1.5)
    readings = asyncio.run(read_shown(session, look))
    assert [reading.title for reading in readings] == ["1: run.wav", "2: fine.npz", "3: means.npz"]
    level = 20 * np.log10(np.sqrt(0.5) / 20e-6)
    for reading in readings:
        found = reading.cuts[0].levels[0]
        np.testing.assert_allclose(found[np.isfinite(found)], level, atol=0.2)
    panel = ReadOff(session)
    panel.draw(readings)
    assert panel.cuts.object is not None and panel.bands.object is not None
    panel.draw([])
    assert panel.cuts.object is None
    assert look_of(Session(session.folder), "2") is None


def test_tables_of_steps_are_shown(session: Session) -> None:
    tables = Tables(session)
    path = session.folder / "a.csv"
    path.write_text("order,level_db\n" + "2,90\n" * 300)
    figure = session.folder / "a.png"
    figure.write_bytes(b"\x89PNG\r\n")
    session.tables = (Table("orders <b>", (path, figure), ("printed\x1b",)),)
    assert tables.chosen.options == {"1: orders <b>": 1}
    assert tables.text.object.startswith("printed\\x1b\n\norder,level_db\n2,90")
    assert tables.text.object.endswith("... 101 more rows in the file")
    assert tables.figure.object == figure.read_bytes()


def test_files_are_saved_and_none_is_replaced(session: Session, tmp_path: Path) -> None:
    save = Save(session, tmp_path / "out")
    save.name.value = "x"

    def press(button: str) -> str:
        asyncio.run(save.save(button))
        return session.error or session.message

    assert press("Save order cuts (.csv)").endswith("x-cuts.csv: written")
    assert press("Save third octaves (.csv)").endswith("x-third-octaves.csv: written")
    session.choose(2)
    save.name.value = "y"
    assert press("Save result").endswith("y.npz: written")
    assert "exists already" in press("Save result")
    save.result.value = ".wav"
    assert press("Save result").endswith("y.wav: written")
    assert "no step has made a table" in press("Save tables of steps")
    save.folder.value = ""
    assert "no folder is named" in press("Save figure")
    names = {path.name for path in (tmp_path / "out").iterdir()}
    assert names >= {"x-cuts.csv", "x-third-octaves.csv", "y.npz", "y.wav"}
