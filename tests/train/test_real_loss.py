"""Loss of real recordings in training: back-projection, its gradient, the deviance."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from specsr.maps.pooling import enlarge_cubic, pool_power
from specsr.pairs import consistency
from specsr.train.losses import (
    back_project,
    deviance,
    enlarge_bicubic,
    pool_db,
    real_loss,
)


def random_levels(seed: int, *shape: int) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(*shape, generator=generator, dtype=torch.float64) * 8


@given(s_f=st.integers(1, 4), s_t=st.integers(1, 4), seed=st.integers(0, 9999))
@settings(max_examples=40, deadline=None)
def test_back_projection_is_that_of_maps_in_numpy(s_f: int, s_t: int, seed: int) -> None:
    estimate, low = random_levels(seed, 2, 1, 5 * s_f, 6 * s_t), random_levels(seed + 1, 2, 1, 5, 6)
    result = back_project(estimate, low, (s_f, s_t), 3).numpy()
    expected = estimate.numpy()
    for _ in range(3):
        pooled = 10 * np.log10(pool_power(10 ** (expected / 10), s_f, s_t))
        expected = expected + enlarge_cubic(low.numpy() - pooled, s_f, s_t, 6 * s_t)
    np.testing.assert_allclose(result, expected, atol=1e-8)
    pooled = 10 * np.log10(pool_power(10 ** (estimate.numpy() / 10), s_f, s_t))
    np.testing.assert_allclose(pool_db(estimate, (s_f, s_t)).numpy(), pooled, atol=1e-9)


@pytest.mark.parametrize("scale", [(2, 2), (4, 4), (1, 3)])
def test_back_projection_of_the_loss_is_that_of_results(scale: tuple[int, int]) -> None:
    """That of results also makes the mean of every cell exact, by a factor."""
    estimate = random_levels(1, 2, 1, 5 * scale[0], 6 * scale[1]) / 4
    low = pool_db(estimate, scale) + random_levels(2, 2, 1, 5, 6) / 8
    power, measured = (10 ** (x.numpy() / 10) for x in (estimate, low))
    own = 10 ** (back_project(estimate, low, scale, 3).numpy() / 10)
    whole = consistency.back_project(power, measured, scale, 3)
    exact = consistency.back_project(own, measured, scale, 0)
    np.testing.assert_allclose(exact, whole, rtol=1e-9)
    assert not np.allclose(own, power, rtol=0.01)


def test_back_projection_converges_to_the_measured_cells() -> None:
    low = random_levels(1, 1, 1, 8, 8) / 4
    deviations = [
        (pool_db(back_project(torch.zeros(1, 1, 32, 32), low, (4, 4), n), (4, 4)) - low).abs().max()
        for n in (0, 2, 8)
    ]
    assert deviations[2] < 0.1 * deviations[1] < 0.1 * deviations[0]


def test_the_gradient_of_the_real_loss_is_that_of_finite_differences() -> None:
    estimate = random_levels(2, 1, 1, 6, 6).requires_grad_()
    high, low = random_levels(3, 1, 1, 6, 6), random_levels(4, 1, 1, 2, 2)
    assert torch.autograd.gradcheck(lambda x: real_loss(x, high, low, (3, 3)), estimate)


def test_extreme_levels_have_a_finite_loss_and_gradient() -> None:
    high = torch.full((1, 1, 8, 8), -100.0)
    estimate = torch.full((1, 1, 8, 8), 2000.0, requires_grad=True)
    loss = real_loss(estimate, high, torch.full((1, 1, 4, 4), -100.0), (2, 2))
    loss.backward()
    assert torch.isfinite(loss) and torch.isfinite(estimate.grad).all()  # type: ignore[arg-type]


def test_the_level_of_the_cells_is_no_error_of_a_real_crop() -> None:
    """Any level over the coarse cells gives the same loss; within the cells it matters."""
    low = random_levels(5, 4, 1, 8, 8) / 2
    high = enlarge_bicubic(low, (2, 2)) + random_levels(6, 4, 1, 16, 16) / 2
    right = real_loss(high, high, pool_db(high, (2, 2)), (2, 2))
    smooth = enlarge_bicubic(random_levels(7, 4, 1, 8, 8) / 4, (2, 2))
    moved = real_loss(high + smooth, high, pool_db(high, (2, 2)), (2, 2))
    flat = real_loss(torch.zeros_like(high), high, pool_db(high, (2, 2)), (2, 2))
    assert right < 1e-12 and moved < 0.01 < 0.2 < flat


def test_the_deviance_is_least_for_the_expected_power() -> None:
    rng = np.random.default_rng(8)
    measured = torch.from_numpy(10 * np.log10(rng.exponential(size=200000)))
    scores = [deviance(torch.full_like(measured, db), measured).item() for db in (-1.6, 0.0, 1.6)]
    assert scores[1] == min(scores)
    assert scores[1] == pytest.approx(0.5772, abs=0.01)  # Euler's constant
