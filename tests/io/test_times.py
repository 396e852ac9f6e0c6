"""Sampling rates from time stamps and from rounded steps."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from specsr.errors import SpecsrError
from specsr.io.times import even_times, snap


@given(st.sampled_from([8000, 25600, 44100, 48000, 51200, 65536, 102400, 204800, 262144]))
def test_a_rate_is_recovered_from_a_step_of_six_digits(rate):
    rounded = float(f"{1 / rate:.5e}")
    found, note = snap(1 / rounded, 5.1e-6)
    assert found == rate
    assert bool(note) == (abs(1 / rounded - rate) > 1e-9 * rate)


def test_a_fractional_rate_is_kept():
    assert snap(51200.131) == (51200.131, "")
    assert snap(0.4) == (0.4, "")
    for wrong in (0.0, -1.0, np.nan, np.inf):
        with pytest.raises(SpecsrError, match="rate"):
            snap(wrong)


@given(
    rate=st.floats(0.1, 1e6), start=st.floats(-100, 100), count=st.integers(4, 500),
    lost=st.integers(1, 1000), digits=st.sampled_from([None, 9]),
)  # fmt: skip
def test_uniform_time_stamps_give_a_rate_and_a_lost_sample_is_detected(
    rate, start, count, lost, digits
):
    times = start + np.arange(count) / rate
    if digits and 10.0**-digits < 0.01 / rate:
        times = np.round(times, digits)
    found = even_times(times)
    assert found is not None and found[0] == pytest.approx(rate, rel=0.02)
    position = 1 + lost % (count - 2)
    assert even_times(np.delete(times, position)) is None or count < 6


@pytest.mark.parametrize(
    "times", [[0.0], [0.0, 0.0], [1.0, 0.0], [0, np.nan], [[0, 1]], [0.0, np.inf]]
)
def test_invalid_time_stamps_are_refused(times):
    with pytest.raises(SpecsrError, match="time stamps"):
        even_times(np.array(times))


@pytest.mark.parametrize(
    ("times", "match"),
    [
        ([0, 1, 2, 1.5, 4], "1.5 s comes after 2 s, at position 3"),
        ([58, 59, 0, 1], "0 s comes after 59 s, at position 2"),
        ([5, 4, 3], "4 s comes after 5 s, at position 1"),
        ([5, 5, 5], "at position 1"),
    ],
)
def test_times_that_run_back_are_refused_with_their_place(times, match):
    with pytest.raises(SpecsrError, match=f"do not increase: .*{match}"):
        even_times(np.array(times))
