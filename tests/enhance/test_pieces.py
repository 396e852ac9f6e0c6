"""Large maps in pieces: equal to the whole, in memory that hardly exceeds the result."""

from __future__ import annotations

import tracemalloc

import numpy as np
import pytest

import specsr
from specsr.enhance import pieces
from specsr.enhance.maps import upscale_map
from specsr.enhance.segments import Segment
from specsr.maps.grid import Grid
from specsr.maps.pooling import pool
from specsr.maps.spec_map import SpecMap
from specsr.maps.transform import SpectrogramTransform
from specsr.nvh.speed_options import SpeedOptions
from specsr.synth.machine import Order, RunUp
from specsr.synth.synthesis import synthesise


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


def test_a_speed_is_searched_for_once_in_the_whole_map(
    small_pieces: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first piece alone has lines closer than a coarse cell."""
    orders = tuple(Order(float(k), -k / 6, 0.7 * k) for k in range(2, 40, 2))
    made = synthesise(RunUp(rate=8192.0, duration=6.0, rpm=(1500.0, 3600.0), orders=orders,
                            line_to_noise=15.0, seed=4))  # fmt: skip
    low = pool(SpectrogramTransform(1024, 128)(made.signal), 4, 4).replace(rpm=None)
    monkeypatch.setattr(pieces, "LEAST", 16)
    monkeypatch.setattr(pieces, "MARGIN", 32)
    assert len(pieces.columns_of(low.grid, 1, (4, 4))) > 2
    parts = upscale_map(low, 4, model="map-small")
    monkeypatch.setattr(pieces, "PIECE", 1 << 30)
    whole = upscale_map(low, 4, model="map-small")
    assert parts.rpm_source == whole.rpm_source == "found"
    np.testing.assert_allclose(parts.rpm, whole.rpm, rtol=1e-5)
    np.testing.assert_allclose(parts.rpm_confidence, whole.rpm_confidence, atol=1e-4)
    assert whole.rpm_confidence.mean() > 0.5
    np.testing.assert_allclose(parts.db, whole.db, atol=2e-3)
    np.testing.assert_allclose(parts.uncertainty_db, whole.uncertainty_db, rtol=2e-3, atol=1e-3)


def test_the_speed_of_pieces_is_the_given_one(small_pieces: None) -> None:
    low = noisy_map((4, 4), 420)
    high = upscale_map(low, 2, model="map-small")
    assert high.rpm_source == "given" and high.rpm_confidence.shape == (high.grid.frames,)
    np.testing.assert_array_equal(high.rpm, low.rpm)


@pytest.mark.parametrize("columns", [300, 400, 1000, 1003])
def test_every_piece_is_given_its_margins_as_they_were(columns: int) -> None:
    rng = np.random.default_rng(0)
    arrays = [rng.standard_normal((2, 3, columns)), rng.standard_normal((5, columns))]
    before = [x.copy() for x in arrays]
    parts = pieces.segments(-(-columns // 4), 70, pieces.MARGIN)

    def work(part: Segment, given: list[np.ndarray]) -> list[np.ndarray]:
        for x, y in zip(given, before):
            np.testing.assert_array_equal(x, y[..., 4 * part.first : 4 * part.last])
        return [-x for x in given]

    pieces.replace_in_pieces(arrays, parts, 4, work)
    for x, y in zip(arrays, before):
        np.testing.assert_array_equal(x, -y)


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
