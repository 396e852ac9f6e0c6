"""Lines in what a noise reduction removed."""

from __future__ import annotations

import numpy as np
import pytest

from specsr.enhance.removed_lines import line_share
from specsr.maps.grid import Grid

RATE = 8000.0
GRID = Grid(RATE, 1024, 256, round(4 * RATE))
SHAPE = (513, GRID.frames)


def scatter(seed: int) -> np.ndarray:
    """Power of noise of mean 1 in independent cells, [F, T]."""
    return np.random.default_rng(seed).exponential(size=SHAPE)


@pytest.mark.parametrize("slope", [0, 1, 2])
def test_noise_has_no_lines_whatever_its_slope(slope: int) -> None:
    """The mean of 31 cells is 6 dB, four times, over one in fewer than 1e-9 of all cells, and the
    fifth lowest of eleven is no less than half of it.  ``slope`` is in 6 dB an octave."""
    fall = (1 + np.arange(SHAPE[0])[:, None]) ** (-2.0 * slope)
    assert line_share(fall * scatter(slope), GRID)[3:].max() < 0.5
    assert line_share(fall * scatter(slope), GRID)[3:].mean() < 1e-3


def test_lines_and_groups_of_sidebands_are_found_where_they_are() -> None:
    power = scatter(5)
    lines = [100, 200, 204, 208, 212]
    power[lines] += 100
    share = line_share(power, GRID)
    assert (share[lines] == 1).all()
    others = np.delete(share, lines, axis=0)
    assert others.max() < 0.5 and others.mean() < 1e-3


def test_a_line_that_ends_is_given_back_while_it_lasts() -> None:
    power = scatter(6)
    power[50, : SHAPE[1] // 2] += 100
    share = line_share(power, GRID)[50]
    away = round(0.5 / GRID.dt) + 1
    middle = SHAPE[1] // 2
    assert (share[: middle - away] == 1).all() and (share[middle + away :] == 0).all()


def test_silence_and_small_maps() -> None:
    assert not line_share(np.zeros(SHAPE), GRID).any()
    assert np.isfinite(line_share(scatter(7)[:3, :2], GRID)).all()
