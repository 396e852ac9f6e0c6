"""``specsr upscale --shaft``: further shafts of a map, from tables, channels and constants."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import specsr
from specsr import Signal
from specsr.errors import SpecsrError
from specsr.io.file_info import inspect_file
from specsr.jobs.inputs import load, load_recording, without_channels
from specsr.jobs.options import Reading, Speed
from specsr.jobs.speed_inputs import absolute_shafts, shaft_tables, speed_options
from specsr.maps.pooling import pool
from specsr.nvh.speed import revolutions
from support.command import run

RATE, COUNT = 8192.0, 24576
RPM = np.linspace(3000.0, 4200.0, COUNT)
FAN = np.linspace(2600.0, 1500.0, COUNT)


@pytest.fixture
def files(tmp_path, monkeypatch):
    """A recording with its fan speed as a second channel, its map, and tables of both speeds."""
    monkeypatch.chdir(tmp_path)
    rng = np.random.default_rng(0)
    sound = 0.02 * rng.standard_normal(COUNT)
    for rpm, orders in ((RPM, (2, 4, 6)), (FAN, (7, 14))):
        angle = 2 * np.pi * revolutions(rpm / 60, RATE)
        sound += sum(0.1 * np.cos(order * angle) for order in orders)
    specsr.write("run.npz", Signal(sound[None], RATE))
    both = np.stack([sound, FAN / 1e4])
    specsr.write("two.npz", Signal(both, RATE, channels=("mic", "fan")))
    specsr.write_map(
        "map.npz",
        pool(specsr.spectrogram(Signal(sound[None], RATE), n_fft=1024, hop_length=128), 4, 4),
    )
    at = np.arange(0, COUNT, 512)
    for name, rpm in (("rpm.csv", RPM), ("fan.csv", FAN)):
        rows = "\n".join(f"{t / RATE:.6f},{rpm[t]:.4f}" for t in at)
        (tmp_path / name).write_text(f"time_s,rpm\n{rows}\n")
    return tmp_path


def options(name: str, shafts: tuple[str, ...], orders: str | None = None, **speed: object):
    x = load(Path(name), Reading(), Speed(**speed))  # type: ignore[arg-type]
    return speed_options(True, orders, shafts, x, Path(name), Reading())


def test_a_map_holds_the_shafts_of_the_command_and_notes_them(files, capsys):
    code, out, err = run(
        capsys, "upscale", "map.npz", "-o", "fine.npz", "--model", "map-small", "--rpm", "rpm.csv",
        "--shaft", "fan: fan.csv", "--shaft", "wrong: 999", "--orders", "fan=7,14,wrong=50,53",
    )  # fmt: skip
    assert code == 0, err
    text = out + err
    assert "shaft fan: 1" in text and "confidence" in text
    assert "shaft wrong: the lines of this map are no evidence of its speed: not used" in text
    assert "orders 0.5 and 1 share" not in text  # no half orders among the known ones
    fan, wrong = specsr.read_map("fine.npz").shafts
    np.testing.assert_allclose(fan.rpm[: -2 * 512], FAN[: -2 * 512], rtol=1e-3)
    assert fan.confidence.max() > 0.7 and (wrong.rpm == 999).all() and not wrong.confidence.any()
    about = inspect_file(Path("fine.npz")).map
    assert about is not None and about["shafts"] == ["fan", "wrong"]


def test_sources_are_a_table_a_channel_and_a_constant(files):
    use, channels = options("two.npz", ("a: fan.csv*2", "b: fan*10000", "c: 1480"), "0.7,a=1..3,5")
    assert (
        channels == ("fan",) and use.orders_of("a") == (1, 2, 3, 5) and use.orders_of("") == (0.7,)
    )
    np.testing.assert_allclose(use.shafts["a"][:-1024], 2 * FAN[:-1024], rtol=1e-3)
    np.testing.assert_allclose(use.shafts["b"], FAN, rtol=1e-3)
    assert use.shafts["c"] == 1480 and use.find
    sound = without_channels(load_recording(Path("two.npz"), Reading()), channels)
    assert sound.channels == ("mic",)
    assert options("map.npz", ("a: fan.csv",))[0].shafts["a"].shape == (COUNT,)


def test_a_shaft_at_a_ratio_adds_its_orders_to_those_of_the_speed(files):
    use, _ = options("map.npz", ("pump: rpm*0.5",), "3.57,pump=1..3", table=Path("rpm.csv"))
    assert use.orders == (0.5, 1.0, 1.5, 3.57) and not use.shafts


@pytest.mark.parametrize(
    "name, shafts, orders, message",
    [
        ("map.npz", ("pump: rpm*0.5",), "pump=1", "map.npz has no speed"),
        ("map.npz", ("a: none.csv",), None, "none.csv: no such file; a map has no channels"),
        ("two.npz", ("a: motor",), None, "shaft a: motor is no file and no channel"),
        ("map.npz", ("a: 900", "a: 901"), None, "each name once"),
        ("map.npz", ("a: 0",), None, "1/min above zero"),
        ("map.npz", ("a: 900",), "b=2", "no shaft is named 'b': expected one of a"),
    ],
)
def test_wrong_shafts_are_named(files, name, shafts, orders, message):
    with pytest.raises(SpecsrError, match=message):
        options(name, shafts, orders)


def test_a_shaft_at_a_ratio_needs_orders(files):
    with pytest.raises(SpecsrError, match="name its orders, such as --orders pump=1..6"):
        options("map.npz", ("pump: rpm*0.5",), table=Path("rpm.csv"))


@pytest.mark.parametrize(
    "given, message",
    [
        (("run.npz", "-o", "x.wav"), "--shaft is for maps"),
        (("map.npz", "-o", "x.npz", "--model", "bicubic"), "bicubic interpolation has no orders"),
        (("a.png", "-o", "x.png"), "not for images"),
    ],
)
def test_shafts_are_for_maps(files, capsys, given, message):
    code, _, err = run(capsys, "upscale", *given, "--shaft", "a: 900")
    assert code == 1 and message in err


def test_tables_of_shafts_are_inputs(files):
    texts = ("a: fan.csv*2", "b: 900", "c: channel")
    assert [path.name for path in shaft_tables(texts)] == ["fan.csv"]
    first, *rest = absolute_shafts(texts)
    assert first == f"a: {files / 'fan.csv'}*2.0" and rest == list(texts[1:])
    assert shaft_tables((first,)) == (files / "fan.csv",)
