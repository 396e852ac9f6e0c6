"""Orders of a machine above the measured band of a recording."""

from __future__ import annotations

import numpy as np
import pytest

import specsr
from specsr import BandOptions, Signal, SpecsrError
from specsr.choices import NOISE_FILL
from specsr.enhance.band_orders import orders_above
from specsr.io import read, write
from support.command import run

RATE = 6400.0


def run_up(orders: dict[float, float], slope: float = -6.0, noise: float = 1e-3) -> Signal:
    """Return 4 s from 1200 to 4200 1/min at four times the logger's rate.

    ``orders`` are order -> dB; all fall by ``slope`` dB per octave of frequency from 100 Hz on.
    """
    t = np.arange(int(4 * RATE)) / RATE
    rotation = 20 + 12.5 * t
    turns = 20 * t + 6.25 * t**2
    samples = noise * np.random.default_rng(0).standard_normal(t.size)
    for order, db in orders.items():
        level = db + slope * np.log2(order * rotation / 100)
        samples += np.sqrt(2) * 10 ** (level / 20) * np.cos(2 * np.pi * order * turns + order)
    return Signal(samples, RATE, rpm=60 * rotation)


def level_db(signal: Signal, order: float, first: float, last: float) -> float:
    """Level of an order between two times in s, demodulated at the exact speed."""
    t = np.arange(signal.length) / RATE
    turned = signal.samples[0] * np.exp(-2j * np.pi * order * (20 * t + 6.25 * t**2))
    part = turned[(t >= first) & (t < last)]
    window = np.hanning(part.size)
    means = np.abs((part * window).sum() / window.sum())
    return float(20 * np.log10(np.sqrt(2) * means + 1e-12))


def test_orders_continue_at_the_level_of_their_series() -> None:
    """Order 12 leaves the band of 800 Hz at 3.7 s, 16 at 2.4, 24 at 1.1; 60 is always above it.

    All are 20 dB and more over the noise, so their levels are read within 1 dB, and a straight line
    over the octaves is their true envelope.  The level of 60 rests on a line from half its
    frequency: 2 dB.
    """
    orders = {4.0: 0.0, 8.0: 0.0, 12.0: 6.0, 16.0: -6.0, 24.0: 0.0}
    true = run_up({**orders, 60.0: 0.0})
    low = true.resample(RATE / 4)
    above = orders_above(low, RATE, [*orders, 60.0], 800.0, 3000.0)
    assert above.note == "orders continued above the band: 12, 16, 24, 60"
    lines = above.signal
    for order, first, bound in ((16.0, 2.8, 1.5), (24.0, 1.8, 1.5), (60.0, 0.6, 3.0)):
        for start in (first, 3.2 if order < 60 else 1.6):
            found, wanted = (level_db(s, order, start, start + 0.4) for s in (lines, true))
            assert found == pytest.approx(wanted, abs=bound), (order, start)
    assert level_db(lines, 8.0, 0.5, 3.5) < -60  # measured, not continued
    full = specsr.upscale_band(low, 4, model=NOISE_FILL, band=BandOptions(orders=[*orders, 60.0]))
    alone = specsr.upscale_band(low, 4, model=NOISE_FILL)
    assert level_db(full, 24.0, 2.9, 3.4) == pytest.approx(level_db(true, 24.0, 2.9, 3.4), abs=2)
    assert level_db(alone, 24.0, 2.9, 3.4) < level_db(true, 24.0, 2.9, 3.4) - 15
    again = full.resample(low.rate)
    error = np.abs(np.fft.rfft((again.samples - low.samples)[0] * np.hanning(low.length)))
    assert error[: int(0.94 * error.size)].max() < 1e-4 * np.abs(np.fft.rfft(low.samples[0])).max()


def test_orders_that_the_band_does_not_hold_are_not_invented() -> None:
    true = run_up({4.0: 0.0, 8.0: 0.0})
    low = true.resample(RATE / 4)
    lines = orders_above(low, RATE, [4.0, 8.0, 12.5, 16.5, 24.5], 800.0, 3000.0).signal
    for order in (16.5, 24.5):
        assert level_db(lines, order, 2.8, 3.8) < level_db(true, 8.0, 2.8, 3.8) - 40
    none = orders_above(low, RATE, [4.0, 8.0], 800.0, 3000.0)
    assert none.continued == () and "band: none of them reaches 800 to 3000 Hz" in none.note
    noise = low.replace(samples=np.random.default_rng(1).standard_normal(low.samples.shape))
    assert not orders_above(noise, RATE, [4.0, 8.0, 16.0], 800.0, 3000.0).signal.samples.any()


def test_a_rate_is_checked_before_a_speed_is_searched(tmp_path, capsys, monkeypatch) -> None:
    def search(*_):
        raise AssertionError("searched")

    monkeypatch.setattr("specsr.nvh.tacholess.find_speed", search)
    write(tmp_path / "logger.wav", run_up({8.0: 0.0}).resample(RATE / 4).replace(rpm=None))
    words = "upscale", tmp_path / "logger.wav", "-o", tmp_path / "full.wav", "--scale", 4
    code, _, err = run(capsys, *words, "--rpm", "auto", "--orders", "8")
    assert code == 1 and "the recording's rate is 1600 Hz" in err


def test_orders_need_a_speed(tmp_path, capsys) -> None:
    low = run_up({8.0: 0.0}).resample(RATE / 4)
    with pytest.raises(SpecsrError, match="the recording has no speed: give one"):
        specsr.upscale_band(
            low.replace(rpm=None), 4, model=NOISE_FILL, band=BandOptions(orders=(8.0,))
        )
    write(tmp_path / "logger.wav", low.replace(rpm=None))
    (tmp_path / "rpm.csv").write_text("time,rpm\n0,1200\n4,4200\n")
    words = ["upscale", tmp_path / "logger.wav", "-o", tmp_path / "full.wav", "--scale", 4]
    words += ["--model", NOISE_FILL, "--rpm", tmp_path / "rpm.csv"]
    code, text = run(capsys, *words)[:2]
    assert code != 0
    code, *text = run(capsys, *words, "--orders", "8,12,16", "--top", 3000)
    assert code == 0 and "content up to 3000 Hz, as given" in "".join(text)
    assert "no order is continued above the band: none of them stands" in "".join(text)
    assert read(tmp_path / "full.wav").rate == RATE
