"""Atomic writing: outputs appear complete or not at all, and existing files are kept."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest

from specsr.errors import SpecsrError
from specsr.io import (
    WRITERS,
    check_output,
    read,
    replacing,
    write,
    write_map,
)
from specsr.signal import Signal
from support.io_samples import make_map, noise


@pytest.mark.parametrize("failure", [OSError(28, "No space left on device"), KeyboardInterrupt()])
@pytest.mark.parametrize("before", [None, b"old"])
@pytest.mark.parametrize("stage", ["body", "main", "companion"])
def test_a_failed_write_restores_all_files(tmp_path, monkeypatch, failure, before, stage):
    main, side = tmp_path / "a.wav", tmp_path / "a.wav.json"
    if before:
        main.write_bytes(before)
        side.write_bytes(before)
    seen = sorted(os.listdir(tmp_path))
    move = os.replace

    def failing(source, target):
        # Only renaming the new file fails; restoring the old one works.
        if (
            str(source).endswith(".tmp")
            and Path(target) == {"main": main, "companion": side}[stage]
        ):
            raise failure
        move(source, target)

    if stage != "body":
        monkeypatch.setattr("specsr.io.atomic.os.replace", failing)
    expected = SpecsrError if isinstance(failure, OSError) else KeyboardInterrupt
    with pytest.raises(expected) as error, replacing(main, side, overwrite=True) as temps:
        for temp in temps:
            temp.write_bytes(b"new")
        if stage == "body":
            raise failure
    if expected is SpecsrError:
        assert str(main) in str(error.value) and "No space left" in str(error.value)
    assert sorted(os.listdir(tmp_path)) == seen
    assert not before or main.read_bytes() == side.read_bytes() == before


@pytest.fixture
def full_disk():
    """Limit every file to 20 kB, which simulates a full disk."""
    resource = pytest.importorskip("resource")  # not on Windows
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, hard))
    yield
    resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@pytest.mark.parametrize("suffix", sorted(WRITERS))
def test_a_full_disk_is_reported_and_leaves_no_file(tmp_path, full_disk, suffix):
    with pytest.raises(SpecsrError, match="could not be written") as error:
        write(tmp_path / f"a{suffix}", Signal(noise(2, 60_000), 48000))
    assert f"a{suffix}" in str(error.value) and os.listdir(tmp_path) == []


@pytest.mark.parametrize("suffix", [".npz", ".h5"])
def test_a_full_disk_keeps_the_existing_map(tmp_path, request, suffix):
    path = tmp_path / f"a{suffix}"
    write_map(path, make_map(300))
    before = path.read_bytes()
    request.getfixturevalue("full_disk")
    with pytest.raises(SpecsrError, match="could not be written"):
        write_map(path, make_map(60_000), overwrite=True)
    assert path.read_bytes() == before and os.listdir(tmp_path) == [path.name]


def test_folders_are_created_and_links_are_kept(tmp_path):
    path = tmp_path / "new" / "deep" / "a.wav"
    write(path, Signal(noise(), 48000))
    link = tmp_path / "link.wav"
    link.symlink_to(path)
    write(link, Signal(noise(seed=1), 48000), overwrite=True)
    assert link.is_symlink()
    np.testing.assert_array_equal(read(path).samples, noise(seed=1))
    with pytest.raises(SpecsrError, match="a.wav is a file, not a folder"):
        write(path / "b.wav", Signal(noise(), 48000))  # a file where a folder should be


def test_outputs_are_not_replaced_silently(tmp_path):
    for suffix in WRITERS:
        path = tmp_path / f"a{suffix}"
        path.write_bytes(b"mine")
        with pytest.raises(SpecsrError, match=r"exists already and was kept.*overwrite"):
            write(path, Signal(noise(), 48000))
        assert path.read_bytes() == b"mine"
        write(path, Signal(noise(), 48000), overwrite=True)
        assert read(path).length == 1001
    with pytest.raises(SpecsrError, match="exists already"):
        write_map(tmp_path / "a.npz", make_map())
    with pytest.raises(SpecsrError, match="is a folder"):
        check_output(tmp_path)
    assert check_output(tmp_path / "new") == tmp_path / "new"
    (tmp_path / "file.wav").write_bytes(b"x")
    for below in ("b.wav", "c/d.wav"):
        with pytest.raises(SpecsrError, match=r"file\.wav is a file, not a folder"):
            check_output(tmp_path / "file.wav" / below)
