"""Order-tracking filter: components locked to the speed are kept, the rest is removed."""

from __future__ import annotations

import csv

import numpy as np
import pytest

import specsr
from specsr import Signal, SpecsrError, keep_orders
from specsr.enhance.order_tracks import AngleFrames, line_gain, mean_along_orders, noise_floor
from specsr.enhance.orders import window_length
from specsr.scores import metrics
from specsr.synth.machine import Order, RunUp
from specsr.synth.synthesis import synthesise
from support.command import run as specsr_command

RATE = 8192.0
N_FFT = window_length(RATE)


def sweep(seconds: float = 4.0, low: float = 20.0, high: float = 60.0) -> np.ndarray:
    """Rotation frequency at every sample, Hz."""
    return np.linspace(low, high, round(seconds * RATE))


def tone(order: float, speed: np.ndarray) -> np.ndarray:
    return np.sin(2 * np.pi * order * np.cumsum(speed) / RATE)


def sdr(clean: np.ndarray, found: np.ndarray) -> float:
    return float(metrics.si_sdr(clean, found))


@pytest.mark.parametrize(("rate", "length"), [(8192.0, 2048), (25600.0, 8192), (51200.0, 16384)])
def test_a_window_is_about_a_third_of_a_second_long(rate, length):
    assert window_length(rate) == length


@pytest.mark.parametrize("speeds", [(30.0, 30.0), (20.0, 60.0), (60.0, 20.0), (40.0, 43.0)])
def test_overlap_add_of_the_frames_gives_the_signal(speeds):
    speed = sweep(3.0, *speeds)
    noise = np.random.default_rng(0).standard_normal(speed.size)
    # near half the rate, interpolation between samples has larger errors
    spectrum = np.fft.rfft(noise)
    spectrum[int(0.6 * len(spectrum)) :] = 0
    signal = np.fft.irfft(spectrum, noise.size)
    frames = AngleFrames.along(speed, RATE, N_FFT)
    error = frames.signal(frames.spectra(signal)) - signal
    assert 10 * np.log10(np.mean(error**2) / np.mean(signal**2)) < -45


def test_an_order_is_a_steady_tone_within_a_frame_at_any_sweep_rate():
    speed = sweep(2.0, 20.0, 60.0)  # order 30: 600 Hz per s, 37 rows per window
    frames = AngleFrames.along(speed, RATE, N_FFT)
    power = np.abs(frames.spectra(tone(30, speed))) ** 2
    rows = np.round(30 * frames.rotation_hz * N_FFT / RATE).astype(int)
    inside = np.arange(4, power.shape[1] - 4)
    near = sum(power[rows[inside] + i, inside] for i in range(-2, 3))
    assert (near > 0.98 * power[:, inside].sum(axis=0)).all()
    steady = AngleFrames.along(np.full_like(speed, 30.0), RATE, N_FFT)
    smeared = np.abs(steady.spectra(tone(30, speed))) ** 2
    assert smeared[:, inside].max() < 0.2 * power[:, inside].max()


def test_orders_and_whine_are_kept_and_steady_tones_and_noise_are_removed():
    speed = sweep()
    rng = np.random.default_rng(1)
    orders = tone(6, speed) + 0.5 * tone(17.3, speed)
    steady = np.sin(2 * np.pi * 1000 * np.arange(speed.size) / RATE)
    noise = 0.7 * rng.standard_normal(speed.size)
    rpm = 60 * speed
    kept = keep_orders(Signal((orders + steady + noise)[None], RATE, "Pa", rpm=rpm))
    assert sdr(orders, kept.samples[0]) > 12 > 10 + sdr(orders, orders + steady + noise)
    alone = keep_orders(Signal((steady + noise)[None], RATE, "Pa", rpm=rpm)).samples[0]
    assert np.mean(alone**2) < 0.03 * np.mean((steady + noise) ** 2)
    assert kept.unit == "Pa" and kept.samples.shape == (1, speed.size)
    np.testing.assert_array_equal(kept.rpm, rpm)


def test_a_run_up_in_noise_has_a_higher_sdr_than_with_the_network():
    orders = tuple(Order(2.0 * k, -1.5 * k, 0.4 * k) for k in range(1, 13))
    made = synthesise(RunUp(duration=4.0, rpm=(1500.0, 3600.0), orders=orders, seed=3))
    clean = made.clean.samples[0].astype(np.float64)
    noise = np.random.default_rng(0).standard_normal(clean.size) * clean.std()
    noisy = Signal((clean + noise)[None], made.signal.rate, "Pa", rpm=made.rpm)
    kept = sdr(clean, keep_orders(noisy).samples[0])
    assert kept > 12 and kept > 2 + sdr(clean, specsr.denoise(noisy).samples[0])
    wrong = noisy.replace(rpm=made.rpm[::-1].copy())
    assert sdr(clean, keep_orders(wrong).samples[0]) < 8


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_channels_types_and_levels_are_kept(dtype):
    speed = sweep()
    first, second = tone(5, speed), 1e-6 * tone(9, speed)
    noise = 0.1 * np.random.default_rng(2).standard_normal(speed.size)
    both = np.stack([first + noise, second + 1e-6 * noise]).astype(dtype)
    kept = keep_orders(Signal(both, RATE, "g", rpm=60 * speed, start=3.0))
    assert kept.samples.dtype == dtype and kept.start == 3.0 and kept.unit == "g"
    for found, clean in zip(kept.samples, (first, second)):
        assert abs(10 * np.log10(np.mean(found.astype(float) ** 2) / np.mean(clean**2))) < 0.3


def test_segments_give_the_result_of_the_whole():
    speed = sweep(12.0)
    noise = 0.3 * np.random.default_rng(4).standard_normal(speed.size)
    signal = Signal((tone(5, speed) + noise)[None], RATE, "Pa", rpm=60 * speed)
    whole, pieces = (keep_orders(signal, segment=s).samples[0] for s in (np.inf, 3.0))
    assert pieces.shape == whole.shape
    assert np.abs(pieces - whole).max() < 1e-5 * np.abs(whole).max()


def test_a_standstill_is_silent_and_gaps_in_the_speed_are_interpolated():
    speed = sweep()
    noise = np.random.default_rng(5).standard_normal(speed.size)
    still = keep_orders(Signal(noise[None], RATE, "Pa", rpm=np.zeros(speed.size)))
    assert not still.samples.any()
    assert not keep_orders(Signal(0 * noise[None], RATE, "Pa", rpm=60 * speed)).samples.any()
    rpm = 60 * speed
    rpm[8000:8200] = 0.0
    kept = keep_orders(Signal(tone(5, speed)[None] + 0.1 * noise, RATE, "Pa", rpm=rpm))
    assert sdr(tone(5, speed), kept.samples[0]) > 15


def test_recordings_without_speed_or_too_short_are_rejected():
    speed = sweep()
    with pytest.raises(SpecsrError, match="--rpm"):
        keep_orders(Signal(tone(5, speed)[None], RATE, "Pa"))
    short = Signal(np.zeros((1, N_FFT - 1)), RATE, "Pa", rpm=np.ones(N_FFT - 1))
    with pytest.raises(SpecsrError, match=f"{N_FFT - 1} samples"):
        keep_orders(short)


def test_the_noise_floor_is_the_mean_power_of_noise_with_and_without_lines():
    power = np.random.default_rng(6).exponential(size=(1200, 60))
    floor = noise_floor(power)
    assert floor[100:].mean() == pytest.approx(1, rel=0.05)
    power[300::40] *= 1e4
    assert noise_floor(power)[200:].mean() == pytest.approx(floor[200:].mean(), rel=0.1)


def test_cells_are_averaged_along_orders():
    speed = np.linspace(20, 30, 40)
    rows = 12 * speed
    cells = np.maximum(0, 1 - np.abs(np.arange(500)[:, None] - rows) / 2)
    track = mean_along_orders(cells, speed)
    inside = np.arange(6, 34)
    np.testing.assert_allclose(
        track[np.round(rows[inside]).astype(int), inside], 1, atol=0.35
    )  # between rows
    np.testing.assert_allclose(mean_along_orders(np.ones((500, 40)), speed)[:300], 1)


def test_fewer_than_0_3_percent_of_noise_cells_pass():
    power = np.random.default_rng(7).exponential(size=(1025, 100))
    assert (line_gain(power, np.linspace(20, 60, 100)) > 0).mean() < 0.003


def test_noise_does_not_pass_at_the_edges_of_time_and_frequency():
    speed = sweep(6.0)
    noise = np.random.default_rng(10).standard_normal(speed.size)
    spectrum = np.fft.rfft(noise)
    spectrum[int(0.8 * len(spectrum)) :] = 0
    noise = np.fft.irfft(spectrum, noise.size)
    kept = keep_orders(Signal(noise[None], RATE, "Pa", rpm=60 * speed)).samples[0]
    assert np.mean(kept**2) < 1e-6 * np.mean(noise**2)
    edges = np.r_[:N_FFT, speed.size - N_FFT : speed.size]
    assert np.mean(kept[edges] ** 2) < 1e-6 * np.mean(noise**2)


def test_the_command_keeps_orders_with_a_speed_table(tmp_path, capsys):
    speed = sweep()
    noise = 0.5 * np.random.default_rng(8).standard_normal(speed.size)
    mix = Signal((0.1 * (tone(5, speed) + noise)).astype(np.float32)[None], RATE, "1")
    specsr.write(tmp_path / "run.wav", mix)
    with (tmp_path / "rpm.csv").open("w", newline="") as file:
        at = np.arange(0, speed.size, 256)
        csv.writer(file).writerows(zip(at / RATE, 60 * speed[at]))
    run, rpm, out = tmp_path / "run.wav", tmp_path / "rpm.csv", tmp_path / "orders.wav"
    figure = tmp_path / "orders.png"
    code, _, err = specsr_command(
        capsys, "denoise", run, "--orders", "--rpm", rpm, "-o", out, "--plot", figure
    )
    assert code == 0, err
    assert figure.stat().st_size > 10_000
    assert sdr(tone(5, speed), specsr.read(out).samples[0].astype(np.float64)) > 15


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--orders"], "--rpm"),
        (["--rpm", "rpm.csv"], "without --orders"),
        (["--orders", "--model", "denoise"], "leave out --model"),
        (["--orders", "--attenuation", "20"], "leave them out with --orders"),
        (["--orders", "--ensemble"], "leave them out with --orders"),
    ],
)
def test_the_command_names_invalid_options(options, message, tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "rpm.csv").write_text("0,1000\n1,2000\n")
    noise = np.random.default_rng(9).uniform(-0.5, 0.5, (1, 8192)).astype(np.float32)
    specsr.write("a.wav", Signal(noise, RATE, "1"))
    code, _, err = specsr_command(capsys, "denoise", "a.wav", "-o", "b.wav", *options)
    assert code == 1 and message in err and not (tmp_path / "b.wav").exists()


@pytest.mark.parametrize(
    "rpm, words",
    [(30 * RATE, "above half the rate"), (0.5, "revolutions in"), (29 * RATE, ""), (60.0, "")],
)
def test_a_speed_without_orders_in_the_recording_is_noted(caplog, rpm, words):
    noise = np.random.default_rng(1).standard_normal(4 * N_FFT)
    keep_orders(Signal(noise, RATE, "Pa", rpm=np.full(noise.size, rpm)))
    notes = [record.getMessage() for record in caplog.records]
    assert len(notes) == bool(words) and all(words in note and "unit" in note for note in notes)
