"""Baselines of coarse maps: against other libraries, and what each of them keeps."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from specsr import Signal, SpectrogramTransform, spectrogram
from specsr.errors import SpecsrError
from specsr.maps.pooling import pool, pool_power
from specsr.pairs.pair import coarse_transform
from specsr.scores.baselines import baselines, interpolated, interpolated_power


def powers(seed: int, *shape: int) -> np.ndarray:
    return 10 ** (3 * np.random.default_rng(seed).standard_normal(shape))


@given(st.integers(0, 2**32 - 1), st.sampled_from([(2, 2), (3, 3), (4, 4), (1, 2), (4, 3)]))
@settings(max_examples=20, deadline=None)
def test_bicubic_is_that_of_torch_on_levels(seed: int, scale: tuple[int, int]) -> None:
    power = powers(seed, 2, 5, 6)
    image = torch.from_numpy(10 * np.log10(power))[None]
    twin = torch.nn.functional.interpolate(image, scale_factor=scale, mode="bicubic")[0].numpy()
    found = interpolated_power(power, scale, 6 * scale[1], "bicubic")
    np.testing.assert_allclose(10 * np.log10(found), twin, atol=2e-4)


@given(st.integers(0, 2**32 - 1), st.sampled_from([(2, 2), (4, 4), (3, 2)]), st.integers(0, 1))
@settings(max_examples=20, deadline=None)
def test_repeated_cells_and_back_projection_keep_the_power_of_every_cell(
    seed: int, scale: tuple[int, int], short: int
) -> None:
    power = powers(seed, 5, 6)
    frames = 6 * scale[1] - short  # the last cell may hold fewer frames
    for mode in ("nearest", "bicubic, back-projection"):
        fine = interpolated_power(power, scale, frames, mode)
        assert fine.shape == (5 * scale[0], frames)
        np.testing.assert_allclose(pool_power(fine, *scale), power, rtol=1e-9)
    plain = interpolated_power(power, scale, frames, "bicubic")
    assert not np.allclose(pool_power(plain, *scale), power, rtol=0.01)


def test_maps_of_pooled_cells_have_a_baseline_with_back_projection() -> None:
    samples = np.random.default_rng(0).standard_normal((2, 8000))
    signal = Signal(samples, 8000.0, "Pa")
    fine = spectrogram(signal, n_fft=256, hop_length=64)
    low = pool(fine, 4, 4)
    found = baselines(low, fine)
    assert list(found) == ["repeated cells", "bicubic", "bicubic, back-projection"]
    again = pool(found["bicubic, back-projection"], 4, 4)
    np.testing.assert_allclose(again.magnitude, low.magnitude, rtol=1e-5)
    assert found["bicubic"].grid == fine.grid
    # the cells of a full map with a shorter window are not means over those of the reference
    full = coarse_transform(SpectrogramTransform(256, 64), 2, 2)(signal)
    assert list(baselines(full, fine)) == ["repeated cells", "bicubic"]


def test_an_unknown_mode_is_refused() -> None:
    with pytest.raises(SpecsrError, match="mode is 'linear'"):
        interpolated_power(np.ones((2, 2)), (2, 2), 4, "linear")  # type: ignore[arg-type]
    fine = spectrogram(Signal(np.ones((1, 800)), 8000.0), n_fft=256, hop_length=64)
    with pytest.raises(SpecsrError, match="mode is 'linear'"):
        interpolated(pool(fine, 2, 2), fine, "linear")  # type: ignore[arg-type]
