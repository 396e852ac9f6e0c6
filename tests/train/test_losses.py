"""Training losses: their formulas, where they settle and how they grow."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from specsr.train import losses


@pytest.mark.parametrize(
    "name, best",
    [
        ("itakura-saito", 0.0),  # 10 log10 of the mean power
        ("l1", 10 * math.log10(math.log(2))),  # of the median: 1.59 dB low
        ("l2", -10 / math.log(10) * np.euler_gamma),  # mean of dB: 2.51 dB low
    ],
)
def test_where_a_loss_settles_on_speckle(name: str, best: float) -> None:
    """The best constant for exponential power of mean 1, by search."""
    power = np.random.default_rng(0).exponential(1.0, 400_000)
    target = torch.from_numpy(10 * np.log10(power))
    levels_ = np.arange(-4, 2, 0.05)
    values = [losses.LOSSES[name](torch.full_like(target, v), target).item() for v in levels_]
    assert levels_[int(np.argmin(values))] == pytest.approx(best, abs=0.1)


@given(offset=st.floats(-150, 150), seed=st.integers(0, 99))
@settings(max_examples=60, deadline=None)
def test_losses_are_their_formulas(offset: float, seed: int) -> None:
    target = torch.from_numpy(np.random.default_rng(seed).normal(0, 5, (3, 4)))
    estimate = target.flip(0) + offset
    error = (target - estimate).numpy()
    assert losses.l1(estimate, target).item() == pytest.approx(np.abs(error).mean())
    assert losses.l2(estimate, target).item() == pytest.approx(np.mean(error**2))
    assert losses.charbonnier(estimate, target, 0.5).item() == pytest.approx(
        np.sqrt(error**2 + 0.25).mean()
    )
    psnr = 10 * np.log10(80**2 / max(np.mean(error**2), 1e-8))
    assert losses.l1_psnr(estimate, target).item() == pytest.approx(
        np.abs(error).mean() - 0.02 * psnr, abs=1e-9
    )
    ratio = 10 ** (error / 10)
    exact = ratio - np.log(ratio) - 1
    # beyond 10 dB along the tangent there
    tangent = (10 - math.log(10) - 1) + 9 * (np.log(ratio) - math.log(10))
    expected = np.where(error > 10, tangent, exact).mean()
    assert losses.itakura_saito(estimate, target).item() == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize("name", ["l1", "l2", "itakura-saito"])
@given(offset=st.floats(0.01, 300), sign=st.sampled_from([-1, 1]))
@settings(max_examples=30, deadline=None)
def test_losses_are_zero_at_equality_and_grow_from_there(
    name: str, offset: float, sign: int
) -> None:
    loss = losses.LOSSES[name]
    target = torch.zeros(3, dtype=torch.float64)
    assert loss(target, target).item() == pytest.approx(0, abs=1e-15)
    estimate = torch.full_like(target, sign * offset).requires_grad_()
    value = loss(estimate, target)
    assert value.item() > 0
    value.backward()
    assert torch.isfinite(estimate.grad).all()
    assert (estimate.grad * sign > 0).all()  # downhill is towards the target


def test_itakura_saito_is_smooth_at_its_limit() -> None:
    at = torch.tensor([-10 - 1e-6, -10 + 1e-6], dtype=torch.float64, requires_grad=True)
    values = torch.stack([losses.itakura_saito(a, torch.zeros(())) for a in at])
    (slopes,) = torch.autograd.grad(values.sum(), at)
    assert values[0].item() == pytest.approx(values[1].item(), rel=1e-5)
    assert slopes[0].item() == pytest.approx(slopes[1].item(), rel=1e-5)


def test_magnitude_loss_weighs_cells_by_what_they_hold() -> None:
    target = torch.tensor([[[[0.0, -40.0]]]], dtype=torch.float64)
    assert losses.magnitude(target, target).item() == pytest.approx(-40, abs=1e-9)
    strong, weak = target.clone(), target.clone()
    strong[..., 0] -= 3.0
    weak[..., 1] -= 3.0
    error = (1 - 10 ** (-3 / 20)) ** 2 / (1 + 1e-4)
    wanted = 10 * math.log10(error + 1e-4)
    assert losses.magnitude(strong, target, 0.0).item() == pytest.approx(wanted, rel=1e-9)
    assert losses.magnitude(weak, target).item() < losses.magnitude(strong, target).item() - 20
    louder = losses.magnitude(strong + 60, target + 60).item()
    assert louder == pytest.approx(losses.magnitude(strong, target).item(), rel=1e-9)


def test_log_spectral_distance_is_squared_within_a_column_alone() -> None:
    error = torch.randn(2, 1, 5, 7, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    target = torch.randn_like(error)
    expected = error.square().mean(dim=2).sqrt().mean().item()
    assert losses.lsd(target + 10 * error, target).item() == pytest.approx(10 * expected, rel=1e-3)
    # as the metric has it, in dB for its decades of power
    power = [10 ** (x[0, 0].numpy() / 10) for x in (target + error, target)]
    decades = np.sqrt(np.mean(np.square(np.log10(power[0] / power[1])), axis=0)).mean()
    found = losses.lsd((target + error)[:1], target[:1]).item()
    assert found == pytest.approx(10 * decades, rel=0.02)


def test_where_a_third_of_the_columns_are_empty_it_leans_to_the_others() -> None:
    """L2 takes the mean of what there may be, with 5 dB of error elsewhere, this one less so."""
    target = torch.zeros(1, 1, 10, 3)
    target[..., 9, 2] = -60.0
    best = {}
    for name in ("l2", "lsd"):
        guesses = torch.arange(-60.0, 1.0)
        values = []
        for guess in guesses:
            estimate = torch.full_like(target, 5.0)
            estimate[..., 9, :] = guess
            values.append(losses.LOSSES[name](estimate, target).item())
        best[name] = float(guesses[int(np.argmin(values))])
    assert best["l2"] == pytest.approx(-20, abs=1) and best["lsd"] > -10
