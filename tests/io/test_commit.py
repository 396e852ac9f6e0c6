"""Outputs under races, on other file systems, and after a power failure."""

from __future__ import annotations

import errno
import os
import stat
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from specsr.errors import SpecsrError
from specsr.io import check_output, commit, read, replacing, write
from specsr.io.atomic import check_outputs, together
from specsr.io.audio import audio_sink
from specsr.io.claim import claiming, is_claimed
from specsr.signal import Signal
from support.io_samples import noise


@pytest.fixture(params=["links", errno.EPERM, errno.EOPNOTSUPP])
def file_system(request, monkeypatch):
    """File systems with hard links, and without."""
    if request.param != "links":

        def refused(*names):
            raise OSError(request.param, os.strerror(request.param))

        monkeypatch.setattr(os, "link", refused)
    return request.param


def content(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


@pytest.mark.parametrize("foreign", ["main", "side", "link"])
def test_a_file_that_appears_during_the_work_is_kept(tmp_path, file_system, foreign):
    main, side = tmp_path / "a.wav", tmp_path / "a.wav.json"
    appeared = side if foreign == "side" else main
    with (
        pytest.raises(SpecsrError, match="appeared during the work and was kept") as error,
        replacing(main, side) as temps,
    ):
        for temp in temps:
            temp.write_bytes(b"new")
        if foreign == "link":
            main.symlink_to(tmp_path / "nothing")
        else:
            appeared.write_bytes(b"foreign")
    assert str(appeared) in str(error.value) and "\n" not in str(error.value)
    assert os.listdir(tmp_path) == [appeared.name]
    assert foreign == "link" or appeared.read_bytes() == b"foreign"


def test_a_sidecar_that_appears_is_not_taken_for_that_of_the_output(tmp_path):
    main, side = tmp_path / "a.wav", tmp_path / "a.wav.json"
    with pytest.raises(SpecsrError, match="appeared"), replacing(main, side) as temps:
        temps[0].write_bytes(b"new")
        side.write_bytes(b"foreign")
        os.utime(side)
    assert content(tmp_path) == {"a.wav.json": b"foreign"}


@pytest.mark.parametrize("companion", [False, True])
def test_of_two_jobs_into_one_name_one_wins(tmp_path, file_system, companion):
    paths = [tmp_path / "a.wav", tmp_path / "a.wav.json"][: 1 + companion]
    with (
        pytest.raises(SpecsrError, match="appeared during the work"),
        replacing(*paths) as slow,
    ):
        for temp in slow:
            temp.write_bytes(b"slow")
        with replacing(*paths) as fast:
            for temp in fast:
                temp.write_bytes(b"fast")
    assert content(tmp_path) == dict.fromkeys([path.name for path in paths], b"fast")


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


def test_of_many_jobs_at_once_one_wins(tmp_path, file_system):
    paths = [tmp_path / "a.wav", tmp_path / "a.wav.json"]
    together = threading.Barrier(6)

    def job(number: int) -> int | None:
        try:
            with replacing(*paths) as temps:
                for temp in temps:
                    temp.write_text(str(number))
                together.wait(60)
        except SpecsrError:
            return None
        return number

    with ThreadPoolExecutor(6) as pool:
        winners = [number for number in pool.map(job, range(6)) if number is not None]
    assert len(winners) == 1
    assert content(tmp_path) == dict.fromkeys([p.name for p in paths], str(winners[0]).encode())


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


def test_a_name_that_was_taken_only_for_a_moment_is_reported_as_the_main_one(tmp_path, monkeypatch):
    def taken(*names):
        raise FileExistsError(errno.EEXIST, "exists", str(names[1]))

    monkeypatch.setattr(os, "link", taken)
    with (
        pytest.raises(SpecsrError, match=r"a\.wav: appeared during the work"),
        replacing(tmp_path / "a.wav", tmp_path / "b.wav") as temps,
    ):
        for temp in temps:
            temp.write_bytes(b"new")
    assert content(tmp_path) == {}


@pytest.mark.skipif(not os.path.isdir("/proc/self/fd"), reason="needs the list of open files")
def test_no_file_stays_open(tmp_path):
    before = os.listdir("/proc/self/fd")
    for number in range(3):
        with replacing(tmp_path / "new" / f"{number}.txt") as [temp]:
            temp.write_bytes(b"new")
    assert len(os.listdir("/proc/self/fd")) == len(before)


def test_a_claim_is_that_of_the_main_file(tmp_path):
    mark, main, side = (tmp_path / name for name in ("claim", "a.wav", "a.wav.json"))
    with claiming(mark), replacing(main, side) as temps:
        for temp, text in zip(temps, (b"main", b"sidecar"), strict=True):
            temp.write_bytes(text)
    assert is_claimed(mark, main) and not is_claimed(mark, side)


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


def slow_renames(monkeypatch):
    """Job 1 renames both files between the two renames of job 0."""
    move = os.replace
    seconds = {("0", ".wav"): 0.1, ("1", ".json"): 0.05}

    def slow(source, target):
        time.sleep(seconds.get((Path(source).read_text(), Path(target).suffix), 0))
        move(source, target)

    monkeypatch.setattr(os, "replace", slow)


def replace_at_once(paths: list[Path], jobs: int) -> None:
    """Write the number of a job into all files, from several threads at once."""
    ready = threading.Barrier(jobs)

    def job(number: int) -> None:
        with replacing(*paths, overwrite=True) as temps:
            for temp in temps:
                temp.write_text(str(number))
            ready.wait(60)

    with ThreadPoolExecutor(jobs) as pool:
        list(pool.map(job, range(jobs)))


@pytest.mark.skipif(commit.fcntl is None, reason="needs locks of folders")
def test_the_files_of_two_jobs_that_replace_one_output_are_not_mixed(
    tmp_path, file_system, monkeypatch
):
    slow_renames(monkeypatch)
    paths = [tmp_path / "a.wav", tmp_path / "a.wav.json"]
    for _ in range(2):
        replace_at_once(paths, 2)
        assert len(set(content(tmp_path).values())) == 1 and len(content(tmp_path)) == 2


def test_an_output_in_two_folders_is_not_mixed(tmp_path, monkeypatch):
    slow_renames(monkeypatch)
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
    paths = [tmp_path / "one" / "a.wav", tmp_path / "two" / "a.json"]
    with ThreadPoolExecutor(2) as pool:  # the other way round: no wait for each other
        ends = [pool.submit(replace_at_once, p, 2) for p in (paths, paths[::-1])]
        for end in ends:
            end.result(60)
    assert paths[0].read_bytes() == paths[1].read_bytes()


@pytest.mark.parametrize("error", [OSError(errno.ENOLCK, "No locks available"), BlockingIOError()])
def test_a_folder_that_cannot_be_locked_is_no_error(tmp_path, monkeypatch, error):
    def refused(*_):
        raise error

    if commit.fcntl is not None:
        monkeypatch.setattr(commit.fcntl, "flock", refused)
    monkeypatch.setattr(commit, "LOCK_SECONDS", 0.05)
    with replacing(tmp_path / "a") as [temp]:
        temp.write_bytes(b"new")
    assert content(tmp_path) == {"a": b"new"}


def test_the_sidecar_of_a_job_that_was_faster_does_not_stay(tmp_path):
    """Neither job finds a sidecar at its start; the slow one writes none."""
    plain, calibrated = Signal(noise(), 48000), Signal(noise(seed=1), 48000, "Pa", full_scale=9.0)
    with audio_sink(tmp_path / "a.wav", plain, plain.length, overwrite=True) as add:
        add(plain)
        write(tmp_path / "a.wav", calibrated, overwrite=True)
        assert read(tmp_path / "a.wav").unit == "Pa"
    assert os.listdir(tmp_path) == ["a.wav"]
    assert read(tmp_path / "a.wav").samples.tobytes() == plain.samples.tobytes()
