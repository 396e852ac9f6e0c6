"""What specsr info says: channels, levels, true bandwidth, tables, JSON, damaged files."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import scipy.signal
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import specsr
from specsr import io
from specsr.io.bandwidth import true_bandwidth
from specsr.io.file_info import inspect_file
from specsr.maps.transform import spectrogram
from specsr.signal import Signal
from support.command import run

ROOT = Path(__file__).parents[2]


def noise(length=96000, seed=0):
    return np.random.default_rng(seed).standard_normal(length)


# True bandwidth


@settings(max_examples=25, deadline=None)
@given(
    cut=st.floats(0.15, 0.7), rate=st.sampled_from([44100, 48000, 51200]), seed=st.integers(0, 9)
)
def test_a_low_pass_is_found_where_it_is(cut, rate, seed):
    sos = scipy.signal.ellip(10, 0.5, 70, cut, output="sos")
    found = true_bandwidth(scipy.signal.sosfilt(sos, noise(seed=seed)), rate)
    assert found.flagged and found.drop_db > 40
    assert found.hz == pytest.approx(cut * rate / 2, abs=0.03 * rate / 2)


@pytest.mark.parametrize("factor", [2, 3, 4])
def test_resampled_noise_is_flagged(factor):
    low = Signal(noise(40000), 48000 / factor)
    found = true_bandwidth(low.resample(48000).samples[0], 48000)
    assert found.flagged and found.hz == pytest.approx(24000 / factor, rel=0.06)


@pytest.mark.parametrize("slope", [0, 6, 12, 24])
def test_slowly_falling_spectra_are_not_flagged(slope):
    spectrum = np.fft.rfft(noise())
    freqs = np.maximum(np.fft.rfftfreq(96000, 1 / 48000), 50)
    coloured = np.fft.irfft(spectrum * (freqs / 50) ** (-slope / 6.02))
    found = true_bandwidth(coloured, 48000)
    assert not found.flagged and found.hz > 0.9 * 24000


def test_a_soft_step_onto_a_floor_is_found():
    sos = scipy.signal.ellip(10, 0.5, 70, 17 / 22.05, output="sos")
    x = scipy.signal.sosfilt(sos, noise(400_000)) + 0.5 * noise(400_000, 1)
    found = true_bandwidth(x, 44100)
    assert found.flagged and found.hz == pytest.approx(17000, rel=0.03)


def test_an_analyser_may_end_at_its_rate_over_2_56():
    sos = scipy.signal.ellip(12, 0.1, 80, 20000 / 25600, output="sos")
    found = true_bandwidth(scipy.signal.sosfilt(sos, noise()), 51200)
    assert not found.flagged and found.hz == pytest.approx(20000, rel=0.04)


def test_silence_and_short_recordings_have_no_bandwidth():
    assert true_bandwidth(np.zeros(10000), 48000) is None
    assert true_bandwidth(np.ones(10000), 48000) is None  # an offset alone
    assert true_bandwidth(noise(100), 48000) is None


@settings(max_examples=20, deadline=None)
@given(st.floats(1e-150, 1e150), st.floats(-10, 10))
def test_the_unit_and_an_offset_do_not_matter(scale, offset):
    x = scipy.signal.sosfilt(scipy.signal.ellip(10, 0.5, 70, 0.4, output="sos"), noise(20000))
    found = true_bandwidth((x + offset) * scale, 48000)
    assert found.hz == pytest.approx(9600, abs=800)


def test_files_whose_rate_lies_are_flagged(shared_data):
    expected = {
        "speech_48k_file_8k_content.wav": 7600, "speech_48k_flac_7k5_content.flac": 7300,
        "helicopter_017_cut.flac": 17200, "helicopter_028_cut.flac": 15900,
        "drone_014_cut.flac": 15100,
    }  # fmt: skip
    for name, hz in expected.items():
        [channel] = inspect_file(shared_data / "fixtures" / "fake_bandwidth" / name).channels
        assert channel.flagged and channel.bandwidth == pytest.approx(hz, rel=0.05), name


def test_full_band_recordings_are_not_flagged(shared_data):
    for name in ("car_hvac/carhvac06.flac", "ambient/maastricht_market_bells.flac",
                 "helicopter/helicopter_021.flac", "vehicles_short/circular_saw.flac"):  # fmt: skip
        assert not inspect_file(shared_data / "audio" / "val" / name).flagged, name


# The command


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


def test_json_holds_the_same_and_more(recording, capsys, tmp_path):
    code, out, _ = run(capsys, "info", recording, "--json", "-o", tmp_path / "info.json")
    [found] = json.loads(out)
    assert json.loads((tmp_path / "info.json").read_text()) == [found]
    mic, ear, rpm = found["channels"]
    assert mic["level_db"] == pytest.approx(93.98, abs=0.01) and mic["reference"] == "re 20 µPa"
    assert ear["bandwidth"] == 24000 and not found["flagged"]
    assert (rpm["kind"], rpm["unit"], rpm["highest"]) == ("speed", "1/min", 1200)
    code, _, err = run(capsys, "info", recording, "-o", tmp_path / "info.json")
    assert code == 1 and "exists already" in err


def test_several_files_make_a_table_and_broken_ones_are_named(recording, tmp_path, capsys):
    io.write_map(tmp_path / "map.npz", spectrogram(specsr.read(recording)))
    (tmp_path / "bad.wav").write_bytes(b"RIFF nothing")
    code, out, err = run(capsys, "info", tmp_path)
    assert code == 1 and "bad.wav: cannot be read as audio" in err and "Traceback" not in err
    assert "run.h5" in out and "map 1025 x" in out
    code, out, _ = run(capsys, "info", tmp_path, "--json")
    assert code == 1
    assert [("error" in file) for file in json.loads(out)] == [False, False, True]


def test_a_map_is_described(recording, tmp_path, capsys):
    io.write_map(tmp_path / "map.npz", spectrogram(specsr.read(recording)))
    code, out, _ = run(capsys, "info", tmp_path / "map.npz")
    assert code == 0 and "dB re 20 µPa" in out and "n_fft" in out


def test_channels_that_cannot_be_used_are_listed_with_the_reason(tmp_path, capsys):
    (tmp_path / "a.csv").write_text(
        "time,p [psi],q [Pa]\n" + "".join(f"{i},1,2\n" for i in range(9))
    )
    code, out, _ = run(capsys, "info", tmp_path / "a.csv")
    assert code == 0 and "p: channel p: the unit label 'psi'" in out
    assert "q" in out and "100.0 dB re 20 µPa" in out


SUFFIXES = [".wav", ".flac", ".npz", ".h5", ".csv", ".mat", ".uff", ".tdms"]


@pytest.mark.parametrize("suffix", SUFFIXES)
@settings(
    max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(data=st.data())
def test_damaged_files_are_one_line_at_the_command_line(tmp_path, capsys, suffix, data):
    whole = tmp_path / f"whole{suffix}"
    if not whole.exists():
        io.write(whole, Signal(noise(600).reshape(2, 300) / 5, 48000, unit="Pa", full_scale=1.0))
    content = whole.read_bytes()
    cut = content[: data.draw(st.integers(1, len(content) - 4))]
    path = tmp_path / f"bad{suffix}"
    path.write_bytes(data.draw(st.sampled_from([cut]) | st.binary(min_size=1, max_size=300)))
    code, out, err = run(capsys, "info", path)
    if code == 0 and suffix == ".csv":
        return  # a few bytes may well be a table
    assert code == 1 and out == "", out
    assert err.startswith(f"error: {path}: ") and err.count("\n") == 1


def test_damaged_files_leave_no_traceback_in_a_process_of_its_own(tmp_path):
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
    for i, size in enumerate((len(whole) // 2, 200, 100, 64, 30)):
        (tmp_path / f"{i}.mf4").write_bytes(whole[:size])
    for i, at in enumerate(range(70, 1000, 90)):
        damaged = bytearray(whole)
        damaged[at : at + 4] = b"\xff" * 4
        (tmp_path / f"damaged{i}.mf4").write_bytes(damaged)
    done = subprocess.run(
        [sys.executable, "-m", "specsr", "info", str(tmp_path)],
        capture_output=True, text=True, cwd=ROOT,
    )  # fmt: skip
    lines = done.stderr.splitlines()
    assert done.returncode == 1 and len(lines) >= 13
    assert all(line.startswith("error: ") for line in lines), done.stderr


def test_start_up_is_quick_and_loads_nothing_heavy(recording):
    code = (
        "import sys; sys.argv = ['specsr', 'info', sys.argv[1]]\n"
        "from specsr import cli\n"
        "try: cli.main()\nexcept SystemExit: pass\n"
        "heavy = {'torch', 'scipy.signal', 'librosa', 'matplotlib', 'pandas', 'asammdf'}\n"
        "print(sorted(heavy & set(sys.modules)), file=sys.stderr)"
    )
    resource = pytest.importorskip("resource")  # not on Windows
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    done = subprocess.run(
        [sys.executable, "-c", code, str(recording)], capture_output=True, text=True, cwd=ROOT
    )
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    assert done.stderr.strip() == "[]" and done.returncode == 0
    # the processor's time: others on the machine do not count
    assert after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime < 1.0
