"""The truth of a sharp map: each part of a machine under its own window."""

from __future__ import annotations

import math

import numpy as np
import pytest

from specsr.maps.grid import Grid
from specsr.pairs.windows_input import density, lengths, padded
from specsr.synth.frozen import frozen_parts, frozen_power, hann_lobe, impact_window, sidebands
from specsr.synth.machine import Impact, Order, RunUp
from specsr.synth.synthesis import Synthetic, synthesise

RATE, N_FFT, HOP = 4096.0, 1024, 32
FLAT = ((20.0, 0.0), (2000.0, 0.0))


def machine(orders: tuple[Order, ...], **changes: object) -> tuple[Synthetic, Grid]:
    """A machine of 2 s on white noise, constant amplitudes."""
    options: dict = {"rpm": (3000.0, 3000.0), "fluctuation": 0.0, "exponent": 0.0} | changes
    run = RunUp(RATE, 2.0, orders=orders, noise_shape=FLAT, noise_exponent=0.0, **options)
    made = synthesise(run)
    return made, Grid(RATE, N_FFT, HOP, made.clean.length)


def test_a_steady_machine_has_the_map_of_the_long_window() -> None:
    """Close lines beat, sidebands come out, and the mirrored half reaches into low rows."""
    tones = (
        Order(4, 0, 0.3, modulation=0.4, phase_modulation=0.7), Order(4.1, -3, 1.0),
        Order(0.05, -6, 0.4), Order(20, -10),
    )  # fmt: skip
    made, grid = machine(tones)
    found = frozen_parts(made, grid)["tones"][:, 20:-20]
    wanted = density(padded(made.clean.samples[0], grid), grid, N_FFT)[:, 20:-20]
    strong = wanted > 1e-4 * wanted.max()
    assert strong.sum() > 1000
    np.testing.assert_allclose(found[strong], wanted[strong], rtol=0.01)


@pytest.mark.parametrize("order", [2.0, 9.3])
def test_a_line_of_changing_speed_is_as_narrow_as_a_steady_one(order: float) -> None:
    made, grid = machine((Order(order, 0),), rpm=(1500.0, 6000.0))
    found = frozen_parts(made, grid)["tones"]
    at = np.minimum(np.arange(grid.frames) * HOP, grid.length - 1)
    row = order * made.rpm[at] / 60 / grid.df
    column = np.arange(20, grid.frames - 20)
    nearest = np.round(row).astype(int)
    np.testing.assert_array_equal(found[:, column].argmax(axis=0), nearest[column])
    rms = np.sqrt(np.mean(np.square(made.clean.samples)))
    wanted = np.square(rms * hann_lobe(nearest - row))
    np.testing.assert_allclose(found[nearest, np.arange(grid.frames)][column], wanted[column], 0.02)
    # the long window itself smears it: the highest order moves by 150 rows a second
    long = density(padded(made.clean.samples[0], grid), grid, N_FFT)
    assert found.max() > 1.3 * long[:, column].max() or order < 5


def test_clicks_are_those_of_the_short_window_and_long_rings_of_longer_ones() -> None:
    click, ring = Impact(1.0, 800.0, 0.1, 20.0), Impact(0.5, 300.0, 0.003, 20.0)
    for impact, which in ((click, 0), (ring, 2)):
        made, grid = machine((Order(2, 0),), impacts=(impact,))
        alone, _ = machine((Order(2, 0),))
        wave = made.clean.samples[0] / made.tone_scale - alone.clean.samples[0] / alone.tone_scale
        wanted = density(padded(wave * made.tone_scale, grid), grid, lengths(N_FFT)[which])
        strong = wanted > 1e-3 * wanted.max()
        np.testing.assert_allclose(
            frozen_parts(made, grid)["impacts"][strong], wanted[strong], rtol=0.01
        )


def test_the_window_of_an_impact_grows_with_its_decay() -> None:
    grid = Grid(RATE, N_FFT, HOP, 4096)
    decays = (1, 31.9, 127.9, 128.1, 511.9, 512.1, 1e6)
    windows = [impact_window(decay / RATE, grid) for decay in decays]
    assert windows == [64, 64, 64, 256, 256, 1024, 1024]


def test_noise_has_its_density_and_changes_as_fast_as_the_short_window() -> None:
    made, grid = machine((Order(2, 0),), noise_modulation=(0.1, 0.8), line_to_noise=0.0)
    noise = frozen_parts(made, grid)["noise"]
    at = np.minimum(np.arange(grid.frames) * HOP, grid.length - 1)
    gain = np.square(made.noise_gain[at])
    # 5 Hz: over 64 samples, 16 ms, the gain² changes by a few percent about its mean
    ratio = noise[100, 4:-4] / gain[4:-4]
    np.testing.assert_allclose(ratio, ratio.mean(), rtol=0.06)
    power = np.mean(np.square(made.noise))
    # the spectrum of the noise is known, not its power in this recording: 8000 values, 2 %
    assert ratio.mean() * np.mean(np.square(made.noise_gain)) == pytest.approx(
        power * 2 / N_FFT * 1.5, rel=0.08
    )


def test_the_parts_add_up() -> None:
    made, grid = machine((Order(2, 0),), impacts=(Impact(1.0, 800.0, 0.1, 20.0),))
    np.testing.assert_array_equal(frozen_power(made, grid), sum(frozen_parts(made, grid).values()))


@pytest.mark.parametrize(("modulation", "phase"), [(0.0, 0.0), (0.8, 0.0), (0.3, 0.5), (0.0, 3.0)])
def test_sidebands_are_those_of_the_modulated_tone(modulation: float, phase: float) -> None:
    a, b = np.linspace(0, 2 * math.pi, 50), 1.7 * np.linspace(0, 40, 50)
    wanted = (1 + modulation * np.cos(a)) * np.cos(b + phase * np.sin(a))
    found = sum(c * np.cos(b + n * a) for n, c in sidebands(modulation, phase).items())
    np.testing.assert_allclose(found, wanted, atol=1e-3)


def test_the_lobe_of_a_line_is_that_of_a_hann_window() -> None:
    rows = np.array([0.0, 0.5, 1.0, -1.0, 2.0, 2.5])
    n = np.arange(4096)
    window = 0.5 - 0.5 * np.cos(2 * np.pi * n / n.size)
    wanted = [
        (window * np.exp(-2j * np.pi * r * (n - n.size / 2) / n.size)).sum().real / 2048
        for r in rows
    ]
    np.testing.assert_allclose(hann_lobe(rows), wanted, atol=1e-5)
