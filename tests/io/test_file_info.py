"""``specsr info``: channels, levels, tables, JSON, damaged files."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import specsr
from specsr import io
from specsr.io.file_info import inspect_file
from specsr.io.image import write_image
from specsr.maps.transform import spectrogram
from specsr.signal import Signal
from support.command import run

ROOT = Path(__file__).parents[2]


def noise(length=96000, seed=0):
    return np.random.default_rng(seed).standard_normal(length)


@pytest.fixture
def recording(tmp_path):
    path = tmp_path / "run.h5"
    samples = np.stack([np.sqrt(2) * np.sin(np.arange(48000) * 0.1), noise(48000)])
    io.write(path, Signal(samples, 48000, unit="Pa", channels=("mic", "ear"),
                          rpm=np.linspace(900, 1200, 48000)))  # fmt: skip
    return path


def test_one_file_is_shown_channel_by_channel(recording, capsys):
    code, out, err = run(capsys, "info", recording)
    assert code == 0, err
    mic = next(line for line in out.splitlines() if line.startswith("mic"))
    assert "94.0 dB re 20 µPa" in mic and "48000 Hz" in mic and "1 s" in mic
    assert "900 to 1200" in out and "1/min" in out
    code, out, _ = run(capsys, "info", recording, "--channel", "ear")
    assert "ear" in out and "mic" not in out


def test_json_holds_all_properties(recording, capsys, tmp_path):
    code, out, _ = run(capsys, "info", recording, "--json", "-o", tmp_path / "info.json")
    [found] = json.loads(out)["result"]["files"]
    assert json.loads((tmp_path / "info.json").read_text())["result"]["files"] == [found]
    mic, ear, rpm = found["channels"]
    assert mic["level_db"] == pytest.approx(93.98, abs=0.01) and mic["reference"] == "re 20 µPa"
    assert ear["bandwidth"] == 24000 and not found["flagged"]
    assert (rpm["kind"], rpm["unit"], rpm["highest"]) == ("speed", "1/min", 1200)
    code, _, err = run(capsys, "info", recording, "-o", tmp_path / "info.json")
    assert code == 1 and "exists already" in err


def test_several_files_give_a_table_and_damaged_ones_are_named(recording, tmp_path, capsys):
    io.write_map(tmp_path / "map.npz", spectrogram(specsr.read(recording)))
    (tmp_path / "bad.wav").write_bytes(b"RIFF nothing")
    code, out, err = run(capsys, "info", tmp_path)
    assert code == 1 and "bad.wav: cannot be read as audio" in err and "Traceback" not in err
    assert "run.h5" in out and "map 1025 x" in out
    code, out, _ = run(capsys, "info", tmp_path, "--json")
    assert code == 1
    files = json.loads(out)["result"]["files"]
    assert [("error" in file) for file in files] == [False, False, True]


def test_a_map_is_described(recording, tmp_path, capsys):
    io.write_map(tmp_path / "map.npz", spectrogram(specsr.read(recording)))
    code, out, _ = run(capsys, "info", tmp_path / "map.npz")
    assert code == 0 and "dB re 20 µPa" in out and "n_fft" in out


def test_channels_that_cannot_be_used_are_listed_with_the_reason(tmp_path, capsys):
    (tmp_path / "a.csv").write_text(
        "time,p [psi],q [Pa]\n" + "".join(f"{i},1,{2 * (-1) ** i}\n" for i in range(10))
    )
    code, out, _ = run(capsys, "info", tmp_path / "a.csv")
    assert code == 0 and "p: channel p: the unit label 'psi' is unknown" in out
    assert "q" in out and "100.0 dB re 20 µPa" in out


SUFFIXES = [".wav", ".flac", ".npz", ".h5", ".csv", ".mat", ".uff", ".tdms"]


@pytest.mark.parametrize("suffix", SUFFIXES)
@settings(
    max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(data=st.data())
def test_damaged_files_give_one_line_at_the_command_line(tmp_path, capsys, suffix, data):
    whole = tmp_path / f"whole{suffix}"
    if not whole.exists():
        io.write(whole, Signal(noise(600).reshape(2, 300) / 5, 48000, unit="Pa", full_scale=1.0))
    content = whole.read_bytes()
    cut = content[: data.draw(st.integers(1, len(content) - 4))]
    path = tmp_path / f"bad{suffix}"
    path.write_bytes(data.draw(st.sampled_from([cut]) | st.binary(min_size=1, max_size=300)))
    code, out, err = run(capsys, "info", path)
    if code == 0 and suffix == ".csv":
        return  # a few bytes can be a valid table
    assert code == 1 and out == "", out
    assert err.startswith(f"error: {path}: ") and err.count("\n") == 1


@pytest.mark.parametrize("step", [4, pytest.param(1, marks=pytest.mark.slow)])
def test_damaged_files_leave_no_traceback_in_a_process(tmp_path, step):
    """Every ``step``-th of the damaged MDF files, each of which is read in a process of its own."""
    asammdf = pytest.importorskip("asammdf")
    with asammdf.MDF() as file:
        file.append([asammdf.Signal(np.ones(99), np.arange(99) / 10, name="x", unit="Pa")])
        file.save(tmp_path / "whole.mf4")
    whole = (tmp_path / "whole.mf4").read_bytes()
    (tmp_path / "whole.mf4").unlink()
    for suffix in SUFFIXES:
        io.write(tmp_path / f"a{suffix}", Signal(noise(300) / 5, 48000))
        path = tmp_path / f"a{suffix}"
        path.write_bytes(path.read_bytes()[:-70])
    cuts = (len(whole) // 2, 200, 100, 64, 30)[::step]
    for i, size in enumerate(cuts):
        (tmp_path / f"{i}.mf4").write_bytes(whole[:size])
    for i, at in enumerate(range(70, 1000, 90 * step)):
        damaged = bytearray(whole)
        damaged[at : at + 4] = b"\xff" * 4
        (tmp_path / f"damaged{i}.mf4").write_bytes(damaged)
    done = subprocess.run(
        [sys.executable, "-m", "specsr", "info", str(tmp_path)],
        capture_output=True, text=True, cwd=ROOT,
    )  # fmt: skip
    lines = done.stderr.splitlines()
    assert done.returncode == 1 and len(lines) >= len(SUFFIXES) + len(cuts)
    assert all(line.startswith("error: ") for line in lines), done.stderr


def test_start_up_loads_no_heavy_module(recording):
    code = (
        "import sys; sys.argv = ['specsr', 'info', sys.argv[1]]\n"
        "from specsr.cli.app import main\n"
        "try: main()\nexcept SystemExit: pass\n"
        "heavy = {'torch', 'scipy.signal', 'librosa', 'matplotlib', 'pandas', 'asammdf'}\n"
        "print(sorted(heavy & set(sys.modules)), file=sys.stderr)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(recording)], capture_output=True, text=True, cwd=ROOT
    )
    assert done.stderr.strip() == "[]" and done.returncode == 0


def test_a_map_states_the_source_of_its_speed_and_its_mean_confidence(tmp_path):
    signal = Signal(np.ones((1, 800)), 8000.0, rpm=np.full(800, 900.0))
    spec = spectrogram(signal, n_fft=64)
    confidence = np.linspace(0, 1, spec.grid.frames)
    for name, each in {
        "plain": spec, "found": spec.replace(rpm_source="found", rpm_confidence=confidence)
    }.items():  # fmt: skip
        specsr.write_map(tmp_path / f"{name}.npz", each)
    plain, found = (inspect_file(tmp_path / f"{name}.npz").map for name in ("plain", "found"))
    assert plain["rpm"] and "rpm_source" not in plain
    assert found["rpm_source"] == "found" and np.isclose(found["rpm_confidence"], 0.5)


def test_what_was_understood_is_stated_with_its_source(tmp_path, capsys) -> None:
    rng = np.random.default_rng(0)
    path = tmp_path / "p.wav"
    specsr.write(path, specsr.Signal(rng.standard_normal((2, 900)), 48000, "Pa", full_scale=20))
    [first, _] = inspect_file(path).channels
    assert first.understood == {
        "axis": "time from 0 s",
        "rate": "48000 Hz, from the file",
        "unit": "Pa, from the sidecar p.wav.json",
        "scale": "stored values times 20, from the sidecar p.wav.json",
    }
    [first, _] = inspect_file(path, unit="g", calib=5.0).channels
    assert first.understood["unit"] == "g, given in place of 'Pa'"
    assert first.understood["scale"] == "full scale is 5 g, given"

    table = tmp_path / "t.csv"
    rows = [f"{i};{'nan' if i in (5, 7) else i % 7};{20 + i}" for i in range(50)]
    table.write_text("\n".join(["time [ms];acc [g];speed [Hz]", *rows]) + "\n")
    sound, speed = inspect_file(table).channels
    assert sound.understood["gaps"] == "2 of 50 values are no numbers, the first at position 5"
    assert "gaps" not in speed.understood
    assert speed.understood["unit"] == "1/min, 'Hz' in the file"
    assert speed.understood["scale"] == "stored values times 60, from the file"

    bare = tmp_path / "bare.npy"
    np.save(bare, rng.standard_normal(500))
    [channel] = inspect_file(bare).channels
    assert channel.understood["unit"] == "none in the file: plain numbers (--unit)"
    assert channel.understood["rate"].startswith("none: ")
    [channel] = inspect_file(bare, rate=1000.0).channels
    assert channel.understood["rate"] == "1000 Hz, given"

    code, out, _ = run(capsys, "info", table)
    assert code == 0 and "  gaps   2 of 50 values are no numbers" in out and "(acc)" in out
    code, out, _ = run(capsys, "info", path, "--json")
    assert json.loads(out)["result"]["files"][0]["channels"][0]["understood"]["unit"].startswith(
        "Pa, from the sidecar"
    )


def test_the_level_is_stated_to_leave_out_the_mean(tmp_path, capsys) -> None:
    sine = np.sin(2 * np.pi * 50 * np.arange(1000) / 1000)
    samples = np.stack([sine, sine + 2])
    specsr.write(tmp_path / "a.h5", Signal(samples, 1000, "Pa", channels=("plain", "offset")))
    plain, offset = inspect_file(tmp_path / "a.h5").channels
    assert plain.level_db == pytest.approx(offset.level_db) == pytest.approx(90.97, abs=0.01)
    assert (plain.mean, offset.mean) == pytest.approx((0, 2), abs=1e-6)
    code, out, _ = run(capsys, "info", tmp_path / "a.h5")
    assert code == 0 and "  level  rms without the mean (DC) (plain)" in out
    assert "level, no DC" in out.splitlines()[1]
    assert "  level  rms without the mean (DC), which is 2 Pa (offset)" in out


def test_a_map_is_shown_as_text_with_its_uncertainty(tmp_path, capsys) -> None:
    signal = Signal(noise(2000).reshape(2, 1000), 8000.0, "Pa", channels=("left", "right"))
    spec = spectrogram(signal, n_fft=64)
    known = np.arange(spec.grid.rows) < 30
    uncertainty = np.full(spec.magnitude.shape, 1.5, np.float32)
    specsr.write_map(tmp_path / "a.npz", spec)
    specsr.write_map(tmp_path / "b.npz", spec.replace(uncertainty_db=uncertainty, known=known))
    _, plain, _ = run(capsys, "info", tmp_path / "a.npz")
    _, out, _ = run(capsys, "info", tmp_path / "b.npz")
    for text in (plain, out):
        assert not set("[]{}'") & set(text.split("\n", 1)[1]) and "True" not in text
    lines = {line.split()[0]: line.split(maxsplit=1)[1] for line in out.splitlines()[1:] if line}
    assert (lines["channels"], lines["cell"], lines["phase"]) == ("left, right", "1, 1", "yes")
    assert lines["uncertainty_db"] == "5 % 1.5, median 1.5, 95 % 1.5"
    assert lines["estimated_rows"] == "3" and "uncertainty_db none" in " ".join(plain.split())


def test_an_image_is_described(tmp_path, capsys) -> None:
    pixels = np.zeros((20, 30, 3), np.uint16)
    write_image(tmp_path / "a.png", pixels)
    info = inspect_file(tmp_path / "a.png")
    assert info.image == {
        "width": 30, "height": 20, "channels": "RGB", "bits": 16, "orientation": 1,
        "colour_profile": False,
    }  # fmt: skip
    code, out, _ = run(capsys, "info", tmp_path / "a.png")
    assert code == 0 and "width          30" in out and "colour_profile no" in out
    specsr.write(tmp_path / "b.wav", Signal(noise(2000), 8000.0))
    code, out, _ = run(capsys, "info", tmp_path / "a.png", tmp_path / "b.wav")
    assert code == 0 and "image 30 x 20" in out and "b.wav" in out


@pytest.mark.parametrize("command", ["info", "upscale"])
def test_a_file_of_another_image_format_names_those_that_are_read(
    tmp_path, capsys, command
) -> None:
    (tmp_path / "a.gif").write_bytes(b"GIF89a")
    code, out, err = run(
        capsys, command, tmp_path / "a.gif", *(["-o", tmp_path / "b.png"] * (command == "upscale"))
    )
    assert code == 1 and "'.gif'" in err and ".wav" in err and ".webp" in err, err


def test_a_gap_in_the_times_is_named_by_its_place(tmp_path) -> None:
    rows = [f"{i / 1000:.3f},{i % 7}" for i in range(1000) if not 500 <= i < 600]
    (tmp_path / "a.csv").write_text("\n".join(["time [s],p [Pa]", *rows]) + "\n")
    [channel] = inspect_file(tmp_path / "a.csv").channels
    assert channel.understood["axis"] == (
        "time, uneven steps from 0 to 0.999 s; their median is 0.001 s, the longest 0.101 s at "
        "0.499 s"
    )


def test_a_silent_channel_with_an_offset_states_its_mean(tmp_path, capsys) -> None:
    specsr.write(tmp_path / "a.wav", Signal(np.full((1, 900), 0.5), 8000))
    _, out, _ = run(capsys, "info", tmp_path / "a.wav")
    assert "  level  rms without the mean (DC), which is 0.5\n" in out
