"""Long recordings in segments: same result in memory and from a file, bounded memory."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
import tracemalloc
from types import SimpleNamespace

import numpy as np
import pytest
import soundfile
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

import specsr
from specsr import io
from specsr.enhance.band import upscale_band, upscale_pieces
from specsr.enhance.denoise import denoise, denoise_pieces
from specsr.enhance.segments import LARGEST, Plan, blocks, join, plan, process, segments
from specsr.errors import SpecsrError
from specsr.io import stream
from specsr.jobs.long_files import write_pieces
from specsr.jobs.task import Task
from specsr.maps.frames import Frames
from specsr.maps.phase import to_signal
from specsr.maps.polar import angle
from specsr.maps.transform import SpectrogramTransform, spectrogram
from specsr.models.config import EDSRConfig
from specsr.models.description import Analysis
from specsr.models.model import Model, save_model
from specsr.models.network import build
from specsr.models.options import InferOptions
from specsr.pairs.band_input import CHANNELS
from specsr.plots.overview import Overview
from specsr.plots.parts import shrunk
from specsr.signal import Signal
from support.command import run

RATE = 24000.0
OPTIONS = InferOptions(segment=0.5)
GRID = Analysis(512, 128)


def noise(seconds: float, channels: int = 2, rate: float = RATE, **options) -> Signal:
    """Noise of rising level and a tone, different in each channel."""
    rng = np.random.default_rng(3)
    t = np.arange(int(seconds * rate)) / rate
    made = 0.02 * rng.standard_normal((channels, t.size)) * (1 + t / seconds)
    made += 0.2 * np.sin(2 * np.pi * 440 * t) * (1 + np.arange(channels))[:, None]
    return Signal(made.astype(np.float32), rate, **options)


def tiny(pair: str) -> Model:
    """An untrained model of one residual block."""
    torch.manual_seed(1)
    config = EDSRConfig(
        scale=(1, 1), n_resblocks=1, n_feats=4, in_channels=CHANNELS if pair == "band" else 1,
        out_channels=1, mean=(0.0,), std=20.0, fold=(2, 2), input_skip=True,
    )  # fmt: skip
    return Model("tiny", build(config).eval(), pair, (GRID,), (16000.0, 48000.0), 0.0, {})


@pytest.fixture(scope="module", params=["denoise", "band"])
def job(request, tmp_path_factory):
    """Command, pieces and whole function, options and model file of a job."""
    model = tiny(request.param)
    path = tmp_path_factory.mktemp("model") / "tiny.safetensors"
    save_model(path, model)
    if request.param == "denoise":
        return "denoise", denoise_pieces, denoise, {"model": model}, path
    options = {"model": model, "iterations": 2}
    return "upscale", upscale_pieces, upscale_band, options, path


@given(
    length=st.integers(1, 5000), size=st.integers(1, 700), margin=st.integers(0, 900)
)  # fmt: skip
def test_segments_hold_every_sample_once_with_margins(length, size, margin):
    found = segments(length, size, margin)
    assert [s.start for s in found] == [0] + [s.stop for s in found[:-1]]
    assert found[-1].stop == length
    for s in found:
        assert s.first == max(0, s.start - margin) and s.last == min(length, s.stop + margin)
        assert s.stop > s.start and s.start % size == 0
    assert len(found) == 1 or found[-1].stop - found[-1].start > margin
    assert (len(found) == 1) == (length <= size + margin)


@given(
    seconds=st.floats(0.01, 40), rate=st.floats(1000, 1e6), ratio=st.integers(1, 4),
    hop=st.integers(1, 2048), margin=st.integers(0, 10**5),
)  # fmt: skip
def test_borders_lie_on_hops_of_the_result(seconds, rate, ratio, hop, margin):
    found = plan(seconds, rate, hop, margin, 10**7, ratio)
    assert found.size * ratio % hop == 0 and found.margin * ratio % hop == 0
    assert found.margin * ratio >= margin
    assert found.size * ratio <= LARGEST + hop * ratio
    assert found.fade <= found.margin and found.fade <= found.size


@settings(deadline=None, max_examples=50)
@given(length=st.integers(1, 3000), size=st.integers(100, 400), margin=st.integers(0, 300))
def test_processed_segments_join_to_the_whole(length, size, margin):
    source = Signal(np.arange(2 * length, dtype=np.float32).reshape(2, -1), 100.0, start=3.0)
    fade = min(size, margin, 7)

    def double(part, *_):
        rpm = np.zeros(2 * part.length)
        return part.replace(samples=np.repeat(part.samples, 2, 1), rate=2 * part.rate, rpm=rpm)

    pieces = list(process(source, double, Plan(size, margin, fade, 2)))
    joined = join(pieces)
    np.testing.assert_allclose(joined.samples, np.repeat(source.samples, 2, 1), rtol=1e-6)
    assert (joined.start, joined.rate, joined.channels) == (3.0, 200.0, source.channels)
    places = np.cumsum([0] + [p.length for p in pieces[:-1]])
    np.testing.assert_allclose([p.start for p in pieces], 3.0 + places / 200.0)


def test_a_fade_longer_than_the_margin_is_refused():
    with pytest.raises(SpecsrError, match="no longer than margin"):
        Plan(100, 10, 20)
    with pytest.raises(SpecsrError, match="segment is 0"):
        InferOptions(segment=0)


def test_command_line_and_functions_have_the_same_segments():
    from specsr.choices import SEGMENT

    assert InferOptions().segment == SEGMENT


@pytest.mark.parametrize("length", [1, 100, 777, 5000])
@pytest.mark.parametrize(("n_fft", "hop"), [(512, 128), (256, 256), (254, 77)])
@pytest.mark.parametrize("block", [50, 1024])
def test_streamed_frames_equal_those_of_the_whole(length, n_fft, hop, block):
    source = noise(5000 / RATE).cut(0, length)
    transform = SpectrogramTransform(n_fft, hop)
    whole = transform(source)
    frames = Frames(whole.grid, 2)
    parts = [frames.add(piece.samples) for piece in blocks(source, block)]
    found = torch.cat(parts, dim=-1)
    assert found.shape == whole.magnitude.shape
    np.testing.assert_array_equal(frames.magnitude(found).numpy(), whole.magnitude)
    np.testing.assert_array_equal(angle(found).numpy(), whole.phase)


@pytest.mark.parametrize("seconds", [0.5, 21.0])
def test_an_overview_is_the_map_as_figures_show_it(seconds):
    source = noise(seconds, 1)
    whole = SpectrogramTransform(64, 32)(source)
    overview = Overview(whole.grid, "a")
    for piece in blocks(source, 10007):
        overview.add(piece.samples)
    found = overview.spec()
    assert found.magnitude.shape[2] <= 2000
    expected = shrunk(whole.magnitude[0][: found.grid.rows])
    np.testing.assert_allclose(found.magnitude[0], expected, rtol=1e-5, atol=1e-9)
    assert found.times[0] >= 0 and abs(found.times[-1] - whole.times[-1]) < found.grid.dt


def test_the_segmented_result_equals_the_whole_one(job):
    """For a periodic recording, whose segments have one median level; not its estimated phase."""
    _, _, whole, options, _ = job
    rng = np.random.default_rng(0)
    period = rng.standard_normal((1, 12288)).astype(np.float32)
    source = Signal(np.tile(period, (1, 5)), RATE)
    at_once = whole(source, **options, options=InferOptions(segment=np.inf))
    in_parts = whole(source, **options, options=OPTIONS)
    assert at_once.samples.shape == in_parts.samples.shape
    if whole.__name__ == "upscale_band":  # the estimated band starts with another phase
        at_once, in_parts = (x.resample(0.8 * RATE) for x in (at_once, in_parts))
    # the crossfade of two estimates leaks below the cut
    limit = 1e-5 if whole.__name__ == "denoise" else 1e-3
    error = at_once.samples - in_parts.samples
    assert np.abs(error).max() < limit * np.abs(at_once.samples).max()


@pytest.mark.parametrize(("rise_db", "limit_db"), [(0.0, -120.0), (12.0, -50.0)])
def test_denoise_in_segments_differs_by_the_median_level_alone(rise_db, limit_db):
    """The bundled model on a tone in noise, stationary and of rising level."""
    rng = np.random.default_rng(3)
    t = np.arange(int(6 * RATE)) / RATE
    samples = 0.02 * rng.standard_normal(t.size) + 0.2 * np.sin(2 * np.pi * 440 * t)
    source = Signal((samples * 10 ** (rise_db * t / t[-1] / 20)).astype(np.float32), RATE)
    whole = specsr.denoise(source, options=InferOptions(segment=np.inf)).samples
    parts = specsr.denoise(source, options=InferOptions(segment=1.5)).samples
    error_db = 20 * np.log10(np.linalg.norm(whole - parts) / np.linalg.norm(whole))
    print(f"{rise_db:g} dB louder at the end: segmented from whole {error_db:.1f} dB")
    assert error_db < limit_db


def test_a_short_recording_is_processed_as_a_whole(job):
    _, pieces, whole, options, _ = job
    source = noise(0.55)
    [only] = pieces(source, **options, options=OPTIONS)
    at_once = whole(source, **options, options=InferOptions(segment=np.inf))
    np.testing.assert_array_equal(only.samples, at_once.samples)


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
    options = {key: value for key, value in options.items() if key != "iterations"}
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
        stream.map_sink(tmp_path / "map.h5", grid, head),
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


def test_memory_does_not_grow_with_the_length(tmp_path, capsys):
    """Peak of Python and NumPy memory for 4 and 16 MB of samples."""
    peaks = []
    for seconds in (20, 80):
        path = tmp_path / f"{seconds}.wav"
        io.write(path, noise(seconds))
        tracemalloc.start()
        args = ["spectrogram", path, "--n-fft", 256, "--segment", 2]
        assert run(capsys, *args, "-o", tmp_path / f"{seconds}.h5")[0] == 0
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert peaks[1] < 1.2 * peaks[0] and peaks[1] < 16e6


def test_an_interrupt_that_python_ignores_is_repeated():
    script = """
import time
from specsr.cli import app as cli

class Callback:
    def __del__(self):
        raise KeyboardInterrupt  # an interrupt during a callback: Python ignores it

def work(standalone_mode):
    Callback()
    time.sleep(30)

cli.app = work
cli.main()
"""
    done = subprocess.run(
        [sys.executable, "-c", script], stderr=subprocess.PIPE, timeout=25, start_new_session=True,
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
    deadline = time.monotonic() + 120
    while not any(p.name.endswith(".tmp") for p in tmp_path.iterdir()):
        assert process.poll() is None and time.monotonic() < deadline
        time.sleep(0.05)
    time.sleep(0.3)
    process.send_signal(signal.SIGINT)
    _, text = process.communicate(timeout=60)
    assert process.returncode == 130 and b"interrupted" in text, text
    assert os.listdir(tmp_path) == ["run.wav"]


@pytest.mark.parametrize("pair", ["denoise", "band"])
def test_channels_processed_one_by_one_give_the_same(monkeypatch, pair):
    source, model = noise(0.4, 3, RATE), tiny(pair)
    if pair == "denoise":
        run_job = lambda: denoise(source, model=model)  # noqa: E731
    else:
        run_job = lambda: upscale_band(source, 2, model=model)  # noqa: E731
    together = run_job()
    monkeypatch.setattr("specsr.enhance.segments.WHOLE", 0)
    np.testing.assert_array_equal(run_job().samples, together.samples)


def test_a_map_of_many_channels_is_streamed_and_the_same(tmp_path, monkeypatch, capsys):
    io.write(tmp_path / "a.wav", noise(0.5, 12))
    assert run(capsys, "spectrogram", tmp_path / "a.wav", "-o", tmp_path / "whole.npz")[0] == 0
    monkeypatch.setattr("specsr.jobs.long_files.WHOLE", 100_000)
    monkeypatch.setattr("specsr.jobs.spectrogram.BLOCK", 30_000)
    streamed: list[int] = []
    add = Frames.add
    monkeypatch.setattr(Frames, "add", lambda self, x: (streamed.append(x.size), add(self, x))[1])
    assert run(capsys, "spectrogram", tmp_path / "a.wav", "-o", tmp_path / "parts.npz")[0] == 0
    assert sum(streamed) == 12 * 12_000 and max(streamed) <= 30_000
    whole, parts = (io.read_map(tmp_path / name) for name in ("whole.npz", "parts.npz"))
    np.testing.assert_array_equal(parts.magnitude, whole.magnitude)
    np.testing.assert_array_equal(parts.phase, whole.phase)


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads /proc")
def test_memory_of_a_map_does_not_grow_with_the_channels(tmp_path):
    for name, channels in (("few.wav", 2), ("many.wav", 128)):
        with soundfile.SoundFile(tmp_path / name, "w", 24000, channels, "FLOAT") as file:
            for _ in range(12):
                file.write(np.ones((24000, channels), np.float32))
    code = """
import re, sys
from pathlib import Path
from specsr.cli.app import main
for name in ("few", "many"):  # the first loads the libraries
    sys.argv = ["specsr", "spectrogram", name + ".wav", "-o", name + ".npz"]
    try:
        main()
    except SystemExit as stop:
        assert not stop.code
    print(re.search("VmHWM:[^0-9]*([0-9]+)", Path("/proc/self/status").read_text())[1])
"""
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    few, many = (1024 * int(line) for line in done.stdout.split())
    # the map takes four times the memory of the recording
    assert many - few < 3 * (tmp_path / "many.wav").stat().st_size


def test_memory_is_that_of_one_segment_of_all_channels(tmp_path):
    """Read, input and result of a segment; what is written by blocks does not count twice."""
    channels, length = 128, 100_000
    block = np.random.default_rng(0).standard_normal((length // 10, channels)).astype(np.float32)
    with soundfile.SoundFile(
        tmp_path / "a.w64", "w", 8000, channels, "FLOAT", format="W64"
    ) as file:
        for _ in range(10):
            file.write(0.1 * block)
    del block
    lengths = Plan(40_000, 2_000, 80)
    task = Task(tmp_path / "a.w64", (tmp_path / "b.w64",))
    with stream.opened(task.file) as source:
        tracemalloc.start()
        pieces = process(source, lambda x, *_: x.replace(samples=x.samples.copy()), lengths)
        write_pieces(source, pieces, task, SpectrogramTransform())
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
    assert peak < 3.4 * 44_000 * channels * 4
    first, second = (soundfile.read(tmp_path / f"{name}.w64")[0] for name in "ab")
    np.testing.assert_allclose(first, second, rtol=1e-6, atol=0)
