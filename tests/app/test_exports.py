"""Files that the app saves."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest

import specsr
from specsr.app import exports
from specsr.app.read_off import Look
from specsr.app.screen import ScreenMap
from specsr.app.session import Result
from specsr.errors import SpecsrError
from specsr.io.file_info import read_origin
from specsr.io.origin import stating
from specsr.maps.pooling import pool
from specsr.signal import Signal

RATE = 8000


@pytest.fixture(scope="module")
def signal() -> Signal:
    times = np.arange(2 * RATE) / RATE
    rpm = 3000 + 600 * times
    angle = 2 * np.pi * np.cumsum(rpm / 60) / RATE
    noise = np.random.default_rng(0).normal(size=times.size)
    samples = np.stack([0.1 * noise, np.sin(2 * angle) + 0.01 * noise]).astype(np.float32)
    return Signal(samples, RATE, "Pa", ("left", "right"), full_scale=8.0, rpm=rpm)


@pytest.mark.parametrize("name", ["", "  ", ".", "..", "a/b", "../a", "/etc/x", "a\0"])
def test_a_name_that_leads_out_of_the_folder_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(SpecsrError, match="without a folder"):
        exports.target(str(tmp_path), name, ".wav")


def test_nothing_is_replaced(tmp_path: Path, signal: Signal) -> None:
    path = exports.target(str(tmp_path / "new"), "a.wav", ".wav")
    assert path == tmp_path / "new" / "a.wav"
    exports.save_result(path, signal, Path(__file__))
    before = path.read_bytes()
    with pytest.raises(SpecsrError, match="exists"):
        exports.target(str(tmp_path / "new"), "a", ".wav")
    with pytest.raises(SpecsrError, match="exists"):
        exports.save_result(path, signal, Path(__file__))
    with pytest.raises(SpecsrError, match="exists"):
        exports.copy_result(path, Path(__file__))
    with pytest.raises(SpecsrError, match="exists"):
        exports.save_text(path, "x")
    assert path.read_bytes() == before
    with pytest.raises(SpecsrError, match="no folder"):
        exports.target(" ", "a", ".wav")


def test_a_result_is_saved_with_its_sidecar_and_origin(tmp_path: Path, signal: Signal) -> None:
    made = tmp_path / "made.wav"
    with stating({"command": "denoise", "version": "1"}):
        specsr.write(made, signal)
    copied, converted = tmp_path / "copied.wav", tmp_path / "converted.flac"
    exports.copy_result(copied, made)
    exports.save_result(converted, signal, made)
    assert copied.read_bytes() == made.read_bytes()
    for path in (copied, converted):
        found = specsr.read(path)
        assert (found.unit, found.channels) == (signal.unit, signal.channels)
        np.testing.assert_allclose(found.rpm, signal.rpm)
        np.testing.assert_allclose(found.samples, signal.samples, atol=1e-6)
        origin = read_origin(path)
        assert origin is not None and origin["command"] == "denoise"


def test_maps_are_saved_as_maps_or_waveforms(tmp_path: Path, signal: Signal) -> None:
    spec = specsr.spectrogram(signal, n_fft=256)
    found = exports.formats("map", spec.grid)
    assert set(found.values()) == {*exports.MAPS, *exports.WAVEFORMS}
    assert set(exports.formats("map", pool(spec, 2, 2).grid).values()) == set(exports.MAPS)
    exports.save_result(tmp_path / "a.npz", spec, Path(__file__))
    np.testing.assert_array_equal(specsr.read_map(tmp_path / "a.npz").magnitude, spec.magnitude)
    exports.save_result(tmp_path / "a.wav", spec, Path(__file__))
    np.testing.assert_allclose(specsr.read(tmp_path / "a.wav").samples, signal.samples, atol=1e-5)


@pytest.mark.slow
def test_a_figure_shows_the_part_that_is_seen(tmp_path: Path, signal: Signal) -> None:
    fine = specsr.spectrogram(signal, n_fft=256)
    maps = {"coarse": ScreenMap.of(pool(fine, 4, 4)), "fine": ScreenMap.of(fine)}
    look = Look("right", (0.5, 1.25), (500.0, 2000.0))
    exports.save_figure_of(tmp_path / "two.svg", maps, look, (31.0, 57.0))
    text = (tmp_path / "two.svg").read_text()
    assert "coarse" in text and "fine" in text
    assert "<!-- 55 -->" in text and "<!-- 90 -->" not in text  # labels of the colour bar
    exports.save_figure_of(tmp_path / "one.png", {"fine": maps["fine"]}, look)
    assert (tmp_path / "one.png").stat().st_size > 10000
    many = {str(i): maps["fine"] for i in range(6)}
    exports.save_figure_of(tmp_path / "many.png", many, look)
    with pytest.raises(SpecsrError, match="no column"):
        exports.save_figure_of(tmp_path / "no.png", maps, Look("right", (7.0, 8.0), (0.0, 1.0)))
    assert not (tmp_path / "no.png").exists()


@pytest.mark.slow
@pytest.mark.parametrize("suffix", [".html", ".pdf"])
def test_a_report_of_what_is_shown(tmp_path: Path, signal: Signal, suffix: str) -> None:
    fine = specsr.spectrogram(signal, n_fft=256)
    specsr.write_map(tmp_path / "a.npz", fine)
    results = [
        (Result(i, title, tmp_path / "a.npz", "map", ScreenMap.of(spec)), spec)
        for i, (title, spec) in enumerate({"in": pool(fine, 4, 4), "out": fine}.items(), 1)
    ]
    path = tmp_path / f"report{suffix}"
    look = Look("right", (0.25, 1.75), (0.0, 2000.0), (2.0,))
    note = exports.save_report(path, results, look)
    assert note.startswith(str(path))
    content = path.read_bytes()
    assert content.startswith(b"%PDF" if suffix == ".pdf" else b"<!DOCTYPE html>") or re.match(
        rb"<!doctype html>", content, re.I
    )
    with pytest.raises(SpecsrError, match="exists"):
        exports.save_report(path, results, look)
