"""Files that the app saves."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest

import specsr
from specsr.app import exports
from specsr.app.figures import save_figure_of
from specsr.app.read_off import Look
from specsr.app.screen import Axes, ScreenMap
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


def test_a_path_that_cannot_be_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(SpecsrError, match="too long: choose another"):
        exports.target(str(tmp_path), "x" * 300, ".wav")
    with pytest.raises(SpecsrError, match="no such home folder"):
        exports.target("~nosuchuser0/x", "a", ".wav")


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
    save_figure_of(tmp_path / "two.svg", maps, look, (31.0, 57.0))
    text = (tmp_path / "two.svg").read_text()
    assert "coarse" in text and "fine" in text
    assert "<!-- 55 -->" in text and "<!-- 90 -->" not in text  # labels of the colour bar
    save_figure_of(tmp_path / "one.png", {"fine": maps["fine"]}, look)
    assert (tmp_path / "one.png").stat().st_size > 10000
    many = {str(i): maps["fine"] for i in range(6)}
    save_figure_of(tmp_path / "many.png", many, look)
    with pytest.raises(SpecsrError, match="no column"):
        save_figure_of(tmp_path / "no.png", maps, Look("right", (7.0, 8.0), (0.0, 1.0)))
    assert not (tmp_path / "no.png").exists()


@pytest.mark.slow
def test_a_figure_has_the_axes_that_are_seen(tmp_path: Path, signal: Signal) -> None:
    maps = {name: ScreenMap.of(specsr.spectrogram(signal, n_fft=n)) for name, n in
            (("long", 1024), ("short", 256))}  # fmt: skip
    look, levels = Look("right", (0.0, 2.0), (0.0, 4000.0)), (31.0, 57.0)
    seen = (Axes("rpm", "order"), (3200.0, 3800.0), (1.0, 5.0))
    save_figure_of(tmp_path / "orders.svg", maps, look, levels, seen)
    text = (tmp_path / "orders.svg").read_text()
    for label in ("Speed (rpm)", "Order", "long", "short", "3400", "55"):
        assert f"<!-- {label} -->" in text
    assert "<!-- 3900 -->" not in text and "<!-- 6.0 -->" not in text
    bare = ScreenMap.of(specsr.spectrogram(Signal(signal.samples[:1], RATE), n_fft=256))
    with pytest.raises(SpecsrError, match="speed"):
        save_figure_of(tmp_path / "no.svg", {"bare": bare}, look, levels, seen)
    assert not (tmp_path / "no.svg").exists()


@pytest.mark.parametrize("name", ["fig.svg", "fig.wav", "a.b.npz", "x\u202egnp", "a\nb"])
def test_a_name_that_misleads_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(SpecsrError, match=r"choose \.\w+ as type|hide or reorder"):
        exports.target(str(tmp_path), name, ".png")


def test_where_a_file_is_saved_is_as_typed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert exports.target(str(tmp_path), "v1.2", ".png").name == "v1.2.png"
    assert exports.target(str(tmp_path), "a.csv", ".csv", "-cuts").name == "a-cuts.csv"
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SpecsrError, match=f"new: expected a whole path, such as {tmp_path}/new"):
        exports.target("new", "a", ".png")
    (tmp_path / "a.png").write_bytes(b"")
    with pytest.raises(SpecsrError) as error:
        exports.target(str(tmp_path), "a", ".png")
    assert str(error.value).endswith("a.png: exists already and was kept: choose another name")


def made(signal: Signal) -> list[Result]:
    """Return an opened map, two results one after the other, a sibling, another opened map."""
    screen = ScreenMap.of(specsr.spectrogram(signal, n_fft=64))

    def result(key: int, title: str, parent: int | None = None, *command: str) -> Result:
        path = Path(f"{key}.npz")
        return Result(key, title, path, "map", screen, command=command, parent=parent)

    return [
        result(1, "coarse"), result(2, "upscaled of 1", 1, "upscale"),
        result(3, "denoised of 2", 2, "denoise"), result(4, "denoised of 1", 1, "denoise"),
        result(5, "true"),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("shown", "expected", "left"),
    [
        ((1,), (1, None, None), ()),
        ((2,), (1, 2, None), ()),  # its input need not be shown
        ((1, 2), (1, 2, None), ()),
        ((1, 2, 3), (1, 3, None), (2,)),  # an estimate is no reference
        ((1, 2, 4), (1, 4, None), (2,)),
        ((1, 5), (1, None, 5), ()),
        ((1, 2, 5), (1, 2, 5), ()),
        ((5, 3), (1, 3, 5), ()),
    ],
)
def test_only_opened_files_are_input_and_reference_of_a_report(
    signal: Signal, shown: tuple[int, ...], expected: tuple[int | None, ...], left: tuple[int, ...]
) -> None:
    results = made(signal)
    found = exports.roles([results[key - 1] for key in shown], results)
    assert tuple(r and r.key for r in found.all) == expected
    assert tuple(r.key for r in found.left_out) == left


def test_a_report_of_a_result_without_its_input_is_refused(signal: Signal) -> None:
    results = made(signal)
    with pytest.raises(SpecsrError, match="upscaled of 1: .* no longer on the page"):
        exports.roles(results[1:2], results[1:])
    found = exports.roles(results[1:2] + results[4:], results[1:])
    assert (found.low.key, found.high and found.high.key) == (5, 2)


@pytest.mark.slow
@pytest.mark.parametrize("suffix", [".html", ".pdf"])
def test_a_report_of_what_is_shown(tmp_path: Path, signal: Signal, suffix: str) -> None:
    fine = specsr.spectrogram(signal, n_fft=256)
    specsr.write_map(tmp_path / "a.npz", fine)
    coarse = pool(fine, 4, 4)
    low, high, other = (
        Result(i, title, tmp_path / "a.npz", "map", ScreenMap.of(spec), command=command)
        for i, (title, spec, command) in enumerate(
            [
                ("in", coarse, ()),
                ("denoised of 1", fine, ("denoise", "in")),
                ("upscaled of 1", fine, ("upscale", "in")),
            ],
            1,
        )
    )
    roles = exports.Roles(low, high, left_out=(other,))
    path = tmp_path / f"report{suffix}"
    look = Look("right", (0.25, 1.75), (0.0, 4005.0), (2.0,))
    note = exports.save_report(path, roles, [coarse, fine, None], look)
    assert note.startswith(str(path)) and note.endswith("not in it: 3: upscaled of 1")
    content = path.read_bytes()
    if suffix == ".pdf":
        assert content.startswith(b"%PDF")
    else:
        text = content.decode()
        assert re.match("<!doctype html>", text, re.I)
        assert not re.search(r"<(script|link)[^>]* (src|href)=", text)  # also beside Panel
        assert "denoised - input" in text and "<td>denoised</td>" in text
        assert "super-resolved" not in text and "reference</td>" not in text
        assert "up to 4000 Hz" in text  # the upper edge of the highest row is above
    with pytest.raises(SpecsrError, match="exists"):
        exports.save_report(path, roles, [coarse, fine, None], look)
