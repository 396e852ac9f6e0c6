"""What names, units and times of stored arrays mean."""

from __future__ import annotations

import numpy as np
import pytest

from specsr.errors import SpecsrError
from specsr.io import read, read_channels

RATE, LENGTH = 1000.0, 600
SINE = np.sin(2 * np.pi * 50 * np.arange(LENGTH) / RATE)
TIMES = np.arange(LENGTH) / RATE


@pytest.mark.parametrize("stamps", ["datetime", "ms of 1970", "spreadsheet", "datenum"])
def test_dates_as_times(tmp_path, stamps):
    times = {
        "datetime": np.datetime64("2024-05-01T12:00") + np.arange(LENGTH) * np.timedelta64(1, "ms"),
        "ms of 1970": 1.7e12 + np.arange(LENGTH),
        "spreadsheet": 45000 + TIMES / 86400,
        "datenum": 738000 + TIMES / 86400,
    }[stamps]
    np.savez(tmp_path / "a.npz", time=times, mic=SINE)
    made = read(tmp_path / "a.npz")
    assert (made.rate, made.start) == (RATE, 0)
    assert "are dates" in read_channels(tmp_path / "a.npz").notes[0]


@pytest.mark.parametrize(
    "facts",
    [
        {"fs_khz": 1.0}, {"fs_Hz": 1000.0}, {"dt_ms": 1.0}, {"dt": "1 ms"}, {"dt_s": 0.001},
        {"time_ms": TIMES * 1e3}, {"t_us": TIMES * 1e6}, {"SampleRate": "1,0 kHz"},
        {"sampling_rate": np.array([[1000.0]])}, {"x": TIMES, "x_unit": "s"},
        {"timestamps": TIMES, "timestamps_units": "seconds since 2020-01-01"},
    ],
)  # fmt: skip
def test_units_at_the_end_of_a_name_or_in_a_text(tmp_path, facts):
    np.savez(tmp_path / "a.npz", mic=SINE, **facts)
    made = read(tmp_path / "a.npz")
    assert (made.rate, made.channels) == (RATE, ("mic",))


def test_values_over_frequencies_are_a_spectrum(tmp_path):
    for facts in ({}, {"fs": RATE}):
        np.savez(tmp_path / "a.npz", frequency=np.arange(LENGTH) * 0.5, P=SINE**2, **facts)
        with pytest.raises(SpecsrError, match="holds a spectrum over frequency"):
            read(tmp_path / "a.npz")


def test_a_channel_x_is_no_axis(tmp_path):
    """Directions of an accelerometer."""
    np.savez(tmp_path / "a.npz", x=SINE, y=TIMES, t=SINE, fs=RATE)
    assert read(tmp_path / "a.npz").channels == ("x", "y", "t")


def test_days_or_seconds_is_asked(tmp_path):
    """Steps of 1e-6: 1 MHz, or 11.6 Hz as days."""
    np.savez(tmp_path / "a.npz", time=738000 + np.arange(400) * 2e-6, mic=SINE[:400])
    with pytest.raises(SpecsrError, match="they are s at 500000 Hz, or days at 5.787"):
        read(tmp_path / "a.npz")
