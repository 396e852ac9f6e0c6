"""Outputs of jobs: files of others are kept, inputs are never replaced, changes are noticed."""

from __future__ import annotations

import json
import os
import platform
from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np
import pytest
import torch

import specsr
from specsr.io import stream
from specsr.io.snapshot import snapshot
from specsr.jobs import cluster, manifest
from specsr.jobs.images import Enlarge
from specsr.jobs.manifest import NAME, Record
from specsr.jobs.options import Batch
from specsr.jobs.plan import plan
from specsr.jobs.task import Task, attempt
from specsr.models.model import save_model
from support.command import run as specsr_command
from support.folder_jobs import Gain, go, recordings


@dataclass(frozen=True)
class Meddled(Gain):
    """A gain during which a file appears or changes."""

    meddled: str = ""
    text: str = "foreign"
    command: ClassVar[str] = "meddled"

    def __call__(self, task: Task):
        result = super().__call__(task)
        if self.meddled:
            with open(self.meddled, "a") as file:
                file.write(self.text)
        return result


@pytest.fixture
def meddled(tmp_path) -> Meddled:
    (tmp_path / "tries").mkdir()
    return Meddled(str(tmp_path / "tries"))


def test_a_file_that_appears_during_a_job_is_kept_and_not_claimed(tmp_path, meddled):
    source, out = recordings(tmp_path / "in", "a"), tmp_path / "out"
    work = replace(meddled, meddled=str(out / "a.wav"))
    failed, _, wrong = go(source, out, work)
    assert failed == 1 and "out/a.wav: exists already and was kept" in wrong[0]
    assert sorted(os.listdir(out)) == ["a.wav", NAME]
    assert manifest.read(out / NAME)[-1].outputs == {"a.wav": None}
    # nor replaced when the job is resumed
    with pytest.raises(specsr.SpecsrError, match="exists already and was kept"):
        go(source, out, meddled, resume=True)
    assert (out / "a.wav").read_text() == "foreign"
    assert go(source, out, meddled, resume=True, overwrite=True)[0] == 0


def test_an_own_output_stays_own_after_a_failure(tmp_path, meddled):
    source, out = recordings(tmp_path / "in", "a"), tmp_path / "out"
    assert go(source, out, meddled)[0] == 0
    changing = replace(meddled, meddled=str(source / "a.wav"))
    assert go(source, out, changing, resume=True)[0] == 1
    assert specsr.read(out / "a.wav").length > 0
    recordings_again = specsr.Signal(np.ones((1, 500), np.float32), 24000.0, "1")
    specsr.write(source / "a.wav", recordings_again, overwrite=True)
    assert go(source, out, meddled, resume=True)[0] == 0
    assert specsr.read(out / "a.wav").length == 500


@pytest.mark.parametrize("part", ["input", "sidecar", "model"])
def test_an_input_that_changes_during_the_work_is_an_error(tmp_path, meddled, part):
    source = recordings(tmp_path / "in", "a") / "a.wav"
    model = tmp_path / "m.bin"
    model.write_bytes(b"weights")
    path = {"input": source, "sidecar": tmp_path / "in" / "a.wav.json", "model": model}[part]
    work = replace(meddled, meddled=str(path), model=str(model))
    record = attempt(work, Task(source, (tmp_path / "b.wav",)))
    assert record.state == "failed" and record.error is not None
    assert record.error.startswith(f"{path}: changed while it was read")
    assert "\n" not in record.error and not (tmp_path / "b.wav").exists()


def test_an_error_of_a_changed_input_names_the_change(tmp_path, meddled):
    source = recordings(tmp_path / "in", "mistake") / "mistake.wav"

    @dataclass(frozen=True)
    class Removed(Gain):
        def __call__(self, task: Task):
            task.file.unlink()
            return super().__call__(task)

    record = attempt(Removed(meddled.tries), Task(source, (tmp_path / "b.wav",)))
    assert record.error is not None and "changed while it was read" in record.error
    assert "now missing" in record.error


def test_a_file_of_the_same_size_with_another_time_or_inode_has_changed(tmp_path):
    path = tmp_path / "a.wav"
    path.write_bytes(b"one")
    os.utime(path, (5, 5))
    before = snapshot([path])
    before.check()
    os.utime(path, (6, 6))
    with pytest.raises(specsr.SpecsrError, match="changed while it was read"):
        before.check()
    before = snapshot([path])
    (tmp_path / "b").write_bytes(b"two")
    os.utime(tmp_path / "b", (6, 6))
    os.replace(tmp_path / "b", path)
    with pytest.raises(specsr.SpecsrError, match="changed while it was read"):
        before.check()


@pytest.mark.parametrize("suffix", [".wav", ".npz", ".h5"])
def test_a_streamed_input_that_changes_is_an_error(tmp_path, monkeypatch, capsys, suffix):
    source = recordings(tmp_path / "in", "a", seconds=1.0) / "a.wav"
    cut = stream.Recording.cut

    def growing(self, first, last):
        signal = cut(self, first, last)
        if last > 1:  # not the first look at the file
            with open(source, "ab") as file:
                file.write(b"\0" * 8)
        return signal

    monkeypatch.setattr(stream.Recording, "cut", growing)
    command = "spectrogram" if suffix != ".wav" else "denoise"
    out = tmp_path / f"out{suffix}"
    code, _, err = specsr_command(capsys, command, source, "-o", out, "--segment", 0.2)
    assert code == 1 and err == (
        f"error: {source}: changed while it was read ({err.split('(')[1].split(')')[0]}): wait "
        "until it is complete, and run again\n"
    )
    assert sorted(os.listdir(tmp_path)) == ["in"]


def test_an_output_folder_inside_the_input_is_no_input(tmp_path, meddled):
    source = recordings(tmp_path / "in", "a", "b")
    recordings(source / "deep", "c")
    (tmp_path / "link").symlink_to(source)
    for out, options in (
        (source / "out", {}), (source / "out", {"resume": True}),
        (tmp_path / "link" / "out", {"overwrite": True}),
    ):  # fmt: skip
        assert go(source, out, meddled, **options)[0] == 0
        found = sorted(str(p.relative_to(out)) for p in out.rglob("*.wav"))
        assert found == ["a.wav", "b.wav", "deep/c.wav"]
    with pytest.raises(specsr.SpecsrError, match="is the input itself"):
        plan([source], [source], None, Batch(overwrite=True))


def test_images_of_an_output_folder_are_no_inputs(tmp_path):
    for name in ("a.png", "out/a.png"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        specsr.write_image(tmp_path / name, np.zeros((8, 9), np.uint8))
    todo = plan([tmp_path], [tmp_path / "out"], None, Batch(overwrite=True), images=True)
    assert [file for file, _ in todo.files] == [tmp_path / "a.png"]


@pytest.mark.parametrize(
    "text, images, name",
    [("npz", False, "a.npz"), (".FLAC", False, "a.FLAC"), ("jpg", True, "a.jpg")],
)
def test_a_suffix_is_taken_without_its_dot(tmp_path, text, images, name):
    source = recordings(tmp_path / "in", "a")
    specsr.write_image(source / "a.png", np.zeros((8, 9), np.uint8))
    todo = plan([source], [tmp_path / "out"], text, Batch(), images=images)
    assert [targets for _, targets in todo.files] == [(tmp_path / "out" / name,)]


@pytest.mark.parametrize("text", ["foo", ".foo", "./a", ".", "", "wav/", "jpg"])
@pytest.mark.parametrize("command", ["denoise", "spectrogram", "upscale"])
def test_a_suffix_of_no_format_is_one_line_before_anything_is_read(tmp_path, capsys, command, text):
    missing = tmp_path / "missing"
    code, _, err = specsr_command(
        capsys, command, missing, "-o", tmp_path / "out", "--suffix", text
    )
    assert code == 1 and len(err.splitlines()) == 1 and ".npz" in err
    assert err.startswith(f"error: --suffix is {text!r}: expected one of .wav")


def test_the_output_of_one_input_is_not_another_input(tmp_path):
    source = recordings(tmp_path / "in", "a", "b")
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "a.wav").hardlink_to(source / "b.wav")
    with pytest.raises(specsr.SpecsrError, match=r"out/a\.wav: is the input itself .*b\.wav"):
        plan([source], [tmp_path / "out"], None, Batch(overwrite=True))


def test_the_environment_is_recorded_but_does_not_make_a_result_outdated(tmp_path, capsys):
    source, out = recordings(tmp_path / "in", "a", seconds=0.2), tmp_path / "out"
    command = ("denoise", source, "-o", out, "--device", "cpu")
    assert specsr_command(capsys, *command)[0] == 0
    lines = [json.loads(line) for line in (out / NAME).read_text().splitlines()]
    found = lines[-1]["environment"]
    assert found.pop("processor")
    assert found == {
        "specsr": specsr.__version__, "python": platform.python_version(),
        "numpy": np.__version__, "torch": torch.__version__,
        "threads": torch.get_num_threads(), "precision": "float32", "device": "cpu",
    }  # fmt: skip
    threads = torch.get_num_threads()
    torch.set_num_threads(threads + 1)
    try:
        assert "1 of 1 are done already" in specsr_command(capsys, *command, "--resume")[2]
    finally:
        torch.set_num_threads(threads)
    assert "tone" not in lines[-1]["options"]["reading"]


def test_a_manifest_without_environment_is_read(tmp_path):
    old = {"state": "done", "input": "/a.wav", "read": {}, "outputs": {"a.wav": None}}
    (tmp_path / NAME).write_text(json.dumps(old) + "\n")
    assert manifest.read(tmp_path / NAME)[0].environment == {}
    assert Record("done", "/a.wav", {}, {}, environment={"threads": 1}).made_as(
        Record("done", "/a.wav", {}, {}, environment={"threads": 2})
    )


def test_the_name_of_a_new_manifest_is_flushed(tmp_path, monkeypatch):
    flushed = []
    real = os.fsync
    monkeypatch.setattr(os, "fsync", lambda n: (flushed.append(os.fstat(n).st_ino), real(n))[1])
    log = manifest.Manifest(tmp_path)
    log.append(Record("started", "/a.wav", {}, {}))
    log.append(Record("done", "/a.wav", {}, {}))
    file = log.path.stat().st_ino
    assert flushed == [file, tmp_path.stat().st_ino, file]


def test_an_output_of_a_worker_that_died_is_replaced_and_no_other(tmp_path, meddled):
    """The worker dies after its output appeared; another one is given the same task."""
    source = recordings(tmp_path / "in", "a") / "a.wav"
    task = Task(source, (tmp_path / "b.wav",), claim=tmp_path / "claim")
    first = cluster.remote(meddled, task, specsr.__version__)
    assert first.error is None
    assert cluster.remote(meddled, task, specsr.__version__).error is None
    unclaimed = cluster.remote(meddled, replace(task, claim=None), specsr.__version__)
    assert unclaimed.error is not None and "exists already and was kept" in unclaimed.error
    (tmp_path / "b.wav").write_bytes(b"foreign")
    other = cluster.remote(meddled, task, specsr.__version__)
    assert other.error is not None and "exists already and was kept" in other.error
    assert (tmp_path / "b.wav").read_bytes() == b"foreign"


def test_a_replaced_model_file_is_read_again(tmp_path):
    specsr.write_image(tmp_path / "a.png", np.full((8, 9, 3), 99, np.uint8))
    model = specsr.load_model("image-x2")
    outputs = []
    for name in ("a", "b"):
        save_model(tmp_path / "m.safetensors", model, overwrite=True)
        task = Task(tmp_path / "a.png", (tmp_path / f"{name}x2.png",))
        assert attempt(Enlarge(2, str(tmp_path / "m.safetensors")), task).error is None
        outputs.append(task.targets[0].read_bytes())
        for parameter in model.net.parameters():
            parameter.data.zero_()
    assert outputs[0] != outputs[1]
