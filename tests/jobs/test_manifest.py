"""The manifest of folder jobs: what it records, how it is read and written."""

from __future__ import annotations

import hashlib
import json
import os
from dataclasses import replace

import pytest

import specsr
from specsr.jobs import manifest
from specsr.jobs.manifest import NAME, Manifest, Record
from specsr.models.bundled import model_path
from support.command import run as specsr_command
from support.folder_jobs import recordings


def test_manifest_records_inputs_outputs_options_and_model(tmp_path, capsys):
    source, out = recordings(tmp_path / "in", "a", seconds=0.2), tmp_path / "out"
    (source / "b.wav").write_bytes(b"RIFF, but no more")
    code, _, err = specsr_command(capsys, "denoise", source, "-o", out, "--attenuation", 30)
    assert code == 1 and "--resume tries these again" in err
    lines = [json.loads(line) for line in (out / NAME).read_text().splitlines()]
    assert [line["state"] for line in lines] == ["started", "done", "started", "failed"]
    done, failed = lines[1], lines[3]
    found = (source / "a.wav").stat()
    assert done["input"] == str(source / "a.wav")
    assert done["read"] == {str(source / "a.wav"): [found.st_size, found.st_mtime_ns]}
    assert done["outputs"]["a.wav"][0] == (out / "a.wav").stat().st_size
    assert done["command"] == "denoise" and done["options"]["attenuation"] == 30
    assert done["model"] == "denoise"
    content = model_path("denoise").read_bytes()
    assert done["model_sha256"] == hashlib.sha256(content).hexdigest()
    assert done["seconds"] > 0 and done["error"] is None and done["pid"] == os.getpid()
    assert done["version"] == specsr.__version__
    assert "b.wav" in failed["error"] and failed["outputs"] == {"b.wav": None}


@pytest.mark.parametrize("line", ["[]", "1", "{}", '{"state": 1}', "\x00", "{" * 9000, '"x"'])
def test_invalid_manifest_lines_are_skipped(tmp_path, line):
    (tmp_path / NAME).write_text(line + "\n")
    assert manifest.read(tmp_path / NAME) == []


"""The command line, killed with two files done and the third one begun."""


def test_lines_are_flushed_and_so_is_the_name_of_a_new_manifest(tmp_path, monkeypatch):
    flushed = []
    real = os.fsync

    def recorded(handle):
        size = os.fstat(handle).st_size if os.path.isfile(f"/proc/self/fd/{handle}") else "folder"
        flushed.append(size)
        real(handle)

    monkeypatch.setattr(os, "fsync", recorded)
    log = Manifest(tmp_path / "new" / "deep")
    log.append(Record("started", "/in/a.wav", {}, {"a.wav": None}))
    first = log.path.stat().st_size
    assert flushed == [first, "folder"]  # the whole line is in the file before it is flushed
    log.append(Record("done", "/in/a.wav", {}, {"a.wav": [1, 2]}))
    assert flushed[2:] == [log.path.stat().st_size] and log.path.stat().st_size > first
    assert log.last == Manifest(log.folder).last


def test_an_output_that_became_a_link_counts_as_there(tmp_path):
    """Archives move files away and leave links; work that is done is not done again."""
    planned = Record("started", "/in/a.wav", {}, {"a.wav": None, "b.wav": None})
    log = Manifest(tmp_path)
    assert not log.is_done(planned) and not log.is_done(replace(planned, outputs={}))
    log.append(replace(planned, state="done", outputs={"a.wav": [1, 2], "b.wav": [1, 2]}))
    assert not log.is_done(planned)  # neither output exists
    (tmp_path / "a.wav").write_bytes(b"1")
    assert not log.is_done(planned)
    (tmp_path / "b.wav").symlink_to(tmp_path / "archive" / "b.wav")
    assert log.is_done(planned)
    for changes in ({"input": "/in/b.wav"}, {"command": "x"}, {"options": {"a": 1}}, {"read": {
        "/in/a.wav": [1, 2]}}, {"model_sha256": "0"}, {"outputs": {"a.wav": None}}):  # fmt: skip
        assert not log.is_done(replace(planned, **changes)), changes
    log.append(replace(planned, state="failed"))
    assert not log.is_done(planned)


def test_owned_outputs_are_those_written_here_and_unchanged(tmp_path):
    log = Manifest(tmp_path)
    output = tmp_path / "a.wav"
    assert not log.owns(output) and log.own_stamp(output) is None
    log.append(Record("started", "/in/a.wav", {}, {"a.wav": None}))
    assert log.owns(output) and log.own_stamp(output) is None
    output.write_bytes(b"123")
    log.append(Record("done", "/in/a.wav", {}, {"a.wav": manifest.stamp(output)}))
    found = output.stat()
    assert log.owns(output) and log.own_stamp(output) == [3, found.st_mtime_ns]
    os.utime(output, ns=(found.st_mtime_ns, found.st_mtime_ns + 1))
    assert not log.owns(output) and log.own_stamp(output) is None


def test_stamps_and_checksums_of_files(tmp_path):
    path, side, table = (tmp_path / name for name in ("a.wav", "a.wav.json", "speed.csv"))
    path.write_bytes(b"abc")
    assert list(manifest.stamps(path, table)) == [str(path), str(table)]
    assert manifest.stamps(path, table)[str(table)] is None
    side.write_text("{}")
    assert list(manifest.stamps(path)) == [str(path), str(side)]
    assert manifest.sha256(path) == hashlib.sha256(b"abc").hexdigest()
    large = b"x" * ((1 << 20) + 5)
    path.write_bytes(large)
    assert manifest.sha256(path) == hashlib.sha256(large).hexdigest()
    assert manifest.sha256(tmp_path / "missing") is None and manifest.sha256(tmp_path) is None


def test_a_manifest_that_cannot_be_read_or_written_is_reported(tmp_path):
    (tmp_path / NAME).mkdir()
    with pytest.raises(specsr.SpecsrError, match=f"{NAME}: cannot be read"):
        Manifest(tmp_path)
    log = Manifest(tmp_path / "later")
    (tmp_path / "later").write_bytes(b"")
    with pytest.raises(specsr.SpecsrError, match=f"{NAME}: could not be written"):
        log.append(Record("done", "/in/a.wav", {}, {"a.wav": None}))
    assert log.last == {}


def test_names_are_readable_in_the_manifest(tmp_path):
    log = manifest.Manifest(tmp_path)
    log.append(manifest.Record("done", "/Prüfstand µ.wav", {}, {}))
    assert "/Prüfstand µ.wav" in log.path.read_text(encoding="utf-8")
    assert manifest.read(log.path)[0].input == "/Prüfstand µ.wav"
