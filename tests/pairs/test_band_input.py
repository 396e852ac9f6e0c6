"""Input of the band model and its levels: the rows below the cut, the cut, the relative level."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from specsr.maps import levels
from specsr.maps.grid import Grid
from specsr.pairs.band_input import CHANNELS, KNOWN_PART, PARTS, band_image, copy_up, cut_row


def noise(seed: int, *shape: int) -> np.ndarray:
    return np.random.default_rng(seed).standard_normal(shape)


# --- band input ----------------------------------------------------------------------------


@given(
    rows=st.integers(8, 200), cut=st.integers(8, 200), frames=st.integers(1, 5),
    seed=st.integers(0, 9),
)  # fmt: skip
@settings(max_examples=60, deadline=None)
def test_copy_up_repeats_the_rows_below_the_cut(
    rows: int, cut: int, frames: int, seed: int
) -> None:
    cut = min(cut, rows)
    image = noise(seed, 2, rows, frames)
    filled = copy_up(image, cut)
    assert filled.shape == image.shape
    np.testing.assert_array_equal(filled[:, :cut], image[:, :cut])
    period = cut - cut // 2
    for row in range(cut, rows):
        np.testing.assert_array_equal(filled[:, row], image[:, cut // 2 + (row - cut) % period])
    # rows above the cut have no influence
    other = image.copy()
    other[:, cut:] = 1e9
    np.testing.assert_array_equal(copy_up(other, cut), filled)


@given(rows=st.integers(8, 120), cut=st.integers(8, 120), seed=st.integers(0, 9))
@settings(max_examples=40, deadline=None)
def test_band_image_depends_on_the_measured_rows_only(rows: int, cut: int, seed: int) -> None:
    cut = min(cut, rows)
    db = 20 * noise(seed, rows, 7)
    image = band_image(db, cut, df=23.4)
    assert image.shape == (CHANNELS, rows, 7) and image.dtype == np.float32
    np.testing.assert_allclose(image[0], copy_up(db, cut), rtol=1e-6)
    assert (image[1, :cut] == 20).all() and (image[1, cut:] == -20).all()
    frequency = np.repeat(np.arange(rows)[:, None], 7, axis=1) * 23.4
    np.testing.assert_allclose(image[2], frequency / 600 - 20, rtol=1e-5)
    edges = [cut * k // PARTS for k in range(PARTS + 1)]
    for part in range(PARTS):
        mean = db[edges[part] : edges[part + 1]].mean(axis=0)
        np.testing.assert_allclose(
            image[3 + part], np.broadcast_to(mean, (rows, 7)), rtol=1e-4, atol=1e-4
        )
    other = db.copy()
    other[cut:] = -777
    np.testing.assert_array_equal(band_image(other, cut, 23.4), image)
    # some rows alone, from the measured rows alone
    some = range(cut // 3, rows - cut // 5)
    part = band_image(db[:cut], cut, 23.4, rows=some)
    np.testing.assert_array_equal(part, image[:, some.start : some.stop])
    top = (cut + rows) // 2
    part, full = band_image(db[:cut], cut, 23.4, top, some), band_image(db, cut, 23.4, top)
    np.testing.assert_array_equal(part, full[:, some.start : some.stop])
    # a gain changes the channels of levels only
    shifted = band_image(db + 10, cut, 23.4)
    levelled = [0, *range(3, CHANNELS)]
    np.testing.assert_allclose(shifted[levelled], image[levelled] + 10, atol=1e-4)
    np.testing.assert_array_equal(shifted[1:3], image[1:3])


@given(ratio=st.floats(1.01, 20), half=st.integers(8, 2048))
@settings(max_examples=60, deadline=None)
def test_cut_row_is_at_the_known_part_of_the_low_band(ratio: float, half: int) -> None:
    cut = cut_row(48000 / ratio, 48000, 2 * half)
    assert PARTS <= cut <= half
    if PARTS < cut < half:
        nyquist_row = half / ratio
        assert cut <= KNOWN_PART * nyquist_row + 1e-6 < cut + 1


# --- levels ---------------------------------------------------------------------------------


def test_to_db_with_its_floor() -> None:
    power = np.array([1.0, 100.0, 1e-31, 0.0], np.float32)
    assert levels.to_db(power) == pytest.approx([0, 20, -310, -400])
    assert levels.to_db(np.array([1e-29])) == pytest.approx(-290)
    assert levels.to_db(power).dtype == np.float32


def test_median_level_is_that_of_the_first_10_s() -> None:
    grid = Grid(1000.0, 256, 128, 100_000)  # dt 0.128 s: 78 frames in 10 s
    db = np.full((1, 129, 782), 40.3)
    db[..., 78:] = 90.0
    assert levels.median_level(db, grid) == np.float32(40.3)
    db[..., :30] = -200.0  # digital silence is ignored
    assert levels.median_level(db, grid) == np.float32(40.3)
    assert levels.median_level(np.full((129, 782), -400.0), grid) == 0.0


@given(gain=st.floats(-80, 80), seed=st.integers(0, 99))
@settings(max_examples=30, deadline=None)
def test_relative_levels_do_not_depend_on_the_calibration(gain: float, seed: int) -> None:
    grid = Grid(1000.0, 256, 128, 5000)
    db = np.round(noise(seed, 129, 40) * 20, 2).astype(np.float32)
    # a cell on the limit of the usable ones is in or out by rounding
    assume(np.abs(db - (db[:, :78].max() - levels.USABLE_DB)).min() > 1e-3)
    level, moved = levels.median_level(db, grid), levels.median_level(db + gain, grid)
    assert moved - level == pytest.approx(gain, abs=3e-5)  # two roundings to single precision
    relative = levels.relative_levels(db, level)
    shifted = levels.relative_levels(db + gain, moved)
    np.testing.assert_allclose(shifted, relative, atol=6e-5)
    assert np.abs(relative).max() <= levels.LEVEL_RANGE_DB
    near = np.abs(db - level) < levels.LEVEL_RANGE_DB
    np.testing.assert_allclose((relative + np.float32(level))[near], db[near], atol=1e-4)
    assert levels.relative_levels(np.array([500.0, -500.0]), 0.0) == pytest.approx([100, -100])


def test_cut_row_of_known_rates() -> None:
    assert cut_row(16000, 48000, 2048) == 307  # 0.9 / 3 of 1024 rows
    assert cut_row(24000, 48000, 512) == 115
    assert cut_row(60000, 48000, 512) == 256  # all rows
    assert cut_row(100, 48000, 512) == 8  # one row for each part at least
