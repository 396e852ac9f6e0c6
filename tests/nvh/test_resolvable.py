"""Vold-Kalman orders: what is named before a cut, and which arguments are refused."""

from __future__ import annotations

import numpy as np
import pytest

from specsr.errors import SpecsrError
from specsr.nvh.order_waveforms import extract_orders
from specsr.nvh.resolvable import unresolved
from specsr.nvh.shafts import (
    Shaft,
    parse_shaft,
    parse_shaft_orders,
    shaft_orders,
)
from specsr.nvh.vold_kalman import VoldKalman
from specsr.signal import Signal
from support.vold_kalman_samples import RATE, STEADY, TIMES, UP, N, tone


def test_unresolved_orders_are_named_with_a_bandwidth_that_separates_them(caplog) -> None:
    def found(orders, method=VoldKalman(1.5), **rpms):
        shafts = [Shaft(name, rpm) for name, rpm in rpms.items()]
        return unresolved(shaft_orders(orders, shafts), N, RATE, 0.0, method)

    assert not found([2, 4, 3.57], a=UP, b=0.482 * UP)
    assert not found([2], a=UP, b=1.05 * UP)
    (close,) = found([2], a=STEADY, b=1.01 * STEADY)  # 0.6 Hz apart
    assert (close.first, close.second) == ("a 2", "b 2")
    assert close.distance == pytest.approx(0.6)
    assert close.coherence == pytest.approx(VoldKalman().response(0.6, 1.5), abs=0.02)
    assert close.bandwidth is not None and 0.5 < close.bandwidth < 1.2
    assert not found([2], VoldKalman(close.bandwidth), a=STEADY, b=1.01 * STEADY)
    assert "separates them" in close.text("Hz")
    for length in (600, 1200):  # shorter than two edges of 1 / bandwidth
        shaft = Shaft("m", np.full(length, 6000.0))
        (short,) = unresolved(shaft_orders([1, 1.003], [shaft]), length, 1000.0)
        assert short.coherence > 0.9 and short.bandwidth is None
    (crossing,) = found([2], a=np.linspace(1700, 1900, N), b=STEADY)
    assert crossing.span[0] < 5 < crossing.span[1] and crossing.seconds < 3
    (slowly,) = found([2], a=STEADY + TIMES / 10, b=STEADY)
    assert slowly.bandwidth is None and "no bandwidth" in slowly.text("Hz")
    with caplog.at_level("WARNING"):
        extract_orders(Signal(tone(2, UP), RATE), [2], {"a": STEADY, "b": 1.01 * STEADY})
    assert "orders a 2 and b 2 are not safely separated" in caplog.text
    by_order = found([2], VoldKalman(0.05, "orders"), a=UP, b=1.005 * UP)
    assert by_order and by_order[0].bandwidth is not None and by_order[0].bandwidth < 0.02


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"orders": []}, "no order"),
        ({"orders": [2, 2]}, "twice"),
        ({"orders": [-1]}, "above zero"),
        ({"orders": {"b": [1]}}, "the shaft 'b'"),
        ({"orders": [2], "shafts": {"a": UP, "b": 3000.0}}, None),
        ({"orders": {"a": [2], "b": [4]}, "shafts": {"a": UP, "b": UP / 2}}, None),
        ({"orders": {"a": [2], "b": [2]}, "shafts": {"a": UP, "b": UP + 0}}, "same frequency"),
        ({"orders": [2], "shafts": {"a": None}}, "no machine speed"),
        ({"orders": [2], "method": 300.0}, "a bandwidth of 300 Hz"),
        ({"orders": [2], "method": -1.0}, "bandwidth is -1"),
    ],
)
def test_invalid_arguments_are_named(arguments: dict, words: str | None) -> None:
    signal = Signal(tone(2, UP), RATE, rpm=UP)

    def call():
        given = dict(arguments)
        if "method" in given:
            given["method"] = VoldKalman(given["method"])
        return extract_orders(signal, **given)

    if words is None:
        call()
        return
    with pytest.raises(SpecsrError, match=words):
        call()


def test_shafts_and_their_orders_are_read_from_text() -> None:
    motor, pump = parse_shaft("motor: rpm"), parse_shaft("pump: rpm*0.482")
    assert (motor.name, motor.source, motor.ratio) == ("motor", "rpm", 1.0)
    assert (pump.name, pump.source, pump.ratio) == ("pump", "rpm", 0.482)
    assert parse_shaft("aux: data/aux.csv").source == "data/aux.csv"
    names = ("motor", "pump")
    assert parse_shaft_orders("2,4", names) == {"motor": [2, 4], "pump": [2, 4]}
    assert parse_shaft_orders("motor=2,pump=1..3", names) == {"motor": [2], "pump": [1, 2, 3]}
    assert parse_shaft_orders("bearing=9/7.94/39.04", names)["pump"]
    assert parse_shaft_orders("1,pump=2,4", names) == {"motor": [1], "pump": [1, 2, 4]}
    assert parse_shaft_orders("0.5,pump=0.482*1..2", [""]) == {"": [0.482, 0.5, 0.964]}
    with pytest.raises(SpecsrError, match="no shaft is named 'pump': give it"):
        parse_shaft_orders("1,pump=1", [""])
    with pytest.raises(SpecsrError, match="no shaft is named 'pmup': expected one of motor, pump"):
        parse_shaft_orders("motor=2,pmup=3", names)
    for text in ("motor", ": rpm", "motor: rpm*x", "a=b: rpm", "motor:", "m: rpm*0"):
        with pytest.raises(SpecsrError, match="NAME: SPEED"):
            parse_shaft(text)
