"""Long files in segments: the same result as in memory, refusals, interrupts."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from types import SimpleNamespace

import numpy as np
import pytest
import soundfile

from specsr import io
from specsr.enhance.segments import blocks, join
from specsr.errors import SpecsrError
from specsr.io import stream
from specsr.jobs.long_files import map_sink
from specsr.maps.levels import FIRST_SECONDS
from specsr.maps.phase import to_signal
from specsr.maps.transform import SHORT_WINDOW, SpectrogramTransform, spectrogram
from specsr.signal import Signal
from support.command import run
from support.segment_samples import OPTIONS, RATE, noise

FILES = [
    ("run.wav", "PCM_16", "out.flac"),
    ("run.flac", "PCM_24", "out.w64"),
    ("run.w64", "DOUBLE", "out.rf64"),
]


@pytest.mark.parametrize(("name", "subtype", "out"), FILES)
def test_a_file_gives_the_same_result_as_in_memory(tmp_path, capsys, job, name, subtype, out):
    command, _, whole, options, model = job
    source = noise(
        2.3, unit="Pa", full_scale=4.0, start=1.25, channels=2
    ).replace(channels=("left", "right"), rpm=np.linspace(800, 3000, int(2.3 * RATE)))  # fmt: skip
    io.write(tmp_path / name, source, subtype=subtype)
    args = [command, tmp_path / name, "-o", tmp_path / out, "-o", tmp_path / "map.h5",
            "--model", model, "--segment", 0.5]  # fmt: skip
    assert run(capsys, *args)[0] == 0
    read = io.read(tmp_path / name)
    options = {key: value for key, value in options.items() if key != "band"}
    expected = whole(read, **options, options=OPTIONS)
    found = io.read(tmp_path / out)
    rounding = 4.0 * 2.0**-23 if out.endswith("flac") else 0.0
    assert found.samples.shape == expected.samples.shape
    assert np.abs(found.samples - expected.samples).max() <= 1e-5 + rounding
    for key in ("rate", "unit", "channels", "start", "full_scale"):
        assert getattr(found, key) == getattr(expected, key), key
    np.testing.assert_allclose(found.rpm, expected.rpm, rtol=1e-9)
    spec, wanted = io.read_map(tmp_path / "map.h5"), spectrogram(expected)
    assert spec.grid == wanted.grid and spec.channels == wanted.channels
    np.testing.assert_allclose(spec.magnitude, wanted.magnitude, atol=1e-5)
    np.testing.assert_allclose(spec.rpm, wanted.rpm, rtol=1e-9)


def test_a_file_longer_than_its_first_seconds_is_upscaled_in_segments(tmp_path, capsys):
    """What its first seconds show is looked for before they are passed."""
    source = noise(FIRST_SECONDS + 6, channels=1, rate=4000.0)
    io.write(tmp_path / "run.wav", source, subtype="FLOAT")
    args = ["upscale", tmp_path / "run.wav", "--scale", 2, "--model", "noise-fill"]
    found = []
    for name, segment in (("parts.wav", 2), ("whole.wav", 60)):
        code, _, text = run(capsys, *args, "--segment", segment, "-o", tmp_path / name)
        assert code == 0 and "8000 Hz: measured below" in text, text
        found.append(io.read(tmp_path / name).samples)
    np.testing.assert_allclose(*found, atol=1e-5)


@pytest.mark.parametrize("out", ["map.npz", "map.h5"])
def test_spectrogram_in_segments_equals_that_of_the_whole(tmp_path, capsys, out):
    source = noise(2.3, unit="m/s2", full_scale=2.0)
    io.write(tmp_path / "run.wav", source)
    args = ["spectrogram", tmp_path / "run.wav", "--df", 50, "--overlap", 0.7]
    code, _, text = run(capsys, *args, "-o", tmp_path / out, "--segment", 0.4)
    assert code == 0 and "levels in dB re 1e-6 m/s²" in text
    assert run(capsys, *args, "-o", tmp_path / f"whole-{out}", "--segment", 60)[2].replace(
        "whole-", "") == text  # fmt: skip
    found, whole = (io.read_map(tmp_path / name) for name in (out, f"whole-{out}"))
    assert found.grid == whole.grid and found.channels == whole.channels
    np.testing.assert_allclose(found.magnitude, whole.magnitude, rtol=1e-5, atol=1e-8)
    spectrum = found.magnitude * np.exp(1j * found.phase)
    assert np.abs(spectrum - whole.magnitude * np.exp(1j * whole.phase)).max() < 1e-6
    np.testing.assert_allclose(to_signal(found).samples, source.samples, atol=1e-5)


def test_windows_of_a_streamed_recording_may_be_as_long_as_in_memory(tmp_path, capsys):
    """Long windows are refused by the length of the recording, not of the part that is read."""
    source = Signal(np.random.default_rng(0).standard_normal(90000).astype(np.float32), 40000.0)
    io.write(tmp_path / "run.wav", source, subtype="FLOAT")
    for segment in (1, 100):
        args = ["spectrogram", tmp_path / "run.wav", "-o", tmp_path / f"{segment}.npz",
                "--df", 0.5, "--segment", segment]  # fmt: skip
        code, _, err = run(capsys, *args)
        assert code == 0, err
    found, wanted = (io.read_map(tmp_path / f"{segment}.npz") for segment in (1, 100))
    assert found.grid == wanted.grid and found.grid.n_fft > SHORT_WINDOW
    np.testing.assert_allclose(found.magnitude, wanted.magnitude, atol=1e-6)


def test_given_channels_and_calibration_apply_to_streamed_files(tmp_path, capsys):
    soundfile.write(tmp_path / "run.wav", noise(2.3, 3).samples.T / 2, int(RATE), "PCM_24")
    options = ["--unit", "Pa", "--calib", 2.76, "--channel", 2, "--channel", 0]
    args = ["spectrogram", tmp_path / "run.wav", *options]
    for name, segment in (("parts.h5", 0.4), ("whole.h5", 60)):
        assert run(capsys, *args, "-o", tmp_path / name, "--segment", segment)[0] == 0
    parts, whole = (io.read_map(tmp_path / name) for name in ("parts.h5", "whole.h5"))
    assert parts.channels == whole.channels == ("ch3", "ch1") and parts.grid.unit == "Pa"
    np.testing.assert_allclose(parts.magnitude, whole.magnitude, rtol=1e-5, atol=1e-8)
    with stream.opened(
        tmp_path / "run.wav", unit="Pa", calib=2.76, channels=(2, 0)
    ) as recording:  # fmt: skip
        joined = join(blocks(recording, 7001))
    expected = io.read(tmp_path / "run.wav", unit="Pa", calib=2.76, channels=(2, 0))
    np.testing.assert_array_equal(joined.samples, expected.samples)
    assert joined.full_scale == expected.full_scale == 2.76


def test_figures_of_a_long_recording(tmp_path, capsys, job):
    from specsr.io.image import read_image

    command, _, _, _, model = job
    io.write(tmp_path / "run.wav", noise(2.3, 1))
    args = [command, tmp_path / "run.wav", "--model", model, "-o"]
    for name, segment in (("parts", 0.5), ("whole", 0.9)):  # the second: two segments, not streamed
        more = [tmp_path / f"{name}.wav", "--plot", tmp_path / f"{name}.png"]
        code, _, text = run(capsys, *args, *more, "--segment", segment)
        assert code == 0, text
    shapes = [read_image(tmp_path / f"{name}.png").shape for name in ("parts", "whole")]
    assert shapes[0] == shapes[1]


def test_other_formats_are_read_whole_with_a_message(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr("specsr.jobs.long_files.LARGE", 1000)
    source = noise(2.3, 1)
    io.write(tmp_path / "run.npz", source)
    with stream.opened(tmp_path / "run.npz") as recording:
        assert recording is None
    args = ["spectrogram", tmp_path / "run.npz", "-o", tmp_path / "map.h5", "--segment", 0.4]
    code, _, text = run(capsys, *args)
    assert code == 0 and "run.npz: is read whole" in text
    assert io.read_map(tmp_path / "map.h5").grid.length == source.length
    io.write(tmp_path / "run.wav", source)
    args = ["denoise", tmp_path / "run.wav", "-o", tmp_path / "out.csv", "--segment", 0.4]
    code, _, text = run(capsys, *args)
    assert code == 0 and "run.wav: is read whole" in text


def test_a_recording_too_long_for_a_wav_is_refused_before_writing(tmp_path):
    from specsr.io.audio import audio_sink

    head = noise(0.1)
    with (
        pytest.raises(SpecsrError, match=r"4 GiB.*\.w64"),
        audio_sink(tmp_path / "out.wav", head, 2**30),
    ):
        pass
    with (
        pytest.raises(SpecsrError, match="in full"),
        audio_sink(tmp_path / "out.w64", head, 2**30) as add,
    ):
        add(head)
    assert not os.listdir(tmp_path)


def test_a_map_larger_than_the_free_disk_space_is_refused_before_writing(tmp_path, monkeypatch):
    head = noise(0.1)
    grid = SpectrogramTransform(512, 128).grid(head)
    monkeypatch.setattr("specsr.io.stream.shutil.disk_usage", lambda _: SimpleNamespace(free=1000))
    with (
        pytest.raises(SpecsrError, match="free some space"),
        map_sink([tmp_path / "map.h5"], grid, head),
    ):
        pass
    assert not os.listdir(tmp_path)


def test_a_file_that_ends_early_is_refused(tmp_path, capsys):
    path = tmp_path / "run.flac"
    io.write(path, noise(2.3))
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    args = ["spectrogram", path, "-o", tmp_path / "map.h5", "--segment", 0.4]
    code, _, text = run(capsys, *args)
    assert code == 1 and "run.flac" in text and len(text.splitlines()) == 1, text
    assert os.listdir(tmp_path) == ["run.flac"]


def test_a_non_finite_sample_is_named_by_position_and_leaves_no_output(tmp_path, capsys, job):
    command, _, _, _, model = job
    samples = noise(2.3).samples.T.copy()
    samples[40000, 1] = np.nan
    soundfile.write(tmp_path / "run.wav", samples, int(RATE), "FLOAT")
    args = [command, tmp_path / "run.wav", "-o", tmp_path / "out.wav", "--model", model]
    code, _, text = run(capsys, *args, "--segment", 0.4)
    assert code == 1 and "channel 2" in text and "sample 40000 (1.66667 s)" in text
    assert os.listdir(tmp_path) == ["run.wav"]


def test_clipping_is_refused_in_segments_too(tmp_path, capsys, job):
    command, _, _, _, model = job
    io.write(tmp_path / "run.wav", noise(2.3, 1, full_scale=0.05))
    args = [command, tmp_path / "run.wav", "-o", tmp_path / "out.flac", "--model", model]
    code, _, text = run(capsys, *args, "--segment", 0.4)
    assert code == 1 and "would clip" in text
    assert not (tmp_path / "out.flac").exists()


def test_an_interrupt_that_python_ignores_is_repeated():
    script = """
import time
from specsr.cli import app as cli

class Callback:
    def __del__(self):
        raise KeyboardInterrupt  # an interrupt during a callback: Python ignores it

def work(standalone_mode):
    Callback()
    time.sleep(600)

cli.app = work
cli.main()
"""
    done = subprocess.run(
        [sys.executable, "-c", script], stderr=subprocess.PIPE, timeout=500, start_new_session=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL), check=False,
    )  # fmt: skip
    assert done.returncode == 130 and b"interrupted" in done.stderr


def test_an_interrupt_leaves_no_partial_file(tmp_path, job):
    command, _, _, _, model = job
    path = tmp_path / "run.wav"
    io.write(path, noise(300.0, 1))
    outs = [word for s in (".wav", ".h5", ".npz") for word in ("-o", str(tmp_path / f"out{s}"))]
    words = ["-m", "specsr", command, str(path), "--model", str(model), "--segment", "0.5"]
    # a new session, so that only this process gets the interrupt; background processes of a shell
    # ignore interrupts, and child processes inherit that
    process = subprocess.Popen(
        [sys.executable, *words, *outs], stderr=subprocess.PIPE, start_new_session=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )  # fmt: skip
    while not any(p.name.endswith(".tmp") for p in tmp_path.iterdir()):
        assert process.poll() is None
        time.sleep(0.05)
    time.sleep(0.3)  # into the segments; their end is far away
    process.send_signal(signal.SIGINT)
    _, text = process.communicate(timeout=600)
    assert process.returncode == 130 and b"interrupted" in text, text
    assert os.listdir(tmp_path) == ["run.wav"]
