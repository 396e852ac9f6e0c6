"""Files to read in folders."""

from __future__ import annotations

import pytest

from specsr.errors import SpecsrError
from specsr.io import find_inputs


def test_inputs_are_found_in_order(tmp_path):
    for name in ("b.wav", "a.FLAC", "sub/c.npz", "notes.txt", ".hidden.wav", ".git/d.wav"):
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(b"")
    expected = [tmp_path / name for name in ("a.FLAC", "b.wav", "sub/c.npz")]
    assert find_inputs(tmp_path) == find_inputs([str(tmp_path)]) == expected
    assert find_inputs([tmp_path / "b.wav", tmp_path]) == [expected[1], expected[0], expected[2]]
    assert find_inputs([tmp_path / "notes.txt"]) == [tmp_path / "notes.txt"]
    with pytest.raises(SpecsrError, match=r"none\.wav: no such file"):
        find_inputs([tmp_path, tmp_path / "none.wav"])
    (tmp_path / "empty").mkdir()
    with pytest.raises(SpecsrError, match=r"no readable file: expected \.wav"):
        find_inputs([tmp_path / "empty"])
