"""Tests of the uncertainty after the correction towards the coarse map."""

import numpy as np
import pytest

from specsr import Signal
from specsr.enhance.uncertainty import calibrated
from specsr.errors import SpecsrError
from specsr.maps.pooling import pool_power
from specsr.maps.transform import SpectrogramTransform
from specsr.pairs.consistency import impose


def noise_map(n_fft=512, hop=64, seconds=2, seed=0):
    """Power of a map of white noise, and its expected power in every cell."""
    samples = np.random.default_rng(seed).standard_normal((1, 16000 * seconds))
    fine = SpectrogramTransform(n_fft, hop)(Signal(samples.astype(np.float32), 16000.0, "1"))
    window = fine.grid.window_samples()
    expected = 2 * np.square(window).sum() / window.sum() ** 2
    return fine.power[0, :-1, 16:-16], expected


@pytest.mark.parametrize("scale", [(2, 2), (4, 4), (4, 2), (1, 4)])
@pytest.mark.parametrize(("n_fft", "hop"), [(512, 64), (512, 128), (1024, 128)])
def test_covers_68_percent_of_noise_whose_speckle_is_restored(scale, n_fft, hop):
    power, expected = noise_map(n_fft, hop)
    before = np.full(power.shape, expected)
    after = impose(before, pool_power(power, *scale), scale, "measured")
    found = calibrated(np.full(power.shape, 0.1), before, after, scale)
    error = np.abs(10 * np.log10(after / expected))
    assert 0.65 < np.mean(error <= found) < 0.77
    assert 0.95 < np.mean(error <= 2 * found) < 0.996


def test_unchanged_where_nothing_was_corrected():
    power, expected = noise_map()
    given = np.random.default_rng(1).uniform(0.1, 3, power.shape).astype(np.float32)
    found = calibrated(given, power, power, (4, 4))
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, given, rtol=1e-6)


def test_the_corrected_level_of_a_line_adds_nothing():
    before = np.full((64, 48), 1e-6)
    before[32] = 1.0
    after = before.copy()
    after[32] *= 2  # 3 dB
    given = np.full(before.shape, 0.5)
    np.testing.assert_allclose(calibrated(given, before, after, (4, 4)), given, atol=1e-6)


def test_grows_with_the_correction_of_noise_and_never_shrinks():
    power, expected = noise_map()
    before = np.full(power.shape, expected)
    given = np.full(power.shape, 0.3)
    low = pool_power(power, 4, 4)
    means = []
    for share in (0.0, 0.5, 1.0):
        target = expected * (low / expected) ** share
        after = impose(before, target, (4, 4), "measured")
        found = calibrated(given, before, after, (4, 4))
        assert (found >= given).all()
        means.append(found.mean())
    assert means[0] == pytest.approx(0.3, abs=1e-6) and means[0] < means[1] < means[2]


def test_is_independent_of_the_level():
    power, expected = noise_map()
    before = np.full(power.shape, expected)
    given = np.full(power.shape, 0.3)
    first = calibrated(given, before, power, (4, 4))
    np.testing.assert_allclose(calibrated(given, 1e-8 * before, 1e-8 * power, (4, 4)), first)


def test_is_symmetric_in_time():
    power, expected = noise_map()
    power = power[:, : power.shape[1] // 4 * 4]
    before = np.full(power.shape, expected)
    given = np.random.default_rng(1).uniform(0.1, 3, power.shape)
    turned = calibrated(given[:, ::-1], before[:, ::-1], power[:, ::-1], (4, 1))
    np.testing.assert_allclose(turned[:, ::-1], calibrated(given, before, power, (4, 1)))


def test_only_cells_around_a_correction_change():
    before = np.ones((64, 64))
    after = before.copy()
    after[28:32, 28:32] = 4.0
    found = calibrated(np.full(before.shape, 0.2), before, after, (4, 4))
    changed = np.abs(found - 0.2) > 1e-9
    rows, columns = np.nonzero(changed)
    # one coarse cell by the average, two by the cubic
    assert (rows.min(), rows.max()) >= (16, 43) and (columns.min(), columns.max()) >= (16, 43)
    assert rows.max() < 44 and columns.max() < 44
    # the mean square over nine cells
    assert found[30, 30] == pytest.approx(1.25 * 10 * np.log10(4) / 3, rel=0.02)


def test_silent_cells_are_finite():
    before = np.zeros((16, 16))
    before[:8] = 1.0
    after = np.ones((16, 16))
    after[:, 8:] = 0.0
    found = calibrated(np.full((16, 16), 0.4), before, after, (4, 4))
    np.testing.assert_allclose(found, 0.4)


def test_a_short_last_cell_and_rows_that_do_not_divide():
    power, expected = noise_map()
    before = np.full(power.shape, expected)[:, :-3]
    found = calibrated(np.full(before.shape, 0.3), before, power[:, :-3], (4, 4))
    assert found.shape == before.shape and np.isfinite(found).all()
    with pytest.raises(SpecsrError, match="rows"):
        calibrated(np.ones((10, 8)), np.ones((10, 8)), np.ones((10, 8)), (4, 4))
