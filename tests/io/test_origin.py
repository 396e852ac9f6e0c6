"""Origin of a result: stored in every format that holds texts, ignored on reading."""

from __future__ import annotations

import json
import zlib

import numpy as np
import pytest
from PIL import Image

from specsr import io
from specsr.choices import FIGURES
from specsr.io import origin
from specsr.io.file_info import inspect_file, read_origin
from specsr.io.image import read_image, write_image
from specsr.jobs.long_files import map_sink
from specsr.maps.transform import spectrogram
from specsr.plots.maps import plot_map
from specsr.plots.save import save_figure
from specsr.signal import Signal
from support.io_samples import noise

ORIGIN = {
    "command": "denoise", "threads": 2, "model": None,
    "options": {
        "unit": "Pa", "rate": 1.0, "limit": -3, "names": ["=1+1", "µ, ä: b", "full_scale: 9"],
    },
}  # fmt: skip
WITHOUT = {".uff", ".unv", ".mf4", ".mdf"}
RECORDINGS = sorted(set(io.WRITERS) - WITHOUT)
MAPS = sorted(set(io.MAPS) - WITHOUT - {".npy"})


@pytest.fixture
def signal() -> Signal:
    return Signal(noise(1, 3000) / 8, 48000.0)


@pytest.mark.parametrize("suffix", RECORDINGS)
def test_a_recording_holds_its_origin_and_reads_as_without(tmp_path, suffix, signal):
    paths = [tmp_path / f"{name}{suffix}" for name in ("plain", "first", "second")]
    io.write(paths[0], signal)
    with origin.stating(ORIGIN):
        for path in paths[1:]:
            io.write(path, signal)
    assert [read_origin(path) for path in paths] == [None, ORIGIN, ORIGIN]
    plain, made, again = map(io.read, paths)
    assert made.samples.tobytes() == plain.samples.tobytes()
    assert made.replace(samples=plain.samples).rate == plain.rate == 48000
    assert (made.unit, made.full_scale, made.channels) == (
        plain.unit, plain.full_scale, plain.channels,
    )  # fmt: skip
    assert paths[1].read_bytes() == paths[2].read_bytes()


@pytest.mark.parametrize("suffix", MAPS)
def test_a_map_holds_its_origin_and_reads_as_without(tmp_path, suffix, signal):
    spec = spectrogram(signal.replace(unit="m/s2"))
    io.write_map(tmp_path / f"plain{suffix}", spec)
    with origin.stating(ORIGIN):
        io.write_map(tmp_path / f"made{suffix}", spec)
    plain, made = (io.read_map(tmp_path / f"{name}{suffix}") for name in ("plain", "made"))
    assert made.grid == plain.grid and made.channels == plain.channels
    assert made.magnitude.tobytes() == plain.magnitude.tobytes()
    assert inspect_file(tmp_path / f"made{suffix}").origin == ORIGIN
    assert inspect_file(tmp_path / f"plain{suffix}").origin is None


@pytest.mark.parametrize("suffix", io.MAP_SUFFIXES)
def test_a_map_that_is_written_in_pieces_holds_it(tmp_path, suffix, signal):
    path, grid = tmp_path / f"a{suffix}", spectrogram(signal).grid
    with origin.stating(ORIGIN), map_sink([path], grid, signal) as add:
        add(signal)
    assert read_origin(path) == ORIGIN
    with map_sink([tmp_path / f"b{suffix}"], grid, signal) as add:
        add(signal)
    assert read_origin(tmp_path / f"b{suffix}") is None


@pytest.mark.parametrize("suffix", sorted(WITHOUT))
def test_other_formats_are_written_as_without(tmp_path, suffix, signal):
    with origin.stating(ORIGIN):
        io.write(tmp_path / f"a{suffix}", signal)
    assert read_origin(tmp_path / f"a{suffix}") is None
    assert io.read(tmp_path / f"a{suffix}").length == 3000


@pytest.mark.parametrize("suffix", FIGURES)
def test_a_figure_holds_it(tmp_path, suffix, signal):
    axes, path = plot_map(spectrogram(signal)), tmp_path / f"a{suffix}"
    save_figure(axes, path)
    assert b"denoise" not in path.read_bytes()
    with origin.stating(ORIGIN):
        save_figure(axes, path, overwrite=True)
    assert b"denoise" in path.read_bytes()
    if suffix == ".png":
        with Image.open(path) as image:
            assert json.loads(image.text["origin"]) == ORIGIN


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_a_png_holds_it(tmp_path, dtype):
    pixels = np.arange(15, dtype=dtype).reshape(3, 5)
    path = tmp_path / "a.png"
    write_image(path, pixels)
    assert b"tEXt" not in path.read_bytes()
    with origin.stating(ORIGIN):
        write_image(path, pixels, overwrite=True)
        write_image(tmp_path / "a.tif", pixels)
    with Image.open(path) as image:
        image.load()
        assert json.loads(image.text["origin"]) == ORIGIN
    content = path.read_bytes()
    at = content.index(b"tEXt")
    length = int.from_bytes(content[at - 4 : at], "big")
    check = content[at + 4 + length : at + 8 + length]
    assert int.from_bytes(check, "big") == zlib.crc32(content[at : at + 4 + length])
    np.testing.assert_array_equal(read_image(path), pixels)
    np.testing.assert_array_equal(read_image(tmp_path / "a.tif"), pixels)


def test_a_table_has_no_formula_and_its_facts_are_its_own(tmp_path, signal):
    with origin.stating(ORIGIN | {"format": "other", "start": 5}):
        io.write(tmp_path / "a.csv", signal.replace(unit="Pa"))
    back = io.read(tmp_path / "a.csv")
    assert (back.rate, back.start, back.full_scale, back.unit) == (48000, 0, 1, "Pa")
    line = next(x for x in (tmp_path / "a.csv").read_text().split("\n") if "origin" in x)
    assert not any('"' + sign in line for sign in "=+-@")
    assert read_origin(tmp_path / "a.csv") is not None


def test_the_json_of_another_program_is_kept_and_the_file_written_without(tmp_path, signal):
    (tmp_path / "a.wav.json").write_text('{"mine": 1}')
    with origin.stating(ORIGIN):
        io.write(tmp_path / "a.wav", signal)
    assert (tmp_path / "a.wav.json").read_text() == '{"mine": 1}'
    assert read_origin(tmp_path / "a.wav") is None


@pytest.mark.parametrize("damaged", ["{", "[" * 100_000, "[1]", "5", 5, ["a"], None])
def test_a_damaged_origin_is_none(tmp_path, damaged, signal):
    io.write(tmp_path / "a.wav", signal.replace(unit="Pa"))
    side = tmp_path / "a.wav.json"
    fields = json.loads(side.read_text())
    side.write_text(json.dumps(fields | {"origin": damaged}))
    assert read_origin(tmp_path / "a.wav") is None and io.read(tmp_path / "a.wav").unit == "Pa"


def test_an_origin_ends_with_its_context():
    assert origin.stated() is None and origin.text() is None
    with origin.stating(ORIGIN):
        with origin.stating(None):
            assert origin.text() is None
        assert origin.stated() == ORIGIN
    assert origin.stated() is None


def test_an_origin_on_one_line():
    assert origin.line(
        {"threads": 2, "command": "denoise", "options": {"a": [1]}, "model": "m"}
    ) == ('denoise, threads 2, options {"a": [1]}, model m')
    assert origin.line({"threads": 2}) == "threads 2" and origin.line({}) == ""
