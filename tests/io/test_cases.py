"""Files that were once read wrongly, beside the checkout in ``shared/cases``: right or refused."""

from __future__ import annotations

import logging
from pathlib import Path

import numpy as np
import pytest

from specsr.errors import SpecsrError
from specsr.io import is_map, read, read_map
from specsr.nvh.speed import read_rpm

RIGHT = {
    "01_time_msec.csv": "Pa", "02_time_hours.csv": "Pa", "04_abscissa_ms.uff": "Pa",
    "07_time_channel_ms.tdms": "Pa", "07_xunit_ms.tdms": "Pa", "08_datenum.mat": "1",
    "08_dt_ms.mat": "Pa", "08_fs_khz.h5": "Pa", "08_time_ms.h5": "Pa", "10_fs_array1.h5": "Pa",
    "11_dewe_time_channel.mat": "1", "12_catman.mat": "Pa", "12_pulse.mat": "Pa",
    "12_testlab.mat": "Pa", "14_first_row_whole.csv": "Pa", "15_name_slash_unit.csv": "V",
    "15_units_row.csv": "Pa", "16_blank_decimal_comma.csv": "1", "16_quoted.csv": "Pa",
    "16_utf16.csv": "Pa", "06_value_to_text.mf4": "Pa",
}  # fmt: skip
"""Name -> unit: one channel of 2000 samples at 1000 Hz, a sine of 50 Hz and amplitude 1."""
REFUSED = {
    "04_abscissa_deg.uff": "over angle", "04_abscissa_rev.uff": "over angle",
    "05_master_angle.mf4": "over angle", "07_spectrum.tdms": "holds a spectrum",
    "17_kg.csv": "unit label 'kg' is unknown", "25_map_value_typo.csv": "did you mean 'values'",
    "25_map_weighting_A.csv": "A-weighted",
}  # fmt: skip
LIBRARIES = {".uff": "pyuff", ".tdms": "nptdms", ".mf4": "asammdf"}


def _path(shared_data: Path, name: str) -> Path:
    path = shared_data.parent / "cases" / name
    if not path.is_file():
        pytest.skip(f"no {name}")
    if path.suffix in LIBRARIES:
        pytest.importorskip(LIBRARIES[path.suffix])
    return path


@pytest.mark.parametrize("name", RIGHT)
def test_a_case_is_read_right(shared_data, name):
    made = read(_path(shared_data, name))
    assert (made.rate, made.unit, made.samples.shape) == (1000, RIGHT[name], (1, 2000))
    expected = np.sin(2 * np.pi * 50 * np.arange(2000) / 1000)
    np.testing.assert_allclose(made.samples[0], expected, atol=1e-6)


@pytest.mark.parametrize("name", REFUSED)
def test_a_case_is_refused_with_its_reason(shared_data, name):
    path = _path(shared_data, name)
    with pytest.raises(SpecsrError, match=REFUSED[name]):
        read_map(path) if path.suffix == ".csv" and is_map(path) else read(path)


@pytest.mark.parametrize(
    "name", ["03_rpm_ms.csv", "03_rpm_rad_s.csv", "03_rpm_half.csv", "16_rpm_cp1252.csv"]
)
def test_a_case_of_a_speed_is_read_right_or_noted(shared_data, caplog, name):
    path = _path(shared_data, name)
    recording = read(_path(shared_data, "03_runup.wav"), unit="Pa", calib=1)
    with caplog.at_level(logging.WARNING):
        rpm = read_rpm(path, recording)
    times = np.arange(recording.length) / recording.rate
    covered = times < (4.9 if "half" in name else 10.0)
    expected = 600 + 540 * times
    # the last entry of the tables, at 10 s, is the speed of the last sample, 0.066 1/min before
    np.testing.assert_allclose(rpm[covered], expected[covered], atol=540 / 8192 + 0.01)
    assert ("covers 0 to 4.9 s only" in caplog.text) == ("half" in name)


def test_a_channel_of_texts_is_named(shared_data, caplog):
    """Its conversion has a text for one value and nothing for the others."""
    with caplog.at_level(logging.WARNING):
        read(_path(shared_data, "06_value_to_text.mf4"))
    assert "EngSpeed is skipped: its conversion gives texts and no numbers" in caplog.text
