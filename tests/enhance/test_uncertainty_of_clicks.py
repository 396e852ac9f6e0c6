"""Uncertainty after the correction: clicks and impulses."""

import numpy as np
import pytest

from specsr import Signal
from specsr.enhance.uncertainty import (
    ALIKE,
    IMPACT,
    calibrated,
    impact_part,
    unresolved,
)
from specsr.maps.grid import Grid
from specsr.maps.pooling import noise_variance, pool_power
from specsr.maps.transform import SpectrogramTransform
from specsr.pairs.consistency import impose, noise_share

EQUAL = np.sqrt((1 - ALIKE) * (15 / 16 * (1 - 1 / 4) + 1 / 16 * (1 - 1 / 16)))


def variance(scale, n_fft=512, hop=64):
    """Relative variance of a coarse cell of noise."""
    return noise_variance(Grid(16000.0, n_fft, hop, 32000, cell=scale))


def test_impulses_closer_than_the_cells_are_unresolved():
    samples = np.zeros((1, 32000), np.float32)
    samples[0, ::200] = 1.0  # lines 2.56 rows apart
    fine = SpectrogramTransform(512, 64)(Signal(samples, 16000.0, "1"))
    power = fine.power[0, :-1, 16:-16]
    low = pool_power(power, 4, 4)
    before = np.full(power.shape, power.mean())
    found = calibrated(np.full(power.shape, 0.3), before, before, low, (4, 4), variance((4, 4)))
    error = np.abs(10 * np.log10(before / power))[8:-8]
    assert np.median(error) > 1.5 and np.mean(error <= 0.3) < 0.2
    assert np.median(found) > 2.5


@pytest.mark.parametrize("share", [0.3, 0.6, 0.9])
def test_the_share_of_a_pattern_follows_from_the_scatter(share):
    rng = np.random.default_rng(3)
    full = 10 / np.log(10) * np.sqrt(0.3)  # a cell of relative variance 0.3
    deviation = full * np.sqrt(1 - share**2) * rng.standard_normal((200, 300))
    found = np.sqrt(unresolved(deviation, np.ones(deviation.shape), 0.3).mean())
    expected = 4.34 * np.sqrt(max(1 - 1.15 * (1 - share**2), 0))
    assert found == pytest.approx(expected, abs=0.8)


def test_a_click_is_no_noise():
    """Its level is restored, not speckle: the uncertainty of the network stays."""
    samples = 1e-3 * np.random.default_rng(0).standard_normal((1, 32000))
    samples[0, 16000] = 100.0
    fine = SpectrogramTransform(512, 64)(Signal(samples.astype(np.float32), 16000.0, "1"))
    power = fine.power[0, :-1, 16:-16]
    low = pool_power(power, 4, 4)
    before = power / 10 ** (2 / 10)  # the network reads all 2 dB low
    clicked = power.mean(axis=0) > 100 * np.median(power)
    assert clicked.sum() in (6, 7, 8)
    given = np.full(power.shape, 0.5)
    found = calibrated(given, before, impose(before, low, (4, 4)), low, (4, 4), variance((4, 4)))
    share = noise_share(before, (4, 4))
    within = np.flatnonzero(clicked) // 4
    assert share[:, within].max() < 0.05 and np.median(share) > 0.5
    assert found[:, clicked].max() < 1.0


def test_a_click_is_less_uncertain_than_a_steady_line_of_the_same_power():
    """Both fill their coarse cells; only the click raises the floor of all rows for a moment."""
    before = np.full((64, 96), 1e-6)
    before[32:36] = before[:, 48:52] = 1.0
    low = pool_power(before, 4, 4)
    found = calibrated(np.full(before.shape, 2.0), before, before, low, (4, 4), 0.3)
    known = 2.0 * EQUAL
    np.testing.assert_allclose(found[33, 8:40], known, rtol=1e-3)
    np.testing.assert_allclose(found[8:24, 49], known * (1 - IMPACT), rtol=1e-3)


def test_an_impact_counts_by_the_square_of_its_share_above_the_steady_floor():
    before = np.ones((64, 96))
    before[:, 48:52] = 4.0  # three quarters of the power are the impact
    low = pool_power(before, 4, 4)
    given = np.full(before.shape, 2.0)
    found = calibrated(given, before, before, low, (4, 4), 0.3)
    quiet = calibrated(given, np.ones((64, 96)), np.ones((64, 96)), low / low, (4, 4), 0.3)
    pattern = np.square(quiet[8, 8]) - np.square(2.0 * EQUAL)
    own = np.sqrt(np.square(found[30, 49]) - pattern / 16)  # a quarter is noise
    assert own == pytest.approx(2.0 * EQUAL * (1 - 0.75**2 * IMPACT), rel=0.02)


def test_an_impact_in_smaller_cells_keeps_more_of_its_uncertainty():
    before = np.full((64, 96), 1e-6)
    before[:, 48:52] = 1.0
    low = pool_power(before, 2, 2)
    found = calibrated(np.full(before.shape, 2.0), before, before, low, (2, 2), 0.3)
    equal = np.sqrt((1 - ALIKE) * (3 / 4 * (1 - 1 / 2) + 1 / 4 * (1 - 1 / 4)))
    np.testing.assert_allclose(found[8:24, 49], 2.0 * equal * (1 - IMPACT / 3), rtol=1e-3)
    parts = [impact_part((s, s)) for s in (1, 2, 3, 4)]
    assert parts[0] == 0 and (np.diff(parts) > 0).all() and parts[3] == pytest.approx(IMPACT)
