"""The same input gives the same output at any number of threads, level and load."""

from __future__ import annotations

import functools
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numba
import numpy as np
import pytest
import torch

import specsr
from specsr.maps.polar import angle, polar
from specsr.maps.pooling import pool

RATE = 48000.0


@contextmanager
def threads(count: int) -> Iterator[None]:
    """Let torch and numba work with so many threads."""
    before = torch.get_num_threads(), numba.get_num_threads()
    torch.set_num_threads(count)
    numba.set_num_threads(min(count, numba.config.NUMBA_NUM_THREADS))
    try:
        yield
    finally:
        torch.set_num_threads(before[0])
        numba.set_num_threads(before[1])


@pytest.fixture(scope="module")
def run() -> specsr.Signal:
    """A run-up in noise with its speed, 1.3 s, no whole number of frames."""
    rng = np.random.default_rng(0)
    length = 62_501
    rpm = np.linspace(600, 3000, length)
    phase = 2 * np.pi * np.cumsum(rpm / 60) / RATE
    orders = sum(np.cos(k * phase) / k for k in (2, 4, 6, 12.5))
    samples = (orders + 0.1 * rng.standard_normal(length)).astype(np.float32)
    return specsr.Signal(samples, RATE, "Pa", rpm=rpm)


def coarse(signal: specsr.Signal) -> specsr.SpecMap:
    return pool(specsr.spectrogram(signal, n_fft=2048, hop_length=256), 4, 4)


JOBS: dict[str, Callable[[specsr.Signal], np.ndarray]] = {
    "spectrogram": lambda s: np.stack([(m := specsr.spectrogram(s)).magnitude, m.phase]),
    "denoise": lambda s: specsr.denoise(s).samples,
    "keep_orders": lambda s: specsr.keep_orders(s).samples,
    "band": lambda s: (
        specsr.upscale_band(s.resample(RATE / 2), 2, band=specsr.BandOptions(iterations=4)).samples
    ),
    "map": lambda s: np.stack([(m := specsr.upscale(coarse(s), 4)).magnitude, m.uncertainty_db]),
    "map without speed": lambda s: specsr.upscale(coarse(s.replace(rpm=None)), 4).magnitude,
    "pghi": lambda s: specsr.to_signal(specsr.spectrogram(s), "pghi").samples,
    "admm": lambda s: specsr.to_signal(specsr.spectrogram(s), "admm", iterations=4).samples,
    "gl": lambda s: specsr.to_signal(specsr.spectrogram(s), "gl", iterations=4).samples,
}


@pytest.fixture(scope="module")
def plain(run: specsr.Signal) -> Callable[[str], np.ndarray]:
    """Result of a job for the recording as it is, computed once."""
    return functools.cache(lambda job: JOBS[job](run))


@pytest.mark.parametrize("job", JOBS)
def test_results_do_not_depend_on_the_number_of_threads(job: str, run: specsr.Signal) -> None:
    results = []
    for count in (1, 2, 3):
        with threads(count):
            results.append(JOBS[job](run))
    assert all(result.tobytes() == results[0].tobytes() for result in results)


@pytest.mark.parametrize("gain", [1000.0, 3.0, 1.2345, 1e-6])
@pytest.mark.parametrize("job", ["denoise", "keep_orders", "map"])
def test_a_louder_recording_gives_the_same_result_louder(
    job: str, gain: float, run: specsr.Signal, plain: Callable[[str], np.ndarray]
) -> None:
    scaled = run.replace(samples=(run.samples.astype(np.float64) * gain).astype(np.float32))
    one, other = plain(job), JOBS[job](scaled)
    if job == "map":
        (one, one_db), (other, other_db) = one, other
        np.testing.assert_allclose(other_db, one_db, rtol=1e-4)
        cells = one > 1e-6 * one.max()
        np.testing.assert_allclose(other[cells] / gain, one[cells], rtol=3e-5)
    np.testing.assert_allclose(other / gain, one, rtol=0, atol=1e-5 * np.abs(one).max())


@pytest.mark.parametrize("gain", [1000.0, 3.0, 1.2345, 1e-6])
def test_a_louder_recording_gives_a_band_of_the_same_levels_louder(
    gain: float, run: specsr.Signal, plain: Callable[[str], np.ndarray]
) -> None:
    """An estimated phase amplifies rounding, so the levels are compared, not the samples."""
    scaled = run.replace(samples=(run.samples.astype(np.float64) * gain).astype(np.float32))
    one, other = (
        specsr.third_octave_levels(specsr.Signal(samples, RATE, "Pa"))
        for samples in (plain("band"), JOBS["band"](scaled))
    )
    np.testing.assert_allclose(other.levels - 20 * np.log10(gain), one.levels, atol=0.02)


COMMANDS = {
    "spectrogram": ["-o", "out.npz", "-o", "out.h5", "-o", "out.png", "-o", "out.pdf", "-o",
                    "out.svg"],
    "denoise": ["-o", "out.wav", "-o", "out.npz"],
    "upscale": ["--pair", "pool", "--scale", "4", "-o", "out.npz", "-o", "out.wav", "--plot",
                "out.png"],
    "orders": ["--cut", "2,4", "-o", "out.csv", "-o", "out.png"],
    "levels": ["-o", "out.csv", "-o", "out.png"],
    "report": ["-o", "out.html", "--orders", "2"],
}  # fmt: skip


ALL_COMMANDS = f"""if True:
    import os, sys
    from specsr.cli.app import main
    for command, words in {COMMANDS}.items():
        os.mkdir(command)
        os.chdir(command)
        sys.argv = ["specsr", command, "../../run.wav", *words]
        main()
        os.chdir("..")
"""


@pytest.fixture(scope="module")
def written(run: specsr.Signal, tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Folders of two processes, one after the other, with what every command has written."""
    folder = tmp_path_factory.mktemp("written")
    specsr.write(folder / "run.wav", run.cut(0, 32_768))
    busy = subprocess.Popen([sys.executable, "-c", "while True: pass"])
    try:
        for name in ("first", "second"):
            (folder / name).mkdir()
            command = [sys.executable, "-c", ALL_COMMANDS]
            subprocess.run(command, cwd=folder / name, check=True, timeout=2400)
    finally:
        busy.kill()
        busy.wait()
    return [folder / "first", folder / "second"]


@pytest.mark.slow
@pytest.mark.parametrize("command", COMMANDS)
def test_commands_write_the_same_bytes_beside_a_busy_process(command, written) -> None:
    one, other = (
        {file.name: file.read_bytes() for file in (folder / command).iterdir()}
        for folder in written
    )
    assert one.keys() == other.keys() and one
    for name, content in one.items():
        assert content == other[name], f"{name} differs between two runs"


@pytest.mark.parametrize("dtype", [torch.complex64, torch.complex128])
def test_magnitude_and_phase_agree_with_torch(dtype: torch.dtype) -> None:
    generator = torch.Generator().manual_seed(0)
    values = torch.randn(33, 17, dtype=dtype, generator=generator)
    values[0, 0] = 0
    bound = 2 * torch.finfo(dtype).eps
    torch.testing.assert_close(angle(values), values.angle(), rtol=bound, atol=bound)
    again = polar(values.abs(), angle(values))
    torch.testing.assert_close(again, values, rtol=4 * bound, atol=4 * bound)
    assert again.dtype == dtype
