"""What the page draws without a browser: maps, what is beside them, cursors, lines."""

from __future__ import annotations

import asyncio
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

import specsr
from specsr.app.look_beside import beside
from specsr.app.look_panel import Look
from specsr.app.screen import Axes
from specsr.app.session import Origin, Session
from specsr.choices import MAX_ORDER
from specsr.maps.pooling import pool


async def _opened(folder: Path, rpm: bool = True) -> Look:
    """A fine and a coarse map of a run-up from 600 to 1200 rpm with order 2."""
    t = np.arange(8192) / 4096
    speed = 600 + 300 * t
    wave = np.sin(2 * np.pi * 2 * np.cumsum(speed) / 60 / 4096)
    signal = specsr.Signal(wave, 4096, "Pa", rpm=speed if rpm else None)
    fine = specsr.spectrogram(signal, n_fft=512, hop_length=128)
    fine = fine.replace(uncertainty_db=np.full(fine.magnitude.shape, 2.0), phase=None)
    specsr.write_map(folder / "fine.npz", fine)
    specsr.write_map(folder / "coarse.npz", pool(fine, 4, 4))
    session = Session(folder)
    look = Look(session)
    for name in ("coarse.npz", "fine.npz"):
        assert await session.open(folder / name) is not None
    look.controls.chosen.value = [1, 2]
    await _drawn(look)
    return look


async def _drawn(look: Look) -> None:
    assert look.task is not None
    await look.task


def _images(look: Look) -> list[tuple[int, int]]:
    data = [source.data["image"] for source in look.maps.sources]
    return [images[0].shape for images in data if len(images)]


def test_maps_are_drawn_and_follow_the_controls(tmp_path: Path) -> None:
    async def walk() -> None:
        look = await _opened(tmp_path)
        session, controls = look.session, look.controls
        assert session.shown == (1, 2) and len(_images(look)) == 2
        assert controls.slider.end == 1 and controls.base.name == "Base, order"
        assert session.time_range == pytest.approx((0, 2)) and session.levels[1] > session.levels[0]
        look.maps.x_range.update(start=0.5, end=1.0)
        await _drawn(look)
        assert session.time_range == pytest.approx((0.5, 1.0))
        assert _images(look)[1][1] <= 0.5 * 4096 / 128 + 2
        controls.base.value = 2.0
        assert len(look.maps.lines.data["ys"]) == controls.count.value
        controls.y.value = "order"
        await _drawn(look)
        assert set(look.maps.lines.data["ys"][1]) == {4.0}
        y = look.maps.y_range
        assert y.end == MAX_ORDER and y.reset_end == pytest.approx(2048 / 20, rel=0.02)
        controls.clear.clicks += 1
        assert not look.maps.lines.data["ys"]
        session.close(2)
        await _drawn(look)
        assert len(_images(look)) == 1

    asyncio.run(walk())


def test_a_click_reads_every_map_and_lays_harmonic_lines(tmp_path: Path) -> None:
    async def walk() -> None:
        look = await _opened(tmp_path)
        look.controls.mode.value = "Harmonics"
        [tapped] = look.maps.main._event_callbacks["tap"]
        tapped(SimpleNamespace(x=1.0, y=30.0))
        assert look.controls.base.value == pytest.approx(2.0, abs=0.02)
        text = look.controls.read_out.object
        assert "1.000 s" in text and "± 2.0 dB" in text and "1: " in text and "2: " in text
        assert [span.visible for span in look.maps.spans] == [True] * 4

    asyncio.run(walk())


def test_what_is_beside_and_why_there_is_none(tmp_path: Path) -> None:
    async def walk() -> None:
        look = await _opened(tmp_path)
        results, view = look.results(), ((0.0, 2.0), (0.0, 500.0))
        shown, note = beside("difference", results, "ch1", 1, Axes(), view)
        assert shown is not None and note == "2: fine.npz minus 1: coarse.npz, dB"
        shown, note = beside("uncertainty", results, "ch1", None, Axes(), view)
        assert shown is not None and (shown.values == 2).all() and "fine.npz" in note
        for what, some, axes in (
            ("difference", results[:1], Axes()),
            ("uncertainty", results[:1], Axes()),
            ("uncertainty", results, Axes("rpm", "freq")),
        ):
            shown, note = beside(what, some, "ch1", None, axes, view)
            assert shown is None and note
        assert beside("nothing", results, "ch1", None, Axes(), view) == (None, "")

    asyncio.run(walk())


def test_axes_that_need_a_speed_name_the_fix_and_the_message_goes(tmp_path: Path) -> None:
    async def walk() -> None:
        look = await _opened(tmp_path, rpm=False)
        look.controls.x.value = "rpm"
        await _drawn(look)
        assert "--rpm-channel" in look.session.error and _images(look) == []
        look.controls.x.value = "time"
        await _drawn(look)
        assert look.session.error == "" and len(_images(look)) == 2
        # an axis that cannot be drawn shows no numbers of the one before
        y = look.maps.y_range
        assert y.end > 1000
        look.controls.y.value = "order"
        await _drawn(look)
        assert "found in the sound (--rpm auto)" in look.session.error
        assert look.maps.main.yaxis.axis_label == "Order" and (y.start, y.end) == (0, 1)
        look.controls.y.value = "freq"
        await _drawn(look)
        assert look.maps.main.yaxis.axis_label == "Frequency (Hz)" and y.end > 1000

    asyncio.run(walk())


def test_the_cursor_follows_the_weighting_and_ends_with_its_map(tmp_path: Path) -> None:
    async def walk() -> None:
        look = await _opened(tmp_path)
        [tapped] = look.maps.main._event_callbacks["tap"]
        tapped(SimpleNamespace(x=1.0, y=30.0))
        before = look.controls.read_out.object
        assert "dB re 20 µPa" in before and look.maps.bars[0].title == "dB re 20 µPa"
        look.controls.weighting.value = "A"
        await _drawn(look)
        assert "dB(A) re 20 µPa" in look.controls.read_out.object
        assert look.maps.bars[0].title == "dB(A) re 20 µPa"
        look.controls.weighting.value = "Z"
        await _drawn(look)
        assert look.controls.read_out.object == before
        other = specsr.Signal(np.ones(16384), 4096, "Pa")
        specsr.write_map(tmp_path / "other.npz", specsr.spectrogram(other))
        await look.session.open(tmp_path / "other.npz")
        await _drawn(look)
        assert look.controls.read_out.object == ""
        assert [span.visible for span in look.maps.spans] == [False] * 4

    asyncio.run(walk())


def test_every_file_has_a_level_range_of_its_own_and_its_results_share_it(tmp_path: Path) -> None:
    noise = np.random.default_rng(0).normal(size=8192)

    async def walk() -> None:
        session = Session(tmp_path)
        look = Look(session)
        for name, gain in (("loud", 0.2), ("soft", 0.2e-4), ("made", 1e-6), ("none", 1e-12)):
            spec = specsr.spectrogram(specsr.Signal(gain * noise, 4096))
            specsr.write_map(tmp_path / f"{name}.npz", spec)

        async def levels(name: str, parent: int | None = None) -> tuple[float, float]:
            await session.open(tmp_path / f"{name}.npz", None, Origin(parent=parent))
            await _drawn(look)
            return session.levels

        loud, soft = await levels("loud"), await levels("soft")
        assert loud[1] - soft[1] == pytest.approx(80, abs=5)
        assert await levels("made", 2) == soft  # 26 dB below, still visible
        assert await levels("none", 2) == soft
        session.shown = (4,)  # alone, it would be all black
        await _drawn(look)
        assert session.levels[1] < soft[0]

    asyncio.run(walk())


def test_a_row_spacing_that_fails_is_not_kept(tmp_path: Path) -> None:
    async def walk() -> None:
        session = Session(tmp_path)
        look = Look(session)
        for name in ("a.wav", "b.wav"):
            specsr.write(tmp_path / name, specsr.Signal(np.ones(8000), 4000))
            assert await session.open(tmp_path / name) is not None
        spacing = look.controls.spacing

        async def settle(value: float | None) -> float:
            spacing.value = value
            while session.message.startswith("computing") or spacing.value != session.df:
                await asyncio.sleep(0.01)
            return session.get(2).screen.grid.df

        assert await settle(50.0) == pytest.approx(50) and session.message == "maps computed"
        assert await settle(1e-9) == pytest.approx(50)
        assert session.error and not session.message and spacing.value == session.df == 50
        assert await settle(float("nan")) == pytest.approx(4, rel=0.1) and session.error == ""
        assert spacing.value is None
        (tmp_path / "a.wav").unlink()
        assert await settle(20.0) == pytest.approx(20)
        assert "a.wav" in session.error and session.get(1).screen.grid.df == pytest.approx(4, 0.1)
        assert await session.open(tmp_path / "b.wav") is not None and session.error == ""

    asyncio.run(walk())
