"""Timing of the speed benchmark: it ends on any processor; times come from a counted clock."""

from __future__ import annotations

import pytest
import torch

from specsr.benchmark import timing
from specsr.benchmark.timing import SHORT, SIZES, fastest, product_rate, slow_kinds

CPU = torch.device("cpu")


class Clock:
    """Stands for the module ``time``: it moves on only as the measured work says."""

    def __init__(self) -> None:
        self.now = 0.0

    def perf_counter(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    found = Clock()
    monkeypatch.setattr(timing, "time", found)
    return found


def test_the_first_run_does_not_count(clock: Clock) -> None:
    lengths = iter([9.0, 3.0, 2.0, 4.0, 1.0])

    def work() -> None:
        clock.now += next(lengths)

    assert fastest(work, 3) == 2.0
    assert next(lengths) == 1.0  # four runs, no fifth


@pytest.mark.parametrize(("length", "runs"), [(2.0, 6), (7.0, 2), (12.0, 1)])
def test_no_run_starts_after_the_longest_time(clock: Clock, length: float, runs: int) -> None:
    count = 0

    def work() -> None:
        nonlocal count
        count += 1
        clock.now += length

    assert fastest(work, 5, longest=11.0) == length
    assert count == runs


@pytest.mark.parametrize("rate", [1e8, 1e9, 1e12])
def test_a_matrix_product_is_measured_in_bounded_time(
    clock: Clock, monkeypatch: pytest.MonkeyPatch, rate: float
) -> None:
    """The size grows while the products are short, so a slow type costs seconds."""
    sizes: list[int] = []

    def timed(work: object, repeats: int, device: object, longest: float) -> float:
        sizes.append(SIZES[len(sizes)])
        seconds = 2 * sizes[-1] ** 3 / rate
        clock.now += max(longest, seconds)
        return seconds

    monkeypatch.setattr(timing, "fastest", timed)
    assert product_rate(CPU, torch.float32) == pytest.approx(rate)
    assert clock.now < len(SIZES) + 8 * SHORT
    assert (sizes[-1] == SIZES[-1]) == (rate == 1e12)


def test_what_is_slow_is_named_with_its_ratio() -> None:
    def kinds(plain: float, half: float) -> dict[str, float]:
        titles = (f"matrix product, {kind}, GFLOP/s" for kind in ("float32", "bfloat16"))
        return slow_kinds(dict(zip(titles, (plain, half))))

    assert kinds(30.0, 0.8) == {"bfloat16": 37.5}
    assert kinds(230.0, 1020.0) == kinds(30.0, 15.0) == {}
