"""Large maps in pieces: equal to the whole, in memory that hardly exceeds the result."""

from __future__ import annotations

import tracemalloc

import numpy as np
import pytest

import specsr
from specsr.enhance import pieces
from specsr.enhance.maps import upscale_map
from specsr.maps.grid import Grid
from specsr.maps.pooling import pool
from specsr.maps.spec_map import SpecMap
from specsr.nvh.speed_options import SpeedOptions


@pytest.fixture
def small_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pieces, "PIECE", 1 << 17)


def noisy_map(cell: tuple[int, int], columns: int, rows: int = 64) -> SpecMap:
    """Return a map of noise with a line, of two channels and a speed."""
    rng = np.random.default_rng(0)
    hop = 16
    length = (columns * cell[1] - 1) * hop - 5  # a last frame past the end
    grid = Grid(8000.0, 2 * rows * cell[0], hop, length, unit="Pa", start=2.0, cell=cell)
    magnitude = rng.exponential(1.0, (2, grid.rows, grid.frames))
    magnitude[:, 20] += 20
    return SpecMap(magnitude, grid, channels=("a", "b"), rpm=np.linspace(600, 900, length))


@pytest.mark.parametrize("cell", [(4, 4), (2, 2), (1, 1)])
def test_columns_are_cut_out_of_the_grid(cell: tuple[int, int]) -> None:
    low = noisy_map(cell, 90)
    part = pieces.cut_columns(low, 20, 60)
    assert part.grid.frames == 40 and part.channels == low.channels
    np.testing.assert_array_equal(part.magnitude, low.magnitude[..., 20:60])
    np.testing.assert_allclose(part.times, low.times[20:60], atol=1e-12)
    hops = 20 * cell[1] * 16
    np.testing.assert_array_equal(part.rpm, low.rpm[hops : hops + part.grid.length])
    end = pieces.cut_columns(low, 30, 90)
    np.testing.assert_allclose(end.times, low.times[30:], atol=1e-12)
    assert end.grid.refined(1, 1).frames == 60


@pytest.mark.parametrize("model", ["bicubic", "map-small"])
@pytest.mark.parametrize("cell", [(4, 4), (2, 2)])
def test_pieces_make_the_same_map_as_the_whole(
    small_pieces: None, monkeypatch: pytest.MonkeyPatch, model: str, cell: tuple[int, int]
) -> None:
    low = noisy_map(cell, 420).replace(rpm=None)
    assert len(pieces.columns_of(low.grid, 2, (2, 2))) > 2
    parts = upscale_map(low, 2, model=model, speed=SpeedOptions(find=False))
    monkeypatch.setattr(pieces, "PIECE", 1 << 30)
    whole = upscale_map(low, 2, model=model, speed=SpeedOptions(find=False))
    assert parts.grid == whole.grid and parts.rpm is None and parts.rpm_source is None
    np.testing.assert_allclose(parts.db, whole.db, atol=2e-3)
    if model == "bicubic":
        assert parts.uncertainty_db is None
    else:
        np.testing.assert_allclose(parts.uncertainty_db, whole.uncertainty_db, rtol=2e-3, atol=1e-3)


def test_the_speed_of_pieces_is_joined(small_pieces: None) -> None:
    low = noisy_map((4, 4), 420)
    high = upscale_map(low, 2, model="map-small")
    assert high.rpm_source == "given" and high.rpm_confidence.shape == (high.grid.frames,)
    np.testing.assert_array_equal(high.rpm, low.rpm)


def test_speeds_found_in_pieces_have_one_factor(small_pieces: None) -> None:
    """Every second piece finds twice the spacing."""
    low = noisy_map((4, 4), 420).replace(rpm=None)
    grid = low.grid.refined(2, 2)
    right = np.linspace(600, 900, grid.length)
    count = 0

    def work(part: SpecMap, _progress: object) -> SpecMap:
        nonlocal count
        count += 1
        fine = part.grid.refined(2, 2)
        first = round((fine.start - grid.start) * grid.rate)
        speed = right[first : first + fine.length] * (1 + count % 2)
        shape = (2, fine.rows, fine.frames)
        return SpecMap(
            np.ones(shape, np.float32), fine, channels=part.channels, rpm=speed,
            rpm_confidence=np.ones(fine.frames), rpm_source="found",
        )  # fmt: skip

    high = pieces.in_pieces(low, (2, 2), work)
    assert count > 2 and high.rpm_source == "found"
    known = high.rpm > 0
    assert known.mean() > 0.99
    np.testing.assert_allclose(high.rpm[known] / right[known], 2)


def test_a_large_map_takes_little_more_memory_than_its_result(small_pieces: None) -> None:
    rng = np.random.default_rng(0)
    signal = specsr.Signal(rng.standard_normal((1, 64 * 4 * 3000)), 8000.0)
    low = pool(specsr.spectrogram(signal, n_fft=512, hop_length=64), 4, 4)
    cells = 257 * low.grid.refined(4, 4).frames
    tracemalloc.start()
    high = upscale_map(low, 4, model="bicubic")
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert high.magnitude.size == cells
    assert peak < 9 * cells + 160 * 1.5 * pieces.PIECE
