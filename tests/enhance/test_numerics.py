"""Extreme amplitudes and signals: no NaN, levels kept, silence stays silent."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

import specsr
from specsr import io
from specsr.images.upscale import upscale_image
from specsr.maps import levels
from specsr.maps.phase import to_signal
from specsr.maps.transform import SpectrogramTransform
from specsr.nvh import levels as nvh
from specsr.nvh import order_cut as orders
from specsr.report.page import ReportOptions
from specsr.scores import metrics
from specsr.signal import Signal

RATE = 24000.0
LENGTH = 12_000
RNG = np.random.default_rng(0)
TIME = np.arange(LENGTH) / RATE
SINE = np.sin(2 * np.pi * 1000 * TIME)
NOISE = RNG.standard_normal(LENGTH)
IMPULSE = np.zeros(LENGTH)
IMPULSE[LENGTH // 2] = 1.0

SIGNALS: dict[str, np.ndarray] = {
    "silence": np.zeros(LENGTH),
    "full-scale square": np.where(SINE >= 0, 1.0, -1.0),
    "square at half the rate": np.where(np.arange(LENGTH) % 2, 1.0, -1.0),
    "denormals": np.full(LENGTH, 1e-42) * np.sign(NOISE),
    "1e-12 Pa": 1e-12 * SINE,
    "1e6 Pa": 1e6 * SINE,
    "24-bit noise floor": np.round(NOISE) / 2**23,
    "one bit of 24 at times": np.where(np.abs(NOISE) > 2.5, 2.0**-23, 0.0),
    "direct current": np.ones(LENGTH),
    "large direct current under a small sine": 1e3 + 1e-3 * SINE,
    "impulse": IMPULSE,
    "silence, then full scale": np.where(TIME[-1] / 2 > TIME, 0.0, SINE),
    "one channel silent": np.stack([np.zeros(LENGTH), SINE]),
}
"""Samples in Pa at `RATE`."""

each = pytest.mark.parametrize("name", SIGNALS)
ALIKE = (
    "full-scale square", "1e-12 Pa", "24-bit noise floor", "one bit of 24 at times", "impulse"
)  # fmt: skip
"""Signals whose figures are those of another one at another level: slow tests of reports."""
IN_PROCESSES = (".mdf", ".mf4")
"""Formats that are read in a process of its own, which takes a second or two to start."""
STORED = ("silence", "denormals", "1e6 Pa", "large direct current under a small sine")
"""Signals that are written to each of these; the others are in slow tests."""
FILES = [
    pytest.param(
        name, suffix, id=f"{name}-{suffix}",
        marks=[pytest.mark.slow] * (suffix in IN_PROCESSES and name not in STORED),
    )
    for name in SIGNALS if name != "one channel silent" for suffix in sorted(io.WRITERS)
    if suffix != ".mdf" or name == "denormals"  # another name for what is written to .mf4
]  # fmt: skip


def recording(name: str, dtype: type = np.float32) -> Signal:
    return Signal(np.atleast_2d(SIGNALS[name]).astype(dtype), RATE, "Pa")


def rms(samples: np.ndarray) -> np.ndarray:
    """Return the rms value along the last axis, in double precision."""
    return np.sqrt(np.mean(np.square(samples, dtype=np.float64), axis=-1))


def db(ratio: np.ndarray) -> np.ndarray:
    return 20 * np.log10(ratio)


def same_level(a: np.ndarray, b: np.ndarray, within: float, least: float = 1e-30) -> None:
    """Assert equal rms levels within a tolerance in dB; values below ``least`` are silence."""
    assert np.isfinite(a).all() and np.isfinite(b).all()
    audible = rms(b) > least
    assert (rms(a)[~audible] <= 10 * least).all()
    assert (np.abs(db(rms(a)[audible] / rms(b)[audible])) < within).all()


# --- spectrogram and its inverse ------------------------------------------------------------


@each
def test_the_inverse_of_a_spectrogram_is_the_signal(name: str) -> None:
    signal = recording(name)
    spec = SpectrogramTransform(1024, 256)(signal)
    assert np.isfinite(spec.magnitude).all() and np.isfinite(spec.db).all()
    back = to_signal(spec)
    peak = np.abs(signal.samples).max()
    np.testing.assert_allclose(back.samples, signal.samples, atol=2e-6 * peak + 1e-43)


@each
def test_an_estimated_phase_keeps_the_level(name: str) -> None:
    spec = SpectrogramTransform(512, 128)(recording(name)).replace(phase=None)
    back = to_signal(spec, iterations=4)
    assert np.isfinite(back.samples).all()
    same_level(back.samples, recording(name).samples, 3.0)


@each
def test_levels_of_a_map_agree_with_its_signal(name: str) -> None:
    signal = recording(name, np.float64)
    spec = SpectrogramTransform(1024, 256)(signal)
    for read in (nvh.overall_level, nvh.third_octave_levels):
        for source in (signal, spec):
            found = read(source)
            values = getattr(found, "levels", found)
            assert not np.isnan(np.asarray(values, float)).any()
    level = nvh.overall_level(signal, "Z", dc=True)
    audible = rms(signal.samples) > 1e-30
    expected = db(rms(signal.samples) / 20e-6)
    np.testing.assert_allclose(level[audible], expected[audible], atol=0.05)
    assert (level[~audible] < -100).all()


@pytest.mark.parametrize("length", [1, 2, 3, 15, 16, 17, 100])
@pytest.mark.parametrize("value", [0.0, 1.0, -1e-12, 1e6])
def test_short_recordings_keep_their_samples(length: int, value: float) -> None:
    signal = Signal(np.full((1, length), value, np.float32), RATE, "Pa")
    spec = SpectrogramTransform(16, 4)(signal)
    assert np.isfinite(spec.db).all()
    np.testing.assert_allclose(to_signal(spec).samples, signal.samples, rtol=1e-5, atol=1e-30)
    assert np.isfinite(to_signal(spec.replace(phase=None)).samples).all()
    assert not np.isnan(nvh.overall_level(signal)).any()
    assert signal.resample(2 * RATE).length == 2 * length
    assert np.isfinite(signal.resample(2 * RATE).samples).all()


# --- models ----------------------------------------------------------------------------------


@each
def test_a_map_keeps_its_levels(name: str) -> None:
    spec = specsr.Pair("pool", (2, 2)).low(recording(name), SpectrogramTransform(512, 128))
    fine = specsr.upscale_map(spec, scale=2)
    assert np.isfinite(fine.magnitude).all() and np.isfinite(fine.db).all()
    same_level(fine.magnitude.reshape(len(fine.channels), -1),
               spec.magnitude.reshape(len(spec.channels), -1), 3.0)  # fmt: skip
    assert fine.uncertainty_db is None or np.isfinite(fine.uncertainty_db).all()


@each
def test_a_band_is_added_above_the_measured_one(name: str) -> None:
    signal = recording(name)
    full = specsr.upscale(signal, scale=2)
    assert full.rate == 2 * RATE and np.isfinite(full.samples).all()
    # decimating gives the input, below the roll-off of the resampling filter
    again = full.resample(RATE).samples
    middle = slice(1000, -1000)  # edges of the resampling
    taper = np.hanning(LENGTH - 2000)
    before, after = (
        np.fft.rfft(taper * x[:, middle].astype(np.float64))[:, : int(0.45 * taper.size * 0.9)]
        for x in (signal.samples, again)
    )
    rounding = 1e-9 * taper.size * np.abs(signal.samples).max() + 1e-18
    assert (rms(np.abs(after - before)) <= 0.002 * rms(np.abs(before)) + rounding).all()
    if name == "silence":
        assert rms(full.samples).max() < 1e-9


@each
def test_denoising_amplifies_nothing(name: str) -> None:
    signal = recording(name)
    quiet = specsr.denoise(signal)
    assert quiet.samples.shape == signal.samples.shape and np.isfinite(quiet.samples).all()
    assert (rms(quiet.samples) <= 1.01 * rms(signal.samples) + 1e-40).all()


def test_a_gain_of_the_input_is_a_gain_of_the_result() -> None:
    """The models process levels relative to the median of the recording."""
    rng = np.random.default_rng(1)
    base = (SINE + 0.1 * rng.standard_normal(LENGTH)).astype(np.float32)[None]
    results = []
    for gain in (1e-9, 1.0, 1e5):
        signal = Signal((gain * base).astype(np.float32), RATE, "Pa")
        results.append(specsr.denoise(signal).samples / gain)
    for other in results[::2]:
        np.testing.assert_allclose(other, results[1], atol=2e-3)


@pytest.mark.parametrize("value", [0, 255])
def test_flat_images_stay_flat(value: int) -> None:
    image = np.full((8, 9, 3), value, np.uint8)
    fine = upscale_image(image, scale=2)
    assert np.asarray(fine).shape == (16, 18, 3)
    assert np.abs(np.asarray(fine, int) - value).max() <= 24


# --- orders, scores, reports -----------------------------------------------------------------


@each
def test_orders_and_scores_are_not_nan(name: str) -> None:
    signal = recording(name).replace(rpm=np.linspace(1500, 3000, LENGTH))
    spec = SpectrogramTransform(1024, 256)(signal)
    cut = orders.order_cut(spec, signal.rpm, 2.0)
    # nan where the frequency of the order is too low for the grid; -inf for silence
    assert np.isnan(cut.levels).mean() < 0.2 and not np.isposinf(cut.levels).any()
    table = specsr.evaluate(signal, signal).table()
    if name == "1e6 Pa":  # above the range of the loudness standard
        table = "\n".join(line for line in table.split("\n") if "loudness" not in line)
    assert "nan" not in table.lower(), table


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=[pytest.mark.slow] * (name in ALIKE)) for name in SIGNALS]
)
def test_a_report_is_written(name: str) -> None:
    pytest.importorskip("bokeh")
    signal = recording(name)
    louder = signal.replace(samples=2 * signal.samples)
    page = specsr.make_report(signal, louder, signal, options=ReportOptions(audio_seconds=1.0))
    assert "third octaves" in page.lower()
    assert "Traceback" not in page and ">nan<" not in page.lower()


# --- files -----------------------------------------------------------------------------------


@pytest.mark.parametrize(("name", "suffix"), FILES)
def test_files_keep_samples_rate_and_unit(name: str, suffix: str, tmp_path: Path) -> None:
    signal = recording(name)
    peak = float(np.abs(signal.samples).max())
    path = tmp_path / f"s{suffix}"
    io.write(path, signal.replace(full_scale=peak * 1.01 or 1.0))
    back = io.read(path)
    assert back.rate == signal.rate and back.unit == "Pa"
    if suffix in (".ogg", ".oga"):  # lossy formats
        assert back.samples.shape == signal.samples.shape and np.isfinite(back.samples).all()
        return
    np.testing.assert_allclose(back.samples, signal.samples, atol=2e-6 * peak + 1e-44)


# --- levels and scores ----------------------------------------------------------------------


@pytest.mark.parametrize("power", [0.0, 5e-324, 1e-45, 1e-300, 1.0, 1e30, 1e300])
def test_decibels_are_finite(power: float) -> None:
    found = levels.to_db(np.array([[power]]))
    assert np.isfinite(found).all()


def test_scores_of_silence() -> None:
    zero, sine = np.zeros(4096), SINE[:4096]
    assert metrics.snr(sine, sine) == metrics.si_sdr(sine, sine) == np.inf
    assert metrics.snr(sine, zero) == 0 and metrics.snr(zero, sine) == -np.inf
    # undefined for silence
    assert np.isnan(metrics.si_sdr(zero, sine)) and np.isnan(metrics.si_sdr(sine, zero))
    assert np.isfinite(metrics.lsd(zero, zero, RATE))


def test_a_network_is_finite_for_extreme_levels() -> None:
    net = specsr.load_model("denoise").net
    with torch.no_grad():
        for level in (-1e4, -300.0, 0.0, 300.0, 1e4):
            assert torch.isfinite(net(torch.full((1, 1, 16, 16), level))).all()
