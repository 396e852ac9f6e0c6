"""Readings of a sound level meter against the recursion of the standard and analytic signals."""

from __future__ import annotations

import numpy as np
import pytest

from specsr.errors import SpecsrError
from specsr.nvh.time_weighting import START, TIME_CONSTANTS, readings

RATE = 8000.0


def noise(seed: int, seconds: float) -> np.ndarray:
    return np.random.default_rng(seed).standard_normal((2, round(seconds * RATE)))


@pytest.mark.parametrize("name", ["fast", "slow"])
def test_an_exponential_average_is_the_recursion(name) -> None:
    """Twin: sample by sample, new = old + (1 - exp(-1 / tau fs)) (x² - old)."""
    x = noise(0, 0.5)
    share = 1 - np.exp(-1 / (TIME_CONSTANTS[name] * RATE))
    size = 317
    state = np.square(x[:, : round(START * RATE)]).mean(1)
    every = []
    for squares in np.square(x).T:
        state = state + share * (squares - state)
        every.append(state)
    every = np.array(every).T
    last = np.minimum(np.arange(size, x.shape[1] + size, size), x.shape[1]) - 1
    np.testing.assert_allclose(readings(x, RATE, size, name), every[:, last], rtol=1e-9)
    highest = np.maximum.reduceat(every, np.arange(0, x.shape[1], size), axis=1)
    np.testing.assert_allclose(readings(x, RATE, size, name, hold=True), highest, rtol=1e-9)


@pytest.mark.parametrize("name", ["fast", "slow", "rms"])
def test_a_steady_tone_has_its_level_from_the_first_step(name) -> None:
    t = np.arange(round(2 * RATE)) / RATE
    found = readings(np.sqrt(2) * np.sin(2 * np.pi * 1000 * t)[None], RATE, 400, name)
    # ripple of an exponential average at twice the frequency: 1 / sqrt(1 + (4 pi f tau)²)
    assert found == pytest.approx(np.ones((1, 40)), abs=1e-3)


def test_rms_and_peak_of_every_step_and_of_a_shorter_last_one() -> None:
    x = noise(1, 0.1)[:, :790]
    steps = [slice(i, min(i + 100, 790)) for i in range(0, 790, 100)]
    rms = np.stack([np.square(x[:, s]).mean(1) for s in steps], 1)
    peak = np.stack([np.abs(x[:, s]).max(1) for s in steps], 1)
    np.testing.assert_allclose(readings(x, RATE, 100, "rms"), rms)
    np.testing.assert_allclose(readings(x, RATE, 100, "peak"), peak**2)


def test_an_unknown_time_weighting_is_named() -> None:
    with pytest.raises(SpecsrError, match="'impulse': expected one of fast, slow, rms, peak"):
        readings(noise(2, 0.1), RATE, 10, "impulse")  # type: ignore[arg-type]
