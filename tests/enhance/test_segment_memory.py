"""Long recordings and many channels in segments: bounded memory."""

from __future__ import annotations

import subprocess
import sys
import tracemalloc

import numpy as np
import pytest
import soundfile

from specsr import io
from specsr.enhance.band import upscale_band
from specsr.enhance.denoise import denoise
from specsr.enhance.segments import Plan, process
from specsr.io import stream
from specsr.jobs.long_files import write_pieces
from specsr.jobs.task import Task
from specsr.maps.frames import Frames
from specsr.maps.transform import SpectrogramTransform
from support.command import run
from support.segment_samples import RATE, noise, tiny


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
