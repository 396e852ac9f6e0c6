"""Outputs of several jobs that write one name, and files that appear during the work."""

from __future__ import annotations

import errno
import os
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from specsr.errors import SpecsrError
from specsr.io import commit, read, replacing, write
from specsr.io.audio import audio_sink
from specsr.io.claim import claiming, is_claimed
from specsr.signal import Signal
from support.io_samples import noise
from support.outputs import content


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


def test_a_claim_is_that_of_the_main_file(tmp_path):
    mark, main, side = (tmp_path / name for name in ("claim", "a.wav", "a.wav.json"))
    with claiming(mark), replacing(main, side) as temps:
        for temp, text in zip(temps, (b"main", b"sidecar"), strict=True):
            temp.write_bytes(text)
    assert is_claimed(mark, main) and not is_claimed(mark, side)


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
