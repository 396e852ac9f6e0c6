"""Ridges: known lines are found, lost and invented ones counted, noise has hardly any."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from specsr import Signal, SpectrogramTransform
from specsr.errors import SpecsrError
from specsr.maps.grid import Grid
from specsr.scores.ridges import (
    FAINT,
    compare_lines,
    compare_ridges,
    compare_transients,
    find_ridges,
    peaks,
    ridge_length,
    ridges,
    split_lines,
)

ROWS, COLUMNS = 200, 80


def lines(*starts: float, slope: float = 0.3, level: float = 20.0) -> np.ndarray:
    """Bell-shaped lines over a flat floor, dB."""
    rows, columns = np.arange(ROWS)[:, None], np.arange(COLUMNS)
    db = np.zeros((ROWS, COLUMNS))
    for start in starts:
        db += level * np.exp(-(((rows - start - slope * columns) / 2.0) ** 2))
    return db


def test_ridge_cells_are_the_cells_of_a_line() -> None:
    found = ridges(lines(50.2), length=20)
    rows, columns = np.nonzero(found)
    assert list(np.unique(columns)) == list(range(COLUMNS))
    assert np.abs(rows - 50.2 - 0.3 * columns).max() <= 0.5
    assert not ridges(lines(50.2), length=COLUMNS + 1).any()


@given(shift=st.integers(-3, 3), quieter=st.floats(-6, 6))
def test_position_and_level_errors_are_measured(shift: int, quieter: float) -> None:
    truth, estimate = lines(40, 120), lines(40 + shift, 120 + shift, level=20 + quieter)
    result = compare_ridges(truth, estimate, length=20)
    assert result.found == 1 and result.invented == 0
    assert result.position_rms == pytest.approx(abs(shift), abs=0.05)
    assert result.level_bias_db == pytest.approx(quieter, abs=0.5)


def test_lost_and_invented_lines_are_counted() -> None:
    both, one = lines(40, 120), lines(40)
    lost = compare_ridges(both, one, length=20)
    assert lost.found == pytest.approx(0.5) and lost.invented == 0
    invented = compare_ridges(one, both, length=20)
    assert invented.found == 1 and invented.invented == pytest.approx(0.5)
    # a line of the reference that is weaker was not invented
    assert compare_ridges(lines(40) + lines(120, level=4), both, length=20).invented == 0


def test_single_lines_are_counted_separately() -> None:
    truth = lines(40, 47, 120)
    result = compare_ridges(truth, lines(120), length=20, separation=8)
    assert result.found == pytest.approx(1 / 3, abs=0.02) and result.found_single == 1


def test_a_map_without_lines_gives_nan() -> None:
    result = compare_ridges(lines(), lines(), length=20)
    assert np.isnan([result.found, result.invented, result.position_rms]).all()


def test_transients_are_lines_of_the_transposed_map() -> None:
    grid = SpectrogramTransform(256, 32).grid(Signal(np.zeros((1, 16000)), 8000.0))
    truth = lines(100, slope=0).T
    result = compare_transients(truth, truth + 1, grid)
    assert result.found == 1 and result.level_bias_db == pytest.approx(1)
    assert np.isnan(compare_lines(truth, truth, grid).found)


def test_noise_has_hardly_a_ridge_and_a_tone_has_one() -> None:
    rng = np.random.default_rng(3)
    rate, count = 8000.0, 40000
    noise = rng.standard_normal(count)
    tone = 0.3 * np.sin(2 * np.pi * 1000 * np.arange(count) / rate)
    transform = SpectrogramTransform(512, 64)
    maps = [transform(Signal((x)[None], rate)) for x in (noise, noise + tone)]
    length = ridge_length(maps[0].grid)
    assert length == 24
    alone, both = (ridges(x.db[0], length) for x in maps)
    assert alone.mean() < 0.002  # a tone fills one row of 257: 0.004
    row = round(1000 / maps[0].grid.df)
    assert both[row - 1 : row + 2].any(axis=0).mean() > 0.9


def test_different_shapes_are_refused() -> None:
    grid = Grid(rate=8000, n_fft=8, hop_length=2, length=8)
    shapes = (4, 5), (5, 4)
    for compare in (compare_lines, compare_transients):
        with pytest.raises(SpecsrError, match="of the same shape"):
            compare(*map(np.zeros, shapes), grid)
    with pytest.raises(SpecsrError, match="shape"):
        compare_ridges(*map(np.zeros, shapes), 3)
    with pytest.raises(SpecsrError, match=r"\(2, 4, 5\)"):
        compare_ridges(*2 * [np.zeros((2, 4, 5))], 3)


def test_ridges_and_faint_maxima_are_found_in_one_pass() -> None:
    db = lines(40, 120) + np.random.default_rng(0).standard_normal(lines(40).shape)
    found = find_ridges(db, length=20)
    assert np.array_equal(found.cells, ridges(db, 20)) and found.cells.any()
    assert np.array_equal(found.faint, peaks(db, FAINT)) and found.faint.sum() > found.cells.sum()


def test_line_cells_are_split_by_the_distance_to_the_next_line() -> None:
    truth = lines(40, 47, 120)
    single, close = split_lines(truth, truth > 8, length=20, separation=8)
    rows = np.arange(ROWS)[:, None] - 0.3 * np.arange(COLUMNS)
    assert not (single & close).any() and ((single | close) == (truth > 8)).all()
    assert (single[rows > 90] == (truth > 8)[rows > 90]).all()
    assert not single[rows < 90].any()


def test_limits_of_prominence_distance_and_separation() -> None:
    def found(truth: np.ndarray, estimate: np.ndarray) -> tuple[float, float]:
        result = compare_ridges(truth, estimate, length=20)
        return result.found, result.found_single

    def flat(*starts: float, level: float = 20.0) -> np.ndarray:
        return lines(*starts, slope=0, level=level)

    # a ridge has 6 dB, a counterpart 2 dB
    for level, present in ((6.3, True), (5.7, False)):
        assert ridges(flat(100, level=level), 20).any() == present
    for level, share in ((2.1, 1.0), (1.9, 0.0)):
        assert found(flat(100), flat(100, level=level))[0] == share
    of_10 = compare_ridges(flat(100, level=9.0), flat(100, level=9.0), 20, prominence=10.0)
    assert of_10.reference_cells == of_10.estimate_cells == 0
    # a counterpart is within 3 rows, a single ridge more than 8 rows from the next
    assert [found(flat(100), flat(100 + d))[0] for d in (-4, -3, 3, 4)] == [0, 1, 1, 0]
    assert np.isnan(found(flat(100, 108), flat(100, 108))[1])
    assert found(flat(100, 109), flat(100, 109))[1] == 1
    # the nearest counterpart counts
    result = compare_ridges(flat(100), flat(98, 103), length=20, reach=4)
    assert result.position_rms == pytest.approx(2)


def test_numbers_of_cells_and_errors_of_single_ridges() -> None:
    truth = lines(60, 66, slope=0) + lines(120, slope=0)
    estimate = lines(60, 66, slope=0, level=18) + lines(120, slope=0, level=23)
    result = compare_ridges(truth, estimate, length=20)
    assert (result.reference_cells, result.estimate_cells) == (3 * COLUMNS, 3 * COLUMNS)
    assert result.level_bias_single_db == pytest.approx(3, abs=0.01)
    assert result.level_bias_db == pytest.approx((-2 - 2 + 3) / 3, abs=0.02)
    assert result.level_rms_db == pytest.approx(np.sqrt((4 + 4 + 9) / 3), abs=0.02)
    assert result.position_rms == 0 and result.found_single == 1


def test_lengths_in_windows() -> None:
    grid = SpectrogramTransform(512, 64).grid(Signal(np.zeros((1, 16000)), 8000.0))
    assert (ridge_length(grid), ridge_length(grid, 1.5)) == (24, 12)
    assert ridge_length(grid.pooled(4, 2)) == 12 and ridge_length(grid.pooled(4, 16)) == 3
    assert ridge_length(grid, 2.45) == 20  # 19.6


def test_a_transient_is_found_half_a_window_away() -> None:
    grid = SpectrogramTransform(256, 32).grid(Signal(np.zeros((1, 16000)), 8000.0))
    truth = lines(100, slope=0).T
    for shift, share in ((4, 1.0), (-4, 1.0), (5, 0.0)):  # half a window is 4 columns
        assert compare_transients(truth, lines(100 + shift, slope=0).T, grid).found == share
    coarse = grid.pooled(1, 8)  # at least 2 columns
    assert compare_transients(truth, lines(102, slope=0).T, coarse).found == 1
    assert compare_transients(truth, lines(103, slope=0).T, coarse).found == 0
    # 16 rows or more
    short = truth.copy()
    short[16:] = 0
    assert compare_transients(short, short, grid).reference_cells == 16
    short[15:] = 0
    assert compare_transients(short, short, grid).reference_cells == 0
    # a single one has no other within a window
    for apart, single in ((8, 0), (9, 1)):
        both = lines(100, 100 + apart, slope=0).T
        result = compare_transients(both, both, grid)
        assert result.found == 1 and (result.found_single == 1) == bool(single)


def test_a_line_cell_belongs_to_the_ridge_of_its_column() -> None:
    truth = lines(100, slope=0)
    truth[:, 40:] = 0
    single, close = split_lines(truth, np.ones(truth.shape, dtype=bool), length=20)
    assert not close.any()
    expected = np.zeros_like(single)
    expected[96:105, :40] = True  # 4 rows on either side
    np.testing.assert_array_equal(single, expected)
    both = lines(100, 108, slope=0)
    assert not split_lines(both, both > 8, length=20)[0].any()
    apart = lines(100, 109, slope=0)
    assert not split_lines(apart, apart > 8, length=20)[1].any()


def test_a_ridge_beside_the_edge_without_a_counterpart_is_lost() -> None:
    for row in (2, ROWS - 3):
        result = compare_ridges(lines(row, slope=0), lines(slope=0), length=20)
        assert result.found == 0 and np.isnan(result.level_rms_db)


def test_a_line_that_fades_at_its_ends_belongs_to_its_ridge() -> None:
    """One column on either side counts, with a maximum of 2 dB or more."""
    db = np.zeros((40, 20))
    db[12, 5:15] = 10
    db[12, [3, 4, 15, 16]] = 4
    lines = db > 0
    single, close = split_lines(db, lines, length=6)
    assert np.flatnonzero(single[12]).tolist() == list(range(4, 16))
    assert single.sum() == 12 and not close.any()
