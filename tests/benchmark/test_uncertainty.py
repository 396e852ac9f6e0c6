"""Tests of the judge in `benchmarks/uncertainty.py`: steady rows, clear lines, standard error."""

import numpy as np
import pytest

from specsr import Signal
from specsr.maps.transform import SpectrogramTransform
from support.benchmark_scripts import script

RATE = 8000.0


@pytest.fixture(scope="module")
def judge():
    with script("uncertainty") as module:
        yield module


@pytest.fixture(scope="module")
def coverage():
    with script("map_coverage") as module:
        yield module


def power(samples):
    fine = SpectrogramTransform(512, 64)(Signal(samples[None].astype(np.float32), RATE, "1"))
    return np.square(fine.image()[0], dtype=np.float64)[:, 4:-4], fine.grid


def test_rows_of_noise_are_steady_and_those_of_modulated_noise_are_not(judge):
    rng, time = np.random.default_rng(0), np.arange(32000) / RATE
    noise = rng.standard_normal(time.size)
    assert judge.steady(*power(noise)).mean() > 0.8
    # modulated by a blade: 30 % in amplitude, which many single rows do not show
    found = judge.steady(*power(noise * (1 + 0.3 * np.cos(2 * np.pi * 13 * time))))
    assert found.mean() < 0.2


def test_clear_lines_are_those_far_above_the_noise(judge):
    rng, time = np.random.default_rng(0), np.arange(16000) / RATE
    noise = 1e-2 * rng.standard_normal(time.size)
    strong, weak = np.sin(2 * np.pi * 1000 * time), 0.01 * np.sin(2 * np.pi * 3000 * time)

    def clear(samples):
        cells, grid = power(samples)
        return judge.clear_lines(cells, judge.floor_around(cells), grid)

    rows = np.flatnonzero(clear(noise + strong + weak).mean(axis=1) > 0.5)
    assert rows.tolist() == [63, 64, 65]  # of 15.6 Hz
    assert not clear(noise).any()


def test_the_noise_of_clear_lines_has_the_scatter_of_their_cells(judge):
    """Levels of a line in noise over many windows, against the drawn errors of such cells."""
    rng, time = np.random.default_rng(1), np.arange(64000) / RATE
    line, noise = np.sin(2 * np.pi * 1000 * time), 0.1 * rng.standard_normal(time.size)
    cells, _ = power(line + noise)
    drawn = judge.noise_of_lines(cells, judge.floor_around(cells))
    measured = 10 * np.log10(cells[64])
    assert np.std(drawn[64]) == pytest.approx(np.std(measured), rel=0.3)
    assert not judge.noise_of_lines(cells, 0 * cells).any()


def test_the_standard_error_is_that_over_maps_not_over_their_cells(coverage):
    def of(*within):
        return [
            coverage.Judged("", {"all": np.zeros(x.size)}, {"all": np.where(x, 1.0, -1.0)})
            for x in within
        ]

    yes, no = np.ones(100, bool), np.zeros(100, bool)
    half = np.arange(100) < 50
    assert coverage.standard_error(of(half, half, half), "all") == 0
    assert coverage.standard_error(of(yes, no), "all") == pytest.approx(
        100 * np.std([1, 0], ddof=1) / 2**0.5
    )
    assert np.isnan(coverage.standard_error(of(yes), "all"))
    assert np.isnan(coverage.standard_error(of(yes, no), "clicks"))
