"""Maps for the screen: levels of single cells, every pair of axes, lines kept, differences."""

from __future__ import annotations

import numpy as np
import pytest

import specsr
from specsr.app.cursors import base_at, harmonic_lines, reading
from specsr.app.screen import Axes, ScreenMap, difference
from specsr.errors import SpecsrError
from specsr.maps.pooling import pool

RATE, SECONDS = 2048, 4.0


@pytest.fixture(scope="module")
def spec() -> specsr.SpecMap:
    """A run-up from 600 to 1800 rpm with order 2 at 1 Pa, and a steady tone of 700 Hz."""
    t = np.arange(int(RATE * SECONDS)) / RATE
    rpm = 600 + 300 * t
    turns = np.cumsum(rpm) / 60 / RATE
    noise = 1e-3 * np.random.default_rng(0).standard_normal(len(t))
    wave = np.sqrt(2) * (np.sin(2 * np.pi * 2 * turns) + 0.1 * np.sin(2 * np.pi * 700 * t)) + noise
    return specsr.spectrogram(specsr.Signal(wave, RATE, "Pa", rpm=rpm), n_fft=256)


def test_a_point_has_the_level_of_its_cell_in_the_map(spec) -> None:
    plane = ScreenMap.of(spec).plane("ch1")
    for row, column in ((0, 0), (88, 40), (128, spec.grid.frames - 1)):
        found = plane.value(spec.times[column], spec.freqs[row])
        assert found == pytest.approx(spec.db[0, row, column], abs=1e-3)
    assert np.isnan(plane.value(-1.0, 100.0)) and np.isnan(plane.value(1.0, RATE))


def test_a_picture_of_few_cells_keeps_the_level_of_a_line(spec) -> None:
    plane = ScreenMap.of(spec).plane(0)
    picture = plane.picture((0, SECONDS), (0, RATE / 2), (20, 10))
    assert picture is not None and max(picture.values.shape) <= 22
    row = int(
        np.floor((700 - picture.bottom) / (picture.top - picture.bottom) * len(picture.values))
    )
    # 0.1 Pa rms: 74 dB; the nearest row is half a row off, with a Hann window 1.42 dB less; the
    # windows of the last columns are partly beyond the recording
    assert (picture.values[row, :-1] > 74 - 1.45).all()
    assert plane.picture((10, 20), (0, 100), (20, 10)) is None


def test_a_zoom_shows_single_cells_at_their_place(spec) -> None:
    plane = ScreenMap.of(spec).plane(0)
    picture = plane.picture((1.0, 1.5), (600, 800), (600, 1200))
    assert picture is not None and picture.block == (1, 1)
    step = spec.grid.df
    assert picture.bottom <= 600 < picture.bottom + step
    assert picture.top - step < 800 <= picture.top
    columns = np.rint(np.array([picture.left, picture.right]) / spec.grid.dt + 0.5).astype(int)
    rows = np.rint(np.array([picture.bottom, picture.top]) / step + 0.5).astype(int)
    np.testing.assert_allclose(picture.values, spec.db[0, slice(*rows), slice(*columns)], atol=1e-3)


@pytest.mark.parametrize("x", ["time", "rpm"])
@pytest.mark.parametrize("y", ["freq", "order"])
@pytest.mark.parametrize("weighting", ["Z", "A"])
def test_planes_are_the_views_of_the_library(spec, x: str, y: str, weighting: str) -> None:
    seen = specsr.view(specsr.weighted(spec, weighting), x, y)  # type: ignore[arg-type]
    plane = ScreenMap.of(spec).plane(0, Axes(x, y, weighting))  # type: ignore[arg-type]
    rng = np.random.default_rng(1)
    for _ in range(20):
        i, k = rng.integers(seen.db.shape[1]), rng.integers(seen.db.shape[2])
        found = plane.value(seen.x[k], seen.y[i])
        np.testing.assert_allclose(found, seen.db[0, i, k], atol=1e-3)  # nan where it has nan


def test_the_cursor_reads_time_speed_order_and_level(spec) -> None:
    screen = ScreenMap.of(spec)
    at = reading(screen, "ch1", Axes(), 2.0, 40.0)
    assert at.rpm == pytest.approx(1200, abs=5) and at.order == pytest.approx(2.0, abs=0.01)
    assert at.uncertainty_db is None and at.level is not None
    # the same point on the other axes
    other = reading(screen, "ch1", Axes("rpm", "order"), at.rpm, at.order)
    assert other.freq == pytest.approx(40.0) and other.time is None
    assert base_at(at) == at.order
    text = at.position()
    assert "2.000 s" in text and "40.0 Hz" in text and "order" in text
    assert reading(screen, "ch1", Axes(), -5.0, 40.0).value() == "no data"


def test_uncertainty_and_missing_speed(spec) -> None:
    plain = spec.replace(rpm=None, uncertainty_db=np.full(spec.magnitude.shape, 1.5))
    screen = ScreenMap.of(plain)
    at = reading(screen, "ch1", Axes(), 2.0, 40.0)
    assert (at.rpm, at.order, at.uncertainty_db) == (None, None, 1.5)
    assert at.value().endswith("± 1.5 dB") and base_at(at) == 40.0
    with pytest.raises(SpecsrError, match="speed"):
        screen.plane(0, Axes("rpm", "freq"))
    lines = harmonic_lines(screen, Axes(), 40.0, 3)
    assert [set(y) for _, y in lines] == [{40.0}, {80.0}, {120.0}]


@pytest.mark.parametrize("x", ["time", "rpm"])
def test_harmonic_lines_lie_on_the_orders_of_the_map(spec, x: str) -> None:
    screen = ScreenMap.of(spec)
    axes = Axes(x, "freq")  # type: ignore[arg-type]
    plane = screen.plane(0, axes)
    (xs, ys), *_ = harmonic_lines(screen, axes, 2.0, 4)
    inside = slice(len(xs) // 8, -len(xs) // 8) if len(xs) > 8 else slice(None)
    if x == "rpm":
        assert ys[0] == pytest.approx(xs[0] / 30) and ys[-1] == pytest.approx(xs[-1] / 30)
        xs = np.linspace(700, 1700, 9)
        ys = xs / 30
    # 1 Pa rms: 94 dB within a Hann window's 1.4 dB, and the sweep widens it by less than 1 dB
    assert min(plane.value(a, b) for a, b in zip(xs[inside], ys[inside])) > 94 - 2.5
    flat = harmonic_lines(screen, Axes(x, "order"), 2.0, 2)  # type: ignore[arg-type]
    assert [set(y) for _, y in flat] == [{2.0}, {4.0}]
    assert harmonic_lines(screen, axes, float("nan"), 3) == []


def test_the_difference_of_a_map_and_its_pooled_form_has_no_mean_power(spec) -> None:
    """Cells of the coarse map are repeated: their power is the mean of the fine ones'."""
    coarse = pool(spec, 4, 4)
    power = Axes(by="rms")
    a, b = ScreenMap.of(coarse).plane(0, power), ScreenMap.of(spec).plane(0, power)
    found = difference(a, b, (0.5, 1.5), (100, 600), (600, 1200))
    assert found is not None
    again = difference(b, b, (0.5, 1.5), (100, 600), (600, 1200))
    assert again is not None and not again.values.any()
    i = int(np.ceil((100 - found.bottom) / spec.grid.df)) + 1
    fine = found.values[i, 3]
    row = round((found.bottom + (i + 0.5) * spec.grid.df) / spec.grid.df)
    column = round((found.left + 3.5 * spec.grid.dt) / spec.grid.dt)
    assert fine == pytest.approx(
        spec.db[0, row, column] - coarse.db[0, row // 4, column // 4], abs=1e-3
    )


def test_long_maps_are_shortened_by_mean_power(spec, monkeypatch) -> None:
    monkeypatch.setattr("specsr.app.screen.VIEW_CELLS", spec.magnitude[0].size // 3)
    plane = ScreenMap.of(spec).plane(0, Axes("rpm", "freq"))
    whole = specsr.view(spec, "rpm", "freq")
    rows = plane.pyramid.levels[0].shape[0]
    assert rows == spec.grid.rows - 1  # pooled maps have no Nyquist row
    # the power over all speeds is that of the whole map, but for unequal times in the steps
    total = np.sum(np.nanmean(np.square(plane.pyramid.levels[0].astype(float)), axis=1))
    assert total == pytest.approx(np.sum(np.nanmean(whole.power[0], axis=1)), rel=0.1)


def test_unknown_channels_are_refused(spec) -> None:
    with pytest.raises(SpecsrError, match="no channel"):
        ScreenMap.of(spec).plane("other")
