"""Folder jobs that are resumed: what is skipped, what is done again, what stays."""

from __future__ import annotations

import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import specsr
from specsr.jobs import manifest
from specsr.jobs.manifest import NAME, Manifest, Record
from support.command import run as specsr_command
from support.folder_jobs import Gain, go, recordings, states, tries

ROOT = Path(__file__).parents[2]


@pytest.fixture
def job(tmp_path: Path) -> tuple[Path, Path, Gain]:
    """Return a folder of three recordings, the output folder of a finished job, and its work."""
    source = recordings(tmp_path / "in", "a", "b", "c")
    (tmp_path / "tries").mkdir()
    work = Gain(str(tmp_path / "tries"))
    assert go(source, tmp_path / "out", work)[0] == 0
    return source, tmp_path / "out", work


def test_finished_files_are_skipped(job):
    source, out, work = job
    before = {p.name: p.stat().st_mtime_ns for p in out.glob("*.wav")}
    failed, said, _ = go(source, out, work, resume=True)
    assert failed == 0 and said == ["3 of 3 are done already"]
    assert before == {p.name: p.stat().st_mtime_ns for p in out.glob("*.wav")}
    # the folder may have moved
    moved = out.rename(out.with_name("moved"))
    assert go(source, moved, work, resume=True)[1] == ["3 of 3 are done already"]


@pytest.mark.parametrize("change", ["input", "sidecar", "output gone", "options", "model"])
def test_outdated_files_are_processed_again(job, change, tmp_path):
    source, out, work = job
    expected = {"b"}
    if change == "input":
        other = specsr.read(source / "c.wav")
        specsr.write(source / "b.wav", other, overwrite=True)
    elif change == "sidecar":
        (source / "b.wav.json").write_text('{"format": "specsr-signal", "unit": "Pa"}')
    elif change == "output gone":
        (out / "b.wav").unlink()
    elif change == "options":
        work, expected = replace(work, gain=3.0), {"a", "b", "c"}
    else:
        work, expected = replace(work, model=str(tmp_path / "m")), {"a", "b", "c"}
        (tmp_path / "m").write_bytes(b"first")
        assert go(source, out, work, resume=True)[1][0] == "0 of 3 are done already"
        assert go(source, out, work, resume=True)[1] == ["3 of 3 are done already"]
        (tmp_path / "m").write_bytes(b"other")
    failed, said, _ = go(source, out, work, resume=True)
    assert failed == 0 and said[0] == f"{3 - len(expected)} of 3 are done already"
    assert {Path(s.split(" -> ")[0]).stem for s in said if "->" in s} == expected
    for path in source.glob("*.wav"):
        made, given_ = specsr.read(out / path.name), specsr.read(path)
        np.testing.assert_array_equal(made.samples, work.gain * given_.samples)
        assert made.unit == given_.unit
    assert go(source, out, work, resume=True)[1] == ["3 of 3 are done already"]


def test_failed_files_are_processed_again(tmp_path):
    source, out = recordings(tmp_path / "in", "a", "mistake"), tmp_path / "out"
    (tmp_path / "tries").mkdir()
    work = Gain(str(tmp_path / "tries"))
    assert go(source, out, work)[0] == 1
    assert states(out) == [("a", "done"), ("mistake", "failed")]
    assert go(source, out, work, resume=True)[0] == 1
    assert (tries(tmp_path / "tries", "a"), tries(tmp_path / "tries", "mistake")) == (1, 2)


@pytest.mark.parametrize("whose", ["edited", "put there"])
def test_files_of_others_are_never_replaced(job, whose):
    source, out, work = job
    if whose == "edited":
        (out / "b.wav").write_bytes(b"mine")
    else:
        recordings(source, "d")
        (out / "d.wav").write_bytes(b"mine")
    work = replace(work, gain=3.0)
    name = {"edited": "b", "put there": "d"}[whose]
    with pytest.raises(specsr.SpecsrError, match=f"{name}.wav: exists already and was kept"):
        go(source, out, work, resume=True)
    assert (out / f"{name}.wav").read_bytes() == b"mine"
    assert go(source, out, work, resume=True, overwrite=True)[0] == 0
    assert (out / f"{name}.wav").read_bytes() != b"mine"


def test_unlogged_output_of_a_killed_job_is_replaced(job):
    source, out, work = job
    lines = (out / NAME).read_text().splitlines(keepends=True)
    (out / NAME).write_text("".join(lines[:-1]))  # killed between the output and its line
    assert go(source, out, work, resume=True)[1][0] == "2 of 3 are done already"


@given(st.lists(st.sampled_from(["done", "failed"]), max_size=6), st.floats(0, 1))
def test_truncated_manifest_keeps_its_complete_lines(tmp_path_factory, ends, part):
    folder = tmp_path_factory.mktemp("torn")
    log = Manifest(folder)
    records = [
        Record(state, f"/in/{i} \N{GREEK SMALL LETTER MU}.wav", {}, {f"{i}.wav": [1, 2]})
        for i, state in enumerate(ends)
    ]
    for record in records:
        log.append(record)
    content = log.path.read_bytes() if records else b""
    cut = round(part * len(content))
    log.path.write_bytes(content[:cut])
    whole = content[:cut].count(b"\n")
    # a line without its newline is complete too
    assert manifest.read(log.path)[:whole] == records[:whole]
    last = Record("done", "/in/last.wav", {}, {"last.wav": [3, 4]})
    Manifest(folder).append(last)
    again = manifest.read(log.path)
    assert again[:whole] == records[:whole] and again[-1] == last and len(again) <= whole + 2


def test_resume_and_cluster_need_an_output_folder(tmp_path, capsys):
    path = recordings(tmp_path / "in", "a") / "a.wav"
    for option in (["--resume"], ["--cluster", "local:2"]):
        code, _, err = specsr_command(
            capsys, "denoise", path, "-o", tmp_path / "x.wav", *option
        )  # fmt: skip
        assert code == 1 and f"{option[0]} is for jobs into a folder" in err


def test_image_and_spectrogram_jobs_are_resumed(tmp_path, capsys):
    source = recordings(tmp_path / "in", "a", "b")
    for _ in range(2):
        code, _, err = specsr_command(
            capsys, "spectrogram", source, "-o", tmp_path / "maps", "--resume"
        )
        assert code == 0
    assert "2 of 2 are done already" in err
    (tmp_path / "images").mkdir()
    for name in "ab":
        image = np.zeros((8, 9, 3), np.uint8)
        specsr.write_image(tmp_path / "images" / f"{name}.png", image)
    for _ in range(2):
        code, _, err = specsr_command(
            capsys, "upscale", tmp_path / "images", "-o", tmp_path / "large", "--resume"
        )
        assert code == 0, err
    assert "2 of 2 are done already" in err
    assert manifest.read(tmp_path / "large" / NAME)[-1].model == "image-x2"


KILLED_IN_THE_THIRD = """
import os, signal
from specsr.cli.app import main
from specsr.jobs import run

attempt, begun = run.attempt, []

def killed(work, task):
    begun.append(task)
    return os.kill(os.getpid(), signal.SIGKILL) if len(begun) == 3 else attempt(work, task)

run.attempt = killed
main()
"""


@pytest.mark.slow
def test_killed_command_is_resumed(tmp_path, capsys):
    source, out = recordings(tmp_path / "in", *"abcd", seconds=1.0), tmp_path / "out"
    command = [sys.executable, "-c", KILLED_IN_THE_THIRD, "denoise", str(source), "-o", str(out)]
    killed = subprocess.run(command, cwd=ROOT, stderr=subprocess.DEVNULL)
    assert killed.returncode == -signal.SIGKILL
    done = [name for name, state in states(out) if state == "done"]
    assert len(done) == 2
    before = {name: (out / f"{name}.wav").stat().st_mtime_ns for name in done}
    code, _, err = specsr_command(capsys, "denoise", source, "-o", out, "--resume")
    assert code == 0 and f"{len(done)} of 4 are done already" in err
    assert states(out) == [(name, "done") for name in "abcd"]
    assert before == {name: (out / f"{name}.wav").stat().st_mtime_ns for name in done}
    assert all(specsr.read(out / f"{name}.wav").length == 24000 for name in "abcd")
