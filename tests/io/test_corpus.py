"""Every reader on every kind of axis, rate, speed and scale: right, or refused with a reason."""

from __future__ import annotations

import logging
from pathlib import Path

import numpy as np
import pytest

from specsr.errors import SpecsrError
from specsr.io import read, read_map
from specsr.nvh.speed import read_rpm
from specsr.signal import Signal
from support import corpus
from support.corpus_kinds import KINDS, RATE, RPM, SINE

FAST = ("s", "ms", "spectrum", "unknown unit")
"""Kinds of MF4 and imc in every run: each file of these formats starts a process."""

CELLS = [
    pytest.param(
        reader,
        name,
        marks=pytest.mark.slow if reader in ("MF4", "imc") and name not in FAST else (),
    )
    for reader in corpus.READERS
    for name in KINDS
]
LIBRARIES = {"UFF": "pyuff", "MF4": "asammdf", "TDMS": "nptdms", "imc": "imctermite"}


@pytest.mark.parametrize(("reader", "name"), CELLS)
def test_a_file_is_read_right_or_refused(tmp_path: Path, caplog, reader: str, name: str) -> None:
    form = reader.partition(",")[0]
    if form in LIBRARIES:
        pytest.importorskip(LIBRARIES[form])
    kind = KINDS[name]
    path = corpus.make(reader, name, tmp_path)
    wanted = corpus.expected(reader, name)
    assert (path is None) == (wanted == "-")
    if path is None:
        return
    if wanted == "refused":
        with pytest.raises(SpecsrError, match=kind.refused or "not finite") as error:
            _read(form, path)
        assert path.name in str(error.value) and "\n" not in str(error.value)
        return
    with caplog.at_level(logging.WARNING):
        samples, rate, rpm = _read(form, path)
    assert rate == RATE
    if samples is not None:
        np.testing.assert_allclose(samples, SINE, atol=1 / 16384)
    if kind.about in ("speed", "gap") or form == "speed table":
        # days since the year 0 have steps of 1e-5 s, and the speed rises by 1200 1/min in a second
        rtol = {"gap": 1e-3, "dates": 1e-5 * 1200 / 1200}.get(kind.about, 1e-9)
        np.testing.assert_allclose(rpm, RPM, rtol=rtol)
    assert ("interpolated" in caplog.text) == (kind.about == "gap")
    if kind.about == "dates":
        assert "are dates" in caplog.text


def _read(form: str, path: Path):
    """Return samples, rate and speed of a file."""
    if form == "speed table":
        like = Signal(SINE, RATE)
        return None, RATE, read_rpm(path, like)
    if form == "map table":
        spec = read_map(path)
        assert spec.grid.hop_length == 64 and spec.grid.n_fft == 128
        return None, spec.grid.rate, None
    made = read(path)
    assert made.unit == "Pa" and len(made.channels) == 1
    return made.samples[0], made.rate, made.rpm


def test_the_documentation_shows_the_table() -> None:
    page = Path(__file__).parents[2] / "docs" / "formats.md"
    assert corpus.markdown() in page.read_text(encoding="utf-8")
