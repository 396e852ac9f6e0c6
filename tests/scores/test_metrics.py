"""Distances of waveforms and spectra against formulas, other libraries and analytic values."""

from __future__ import annotations

import librosa
import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from specsr.errors import SpecsrError
from specsr.scores import metrics
from specsr.scores.map_errors import map_errors
from specsr.scores.similarity import ssim

RATE = 48000
SEEDS = st.integers(0, 2**32 - 1)


def noise(seed: int, *shape: int) -> np.ndarray:
    return np.random.default_rng(seed).standard_normal(shape)


def magnitudes(x: np.ndarray, n_fft: int, hop_length: int) -> np.ndarray:
    return np.abs(librosa.stft(x, n_fft=n_fft, hop_length=hop_length, pad_mode="reflect"))


def lsd_twin(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Per frame and row: the squared difference that `lsd` averages."""
    a, b = (np.log10(np.maximum(magnitudes(s, 2048, 512) ** 2, 1e-8)) for s in (x, y))
    return (a - b) ** 2


@pytest.mark.parametrize("length", [1, 100, 5000, 48000])
def test_lsd_is_its_formula(length: int) -> None:
    x, y = noise(1, 2, length) * [[1.0], [0.3]]
    if length < 1025:  # librosa refuses to reflect these
        assert np.isfinite(metrics.lsd(x, y, RATE))
        return
    twin = lsd_twin(x, y)
    assert metrics.lsd(x, y, RATE) == pytest.approx(np.sqrt(twin.mean(0)).mean(), rel=1e-5)
    rows = np.arange(1025) * RATE / 2048 < 8000
    low, high = metrics.lsd(x, y, RATE, high=8000), metrics.lsd(x, y, RATE, low=8000)
    assert low == pytest.approx(np.sqrt(twin[rows].mean(0)).mean(), rel=1e-5)
    assert high == pytest.approx(np.sqrt(twin[~rows].mean(0)).mean(), rel=1e-5)


def test_lsd_of_several_bands_is_that_of_each() -> None:
    x, y = noise(1, 2, 48000), noise(2, 2, 48000)
    bands = [(0.0, None), (0.0, 3000.0), (3000.0, None), (3000.0, 8000.0)]
    found = metrics.lsd_bands(x, y, RATE, bands)
    for each, (low, high) in zip(found, bands, strict=True):
        assert each.tolist() == metrics.lsd(x, y, RATE, low, high).tolist()


@given(seed=SEEDS, gain=st.floats(-20, 20))
@example(seed=277098, gain=-11.0)  # a cell of the first frame falls below the floor
@settings(max_examples=20, deadline=None)
def test_lsd_of_a_gain_is_its_decades_of_power(seed: int, gain: float) -> None:
    """The frames at the edges are symmetric by reflection, so their spectra are real.

    The power of such a cell is chi-squared with one degree of freedom and falls below the floor
    once in some hundred draws of a signal.  It then differs by less than the gain; without such a
    cell all differ by exactly the gain.
    """
    x, factor = noise(seed, 4096), 10 ** (gain / 10)
    power = magnitudes(x, 2048, 512) ** 2
    first, second = (np.log10(np.maximum(p, metrics.LSD_FLOOR)) for p in (power, factor * power))
    expected = np.sqrt(np.square(first - second).mean(0)).mean()
    if power.min() * min(1.0, factor) > metrics.LSD_FLOOR:
        assert expected == pytest.approx(abs(gain) / 10, abs=1e-9)
    assert metrics.lsd(x, x * 10 ** (gain / 20), RATE) == pytest.approx(expected, abs=1e-6)
    assert metrics.lsd(x, -x, RATE) == 0  # ignores polarity, as the published metric does


def test_lsd_of_a_sine_is_zero_to_itself_and_point_six_for_six_db() -> None:
    x = np.sin(2 * np.pi * 1000 * np.arange(RATE) / RATE) + 0.1 * noise(0, RATE)
    assert metrics.lsd(x, x, RATE) == 0
    assert metrics.lsd(x, x * 10**0.3, RATE) == pytest.approx(0.6, abs=1e-6)


def test_lsd_clamps_silence_to_its_floor() -> None:
    x = noise(3, 8192)
    power = np.maximum(magnitudes(x, 2048, 512) ** 2, 1e-8)
    expected = np.sqrt(((np.log10(power) + 8) ** 2).mean(0)).mean()
    assert metrics.lsd(x, np.zeros_like(x), RATE) == pytest.approx(expected, rel=1e-5)
    assert metrics.lsd(np.zeros(4096), np.full(4096, 1e-9), RATE) == 0


def test_lsd_of_a_long_recording_is_its_formula() -> None:
    # 24 s: more frames than one block
    x, y = noise(4, 2, 24 * RATE) * [[1.0], [0.3]]
    expected = np.sqrt(lsd_twin(x, y).mean(0)).mean()
    assert metrics.lsd(x, y, RATE) == pytest.approx(expected, rel=1e-5)


@pytest.mark.slow
def test_lsd_reproduces_the_published_orientation(shared_data) -> None:
    """Decimated and resampled with soxr, mean over the recordings with a full band."""
    import soundfile
    import soxr

    scores = []
    for path in sorted((shared_data / "audio" / "val").rglob("*.flac")):
        samples, rate = soundfile.read(path, always_2d=True)
        if path.parent.name == "speech_16k" or len(samples) < 1.2 * rate:
            continue
        x = soxr.resample(samples[:, 0], rate, RATE, quality="VHQ")
        row = []
        for scale in (2, 3, 6):
            y = x[: len(x) - len(x) % scale]
            low = soxr.resample(y, RATE, RATE / scale, quality="VHQ")
            row.append(metrics.lsd(y, soxr.resample(low, RATE / scale, RATE, quality="VHQ"), RATE))
        scores.append(row)
    assert len(scores) == 41
    assert np.mean(scores, axis=0) == pytest.approx([3.07, 3.71, 4.38], abs=0.006)


@given(seed=SEEDS, gain=st.floats(0.01, 100), sign=st.sampled_from([-1, 1]))
@settings(max_examples=30, deadline=None)
def test_si_sdr_ignores_gain_and_polarity(seed: int, gain: float, sign: int) -> None:
    import torch
    from torchmetrics.functional.audio import scale_invariant_signal_distortion_ratio as twin

    x, n = noise(seed, 2, 500)
    y = x + 0.5 * n
    score = metrics.si_sdr(x, y)
    assert metrics.si_sdr(x, sign * gain * y) == pytest.approx(score, abs=1e-6)
    assert metrics.si_sdr(sign * gain * x, y) == pytest.approx(score, abs=1e-6)
    for zero_mean in (False, True):
        expected = twin(torch.from_numpy(y + 1), torch.from_numpy(x + 2), zero_mean=zero_mean)
        found = metrics.si_sdr(x + 2, y + 1, zero_mean)
        assert found == pytest.approx(expected.item(), abs=1e-5)


@given(db=st.floats(-30, 60), seed=SEEDS)
@settings(max_examples=30, deadline=None)
def test_snr_of_noise_at_a_level_is_that_level(db: float, seed: int) -> None:
    x, n = noise(seed, 2, 1000)
    n *= np.linalg.norm(x) / np.linalg.norm(n) * 10 ** (-db / 20)
    assert metrics.snr(x, x + n) == pytest.approx(db, abs=1e-6)


def test_waveform_ratios_of_equal_silent_and_orthogonal_signals() -> None:
    x = noise(6, 64)
    assert metrics.snr(x, x) == np.inf
    assert metrics.snr(np.zeros(8), np.ones(8)) == -np.inf
    assert metrics.snr(x, -x) == pytest.approx(-20 * np.log10(2))
    assert metrics.si_sdr(x, 3 * x) > 250
    orthogonal = metrics.si_sdr(np.array([1.0, 0, 0]), np.array([0, 1.0, 0]))
    assert orthogonal == -np.inf
    assert np.isnan(metrics.si_sdr(np.zeros(8), np.ones(8)))


def test_channels_are_scored_separately() -> None:
    x, y = noise(7, 2, 3, 4096)
    for score in (metrics.snr, metrics.si_sdr, lambda a, b: metrics.lsd(a, b, RATE)):
        together = score(x, y)
        assert together.shape == (3,)
        assert together == pytest.approx([score(a, b) for a, b in zip(x, y, strict=True)])


def test_spectral_convergence() -> None:
    magnitude = np.abs(noise(8, 2, 20, 30))
    error = noise(9, 2, 20, 30)
    expected = [
        20 * np.log10(np.linalg.norm(e) / np.linalg.norm(m))
        for e, m in zip(error, magnitude, strict=True)
    ]
    found = metrics.spectral_convergence(magnitude, magnitude + error)
    assert found == pytest.approx(expected)
    scaled = metrics.spectral_convergence(magnitude[0], 1.1 * magnitude[0])
    assert scaled == pytest.approx(-20)


@given(seed=SEEDS, spread=st.floats(0.0, 30.0))
@settings(max_examples=30, deadline=None)
def test_the_whittle_deviance_is_its_formula_and_never_below_zero(seed, spread) -> None:
    reference = 10 ** (noise(seed, 5, 7))
    estimate = reference * 10 ** (spread / 10 * noise(seed + 1, 5, 7))
    ratio = reference / estimate
    deviance = metrics.whittle_deviance(reference, estimate, db_range=300.0)
    assert deviance == pytest.approx(np.mean(ratio - np.log(ratio) - 1), rel=1e-9, abs=1e-12)
    assert deviance >= -1e-15
    assert metrics.whittle_deviance(reference, reference) == 0


def test_the_whittle_deviance_of_noise_is_eulers_constant_at_the_truth_and_more_elsewhere() -> None:
    truth = 10 ** noise(1, 400, 1)
    measured = truth * np.random.default_rng(2).exponential(size=(400, 1000))
    estimate = np.broadcast_to(truth, measured.shape)
    at_truth = metrics.whittle_deviance(measured, estimate)
    assert at_truth == pytest.approx(np.euler_gamma, abs=0.01)
    for gain in (0.8, 0.95, 1.05, 1.25):
        expected = np.euler_gamma + np.log(gain) + 1 / gain - 1
        deviance = metrics.whittle_deviance(measured, gain * estimate)
        assert deviance == pytest.approx(expected, abs=0.01) and deviance > at_truth


def test_the_whittle_deviance_leaves_out_cells_below_its_floor() -> None:
    reference = np.array([[[1.0, 1e-13, 0.0, 0.5]], [[0.0, 0.0, 0.0, 0.0]]])
    estimate = np.array([[[1.0, 1.0, 1.0, 0.0]], [[1.0, 1.0, 1.0, 1.0]]])
    ratio = 0.5 / 1e-12  # an empty cell counts as one at the floor
    first, silent = metrics.whittle_deviance(reference, estimate)
    assert first == pytest.approx((ratio - np.log(ratio) - 1) / 2) and np.isnan(silent)
    with pytest.raises(SpecsrError, match="same"):
        metrics.whittle_deviance(reference, estimate[:1])


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda x: metrics.snr(x, x[:-1]), "same shape"),
        (lambda x: metrics.lsd(x[:0], x[:0], RATE), "not empty"),
        (lambda x: metrics.lsd(x, x, RATE, low=24100), "24000 Hz"),
        (lambda x: metrics.lsd(x, x, RATE, low=5, high=10), "wider than"),
        (lambda x: ssim(x, x[:-1], 80), "same shape"),
        (lambda x: map_errors(x[None], x[None], 0), "above zero"),
    ],
)
def test_errors_name_the_cause(call, words: str) -> None:
    with pytest.raises(SpecsrError, match=words):
        call(np.ones(4096))
