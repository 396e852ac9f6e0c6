"""Steps of the app: the command line and the Python lines of a form do the same."""

from __future__ import annotations

import csv
import shlex
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import specsr
from specsr.app import source, steps
from specsr.app.source import Source
from specsr.jobs.options import Reading, Speed
from support.command import run
from support.texts import texts

RATE = 24000


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a run-up, its coarse map, and a table of its speed."""
    folder = tmp_path_factory.mktemp("steps")
    times = np.arange(RATE) / RATE
    rpm = 1800 + 600 * times
    angle = 2 * np.pi * np.cumsum(rpm / 60) / RATE
    noise = np.random.default_rng(0).normal(size=(1, times.size))
    samples = np.sin(2 * angle) + 0.5 * np.sin(4 * angle + 1) + 0.05 * noise
    run_up = specsr.Signal(samples.astype(np.float32), RATE, unit="Pa", rpm=rpm)
    specsr.write(folder / "run up.wav", run_up)
    both = np.vstack([samples, rpm[None] / 4800]).astype(np.float32)
    specsr.write(folder / "two.wav", specsr.Signal(both, RATE, "Pa", ("mic", "tacho")))
    both[1] = 2000 + 100 * times
    specsr.write(folder / "drive.wav", specsr.Signal(both, RATE, "Pa", ("mic", "tacho")))
    specsr.write_map(folder / "map.npz", specsr.low_map(run_up, 2, "pool"))
    table = "".join(f"{t:.3f},{r:.3f}\n" for t, r in zip(times[::800], rpm[::800]))
    (folder / "rpm.csv").write_text("time_s,rpm\n" + table)
    return folder


RUN = Source("run up.wav", "recording", Reading(unit="Pa"))
MAP = Source("map.npz", "map")
TABLE = Speed(table=Path("rpm.csv"))
CHANNEL = Source(
    "two.wav", "recording", Reading(calib=0.5, channels=("mic",)), Speed(channel="1", scale=4800.0)
)
DRIVE = replace(CHANNEL, path="drive.wav", reading=Reading(unit="Pa"), speed=TABLE)

CASES = {
    "band": (RUN, steps.Upscale(2)),
    "noise fill": (RUN, steps.Upscale(2, band_model="noise-fill")),
    "orders above the band": (CHANNEL, steps.Upscale(2, orders="2,4")),
    "as a map": (RUN, steps.Upscale(2, as_map=True)),
    "map": (replace(MAP, speed=TABLE), steps.Upscale(2, consistency="expected", orders="2,4")),
    "bicubic": (MAP, steps.Upscale(2, model="bicubic")),
    "denoise": (RUN, steps.Denoise(attenuation=12.5)),
    "orders kept": (CHANNEL, steps.Denoise(orders=True)),
    "noise in a file": (RUN, steps.Denoise(noise="run up.wav", follow=False)),
    "noise in a stretch": (RUN, steps.Denoise(noise_from=(0.0, 0.5), follow=True)),
    "noise found": (RUN, steps.Denoise(noise="auto", keep="impacts", follow=True)),
    "floor": (RUN, steps.Denoise(method="floor", strict=True)),
    "orders and a carrier": (
        RUN,
        steps.Denoise(orders=True, carrier="2000", strict=True, removed=True),
    ),
    "a carrier in a channel": (DRIVE, steps.Denoise(orders=True, carrier="tacho")),
    "expected": (RUN, steps.Map(df=31.25)),
    "spectrogram": (CHANNEL, steps.Map(expected=False, overlap=0.5)),
    "orders": (CHANNEL, steps.Orders((2.0, 4.0), "A")),
    "orders of all": (replace(RUN, speed=TABLE), steps.Orders((2.5,), whole=True)),
    "orders of a map": (replace(MAP, speed=TABLE), steps.Orders((2.0,))),
    "levels": (RUN, steps.Levels("A")),
}
QUICK = ("bicubic", "spectrogram")
"""Run in the default suite: no network, no figure."""


@pytest.mark.parametrize(
    "name", [n if n in QUICK else pytest.param(n, marks=pytest.mark.slow) for n in CASES]
)
def test_command_and_python_lines_do_the_same(
    folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.chdir(folder)
    source, options = CASES[name]
    step = steps.step(source, options, taken=[path.name for path in folder.iterdir()])
    assert not any(Path(output).exists() for output in step.outputs)
    code, _, errors = run(capsys, *step.arguments)
    assert code == 0, errors
    assert shlex.split(step.command)[1:] == list(step.arguments)
    made_by = Path(f"{name} by the command")
    made_by.mkdir()
    for path in [path for output in step.outputs for path in Path().glob(f"{output}*")]:
        path.rename(made_by / path)
    by_command = [made_by / output for output in step.outputs]
    names: dict = {}
    exec(compile(step.python, name, "exec"), names)
    if step.kind == "recording":
        for ours_of, theirs_of in zip(step.outputs, by_command, strict=True):
            made, wanted = specsr.read(ours_of), specsr.read(theirs_of)
            np.testing.assert_array_equal(made.samples, wanted.samples)
            assert (made.rate, made.unit) == (wanted.rate, wanted.unit)
    elif step.kind == "map":
        made_map, wanted_map = (specsr.read_map(p) for p in (step.outputs[0], by_command[0]))
        np.testing.assert_array_equal(made_map.magnitude, wanted_map.magnitude)
        assert made_map.grid == wanted_map.grid
    else:
        rows = list(csv.DictReader(by_command[0].open()))
        levels = [float(row["level_db"] or "nan") for row in rows]
        if isinstance(options, steps.Levels):
            ours = names["third_octaves"].levels.ravel()
        else:
            ours = np.concatenate([cut.levels.ravel() for cut in names["cuts"]])
            assert {cut.order for cut in names["cuts"]} == {float(row["order"]) for row in rows}
        kept = np.isfinite(ours)
        assert kept.any()
        np.testing.assert_allclose(ours[kept], np.array(levels)[-len(ours) :][kept], atol=6e-4)


def test_names_of_outputs_are_new_and_safe() -> None:
    first = steps.step(RUN, steps.Orders())
    second = steps.step(RUN, steps.Orders(), taken=[first.outputs[1].upper()])
    assert not {*first.outputs} & {*second.outputs}
    assert [Path(name).suffix for name in second.outputs] == [".csv", ".png"]


@settings(max_examples=15)
@given(st.text(st.characters(exclude_characters="\0"), max_size=30))
def test_any_name_stays_one_argument(name: str) -> None:
    """A name of a file is data, in the shell and in Python, and makes a plain output name."""
    step = steps.step(Source(name, "recording"), steps.Levels())
    path = step.arguments[1]
    assert path in (name, f"./{name}")
    assert not path.startswith("-")
    assert shlex.split(step.command) == ["specsr", *step.arguments]
    compile(step.python, "lines", "exec")
    for output in step.outputs:
        assert not output.startswith(("-", "."))
        assert set(output) & set("/\\\n\"'`$<>:|?*\u202e") == set()


@settings(max_examples=15)
@given(st.floats(1e-12, 1e12), st.lists(texts(min_size=1, max_size=5), max_size=3))
def test_options_keep_their_values(calib: float, channels: list[str]) -> None:
    found = source.reading_arguments(Reading(unit="Pa", calib=calib, channels=tuple(channels)))
    assert float(found[found.index("--calib") + 1]) == calib
    assert [b for a, b in zip(found[::2], found[1::2]) if a == "--channel"] == channels
