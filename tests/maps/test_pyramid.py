"""Levels of detail: lines and clicks survive, power is kept, blocks keep their place."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from specsr.errors import SpecsrError
from specsr.maps.pyramid import STEP, Pyramid, reduced


def _drawn(rows: int, columns: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).random((rows, columns)).astype(np.float32) + 0.1


@st.composite
def _parts(draw):
    """A map's size, a part of it and the size of the screen."""
    rows, columns = draw(st.integers(1, 40)), draw(st.integers(1, 300))
    r0, c0 = draw(st.integers(0, rows - 1)), draw(st.integers(0, columns - 1))
    r1, c1 = draw(st.integers(r0 + 1, rows)), draw(st.integers(c0 + 1, columns))
    size = draw(st.integers(1, 20)), draw(st.integers(1, 60))
    return (rows, columns), (r0, r1), (c0, c1), size


def _twin(values: np.ndarray, s_f: int, s_t: int, by: str) -> np.ndarray:
    """Blocks one by one."""
    rows, columns = (-(-n // s) for n, s in zip(values.shape, (s_f, s_t)))
    found = np.empty((rows, columns))
    for i in range(rows):
        for k in range(columns):
            block = values[i * s_f : (i + 1) * s_f, k * s_t : (k + 1) * s_t].astype(float)
            if by == "rms":
                found[i, k] = np.sqrt(np.mean(block**2))
            else:
                found[i, k] = block.max() if by == "max" else block.flat[np.abs(block).argmax()]
    return found


@pytest.mark.parametrize("by", ["max", "rms", "peak"])
@pytest.mark.parametrize("s_f, s_t", [(1, 1), (2, 3), (7, 20), (40, 5), (3, 17)])
def test_blocks_are_those_of_a_loop(by: str, s_f: int, s_t: int) -> None:
    values = _drawn(31, 64) - (0.6 if by == "peak" else 0)
    # float32: the sum of up to 31 * 64 squares has a relative error below 2000 * 2^-24
    np.testing.assert_allclose(
        reduced(values, s_f, s_t, by),
        _twin(values, s_f, s_t, by),
        rtol=1.2e-4,  # type: ignore
    )


@settings(max_examples=30)
@given(_parts())
def test_a_line_of_one_row_keeps_its_level_at_every_level(case) -> None:
    (rows, columns), (r0, r1), (c0, c1), size = case
    values = np.full((rows, columns), 0.1, np.float32)
    row = (r0 + r1 - 1) // 2
    values[row] = 3.0
    tile = Pyramid(values).tile((r0, r1), (c0, c1), size)
    assert (tile.values.max(axis=0) == 3).all()  # in every column of the screen
    # at the right place
    assert (tile.values[(row - tile.first[0]) // tile.block[0]] == 3).all()


@settings(max_examples=30)
@given(_parts())
def test_a_click_of_one_column_keeps_its_level(case) -> None:
    (rows, columns), (r0, r1), (c0, c1), size = case
    values = np.full((rows, columns), 0.1, np.float32)
    column = (c0 + c1 - 1) // 2
    values[:, column] = 3.0
    tile = Pyramid(values).tile((r0, r1), (c0, c1), size)
    assert (tile.values[:, (column - tile.first[1]) // tile.block[1]] == 3).all()


@settings(max_examples=30)
@given(_parts(), st.sampled_from(["max", "rms"]))
def test_a_tile_is_the_reduced_map(case, by: str) -> None:
    (rows, columns), (r0, r1), (c0, c1), size = case
    values = _drawn(rows, columns)
    tile = Pyramid(values, by).tile((r0, r1), (c0, c1), size)  # type: ignore[arg-type]
    s_f, s_t = tile.block
    whole = reduced(values, s_f, s_t, by)  # type: ignore[arg-type]
    i, k = tile.first[0] // s_f, tile.first[1] // s_t
    expected = whole[i : i + tile.values.shape[0], k : k + tile.values.shape[1]]
    np.testing.assert_allclose(tile.values, expected, rtol=1e-4)
    # covers the part, in few blocks
    assert tile.first[0] <= r0 and tile.first[1] <= c0
    assert tile.first[0] + tile.values.shape[0] * s_f >= r1
    assert tile.first[1] + tile.values.shape[1] * s_t >= c1
    assert tile.values.shape[0] <= size[0] + 2 and tile.values.shape[1] <= size[1] + 2


@pytest.mark.parametrize("by", ["max", "rms"])
def test_a_gain_of_the_rows_is_applied_before_rows_are_joined(by: str) -> None:
    values, gain = _drawn(9, 70), np.linspace(0.1, 2.0, 9)
    found = Pyramid(values, by).tile((0, 9), (0, 70), (2, 3), gain)  # type: ignore[arg-type]
    expected = reduced(values * gain[:, None], *found.block, by)  # type: ignore[arg-type]
    np.testing.assert_allclose(found.values, expected, rtol=1e-5)


def test_single_cells_where_they_fit() -> None:
    values = _drawn(20, 500)
    tile = Pyramid(values).tile((3, 9), (100, 160), (10, 60))
    assert tile.block == (1, 1)
    np.testing.assert_array_equal(tile.values, values[3:9, 100:160])


def test_few_cells_are_read_for_any_part() -> None:
    """A view of any part of a long map reduces at most `STEP` columns for one on the screen."""
    pyramid = Pyramid(_drawn(3, 100_000))
    for width in (50, 1000, 7777, 40_000, 100_000):
        tile = pyramid.tile((0, 3), (0, width), (3, 100))
        level = max(k for k in range(len(pyramid.levels)) if tile.block[1] % STEP**k == 0)
        assert width / STEP**level <= STEP * 100 + 1


def test_edges_are_those_of_the_cells() -> None:
    tile = Pyramid(_drawn(8, 64)).tile((2, 8), (16, 64), (6, 12))
    assert tile.block == (1, 4)
    assert tile.edges((0.0, 0.5), (10.0, 2.0)) == (7.75, 31.75, 13.0, 25.0)


def test_nan_is_ignored_and_chunks_do_not_show() -> None:
    values = _drawn(5, 37)
    values[1, 3] = np.nan
    values[2:4, 8:12] = np.nan
    for by in ("max", "rms"):
        found = reduced(values, 2, 4, by)  # type: ignore[arg-type]
        assert np.isnan(found[1, 2]) and np.isnan(found).sum() == 1
    signed = np.array([[1.0, -3.0, np.nan, 2.0]])
    assert reduced(signed, 1, 4, "peak") == -3


def test_a_pyramid_of_a_file_is_that_in_memory(tmp_path, monkeypatch) -> None:
    monkeypatch.setattr("specsr.maps.pyramid._CHUNK", 64)
    values = _drawn(6, 203)
    stored = np.lib.format.open_memmap(
        tmp_path / "map.npy", "w+", np.float32, (203, 6)
    ).T  # time by time, as a long map is written
    stored[:] = values
    found = {by: Pyramid(stored, by) for by in ("max", "rms")}  # type: ignore[arg-type]
    monkeypatch.undo()
    for by, pyramid in found.items():
        expected = Pyramid(values, by)  # type: ignore[arg-type]
        for a, b in zip(pyramid.levels, expected.levels, strict=True):
            np.testing.assert_allclose(a, b, rtol=1e-6)


@pytest.mark.parametrize(
    "call",
    [
        lambda: reduced(np.ones((2, 2)), 0, 1),
        lambda: reduced(np.ones((2, 2)), 1, 1, "median"),  # type: ignore[arg-type]
        lambda: Pyramid(np.ones(3)),
        lambda: Pyramid(np.ones((2, 2))).tile((0, 2), (2, 4), (1, 1)),
        lambda: Pyramid(np.ones((2, 2))).tile((0, 2), (0, 2), (0, 1)),
    ],
)
def test_wrong_arguments_are_refused(call) -> None:
    with pytest.raises(SpecsrError, match="expected"):
        call()
