"""Pooled cells: their counterparts, and the scatter of noise in them."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from specsr.maps.pooling import bicubic_power, enlarge_cubic, noise_variance, pool
from specsr.maps.transform import SpectrogramTransform
from specsr.signal import Signal


@given(
    st.integers(1, 9), st.integers(1, 9), st.integers(1, 5), st.integers(1, 5), st.integers(0, 99)
)
@settings(max_examples=60, deadline=None)
def test_cubic_interpolation_is_the_bicubic_of_torch(
    rows: int, columns: int, s_f: int, s_t: int, seed: int
) -> None:
    levels = np.random.default_rng(seed).normal(size=(2, rows, columns))
    twin = torch.nn.functional.interpolate(
        torch.from_numpy(levels)[None], scale_factor=(s_f, s_t), mode="bicubic",
        align_corners=False,
    )[0].numpy()  # fmt: skip
    frames = max(1, columns * s_t - 1)
    result = enlarge_cubic(levels, s_f, s_t, frames)
    np.testing.assert_allclose(result, twin[..., :frames], atol=1e-12)


def test_cubic_interpolation_keeps_constants_and_is_linear_in_the_levels() -> None:
    np.testing.assert_allclose(enlarge_cubic(np.full((3, 2), 7.0), 4, 3, 6), 7.0, atol=1e-12)
    np.testing.assert_allclose(bicubic_power(np.full((3, 2), 0.02), 4, 3, 6), 0.02, rtol=1e-5)
    a, b = np.random.default_rng(0).normal(size=(2, 5, 7))
    np.testing.assert_allclose(
        enlarge_cubic(2 * a - b, 3, 3, 21),
        2 * enlarge_cubic(a, 3, 3, 21) - enlarge_cubic(b, 3, 3, 21),
        atol=1e-12,
    )


@pytest.mark.parametrize(
    ("n_fft", "hop", "cell"),
    [
        (512, 64, (4, 4)),
        (512, 256, (4, 4)),
        (256, 64, (2, 3)),
        (256, 256, (1, 2)),
        (256, 64, (1, 1)),
    ],
)
def test_the_variance_of_noise_cells_is_that_of_white_noise(
    n_fft: int, hop: int, cell: tuple[int, int]
) -> None:
    noise = np.random.default_rng(0).standard_normal((1, 300_000))
    low = pool(SpectrogramTransform(n_fft, hop)(Signal(noise, 25600.0)), *cell)
    power = low.power[0, 3:-3, 2:-2]
    measured = power.var() / power.mean() ** 2
    assert noise_variance(low.grid) == pytest.approx(measured, rel=0.03)


def test_the_variance_of_hann_2048_256_pooled_by_4_is_0_30() -> None:
    silent = Signal(np.zeros((1, 8192)), 25600.0)
    low = pool(SpectrogramTransform(2048, 256)(silent), 4, 4)
    assert noise_variance(low.grid) == pytest.approx(0.298, abs=0.001)
