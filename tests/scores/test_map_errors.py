"""Errors of maps and images against their formulas, torchmetrics and analytic values."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from specsr.errors import SpecsrError
from specsr.scores.map_errors import line_mask, map_errors
from specsr.scores.similarity import psnr, ssim

SEEDS = st.integers(0, 2**32 - 1)


def noise(seed: int, *shape: int) -> np.ndarray:
    return np.random.default_rng(seed).standard_normal(shape)


@pytest.mark.parametrize(("db_range", "expected"), [(80, 38.06), (60, 35.56)])
def test_one_db_is_38_db_psnr_over_80_db(db_range: float, expected: float) -> None:
    truth = np.random.default_rng(0).uniform(20, 60, (40, 30))
    errors = map_errors(truth, truth + 1, db_range)
    assert errors.psnr_db == pytest.approx(expected, abs=0.005)
    assert errors.rmse_db == errors.mae_db == pytest.approx(1)
    assert errors.bias_db == pytest.approx(1)
    assert errors.db_range == db_range


def test_map_errors_clip_at_the_floor_only() -> None:
    truth = np.array([[100.0, 50.0, -200.0, -200.0]])
    result = np.array([[110.0, 40.0, -300.0, 30.0]])
    errors = map_errors(truth, result, 80)
    error = np.array([10.0, -10.0, 0.0, 10.0])  # the floor is 20
    assert errors.bias_db == pytest.approx(error.mean())
    assert errors.mae_db == pytest.approx(np.abs(error).mean())
    assert errors.rmse_db == pytest.approx(np.sqrt((error**2).mean()))


@given(seed=SEEDS, level=st.floats(-100, 100))
@settings(max_examples=20, deadline=None)
def test_map_errors_do_not_depend_on_the_level(seed: int, level: float) -> None:
    truth, result = 10 * noise(seed, 2, 24, 20)
    one, other = (map_errors(truth + x, result + x) for x in (0.0, level))
    assert one.psnr_db == pytest.approx(other.psnr_db, abs=1e-6)
    assert one.ssim == pytest.approx(other.ssim, abs=1e-6)


@given(seed=SEEDS, spread=st.floats(0.1, 30))
@settings(max_examples=15, deadline=None)
def test_ssim_is_that_of_torchmetrics_inside_the_image(seed: int, spread: float) -> None:
    import torch
    from torchmetrics.functional.image import structural_similarity_index_measure as twin

    rng = np.random.default_rng(seed)
    x = rng.uniform(0, 80, (2, 33, 27))
    y = x + spread * rng.standard_normal(x.shape)
    pair = torch.from_numpy(y)[None], torch.from_numpy(x)[None]
    _, index = twin(*pair, data_range=80.0, return_full_image=True)
    expected = index[..., 5:-5, 5:-5].mean().item()
    assert ssim(x, y, 80) == pytest.approx(expected, abs=1e-9)


def test_psnr_is_its_formula_and_inf_for_equal_images() -> None:
    x, error = noise(2, 2, 30, 20)
    expected = 10 * np.log10(255**2 / np.mean(error**2))
    assert psnr(x, x + error, 255) == pytest.approx(expected)
    assert psnr(x, x, 255) == np.inf


def test_ssim_of_small_images() -> None:
    x = np.random.default_rng(1).uniform(0, 80, (4, 30))
    assert ssim(x, x, 80) == pytest.approx(1)
    assert ssim(x, 80 - x, 80) < 0.5


def line_twin(truth: np.ndarray) -> np.ndarray:
    padded = np.pad(truth, ((24, 24), (8, 8)), mode="symmetric")
    around = np.lib.stride_tricks.sliding_window_view(padded, (49, 17)).mean((-2, -1))
    return truth > around + 8


@given(seed=SEEDS, rows=st.integers(30, 120), frames=st.integers(10, 60))
@settings(max_examples=15, deadline=None)
def test_line_mask_is_its_definition(seed: int, rows: int, frames: int) -> None:
    truth = 8 * noise(seed, rows, frames)
    assert np.array_equal(line_mask(truth), line_twin(truth))


def test_line_mask_finds_a_line_and_nothing_else() -> None:
    truth = np.full((2, 200, 40), 30.0)
    truth[:, 100] = 50
    expected = np.zeros_like(truth, dtype=bool)
    expected[:, 100] = True
    assert np.array_equal(line_mask(truth), expected)
    assert np.array_equal(line_mask(truth.astype(np.float32)), expected)


def test_map_errors_are_their_definitions() -> None:
    """The structural similarity is that of levels above the floor, from 0 to the range."""
    rng = np.random.default_rng(0)
    truth, estimate = 30 * rng.standard_normal((2, 1, 40, 50)) - 20
    found = map_errors(truth, estimate, 60.0)
    floor = truth.max() - 60
    a, b = np.maximum(truth, floor) - floor, np.maximum(estimate, floor) - floor
    assert found.rmse_db == pytest.approx(np.sqrt(np.mean((a - b) ** 2)))
    assert found.bias_db == pytest.approx(np.mean(b - a))
    assert found.mae_db == pytest.approx(np.mean(np.abs(b - a)))
    assert found.psnr_db == pytest.approx(20 * np.log10(60 / found.rmse_db))
    assert found.ssim == pytest.approx(ssim(a, b, 60.0)) and found.db_range == 60
    assert map_errors(truth, estimate).db_range == 80
    assert map_errors(truth, truth, 0.5).psnr_db == np.inf
    for wrong in (0.0, -1.0, np.inf, np.nan):
        with pytest.raises(SpecsrError, match="db_range"):
            map_errors(truth, estimate, wrong)


def test_ssim_of_an_image_of_one_window_is_the_formula_at_its_centre() -> None:
    x, y = 100 + 30 * np.random.default_rng(1).standard_normal((2, 11, 11))
    taps = np.exp(-np.square(np.arange(-5, 6)) / (2 * 1.5**2))
    weights = np.outer(taps, taps) / taps.sum() ** 2

    def mean(image: np.ndarray) -> float:
        return float((weights * image).sum())

    c1, c2 = (0.01 * 255) ** 2, (0.03 * 255) ** 2
    a, b = mean(x), mean(y)
    top = (2 * a * b + c1) * (2 * (mean(x * y) - a * b) + c2)
    below = (a * a + b * b + c1) * (mean(x * x) - a * a + mean(y * y) - b * b + c2)
    assert ssim(x, y, 255.0) == pytest.approx(top / below)


def test_ssim_of_many_channels_is_their_mean() -> None:
    x, y = 100 + 30 * np.random.default_rng(2).standard_normal((2, 14, 12, 30))
    single = [ssim(a, b, 255.0) for a, b in zip(x, y, strict=True)]
    assert ssim(x, y, 255.0) == pytest.approx(np.mean(single))


def test_the_line_mask_of_channels_is_that_of_each() -> None:
    truth = 10 * noise(3, 3, 60, 40)
    expected = [line_mask(channel) for channel in truth]
    np.testing.assert_array_equal(line_mask(truth), expected)
