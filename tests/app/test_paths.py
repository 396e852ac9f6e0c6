"""Paths that are typed on the page, and the files of a folder."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest

import specsr
from specsr.app import paths
from specsr.app.paths import readable_files, typed_path, why
from specsr.errors import SpecsrError


def _names(folder: Path) -> tuple[list[str], bool]:
    found, complete = readable_files(folder)
    return [str(path.relative_to(folder)) for path in found], complete


def test_files_of_a_folder_and_where_the_search_ends(tmp_path: Path, monkeypatch) -> None:
    for name in ("b.wav", "a/c.WAV", "a/b/d.flac", ".hidden/e.wav", "photo.png", "notes.txt"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    (tmp_path / "loop").symlink_to(tmp_path)
    if hasattr(os, "mkfifo"):
        os.mkfifo(tmp_path / "pipe.dat")  # its first bytes never come
    every = ["a/b/d.flac", "a/c.WAV", "b.wav"]
    assert _names(tmp_path) == (every, True)
    assert _names(tmp_path / "none") == ([], True)
    monkeypatch.setattr(paths, "DEPTH", 2)
    assert _names(tmp_path) == (["a/c.WAV", "b.wav"], False)
    monkeypatch.setattr(paths, "MOST_FILES", 1)
    assert _names(tmp_path) == (["b.wav"], False)
    monkeypatch.setattr(paths, "MOST_ENTRIES", 0)
    assert _names(tmp_path) == ([], False)


def test_maps_are_listed_too(tmp_path: Path) -> None:
    specsr.write_map(tmp_path / "map.npz", specsr.spectrogram(specsr.Signal(np.ones(512), 8000)))
    assert _names(tmp_path) == (["map.npz"], True)


def test_a_typed_path_and_what_is_wrong_with_it(tmp_path: Path) -> None:
    assert typed_path(" ~/a.wav ") == Path.home() / "a.wav"
    with pytest.raises(SpecsrError, match="nosuchuser0/a.wav: no such home folder"):
        typed_path("~nosuchuser0/a.wav")
    with pytest.raises(SpecsrError, match="null character"):
        typed_path("a\0b")
    with pytest.raises(OSError) as error:
        (tmp_path / ("x" * 300)).read_bytes()
    text = why(error.value)
    assert "xxx: file name too long: " in text and "Errno" not in text
    assert "memory" in why(MemoryError()) and why(SpecsrError("a: b")) == "a: b"
