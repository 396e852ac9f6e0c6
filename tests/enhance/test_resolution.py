"""Window and hop of the coarse map of a recording: orders apart, sweep below a row."""

from __future__ import annotations

import math
import re

import numpy as np
import pytest

import specsr
from specsr.enhance.resolution import (
    HIGHEST,
    LENGTHS,
    SpeedRange,
    low_map,
    map_transform,
    shared_cells,
    speed_range,
    window_length,
)
from specsr.errors import SpecsrError
from specsr.nvh.speed_options import SpeedOptions

RATE = 25600.0


def signal(rpm: object = None, seconds: float = 4.0, rate: float = RATE) -> specsr.Signal:
    length = round(rate * seconds)
    if rpm is not None:
        rpm = np.interp(np.linspace(0, 1, length), np.linspace(0, 1, np.size(rpm)), np.ravel(rpm))
    noise = np.random.default_rng(1).standard_normal((1, length))
    return specsr.Signal(noise.astype(np.float32), rate, "Pa", rpm=rpm)


@pytest.mark.parametrize(
    ("rate", "n_fft"),
    [(8000, 512), (8192, 512), (12800, 1024), (16000, 1024), (25600, 2048), (44100, 4096),
     (48000, 4096), (51200, 4096), (102400, 8192), (1e6, 16384), (100, 512)],
)  # fmt: skip
def test_without_a_speed_the_window_lasts_about_80_ms(rate, n_fft) -> None:
    assert window_length(rate, 4) == n_fft
    assert map_transform(signal(rate=float(rate), seconds=0.01), 4).n_fft == n_fft


@pytest.mark.parametrize("s_f", [2, 3, 4])
@pytest.mark.parametrize("lowest", [5.0, 16.0, 33.0, 100.0])
@pytest.mark.parametrize("sweep", [0.0, 0.5, 10.0, 300.0])
def test_orders_are_apart_where_the_sweep_allows_it(s_f, lowest, sweep) -> None:
    n_fft = window_length(RATE, s_f, SpeedRange(lowest, sweep))
    assert n_fft % (2 * s_f) == 0 and 512 - 2 * s_f <= n_fft <= 16384 + 2 * s_f
    row = RATE / n_fft
    # within half a window, the highest order of interest sweeps over one row at most
    assert n_fft <= 512 or HIGHEST * sweep * n_fft / RATE / 2 <= 1.02 * row
    shorter = [n for n in LENGTHS if HIGHEST * sweep * (n / RATE) ** 2 / 2 <= 1]
    for spacing in (0.5, 1.0):
        if any(s_f * RATE / n <= 0.98 * spacing * lowest for n in shorter):
            assert s_f * row <= spacing * lowest
            break
    else:
        assert n_fft >= 0.99 * max(shorter, default=512)


@pytest.mark.parametrize(("rpm", "n_fft"), [(6000, 2048), (3000, 4096), (1500, 8192), (600, 12288)])
def test_a_steady_machine_gets_half_orders_apart(rpm, n_fft) -> None:
    """4 x 25600 / n_fft Hz is at most half the rotation frequency; at 10 Hz, one order."""
    assert window_length(RATE, 4, SpeedRange(rpm / 60, 0.0)) == n_fft


def test_range_of_a_speed() -> None:
    rate = 1000.0
    assert speed_range(None, rate) is None
    assert speed_range(np.zeros(10), rate) is None
    assert speed_range(np.full(10, np.nan), rate) is None
    assert speed_range(np.array([600.0]), rate) == SpeedRange(10.0, 0.0)
    ramp = speed_range(np.linspace(600, 6600, 10_001), rate)  # 10 Hz/s over 10 s
    assert ramp.sweep == pytest.approx(10.0, rel=1e-6)
    assert ramp.lowest == pytest.approx(10 + 0.05 * 100, rel=1e-2)
    # standstill and gaps are no speeds; a jump out of a gap is no sweep
    gaps = np.concatenate([np.zeros(3000), np.full(5000, 1200.0), np.full(2000, np.nan)])
    assert speed_range(gaps, rate) == SpeedRange(20.0, 0.0)


def test_settings_that_are_given_are_taken() -> None:
    run = signal([1500, 1500])
    assert map_transform(run, 4) == specsr.SpectrogramTransform(8192, 1024)
    assert map_transform(run, 4, n_fft=1024) == specsr.SpectrogramTransform(1024, 128)
    assert map_transform(run, 4, df=10, overlap=0.5) == specsr.SpectrogramTransform(2560, 1280)
    assert map_transform(run, (1, 4), df=12.8).n_fft == 2000
    assert map_transform(run, 3, df=12.5).n_fft == 2052  # rows of at most 12.5 Hz, divided by 3
    given = map_transform(run, 4, hop_length=300, window="hamming")
    assert given == specsr.SpectrogramTransform(8192, 300, "hamming")
    low = low_map(run, 4, transform=given)
    assert (low.grid.cell, low.grid.n_fft, low.grid.hop_length) == ((4, 4), 8192, 300)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"n_fft": 1026}, "n_fft is 1026: expected a multiple of 8 for a scale of 4, such as 1024"),
        ({"n_fft": 1024, "df": 5}, "both n_fft and df"),
        ({"hop_length": 9, "overlap": 0.5}, "both hop_length and overlap"),
        ({"df": 0}, "df is 0"),
        ({"overlap": 1.0}, "overlap is 1"),
    ],
)
def test_settings_that_do_not_fit_are_refused(options, words) -> None:
    with pytest.raises(SpecsrError, match=words):
        map_transform(signal(), 4, **options)


@pytest.mark.parametrize("rpm", [[700, 700], [1400, 1400], [900, 1000], [800, 3100]])
@pytest.mark.parametrize("scale", [2, 3, 4])
def test_the_resolution_that_a_note_names_separates_the_orders(rpm, scale) -> None:
    run = signal(rpm)
    low = low_map(run, scale, transform=map_transform(run, scale, n_fft=768))
    note = shared_cells(low.grid, run.rpm)
    found = re.fullmatch(
        r"orders (0\.5|1) and (1|2) share coarse cells below (\d+) 1/min: --df ([\d.]+) separates "
        r"them(, but order 8 then sweeps over [\d.]+ rows)?",
        note,
    )
    spacing, below, df = (float(found[i]) for i in (1, 3, 4))
    lowest = speed_range(run.rpm, run.rate).lowest
    assert below == round(60 * low.grid.df / spacing) and below > 60 * lowest
    finer = low_map(run, scale, transform=map_transform(run, scale, df=df)).grid
    assert finer.df <= spacing * lowest
    again = shared_cells(finer, run.rpm)
    assert again is None or (spacing == 1 and again.startswith("orders 0.5 and 1 "))


def test_a_note_on_a_map_names_the_height_of_its_rows() -> None:
    run = signal([1400, 1400])
    low = low_map(run, 4, transform=map_transform(run, 4, n_fft=2048))
    assert shared_cells(low.grid, run.rpm, recording=False) == (
        "orders 1 and 2 share coarse cells below 3000 1/min: rows of 23 Hz or less separate them, "
        "not 50"
    )
    assert shared_cells(low.grid, None) is None
    assert shared_cells(low.grid, np.full(low.grid.length, 7000.0)) is None


@pytest.mark.parametrize(
    ("orders", "named"),
    [
        ((), "orders 0.5 and 1 "),
        ((1, 2, 3), None),
        ((3, 2.3, 2), "orders 2 and 2.3 "),  # 2.3 and 3 are apart
        ((2, 2.3, 2.5), "orders 2 and 2.3 "),
        ((0.5,), None),
        ({"pump": (1, 1.1)}, None),  # whole orders are apart, half ones are not known
        ({"": (4, 4.5), "pump": (1, 2)}, "orders 4 and 4.5 "),
    ],
)
def test_the_note_is_on_orders_that_the_machine_is_known_to_have(orders, named) -> None:
    """At 1200 1/min and rows of 12.5 Hz: orders less than 0.625 apart share them."""
    run = signal([1200, 1200], seconds=1.0)
    low = low_map(run, 4, transform=specsr.SpectrogramTransform(8192, 1024)).grid
    assert low.df == 12.5
    note = shared_cells(low, run.rpm, options=SpeedOptions(orders=orders))
    assert note is None if named is None else note.startswith(named)


def test_a_sweep_that_the_named_resolution_smears_is_stated() -> None:
    run = signal([600, 4800], seconds=2.0)
    df, swept = re.search(
        r"--df ([\d.]+) separates them, but order 8 then sweeps over ([\d.]+) rows$",
        shared_cells(low_map(run, 4).grid, run.rpm),
    ).groups()
    assert float(swept) == pytest.approx(HIGHEST * 35 / (2 * float(df) ** 2), rel=0.05)


def test_python_logs_the_note(caplog) -> None:
    run = signal([700, 700], seconds=1.0)
    low = low_map(run, 2, transform=map_transform(run, 2, n_fft=512))
    with caplog.at_level("INFO", logger="specsr"):
        specsr.upscale(low, 2, speed=SpeedOptions(find=False))
    assert "orders 1 and 2 share coarse cells" in caplog.text


def test_chosen_lengths_are_even_and_rise() -> None:
    assert list(LENGTHS) == sorted(LENGTHS) and all(n % 256 == 0 for n in LENGTHS)
    assert math.log2(LENGTHS[0]) == 9 and math.log2(LENGTHS[-1]) == 14
