"""The measured band of a recording in an estimate at a higher rate."""

from __future__ import annotations

import numpy as np
import pytest

from specsr.pairs.measured_band import REPRODUCED, put_band_back
from specsr.signal import Signal


@pytest.mark.parametrize("ratio", [1.5, 2.0, 3.0, 4.0])
@pytest.mark.parametrize("length", [24000, 24001, 24007])
def test_the_measured_band_is_put_back(ratio: float, length: int) -> None:
    rng = np.random.default_rng(3)
    truth = Signal(rng.standard_normal((2, length)), 24000.0, "Pa")
    measured = truth.resample(24000 / ratio)
    estimate = truth.replace(samples=rng.standard_normal((2, length)).astype(np.float32))
    result = put_band_back(estimate, measured)
    assert result.samples.shape == estimate.samples.shape
    assert result.samples.dtype == np.float32
    again = result.resample(measured.rate)
    assert again.length == measured.length
    # magnitude and phase away from the edges, up to the edge of the resampler
    inside = slice(400, -400)
    window = np.hanning(measured.length - 800)
    a, b = (np.fft.rfft(window * s.samples[:, inside].astype(float)) for s in (again, measured))
    passband = slice(0, int(REPRODUCED * a.shape[1]))
    deviation = np.sqrt(np.mean(np.square(np.abs(a - b)[:, passband])))
    level = np.sqrt(np.mean(np.square(np.abs(b)[:, passband])))
    assert deviation < 1e-4 * level
    # above the measured band the estimate is kept
    window = np.hanning(length - 2000)
    high, own = (
        np.fft.rfft(window * s.samples[:, 1000:-1000].astype(float)) for s in (result, estimate)
    )
    above = slice(int(1.05 * high.shape[1] / ratio), None)
    kept = np.abs(high - own)[:, above].max()
    assert kept < 1e-4 * np.abs(own).max()


@pytest.mark.parametrize("rate", [8000.0, 12800.0, 22050.0, 51200.0])
def test_a_decimated_recording_is_restored_up_to_the_edge_of_the_resampler(rate: float) -> None:
    """White noise, decimated and put into another estimate: below the edge the noise itself."""
    rng = np.random.default_rng(4)
    truth = Signal(rng.standard_normal((1, 24000)), 3 * rate)
    result = put_band_back(truth.replace(samples=0 * truth.samples), truth.resample(rate))
    window = np.hanning(truth.length - 4000)
    found, true = (
        np.fft.rfft(window * s.samples[0, 2000:-2000]) for s in (result, truth)
    )  # fmt: skip
    edge = int(REPRODUCED * len(true) / 3)
    error = np.sqrt(np.mean(np.square(np.abs(found - true)[:edge])))
    assert error < 1e-3 * np.sqrt(np.mean(np.square(np.abs(true)[:edge])))
