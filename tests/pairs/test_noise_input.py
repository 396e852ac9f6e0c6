"""Input channels of the noise model."""

from __future__ import annotations

import numpy as np

from specsr.pairs.noise_input import CHANNELS, noise_image


def test_levels_are_over_the_noise_and_limited() -> None:
    power = np.array([[1.0, 100.0, 1e9, 0.0]])
    image = noise_image(power, 2 * power, np.array([[0.5, 1.0, 2.0, 99.0]]), np.ones((1, 1)))
    assert image.shape == (CHANNELS, 1, 4) and image.dtype == np.float32
    np.testing.assert_allclose(image[0, 0], [0, 20, 60, -20], atol=1e-5)
    np.testing.assert_allclose(image[1, 0], [3.0103, 23.0103, 60, -20], atol=1e-4)
    np.testing.assert_allclose(image[2, 0], [5, 10, 20, 90])


def test_scale_of_the_recording_does_not_matter_and_silence_is_finite() -> None:
    rng = np.random.default_rng(0)
    power, noise = rng.exponential(size=(2, 8, 5))
    expected = noise_image(power, power, 0 * power, noise)
    np.testing.assert_allclose(
        noise_image(1e-12 * power, 1e-12 * power, 0 * power, 1e-12 * noise), expected, atol=1e-4
    )
    silent = noise_image(0 * power, 0 * power, 0 * power, 0 * noise)
    assert np.isfinite(silent).all()
    # rows in which the noise has nothing: all of it is signal
    assert (noise_image(power, power, 0 * power, 0 * noise)[0] == 60).all()
