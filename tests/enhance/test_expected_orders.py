"""Expected order maps and the cuts of them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from specsr.enhance.expected import expected
from specsr.nvh.order_map import OrderMap, order_map
from specsr.synth.machine import Order, RunUp
from specsr.synth.synthesis import Synthetic, synthesise
from support.speckle_model import speckle_model

RUN = RunUp(
    rate=6400.0, duration=8.0, rpm=(1200.0, 3600.0), line_to_noise=12.0,
    orders=(Order(2, 0), Order(4, -10), Order(5.5, -20)), noise_shape=((20, 0), (20000, 0)),
    noise_exponent=0.0,
)  # fmt: skip
EMPTY = (3.0, 7.0, 9.0)


@pytest.fixture(scope="module")
def made() -> Synthetic:
    return synthesise(RUN)


@pytest.fixture(scope="module")
def maps(made: Synthetic) -> tuple[OrderMap, OrderMap]:
    measured = order_map(made.signal, max_order=12)
    return measured, expected(measured)


def truth(made: Synthetic, by_angle: OrderMap, order: float) -> np.ndarray:
    """Level of the deterministic part plus the noise expected in the band, dB, [T]."""
    line = by_angle.cut(order)
    noise = made.noise_psd(line.freqs) * line.bandwidth
    return 10 * np.log10(10 ** (line.levels[0] / 10) + noise / 20e-6**2)


def test_an_expected_order_map_keeps_its_axes_and_has_an_uncertainty(maps) -> None:
    measured, clean = maps
    assert clean.spec.grid == measured.spec.grid and clean.max_order == measured.max_order
    for name in ("times", "rpm", "top"):
        np.testing.assert_array_equal(getattr(clean, name), getattr(measured, name))
    assert measured.cut(2).uncertainty_db is None
    cut = clean.cut(2)
    np.testing.assert_array_equal(np.isnan(cut.uncertainty_db), np.isnan(cut.levels))
    np.testing.assert_array_equal(cut.times, measured.times)
    options = {"model": speckle_model()}
    spec = expected(measured.spec, **options)
    np.testing.assert_array_equal(expected(measured, **options).spec.magnitude, spec.magnitude)


def test_cuts_of_noise_have_half_the_scatter_and_lines_keep_their_level(made, maps) -> None:
    plain = order_map(made.clean, max_order=12)
    errors = {
        (order, i): (by.cut(order).levels[0] - truth(made, plain, order))[4:-4]
        for i, by in enumerate(maps)
        for order in (2.0, 4.0, 5.5, *EMPTY)
    }
    assert all(np.isfinite(error).all() for error in errors.values())
    scatter = [np.sqrt(np.mean([np.square(errors[k, i]) for k in EMPTY])) for i in (0, 1)]
    assert scatter[1] < scatter[0] / 2
    # three orders of about 60 independent columns of noise: 0.8 dB are three standard deviations
    assert abs(np.mean([errors[k, 1] for k in EMPTY])) < 0.8
    for order in (2.0, 4.0, 5.5):
        before, after = (np.sqrt(np.mean(np.square(errors[order, i]))) for i in (0, 1))
        assert after < before + 0.1 and abs(np.mean(errors[order, 1])) < 0.2


def test_a_channel_of_an_order_map_does_not_depend_on_the_others(made) -> None:
    signal = made.signal
    both = signal.replace(
        samples=np.concatenate([signal.samples, 0.1 * signal.samples[:, ::-1]]), channels=()
    )
    found = expected(order_map(both, max_order=12), model=speckle_model())
    alone = expected(
        order_map(replace(both, samples=both.samples[1:], channels=("ch2",)), max_order=12),
        model=speckle_model(),
    )
    np.testing.assert_array_equal(found.cut(4).levels[1:], alone.cut(4).levels)
