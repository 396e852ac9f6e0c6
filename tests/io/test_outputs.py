"""Which files may be outputs, and several outputs that appear together."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from specsr.errors import SpecsrError
from specsr.io import check_output, replacing, write
from specsr.io.atomic import check_outputs, together
from specsr.signal import Signal
from support.io_samples import noise
from support.outputs import content


def test_a_link_to_a_missing_file_is_refused_and_filled_with_overwrite(tmp_path):
    link, target = tmp_path / "link.npy", tmp_path / "target.npy"
    link.symlink_to(target)
    with pytest.raises(SpecsrError, match=r"is a link to the missing file .*target\.npy"):
        check_output(link)
    with pytest.raises(SpecsrError, match="is a link to the missing file"):
        write(link, Signal(noise(), 48000))
    assert not target.exists()
    write(link, Signal(noise(), 48000), overwrite=True)
    assert link.is_symlink() and target.is_file() and not target.is_symlink()


def test_devices_are_no_outputs(tmp_path):
    os.mkfifo(tmp_path / "pipe.txt")
    for overwrite in (False, True):
        with pytest.raises(SpecsrError, match="is not a regular file"):
            check_output(tmp_path / "pipe.txt", overwrite)


@pytest.mark.parametrize("how", ["itself", "other spelling", "symlink", "hard link", "sidecar"])
def test_an_input_is_no_output(tmp_path, how):
    source = tmp_path / "a.wav"
    write(source, Signal(noise(), 48000, "Pa"))
    output = tmp_path / "b.wav"
    if how == "itself":
        output = source
    elif how == "other spelling":
        output = tmp_path / "." / "x" / ".." / "a.wav"
        (tmp_path / "x").mkdir()
    elif how == "symlink":
        output.symlink_to(source)
    elif how == "hard link":
        output.hardlink_to(source)
    else:
        output = tmp_path / "a.wav.json"
    for overwrite in (False, True):
        with pytest.raises(SpecsrError, match=r"is the input itself.*choose another output"):
            check_outputs([output], [source], overwrite)
    check_outputs([tmp_path / "c.wav"], [source])


def test_an_output_is_named_once(tmp_path):
    (tmp_path / "folder").symlink_to(tmp_path)
    for other in (tmp_path / "a.npz", tmp_path / "folder" / "a.npz"):
        with pytest.raises(SpecsrError, match="is named twice as output"):
            check_outputs([tmp_path / "a.npz", other])
    check_outputs([tmp_path / "a.npz", tmp_path / "b.npz"])


def test_a_link_to_a_file_that_is_there_counts_as_that_file(tmp_path):
    target, link = tmp_path / "target.npy", tmp_path / "link.npy"
    target.write_bytes(b"old")
    link.symlink_to(target)
    with pytest.raises(SpecsrError, match=r"link\.npy: exists already and was kept"):
        check_output(link)
    assert check_output(link, overwrite=True) == link and target.read_bytes() == b"old"
    with pytest.raises(SpecsrError, match="is a folder"):
        check_output(tmp_path, overwrite=True)


def test_leftovers_of_killed_jobs_go_from_the_folders_of_the_outputs(tmp_path):
    with replacing(tmp_path / "a.txt") as [temp]:
        temp.write_bytes(b"1")
        name = temp.name
    dead = max(int(p.name) for p in Path("/proc").iterdir() if p.name.isdigit()) + 100_000
    left = tmp_path / name.replace(str(os.getpid()), str(dead))
    left.write_bytes(b"half")
    os.utime(left, (0, 0))
    assert left.name != name
    check_outputs([tmp_path / "b.txt", tmp_path / "missing" / "c.txt"])
    assert content(tmp_path) == {"a.txt": b"1"}


def test_outputs_that_exist_are_refused_unless_they_may_be_replaced(tmp_path):
    (tmp_path / "b.txt").write_bytes(b"old")
    outputs = [tmp_path / "a.txt", tmp_path / "b.txt"]
    for more in ({}, {"overwrite": False}):
        with pytest.raises(SpecsrError, match=r"b\.txt: exists already"):
            check_outputs(outputs, **more)
    check_outputs(outputs, overwrite=True)
    assert content(tmp_path) == {"b.txt": b"old"}


def test_outputs_appear_together(tmp_path):
    old = tmp_path / "b.wav"
    old.write_bytes(b"old")
    with together() as outputs:
        for name in ("new/a.wav", "b.wav"):
            path = tmp_path / name
            with replacing(path, path.with_suffix(".json"), overwrite=True) as temps:
                for temp in temps:
                    temp.write_bytes(b"new")
        assert not (tmp_path / "new" / "a.wav").exists() and old.read_bytes() == b"old"
        assert outputs.commit() == []
    assert content(tmp_path / "new") == {"a.wav": b"new", "a.json": b"new"}
    assert old.read_bytes() == (tmp_path / "b.json").read_bytes() == b"new"
    assert sorted(os.listdir(tmp_path)) == ["b.json", "b.wav", "new"]


def test_outputs_that_are_not_committed_leave_nothing(tmp_path):
    with pytest.raises(KeyboardInterrupt), together():
        for name in ("a.wav", "b.wav"):
            with replacing(tmp_path / "new" / "deep" / name) as [temp]:
                temp.write_bytes(b"new")
        raise KeyboardInterrupt
    with together(), replacing(tmp_path / "a.wav") as [temp]:
        temp.write_bytes(b"new")
    assert os.listdir(tmp_path) == []
    with replacing(tmp_path / "a.wav") as [temp]:
        temp.write_bytes(b"new")
    assert content(tmp_path) == {"a.wav": b"new"}


def test_an_output_that_cannot_appear_stops_no_other(tmp_path):
    with together() as outputs:
        for name in "abc":
            with replacing(tmp_path / name) as [temp]:
                temp.write_bytes(b"new")
        (tmp_path / "b").write_bytes(b"foreign")
        errors = outputs.commit()
    assert len(errors) == 1 and f"{tmp_path / 'b'}: appeared during the work" in errors[0]
    assert content(tmp_path) == {"a": b"new", "b": b"foreign", "c": b"new"}


def test_a_full_disk_is_noticed_before_any_output_appears(tmp_path, monkeypatch):
    def full(path):
        raise OSError(errno.ENOSPC, "No space left on device")

    with (
        pytest.raises(SpecsrError, match="a: could not be written .No space left"),
        together(),
        monkeypatch.context() as patch,
    ):
        patch.setattr("specsr.io.atomic.sync_file", full)
        with replacing(tmp_path / "a") as [temp]:
            temp.write_bytes(b"new")
    assert os.listdir(tmp_path) == []
