"""Estimates of a finer map: bicubic, and its blend with an unsure network."""

from __future__ import annotations

import numpy as np
import pytest

import specsr
from specsr.enhance.estimate import UNSURE, blend_bicubic
from specsr.maps.grid import Grid
from specsr.maps.noise_interpolation import noise_interpolation
from specsr.maps.pooling import bicubic_power, pool_power
from specsr.pairs.consistency import impose

GRID = Grid(16000.0, 512, 64, 32000)


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
def test_the_blend_is_the_network_where_it_is_sure_and_bicubic_where_not(unsure: float) -> None:
    power = np.random.default_rng(1).exponential(1.0, (24, 32))
    channel = np.ones((6, 8))  # bicubic interpolation reproduces it
    other = bicubic_power(channel, 4, 4, 32)
    weight = {0.0: 1.0, UNSURE: 0.5, 1e6: 0.0}[unsure]
    expected = power**weight * other ** (1 - weight)
    result = blend_bicubic(power, np.full(power.shape, unsure, np.float32), channel, (4, 4))
    np.testing.assert_allclose(result, expected, rtol=1e-6)


@pytest.mark.parametrize("scale", [(2, 2), (3, 3), (4, 4), (4, 2), (2, 3)])
def test_a_click_on_a_quiet_floor_keeps_place_level_and_floor(scale: tuple[int, int]) -> None:
    """A click 50 dB above its floor; the network reads it right, with an uncertainty of 2 dB.

    Equal weights of bicubic interpolation and network would lift or lower the floor by half of the
    error of bicubic interpolation.  Its weight falls to 4 / (4 + 4 + j), with j what the mean
    square deviation of its cell means over three cells exceeds 9 dB² by: it reproduces no jump.
    """
    power = np.full((24, 120), 1e-5)
    power[:, 60:67] = np.square(np.hanning(9)[1:-1])  # over edges of coarse columns
    low = pool_power(power, *scale)
    smooth = bicubic_power(low, *scale, 120)
    given = np.full(power.shape, UNSURE, np.float32)
    blended = blend_bicubic(power, given, low, scale)
    deviation = np.square(10 * np.log10(pool_power(smooth, *scale) / low))[0]
    mean = np.convolve(np.pad(deviation, 1, "edge"), np.ones(3) / 3, "valid")
    jump = np.repeat(np.maximum(mean - 9, 0), scale[1])
    off, error = (np.abs(10 * np.log10(x / power)) for x in (smooth, blended))
    np.testing.assert_allclose(error, off * 4 / (8 + jump), atol=1e-5)
    assert error[:, 50:77].mean() < 0.4 * off[:, 50:77].mean()
    result = impose(blended, low, scale, between=noise_interpolation(GRID, scale))
    np.testing.assert_array_equal(np.argmax(result, axis=1) // scale[1], 63 // scale[1])
    np.testing.assert_allclose(pool_power(result, *scale), low, rtol=1e-9)


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
