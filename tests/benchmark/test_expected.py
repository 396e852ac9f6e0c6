"""Simple estimates of `benchmarks/expected_methods.py`: calibrated for noise, lines kept."""

import numpy as np
import pytest

from specsr import Signal
from support.benchmark_scripts import script


@pytest.fixture(scope="module")
def methods():
    with script("expected_methods") as module:
        yield module


@pytest.fixture(scope="module")
def noise():
    samples = np.random.default_rng(0).standard_normal((1, 200_000))
    return Signal(samples.astype(np.float32), 8000.0)


def inside(power, spec):
    """Cells without the rows of DC and without windows that pass an edge, over the expected."""
    energy = np.square(spec.grid.window_samples()).sum()
    expected = np.square(spec.grid.factor()[8:-9]) * energy
    return power[8:-8, 4:-4] / expected[:, None]


@pytest.mark.parametrize("hop", [64, 192])
def test_every_estimate_of_noise_has_its_expected_power(methods, noise, hop):
    spec = methods.analysed(noise, 256, hop)
    found = methods.estimates(noise, spec, None, ["periodogram", "columns", "multitaper"])
    # as many independent values as cells of two rows and a window
    count = noise.length / 256 * 112 / 2
    for name, (power, _) in found.items():
        assert inside(power, spec).mean() == pytest.approx(1, abs=4 / np.sqrt(count)), name
    # the mean of 5 values of an exponential distribution has a relative variance of 1 / 5; sine
    # tapers of a finite window overlap a little, neighbours in a map not at all
    variance = inside(found["multitaper"][0], spec).var()
    assert variance == pytest.approx(1 / methods.TAPERS, rel=0.05)


def test_a_cell_far_over_its_floor_is_kept_and_noise_is_averaged(methods):
    power = np.random.default_rng(1).exponential(size=(80, 60))
    power[40, 30] = 1e4
    found = methods.smoothed(power)
    assert found[40, 30] == 1e4
    # of 77 cells each
    assert np.log(found[:20, :20]).std() < 3 / np.sqrt(77)


def test_the_limit_of_the_deviance_is_reached_by_the_expected_power(methods):
    with script("expected") as benchmark:
        rng = np.random.default_rng(2)
        power = rng.exponential(size=(400, 400))
        found = benchmark.whittle_deviance(power, np.ones(power.shape))
        # Euler's constant; r - ln r - 1 of an exponential r has a standard deviation of 0.8
        assert found == pytest.approx(0.5772, abs=4 * 0.81 / 400)


def test_kinds_on_which_the_mean_of_columns_is_better_are_listed_with_their_scatter() -> None:
    def machine(columns: float, specsr: float, close: float) -> dict:
        return {
            "columns": {"lines, dB": columns, "close, dB": close},
            "specsr": {"lines, dB": specsr, "close, dB": close},
        }

    results = [
        ("car", machine(1.0, 0.5, np.nan)), ("car", machine(1.0, 0.9, np.nan)),
        ("turbo", machine(1.0, 1.5, 1.0)), ("turbo", machine(2.0, 2.1, 1.0)),
    ]  # fmt: skip
    with script("expected_tables") as module:
        rows = module.worse(results, ["lines, dB", "close, dB"])
    assert [(row["kind"], row["score"], row["machines"]) for row in rows] == [
        ("turbo", "lines, dB", 2)
    ]
    assert rows[0]["columns"] == 1.5 and rows[0]["specsr"] == pytest.approx(1.8)
    assert rows[0]["difference"] == pytest.approx((0.3, 0.2))
