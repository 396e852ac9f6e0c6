"""Outputs after an interrupt, on other file systems, and after a power failure."""

from __future__ import annotations

import errno
import os
import stat

import numpy as np
import pytest

from specsr.errors import SpecsrError
from specsr.io import read, replacing, write
from specsr.signal import Signal
from support.io_samples import noise
from support.outputs import content


def test_outputs_appear_complete_on_any_file_system(tmp_path, file_system):
    for overwrite in (False, True):
        signal = Signal(noise(seed=int(overwrite)), 48000, "Pa")
        write(tmp_path / "a.wav", signal, overwrite=overwrite)
        np.testing.assert_array_equal(read(tmp_path / "a.wav").samples, signal.samples)
        assert sorted(os.listdir(tmp_path)) == ["a.wav", "a.wav.json"]


@pytest.mark.parametrize("overwrite", [False, True])
@pytest.mark.parametrize("call", ["link", "replace", "unlink", "fsync"])
@pytest.mark.parametrize("failure", [KeyboardInterrupt, OSError(errno.EIO, "Input/output error")])
def test_an_interrupt_at_any_step_leaves_all_files_as_they_were(
    tmp_path, monkeypatch, overwrite, call, failure
):
    """Before and after each call of the system, one after the other."""
    for late in (False, True):
        for at in range(12):
            folder = tmp_path / f"{late}{at}"
            folder.mkdir()
            main, side = folder / "a.wav", folder / "a.wav.json"
            if overwrite:
                main.write_bytes(b"old")
                side.write_bytes(b"old side")
            before = content(folder)
            real, count = getattr(os, call), 0

            def failing(*args, real=real, at=at, late=late):
                nonlocal count
                count += 1
                if count - 1 != at:
                    return real(*args)
                if late:
                    real(*args)
                raise failure

            ended = False
            with monkeypatch.context() as patch:
                patch.setattr(os, call, failing)
                try:
                    with replacing(main, side, overwrite=overwrite) as temps:
                        for temp in temps:
                            temp.write_bytes(b"new")
                    ended = True
                except (KeyboardInterrupt, SpecsrError):
                    pass
            after = content(folder)
            new = {"a.wav": b"new", "a.wav.json": b"new"}
            if call == "unlink":  # also of temporary files, when all is in place
                after = {name: text for name, text in after.items() if name in new}
                assert after in (before, new)
            else:
                assert after == (new if ended else before), (late, at)
                # a file that cannot be linked before it is replaced is copied
                assert not ended or count <= at or (overwrite and call == "link")


@pytest.mark.parametrize("overwrite", [False, True])
def test_files_and_folder_are_flushed_in_order(tmp_path, monkeypatch, overwrite):
    """Contents before the names; the folder after them; the parents of new folders."""
    folder = tmp_path / "new" / "deep"
    main, side = folder / "a.wav", folder / "a.wav.json"
    if overwrite:
        folder.mkdir(parents=True)
        main.write_bytes(b"old")
    flushed = []
    real = os.fsync

    def recorded(handle):
        found = os.fstat(handle)
        kind = "folder" if stat.S_ISDIR(found.st_mode) else "file"
        flushed.append((kind, found.st_ino, main.exists() and main.read_bytes() == b"new"))
        real(handle)

    monkeypatch.setattr(os, "fsync", recorded)
    with replacing(main, side, overwrite=overwrite) as temps:
        for temp in temps:
            temp.write_bytes(b"new")
    expected = [
        ("file", main.stat().st_ino, False), ("file", side.stat().st_ino, False),
        ("folder", folder.stat().st_ino, True),
    ]  # fmt: skip
    if not overwrite:
        parents = (tmp_path, tmp_path / "new")
        expected += [("folder", parent.stat().st_ino, True) for parent in parents]
    assert flushed == expected


def test_a_file_system_that_cannot_flush_folders_is_no_error(tmp_path, monkeypatch):
    real = os.fsync

    def refusing(handle):
        if stat.S_ISDIR(os.fstat(handle).st_mode):
            raise OSError(errno.EINVAL, "Invalid argument")
        real(handle)

    monkeypatch.setattr(os, "fsync", refusing)
    with replacing(tmp_path / "a.txt") as [temp]:
        temp.write_bytes(b"new")
    assert content(tmp_path) == {"a.txt": b"new"}


def test_new_folders_are_removed_after_a_failure(tmp_path):
    with pytest.raises(KeyboardInterrupt), replacing(tmp_path / "new" / "deep" / "a.txt"):
        raise KeyboardInterrupt
    assert os.listdir(tmp_path) == []


@pytest.mark.skipif(not os.path.isdir("/proc/self/fd"), reason="needs the list of open files")
def test_no_file_stays_open(tmp_path):
    before = os.listdir("/proc/self/fd")
    for number in range(3):
        with replacing(tmp_path / "new" / f"{number}.txt") as [temp]:
            temp.write_bytes(b"new")
    assert len(os.listdir("/proc/self/fd")) == len(before)
