"""Lines beside a carrier are kept with the orders."""

from __future__ import annotations

import numpy as np
import pytest

from specsr import Signal, SpecsrError, keep_orders
from specsr.enhance.carrier import multiples
from specsr.scores.metrics import si_sdr

RATE = 20480.0
CARRIER = 8000.0
TIME = np.arange(round(1.6 * RATE)) / RATE
ROTATION = np.linspace(20.0, 60.0, TIME.size)
TURNS = np.cumsum(ROTATION) / RATE


def lines(carrier: np.ndarray, sides: tuple[float, ...]) -> np.ndarray:
    """Tones at the carrier in turns, [N], plus multiples of the rotation."""
    return sum(np.sin(2 * np.pi * (carrier + k * TURNS) + k) for k in sides)


def recording(samples: np.ndarray) -> Signal:
    """With noise 9 dB below a tone, a steady tone of 3 kHz and the speed."""
    noise = 0.25 * np.random.default_rng(0).standard_normal(TIME.size)
    steady = np.sin(2 * np.pi * 3000 * TIME)
    return Signal((samples + noise + steady)[None], RATE, "Pa", rpm=60 * ROTATION)


def test_switching_lines_of_an_e_drive_are_kept_with_its_orders() -> None:
    """Orders 8 and 24 and sidebands of 8 kHz, at +-8 and +-16; without the carrier these are lost.

    The sidebands have two thirds of the power: without them SI-SDR is at most 10 log10(1/2).
    """
    orders = lines(0 * TIME, (8, 24))
    clean = orders + lines(CARRIER * TIME, (-16, -8, 8, 16))
    noisy = recording(clean)
    kept, without = (keep_orders(noisy, carrier_hz=hz).samples[0] for hz in (CARRIER, None))
    assert si_sdr(clean, without) < -2
    assert si_sdr(clean, kept) > 8 + si_sdr(clean, noisy.samples[0])


def test_a_carrier_that_changes_is_followed() -> None:
    carrier = CARRIER + 300 * np.sin(2 * np.pi * 0.4 * TIME)
    clean = lines(np.cumsum(carrier) / RATE, (-12, -6, 6, 12))
    noisy = recording(clean)
    kept = keep_orders(noisy, carrier_hz=carrier).samples[0]
    assert si_sdr(clean, kept) > 14
    assert si_sdr(clean, keep_orders(noisy, carrier_hz=CARRIER).samples[0]) < 3


@pytest.mark.parametrize(
    ("carrier", "words"),
    [
        (0.0, "the carrier is 0 Hz: expected a frequency above 0 and below 9728 Hz"),
        (9800.0, "the carrier is 9800 Hz"),
        (np.linspace(-1, 8000, TIME.size), "the carrier is -1 to 8000 Hz"),
        (np.full(3, 8000.0), "shape"),
        (0.001, "the carrier is 0.001 Hz at its lowest, the rotation up to 60 Hz: .* 600 Hz"),
        (np.nan, "the carrier is nan to nan Hz"),
    ],
)
def test_a_carrier_out_of_range_is_refused(carrier, words) -> None:
    with pytest.raises(SpecsrError, match=words):
        keep_orders(recording(0 * TIME), carrier_hz=carrier)


def test_the_number_of_multiples_is_bounded() -> None:
    assert [multiples(hz, RATE) for hz in (9000.0, 4000.0, 600.0, 1e-3)] == [1, 2, 16, 20]
