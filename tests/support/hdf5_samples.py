"""Files of strangers: fields without samples, and the error that refuses a file."""

from __future__ import annotations

import pytest

from specsr.errors import SpecsrError
from specsr.io import read


def refused(path, match, reader=read):
    """Assert that a file gives an error of one line that names it."""
    with pytest.raises(SpecsrError, match=match) as error:
        reader(path)
    assert str(error.value).startswith(f"{path}: ")
    assert "\n" not in str(error.value)


def own_fields(file):
    """Add all fields of a recording but its samples to an HDF5 file."""
    file.attrs["rate"] = 48000.0
    file.attrs["format"] = "specsr-signal"
