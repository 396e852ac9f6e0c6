"""Files for the page: what is found in them, how they are read, their maps, messages and fields."""

from __future__ import annotations

import asyncio
from pathlib import Path

import numpy as np
import pytest

import specsr
from specsr.app import opening
from specsr.app.opening import facts, fields_of, screen_map
from specsr.app.session import Origin, Session
from specsr.errors import SpecsrError
from specsr.jobs.options import Reading, Speed
from specsr.jobs.warned import collected_warnings
from specsr.maps.transform import SpectrogramTransform

RATE = 8000


@pytest.fixture
def wav(tmp_path: Path) -> Path:
    """Two channels of noise, in Pa, with a speed."""
    noise = np.random.default_rng(0).standard_normal((2, 12000)).astype(np.float32)
    rpm = np.linspace(600, 1800, 12000)
    signal = specsr.Signal(noise, RATE, "Pa", ("left", "right"), full_scale=10.0, rpm=rpm)
    specsr.write(tmp_path / "run.wav", signal)
    return tmp_path / "run.wav"


def test_facts_are_those_of_info(wav: Path) -> None:
    found = facts(wav)
    assert found.kind == "recording" and found.channels == ("left", "right")
    assert (found.unit, found.rate, found.missing) == ("Pa", RATE, ())
    assert found.speeds[0] == "rpm" and any("Pa" in line for line in found.lines)


def test_what_is_missing_is_named_as_the_field_to_fill(tmp_path: Path) -> None:
    np.save(tmp_path / "bare.npy", np.zeros(100))
    found = facts(tmp_path / "bare.npy")
    assert "rate" in found.missing
    with pytest.raises(SpecsrError) as error:
        screen_map(tmp_path / "bare.npy", tmp_path)
    assert "rate" in fields_of(str(error.value))
    screen_map(tmp_path / "bare.npy", tmp_path, Reading(rate=1000.0))


@pytest.mark.parametrize(
    "message, field",
    [
        ("the file gives no rate for channel ch1: give it in Hz (--file-rate, rate=)", "rate"),
        ("the unit label 'x' is unknown: give the unit of the samples (--unit, unit=)", "unit"),
        ("a.wav: no channel 'x': expected one of left, right", "channels"),
        ("rpm.csv: its times run from 1 to 2 s", "table"),
        ("3 tacho pulses above 1: expected at least three revolutions", "tacho"),
        ("--calib, --calib-tone and --full-scale exclude each other: give one", "full_scale"),
    ],
)  # fmt: skip
def test_messages_name_the_fields_of_the_form(message: str, field: str) -> None:
    assert field in fields_of(message)


def test_the_map_of_a_recording_is_its_spectrogram(wav: Path, tmp_path: Path, monkeypatch) -> None:
    signal = specsr.read(wav)
    expected = SpectrogramTransform.for_rate(RATE, df=4.0, overlap=0.75)(signal)
    found = screen_map(wav, tmp_path, df=4.0)
    assert found.channels == signal.channels and found.grid == expected.grid
    # blocks of float32 transforms: equal up to the rounding of their sums
    np.testing.assert_allclose(found.magnitude, expected.magnitude, atol=1e-5)
    np.testing.assert_array_equal(found.rpm, signal.rpm)
    # the same in pieces, with its magnitudes in files
    monkeypatch.setattr(opening, "LONG", 1000)
    monkeypatch.setattr(opening, "LARGE", 1000)
    monkeypatch.setattr(opening, "PIECE", 3000)
    done: list[float] = []
    long = screen_map(wav, tmp_path, df=4.0, advance=done.append)
    np.testing.assert_allclose(long.magnitude, found.magnitude, atol=1e-5)
    assert done == sorted(done) and done[-1] == 1 and len(done) > 3
    assert list(tmp_path.glob("*.npy"))
    np.testing.assert_allclose(
        long.plane("left").pyramid.levels[1], found.plane("left").pyramid.levels[1], atol=1e-5
    )
    monkeypatch.setattr(opening, "SPARE", 0.0)
    with pytest.raises(SpecsrError, match="TMPDIR"):
        screen_map(wav, tmp_path, df=4.0)
    assert long.rpm is not None and facts(wav).channels == ("left", "right")


def test_a_speed_channel_is_no_channel_of_the_map(tmp_path: Path, monkeypatch) -> None:
    t = np.arange(4 * RATE) / RATE
    pulses = (np.sin(2 * np.pi * 20 * t) > 0.9).astype(np.float32)
    samples = np.stack([np.sin(2 * np.pi * 440 * t).astype(np.float32), pulses])
    specsr.write(tmp_path / "t.wav", specsr.Signal(samples, RATE, "Pa", ("mic", "pulses")))
    for long in (False, True):
        if long:
            monkeypatch.setattr(opening, "LONG", 1000)
        found = screen_map(tmp_path / "t.wav", tmp_path, speed=Speed(tacho="pulses"))
        assert found.channels == ("mic",)
        assert found.rpm is not None and np.median(found.rpm) == pytest.approx(1200, rel=1e-3)


def test_maps_images_and_folders(wav: Path, tmp_path: Path) -> None:
    spec = specsr.spectrogram(specsr.read(wav), n_fft=256)
    specsr.write_map(tmp_path / "map.npz", spec)
    assert facts(tmp_path / "map.npz").kind == "map"
    found = screen_map(tmp_path / "map.npz", tmp_path)
    np.testing.assert_array_equal(found.magnitude, spec.magnitude)
    (tmp_path / "rpm.csv").write_text("time_s,rpm\n0,600\n2,1200\n")
    with_speed = screen_map(tmp_path / "map.npz", tmp_path, speed=Speed(tmp_path / "rpm.csv"))
    assert with_speed.rpm_at(1.0) == pytest.approx(900, abs=20)
    with pytest.raises(SpecsrError, match="--rpm"):
        screen_map(tmp_path / "map.npz", tmp_path, speed=Speed(channel="rpm"))
    (tmp_path / "rpm.csv").unlink()
    specsr.write_image(tmp_path / "photo.png", np.zeros((4, 4, 3), np.uint8))
    with pytest.raises(SpecsrError, match="specsr upscale"):
        facts(tmp_path / "photo.png")


def test_notes_are_those_of_this_thread() -> None:
    import logging

    with collected_warnings(own_thread=True) as notes:
        logging.getLogger("specsr.io").warning("%s: repaired", "a.wav")
    assert notes == ["a.wav: repaired"]


def test_a_session_opens_chooses_and_closes(wav: Path, tmp_path: Path) -> None:
    session = Session(tmp_path)

    async def walk() -> None:
        first = await session.open(wav)
        assert first is not None and session.active == 1 and session.channel == "left"
        specsr.write_map(tmp_path / "map.npz", specsr.spectrogram(specsr.read(wav), n_fft=256))
        second = await session.open(tmp_path / "map.npz", "fine", Origin(parent=1))
        assert second is not None and session.shown == (1, 2) and session.active == 2
        other = await session.open(wav, "again")
        assert other is not None and session.shown == (3,)
        assert (await session.load(first)).rate == RATE  # type: ignore[union-attr]
        await session.analyse(50.0)
        assert session.get(1).screen.grid.df == pytest.approx(50.0)
        session.choose(1)
        assert session.chosen is not None and session.chosen.key == 1
        session.close(1)
        assert [r.key for r in session.results] == [2, 3]

    asyncio.run(walk())


def test_a_damaged_file_leaves_its_message_and_no_result(tmp_path: Path) -> None:
    session = Session(tmp_path)
    (tmp_path / "bad.wav").write_bytes(b"RIFF\x00\x00")
    assert asyncio.run(session.open(tmp_path / "bad.wav")) is None
    assert "bad.wav" in session.error and "\n" not in session.error and not session.results


def test_names_in_the_folder_of_a_session_are_safe_and_new(tmp_path: Path) -> None:
    session = Session(tmp_path)
    for name in ("run.wav", "../../etc/passwd", "a\u202eb<img>'\".wav", "--out=x.wav", ""):
        path = session.numbered(name)
        assert path.parent == tmp_path and not path.name.startswith("-")
        assert not set(path.name) & set("<>'\"\u202e/ ")
        path.touch()
        assert session.numbered(name) != path


def test_a_chosen_result_is_named_and_uploaded_files_have_no_folder(
    wav: Path, tmp_path: Path
) -> None:
    session = Session(tmp_path)
    for _ in range(2):
        asyncio.run(session.open(wav, "first" if not session.results else "second"))
    session.param.update(message="denoised of 1", error="failed")
    session.choose(1)
    assert (session.message, session.error) == ("first", "")
    empty = session.numbered(".wav")
    assert empty.name == "file.wav"
    empty.write_bytes(b"")
    asyncio.run(session.open(empty))
    assert session.without_folder(session.error).startswith("file.wav: ")
