"""Uncertainty of denoised levels: the posterior of a Gaussian signal, and its limits."""

from __future__ import annotations

import math

import numpy as np
import pytest

from specsr.enhance.level_interval import SHARE, level_uncertainty, upper

CELLS = 20_000


def gaussian(rng: np.random.Generator, power: float | np.ndarray) -> np.ndarray:
    """Complex Gaussian values of a mean power, [CELLS]."""
    parts = rng.standard_normal((2, CELLS))
    return np.sqrt(np.asarray(power) / 2) * (parts[0] + 1j * parts[1])


@pytest.mark.parametrize("ratio_db", [-10.0, -3.0, 0.0, 5.0, 12.0, 25.0])
@pytest.mark.parametrize("attenuation", [0.0, 0.5, 1.0, 40.0])
def test_the_share_of_true_levels_within_is_that_of_a_standard_deviation(
    ratio_db: float, attenuation: float
) -> None:
    """Any gain: none, half of Wiener's and Wiener's in dB, and one that removes all."""
    rng = np.random.default_rng(int(ratio_db) + 50)
    ratio, noise = 10 ** (ratio_db / 10), 3e-4
    signal = gaussian(rng, ratio * noise)
    measured = np.square(np.abs(signal + gaussian(rng, noise)))
    wiener = ratio / (1 + ratio)
    gain = 0.01 if attenuation == 40.0 else wiener**attenuation
    result = gain**2 * measured
    expected = np.full(CELLS, (1 + ratio) * noise)
    found = level_uncertainty(result[None], measured[None], expected[None], np.array([[noise]]))[0]
    error = np.abs(10 * np.log10(np.square(np.abs(signal)) / result))
    # 4 standard deviations of the share, and 0.015 of the steps of the table
    tolerance = 4 * math.sqrt(SHARE * (1 - SHARE) / CELLS) + 0.015
    assert np.mean(error <= found) == pytest.approx(SHARE, abs=tolerance)


def test_a_strong_level_has_the_error_of_one_component_of_the_noise() -> None:
    """The real part alone moves it: sqrt(1/2) of the noise's magnitude over that of the line."""
    for over_db in (20.0, 30.0, 60.0):
        power = np.array([[10 ** (over_db / 10)]])
        found = level_uncertainty(power, power, power, np.ones((1, 1)))
        wanted = 20 / math.log(10) * math.sqrt(0.5 / power[0, 0])
        assert found[0, 0] == pytest.approx(wanted, rel=0.1)


def test_below_the_noise_the_upper_end_is_what_may_be_hidden() -> None:
    """Exponential power: 68.3 % below 1.149 of its mean, expected less noise."""
    hidden = 10 * math.log10(-math.log(1 - SHARE))
    for over, result_db in ((2.0, -40.0), (1.5, -70.0)):
        result = np.array([[10 ** (result_db / 10)]])
        cell = np.array([[1e-9]])  # measured: next to nothing
        found = level_uncertainty(result, cell, np.array([[over]]), np.ones((1, 1)))
        assert result_db + found[0, 0] == pytest.approx(
            hidden + 10 * math.log10((over - 1) / over), abs=0.2
        )


def test_without_noise_all_is_known_and_silence_is_finite() -> None:
    power = np.array([[1e-3, 2.0]])
    assert level_uncertainty(power, power, power, np.zeros((2, 1))[:1]).max() < 1e-6
    none = np.zeros((3, 4))
    assert np.isfinite(level_uncertainty(none, none, none, none)).all()
    assert np.isfinite(level_uncertainty(none, none, none, none + 1.0)).all()


def test_the_interval_grows_on_either_side_of_what_may_be_there() -> None:
    magnitude = np.geomspace(1e-4, 1e3, 400)
    for centre in (0.0, 0.5, 3.0, 7.9, 8.1):
        width = 20 * np.log10(upper(np.full(400, centre), magnitude) / magnitude)
        low = magnitude < 0.5 * max(centre, 0.5)
        high = magnitude > 2 * centre + 2
        assert (np.diff(width[low]) < 0).all() and (np.diff(width[high]) > 0).all()
