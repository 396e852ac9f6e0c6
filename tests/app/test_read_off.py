"""What is read off the part of a map that is seen."""

from __future__ import annotations

import csv
import io

import numpy as np
import pytest

import specsr
from specsr.app import read_off
from specsr.app.read_off import Look
from specsr.app.screen import ScreenMap
from specsr.errors import SpecsrError
from specsr.maps.pooling import pool
from specsr.maps.spec_map import SpecMap
from specsr.signal import Signal

RATE = 8000
EVERYTHING = (0.0, RATE / 2)


@pytest.fixture(scope="module")
def run_up() -> Signal:
    times = np.arange(2 * RATE) / RATE
    rpm = 3000 + 1500 * times
    angle = 2 * np.pi * np.cumsum(rpm / 60) / RATE
    noise = np.random.default_rng(1).normal(size=times.size)
    samples = np.stack([np.sin(2 * angle) + 0.01 * noise, 0.1 * noise])
    return Signal(samples, RATE, "Pa", ("mic", "other"), 1.0, rpm=rpm)


@pytest.fixture(scope="module", params=[(1, 1), (2, 3)])
def spec(request: pytest.FixtureRequest, run_up: Signal) -> SpecMap:
    fine = specsr.spectrogram(run_up, n_fft=512, hop_length=128)
    return fine if request.param == (1, 1) else pool(fine, *request.param)


def test_the_whole_view_is_the_whole_map(spec: SpecMap) -> None:
    look = Look("other", (-1e9, 1e9), EVERYTHING, (2.0,), "A")
    found = read_off.of_map("x", ScreenMap.of(spec), look)
    whole = specsr.third_octave_levels(spec, low=1.0, weighting="A")
    assert found.bands is not None and not found.notes
    np.testing.assert_allclose(found.bands.levels, whole.levels[1:], rtol=1e-12)
    cut = specsr.order_cut(specsr.weighted(spec, "A"), None, 2.0)
    np.testing.assert_allclose(found.cuts[0].levels[0], cut.levels[1], rtol=1e-12)
    np.testing.assert_array_equal(found.cuts[0].times, cut.times)


@pytest.mark.parametrize("span", [(1.4, 2.2), (0.0, 1.5), (2.5, 9.0), (1.70, 1.7001)])
def test_a_part_has_the_cells_of_the_whole(spec: SpecMap, span: tuple[float, float]) -> None:
    """Cuts of a view are those of the whole map at its times: no window is cut off."""
    found = read_off.of_map("x", ScreenMap.of(spec), Look("mic", span, EVERYTHING, (2.0, 3.0)))
    for cut in found.cuts:
        whole = specsr.order_cut(spec, None, cut.order)
        at = np.searchsorted(whole.times, cut.times[0] - 1e-9)
        same = slice(at, at + len(cut.times))
        np.testing.assert_allclose(cut.times, whole.times[same], atol=1e-12)
        np.testing.assert_allclose(cut.levels[0], whole.levels[0, same], atol=1e-9)
        np.testing.assert_allclose(cut.rpm, whole.rpm[same], rtol=1e-12)
    inside = (span[0] <= cut.times) & (cut.times <= span[1])
    assert inside.all() or len(cut.times) == 1
    power = np.square(spec.magnitude[0].astype(float))[:, same]
    first, last = spec.grid.spans()
    if span == (1.4, 2.2):  # inside the recording every column counts by its frames
        frames = (last - first + 1)[same]
        mean = SpecMap(
            np.sqrt(power @ frames / frames.sum())[:, None].repeat(spec.grid.frames, 1), spec.grid
        )
        assert found.bands is not None
        bands = specsr.third_octave_levels(mean, low=1.0)
        # the same mean in every column: edges count by less, so do their powers
        inner = slice(8, -8)
        kept = specsr.third_octave_levels(mean, low=1.0, columns=inner)
        np.testing.assert_allclose(found.bands.levels, kept.levels, atol=1e-6)
        assert bands.levels.shape == kept.levels.shape


@pytest.mark.parametrize("span", [(-9.0, 9.0), (1.3, 2.6)])
def test_a_long_part_is_read_off_mean_powers(
    spec: SpecMap, monkeypatch: pytest.MonkeyPatch, span: tuple[float, float]
) -> None:
    look = Look("mic", span, EVERYTHING, (2.0,))
    every = read_off.of_map("x", ScreenMap.of(spec), look)
    monkeypatch.setattr(read_off, "CELLS", spec.grid.rows * 12)
    means = read_off.of_map("x", ScreenMap.of(spec), look)
    assert every.bands is not None and means.bands is not None and not means.notes
    assert len(means.cuts[0].times) <= 14 < len(every.cuts[0].times)
    if span[0] < 0:  # the mean of all columns is that of their means
        np.testing.assert_allclose(means.bands.levels, every.bands.levels, atol=1e-3)
    totals = [10 * np.log10((10 ** (x.bands.levels / 10)).sum()) for x in (means, every)]
    assert totals[0] == pytest.approx(totals[1], abs=0.1)  # the tone has one level at all times
    level = 20 * np.log10(np.sqrt(0.5) / 20e-6)
    found = means.cuts[0].levels[0]
    assert np.isfinite(found).any()
    np.testing.assert_allclose(found[np.isfinite(found)], level, atol=0.3)
    times = means.cuts[0].times
    half = (times[1] - times[0]) / 2  # a column of means counts where it begins in the span
    assert times[0] >= span[0] and times[-1] <= span[1] + half


def test_a_recording_is_read_by_angle(run_up: Signal) -> None:
    look = Look("mic", (1.5, 2.5), (390.0, 1010.0), (2.0,))
    found = read_off.of_recording("x", run_up, look, "dB")
    level = 20 * np.log10(np.sqrt(0.5) / 20e-6)
    assert found.bands is not None
    assert list(found.bands.nominal) == [400, 500, 630, 800, 1000]
    [cut] = found.cuts
    valid = cut.levels[0][np.isfinite(cut.levels[0])]
    assert valid.size
    np.testing.assert_allclose(valid, level, atol=0.1)
    assert cut.times.min() >= 1.5 and cut.times.max() <= 2.5
    short = read_off.of_recording("x", run_up, Look("mic", (1.5, 1.51), EVERYTHING, (2.0,)), "dB")
    assert not short.cuts and short.notes
    empty = read_off.of_recording("x", run_up, Look("mic", (7.0, 8.0), EVERYTHING), "dB")
    assert empty.bands is None and empty.notes


def test_a_part_outside_is_refused(spec: SpecMap) -> None:
    with pytest.raises(SpecsrError, match="no column"):
        read_off.of_map("x", ScreenMap.of(spec), Look("mic", (7.0, 8.0), EVERYTHING))


def test_tables_hold_what_is_seen(spec: SpecMap, run_up: Signal) -> None:
    look = Look("mic", (1.0, 2.0), (100.0, 1000.0), (2.0,))
    title = "=cmd()"
    found = [
        read_off.of_map(title, ScreenMap.of(spec), look),
        read_off.of_recording("recording", run_up, look, "dB"),
    ]
    cuts = list(csv.DictReader(io.StringIO(read_off.cuts_table(found, "mic"))))
    assert {row["result"] for row in cuts} == {"'=cmd()", "recording"}
    assert {row["order"] for row in cuts} == {"2"}
    assert len(cuts) == sum(len(reading.cuts[0].times) for reading in found)
    assert all(row["level_db"] == "" or 60 < float(row["level_db"]) < 100 for row in cuts)
    bands = list(csv.DictReader(io.StringIO(read_off.bands_table(found))))
    assert {row["nominal_hz"] for row in bands if row["result"] == "recording"} == {
        f"{f:g}" for f in (100, 125, 160, 200, 250, 315, 400, 500, 630, 800, 1000)
    }
