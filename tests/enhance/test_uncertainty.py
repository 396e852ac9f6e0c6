"""Tests of the uncertainty after the correction towards the coarse map."""

import numpy as np
import pytest

import specsr
from specsr import Signal
from specsr.enhance.estimate import blend_bicubic, network_estimate, order_input
from specsr.enhance.maps import upscale_map
from specsr.enhance.uncertainty import (
    ALIKE,
    WITHIN,
    calibrated,
    displaced,
    left_errors,
    normalised,
    restored_speckle,
)
from specsr.errors import SpecsrError
from specsr.maps import levels
from specsr.maps.grid import Grid
from specsr.maps.noise_interpolation import noise_interpolation
from specsr.maps.pooling import noise_variance, pool_power
from specsr.maps.transform import SpectrogramTransform
from specsr.models.bundled import load_model
from specsr.models.options import InferOptions
from specsr.nvh.speed_options import SpeedOptions
from specsr.pairs.consistency import impose, noise_share

EQUAL = np.sqrt((1 - ALIKE) * (15 / 16 * (1 - 1 / 4) + 1 / 16 * (1 - 1 / 16)))
"""Factor of the uncertainty of 4 x 4 cells of the same power."""


def noise_map(n_fft=512, hop=64, seconds=2, seed=0):
    """Power of a map of white noise, and its expected power in every cell."""
    samples = np.random.default_rng(seed).standard_normal((1, 16000 * seconds))
    fine = SpectrogramTransform(n_fft, hop)(Signal(samples.astype(np.float32), 16000.0, "1"))
    window = fine.grid.window_samples()
    expected = 2 * np.square(window).sum() / window.sum() ** 2
    return fine.power[0, :-1, 16:-16], expected


def variance(scale, n_fft=512, hop=64):
    """Relative variance of a coarse cell of noise."""
    return noise_variance(Grid(16000.0, n_fft, hop, 32000, cell=scale))


@pytest.mark.parametrize("scale", [(2, 2), (4, 4), (4, 2), (1, 4)])
@pytest.mark.parametrize(("n_fft", "hop"), [(512, 64), (512, 128), (1024, 128)])
def test_covers_68_percent_of_noise_whose_speckle_is_restored(scale, n_fft, hop):
    power, expected = noise_map(n_fft, hop)
    before = np.full(power.shape, expected)
    low = pool_power(power, *scale)
    after = impose(before, low, scale, "measured")
    given = np.full(power.shape, 0.1)
    found = calibrated(given, before, after, low, scale, variance(scale, n_fft, hop))
    error = np.abs(10 * np.log10(after / expected))
    assert 0.65 < np.mean(error <= found) < 0.77
    assert 0.95 < np.mean(error <= 2 * found) < 0.996


def test_noise_that_is_not_corrected_keeps_its_uncertainty_up_to_the_factor_of_equal_cells():
    power, expected = noise_map(seconds=6)
    given = np.full(power.shape, 1.6, np.float32)
    before = np.full(power.shape, expected)
    low = pool_power(power, 4, 4)
    found = calibrated(given, before, before, low, (4, 4), variance((4, 4)))
    assert found.dtype == np.float32
    assert np.mean(found / given) == pytest.approx(EQUAL, rel=0.06)


def test_the_corrected_level_of_a_line_adds_nothing():
    before = np.full((64, 48), 1e-6)
    before[32] = 1.0
    after = before.copy()
    after[32] *= 2  # 3 dB
    correction = 10 * np.log10(pool_power(after, 4, 4) / pool_power(before, 4, 4))
    assert correction.max() > 2.9
    assert restored_speckle(correction, noise_share(before, (4, 4))).max() < 1e-8


def test_grows_with_the_correction_of_noise():
    power, expected = noise_map()
    before = np.full(power.shape, expected)
    given = np.full(power.shape, 0.3)
    low = pool_power(power, 4, 4)
    means = []
    for share in (0.0, 0.5, 1.0):
        target = expected * (low / expected) ** share
        after = impose(before, target, (4, 4), "measured")
        found = calibrated(given, before, after, low, (4, 4), variance((4, 4)))
        means.append(found.mean())
    assert means[0] == pytest.approx(0.3, rel=0.1)
    assert means[0] + 0.8 < means[1] and means[1] + 0.8 < means[2]


def test_is_independent_of_the_level():
    power, expected = noise_map()
    before, low = np.full(power.shape, expected), pool_power(power, 4, 4)
    given = np.full(power.shape, 0.3)
    first = calibrated(given, before, power, low, (4, 4), 0.3)
    other = calibrated(given, 1e-8 * before, 1e-8 * power, 1e-8 * low, (4, 4), 0.3)
    np.testing.assert_allclose(other, first)


def test_is_symmetric_in_time():
    power, expected = noise_map()
    power = power[:, : power.shape[1] // 4 * 4]
    before, low = np.full(power.shape, expected), pool_power(power, 4, 1)
    given = np.random.default_rng(1).uniform(0.1, 3, power.shape)
    maps = (given, before, power, low)
    turned = calibrated(*(x[:, ::-1] for x in maps), (4, 1), 0.5)
    np.testing.assert_allclose(turned[:, ::-1], calibrated(*maps, (4, 1), 0.5))


def test_restored_speckle_is_the_mean_over_nine_cells():
    correction = np.zeros((16, 16))
    correction[7, 7] = 6.0
    found = restored_speckle(correction, np.full((16, 16), 0.5))
    assert found[6:9, 6:9] == pytest.approx((WITHIN * 6.0) ** 2 / 9)
    assert found.sum() == pytest.approx((WITHIN * 6.0) ** 2)


def test_cells_without_noise_do_not_count_as_speckle_of_their_neighbours():
    correction, noise = np.full((16, 16), 2.0), np.ones((16, 16))
    correction[8], noise[8] = 9.0, 0.0  # a line that the network read 9 dB low
    np.testing.assert_allclose(restored_speckle(correction, noise), (WITHIN * 2.0) ** 2)


@pytest.mark.parametrize("scale", [(2, 2), (4, 4), (4, 2), (1, 4)])
def test_a_cell_that_was_measured_exactly_is_less_uncertain(scale):
    """All power of its coarse cell is in one fine cell: its level follows from the cell mean."""
    before = np.full((64, 48), 1e-6)
    before[32, :: scale[1]] = 1.0
    low = pool_power(2 * before, *scale)
    after = impose(before, low, scale, "measured")
    given = np.full(before.shape, 2.0)
    found = calibrated(given, before, after, low, scale, variance(scale))
    fine = scale[0] * scale[1]
    # its own error is gone, those of cells without power do not count
    assert found[32, 0] < 0.01 if scale[0] == 1 else found[32, 0] < 2.0 * np.sqrt(1 / fine)
    beside = (33, 0) if scale[0] > 1 else (32, 1)  # its own share of the cell stays unknown
    assert found[beside] == pytest.approx(2.0 * np.sqrt(2 * (1 - ALIKE)), rel=0.01)


def test_a_measured_level_that_the_result_does_not_reproduce_is_an_uncertainty():
    before = np.full((64, 48), 1e-6)
    before[32] = 1.0
    low = pool_power(before * 2, 4, 4)  # the line was measured 3 dB higher
    given = np.full(before.shape, 0.5)
    off = calibrated(given, before, before, low, (4, 4), 0.3)
    measured = calibrated(given, before, impose(before, low, (4, 4)), low, (4, 4), 0.3)
    assert off[32] == pytest.approx(3.0, abs=0.1)
    assert (measured[32] < 0.5).all()


@pytest.mark.parametrize("scale", [(1, 4), (2, 2), (4, 3)])
def test_what_a_known_sum_leaves_of_errors_is_the_scatter_of_scaled_levels(scale):
    """Monte Carlo twin: levels with small errors, scaled to the power of their coarse cells."""
    rng, of_cell = np.random.default_rng(5), np.arange(7) // scale[1] * scale[1]
    power, u = rng.exponential(1.0, (8, 7)), rng.uniform(0.01, 0.1, (8, 7))[:, of_cell]
    rows, cells = left_errors(np.square(u), power, scale)
    single = rng.standard_normal((3000, 8, 7))
    common = single[..., of_cell] if scale[0] > 1 else single
    for found, error in ((rows, common), (cells, single)):
        off = power * 10 ** (u * error / 10)
        sums = pool_power(off, *scale) / pool_power(power, *scale)
        wide = np.repeat(np.repeat(sums, scale[0], axis=1), scale[1], axis=2)[..., :7]
        scatter = np.square(10 * np.log10(off / wide / power)).mean(axis=0)
        np.testing.assert_allclose(found, scatter, rtol=0.15, atol=2e-6)
    mixed = normalised(np.square(u), power, scale)
    single = 1 / (scale[0] * scale[1])
    np.testing.assert_allclose(mixed, (1 - ALIKE) * ((1 - single) * rows + single * cells))


@pytest.mark.parametrize("scale", [(2, 2), (4, 4)])
def test_covers_68_percent_of_lines_whose_cross_terms_with_noise_are_restored(scale):
    """Cells of lines 8 dB above their noise scatter as the sum of both, not as the noise alone."""
    time, rng = np.arange(48000) / 16000, np.random.default_rng(4)
    rows = np.arange(18, 250, 32)
    tones = np.sum([np.sin(2 * np.pi * (row + 0.5) * 31.25 * time + row) for row in rows], axis=0)
    noise = rng.standard_normal(time.size)
    transform = SpectrogramTransform(512, 64)

    def power(samples):
        signal = Signal(samples[None].astype(np.float32), 16000.0, "1")
        return transform(signal).power[0, :-1, 16:-16].astype(float)

    window = transform(Signal(noise[None].astype(np.float32), 16000.0, "1")).grid.window_samples()
    floor = 2 * np.square(window).sum() / window.sum() ** 2
    clean = power(tones)
    level = np.sqrt(6 * floor / pool_power(clean, *scale)[rows // scale[0]].mean())
    before = level**2 * clean + floor
    low = pool_power(power(level * tones + noise), *scale)
    after = impose(before, low, scale, "measured")
    found = calibrated(np.full(before.shape, 1e-3), before, after, low, scale, variance(scale))
    within = np.abs(10 * np.log10(after / before))[rows] <= found[rows]
    assert 0.58 < within.mean() < 0.78


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_a_displaced_level_is_uncertain_by_the_displacement_as_well(dtype):
    rng = np.random.default_rng(0)
    given, moved = rng.uniform(0.1, 4, (8, 12)).astype(dtype), rng.normal(0, 5, (8, 12))
    network = rng.exponential(1.0, (8, 12))
    found = displaced(given, network, network * 10 ** (moved / 10))
    assert found.dtype == dtype
    np.testing.assert_allclose(found, np.sqrt(given**2.0 + moved**2), rtol=1e-5)
    np.testing.assert_array_equal(displaced(given, network, network), given)


def test_the_uncertainty_of_a_finer_map_follows_its_levels_step_by_step():
    """Network, average with bicubic, correction: each changes the uncertainty in this order."""
    time = np.arange(16000) / 8000
    samples = np.random.default_rng(2).standard_normal((1, 16000))
    samples += sum(20 * np.sin(2 * np.pi * f * time) for f in (700, 760, 2000))
    transform = SpectrogramTransform(256, 64)
    low = specsr.low_map(Signal(samples.astype(np.float32), 8000.0, "1"), 4, transform=transform)
    model, scale, options = load_model("map-small"), (4, 4), InferOptions()
    high = upscale_map(low, 4, model=model, speed=SpeedOptions(False), options=options)
    channel, fine = np.square(low.image()[0], dtype=np.float64), high.grid
    level = levels.median_level(levels.to_db(channel), low.grid)
    orders = order_input(model, low.grid, scale, np.zeros(fine.frames))
    power, own = network_estimate(model, channel, level, orders, scale, options)
    power, own = power[:, : fine.frames], own[:, : fine.frames]
    averaged = blend_bicubic(power, own, channel, scale)
    moved = displaced(own, power, averaged)
    between = noise_interpolation(fine, scale)
    result = impose(averaged, channel, scale, between=between)
    found = calibrated(moved, averaged, result, channel, scale, noise_variance(low.grid))
    np.testing.assert_allclose(high.uncertainty_db[0, :-1], found, rtol=1e-4)
    plain = calibrated(own, averaged, result, channel, scale, noise_variance(low.grid))
    assert (found > plain + 1).mean() > 0.01


def test_silent_cells_are_finite():
    before = np.zeros((16, 16))
    before[:8] = 1.0
    after = np.ones((16, 16))
    after[:, 8:] = 0.0
    found = calibrated(np.full((16, 16), 0.4), before, after, np.zeros((4, 4)), (4, 4), 0.3)
    assert np.isfinite(found).all() and (found > 0.3).all()


def test_a_short_last_cell_and_rows_that_do_not_divide():
    power, expected = noise_map()
    before, power = np.full(power.shape, expected)[:, :-3], power[:, :-3]
    given = np.full(before.shape, 0.3)
    found = calibrated(given, before, power, pool_power(power, 4, 4), (4, 4), 0.3)
    assert found.shape == before.shape and np.isfinite(found).all()
    with pytest.raises(SpecsrError, match="rows"):
        calibrated(*[np.ones((10, 8))] * 3, np.ones((2, 2)), (4, 4), 0.3)
