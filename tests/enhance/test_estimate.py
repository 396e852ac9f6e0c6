"""Estimates of a finer map: bicubic, and its blend with an unsure network."""

from __future__ import annotations

import numpy as np
import pytest

import specsr
from specsr.enhance.estimate import UNSURE, blend_bicubic
from specsr.maps.pooling import bicubic_power, pool_power


@pytest.fixture
def channel() -> np.ndarray:
    return np.random.default_rng(0).exponential(1.0, (6, 8))


def test_bicubic_interpolates_levels_in_db(channel: np.ndarray) -> None:
    power = bicubic_power(channel, 4, 3, 23)
    assert power.shape == (24, 23)
    np.testing.assert_allclose(bicubic_power(100 * channel, 4, 3, 23), 100 * power, rtol=1e-5)
    flat = bicubic_power(np.full((3, 4), 0.5), 2, 2, 8)
    np.testing.assert_allclose(flat, 0.5, rtol=1e-6)


@pytest.mark.parametrize("unsure", [0.0, UNSURE, 1e6])
def test_the_blend_is_the_network_where_it_is_sure_and_bicubic_where_not(
    channel: np.ndarray, unsure: float
) -> None:
    power = np.random.default_rng(1).exponential(1.0, (24, 32))
    other = bicubic_power(channel, 4, 4, 32)
    weight = {0.0: 1.0, UNSURE: 0.5, 1e6: 0.0}[unsure]
    expected = power**weight * other ** (1 - weight)
    result = blend_bicubic(power, np.full(power.shape, unsure, np.float32), channel, (4, 4))
    np.testing.assert_allclose(result, expected, rtol=1e-6)


def test_model_bicubic_needs_no_network(channel: np.ndarray) -> None:
    signal = specsr.Signal(np.random.default_rng(0).standard_normal((2, 9000)), 8000.0, "Pa")
    low = specsr.low_map(signal, 4, transform=specsr.SpectrogramTransform(256, 64))
    high = specsr.upscale(low, 4, model="bicubic")
    assert high.uncertainty_db is None and not high.known.any()
    again = pool_power(np.square(high.image(), dtype=float), 4, 4)
    np.testing.assert_allclose(again, low.power, rtol=1e-5)
    off = specsr.upscale(low, 4, model="bicubic", consistency="off")
    np.testing.assert_allclose(
        np.square(off.image()[0], dtype=float),
        bicubic_power(low.power[0], 4, 4, off.grid.frames), rtol=1e-5,
    )  # fmt: skip
    with pytest.raises(specsr.SpecsrError, match="needs the uncertainty"):
        specsr.upscale(low, 4, model="bicubic", consistency="expected")


def test_model_bicubic_is_refused_for_other_pairs() -> None:
    signal = specsr.Signal(np.ones((1, 9000)), 24000.0)
    full = specsr.spectrogram(signal, n_fft=256)
    for x, pair in ((signal, "band"), (full, "stft")):
        with pytest.raises(specsr.SpecsrError, match="'bicubic' is for maps of cell means"):
            specsr.upscale(x, 2, pair, model="bicubic")
