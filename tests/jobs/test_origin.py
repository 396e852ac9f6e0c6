"""Outputs of a job hold what they depend on; they appear together, from unchanged inputs."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import numpy as np
import pytest
import torch

import specsr
from specsr.io.file_info import read_origin
from specsr.io.origin import stated
from specsr.io.snapshot import snapshot
from specsr.jobs.options import Figure, Reading, Speed
from specsr.jobs.task import Task, attempt
from specsr.models.bundled import model_file
from support.command import run as specsr_command
from support.folder_jobs import Gain, recordings


@pytest.fixture
def source(tmp_path) -> Path:
    return recordings(tmp_path / "in", "a", seconds=0.4) / "a.wav"


@pytest.fixture
def gain(tmp_path) -> Gain:
    (tmp_path / "tries").mkdir()
    return Gain(str(tmp_path / "tries"))


def test_a_denoised_recording_names_model_versions_and_options(tmp_path, source, capsys):
    model = model_file(None, "denoise", (1, 1))
    outputs = [tmp_path / name for name in ("a.wav", "a.npz", "a.csv", "a.h5")]
    words = [word for output in outputs for word in ("-o", output)]
    code, _, err = specsr_command(
        capsys, "denoise", source, *words, "--device", "cpu", "--attenuation", 30
    )
    assert code == 0, err
    found = [read_origin(output) for output in outputs]
    assert found[1:] == found[:1] * 3
    [first, *_] = found
    assert first.pop("processor") and len(first.pop("model_sha256")) == 64
    options = first.pop("options")
    assert first.pop("model") == model.stem and options["attenuation"] == 30
    assert options["options"]["segment"] == 20 and "figure" not in options
    assert first.keys() == {
        "command", "specsr", "python", "numpy", "torch", "threads", "precision", "device"
    }  # fmt: skip
    assert first["command"] == "denoise" and first["torch"] == torch.__version__
    assert (first["threads"], first["precision"]) == (torch.get_num_threads(), "float32")
    code, out, _ = specsr_command(capsys, "info", outputs[0])
    assert f"  origin: denoise, model {model.stem}, model_sha256 " in out
    code, out, _ = specsr_command(capsys, "info", outputs[1], "--json")
    assert json.loads(out)["result"]["files"][0]["origin"]["specsr"] == specsr.__version__
    code, out, _ = specsr_command(capsys, "info", source, "--json")
    assert json.loads(out)["result"]["files"][0]["origin"] is None


def test_a_map_made_by_bicubic_interpolation_names_it(tmp_path, source, capsys):
    output = tmp_path / "fine.npz"
    code, _, err = specsr_command(
        capsys, "upscale", source, "-o", output, "--pair", "pool", "--model", "bicubic"
    )
    assert code == 0, err
    found = read_origin(output)
    assert found["model"] == "bicubic" and "model_sha256" not in found
    assert "model" not in found["options"]
    code, _, err = specsr_command(
        capsys, "upscale", source, "-o", tmp_path / "x.npz", "--pair", "pool", "--model",
        "bicubic", "--orders", "3.57",
    )  # fmt: skip
    assert code == 1 and "bicubic interpolation has no orders" in err


def test_the_bytes_depend_on_no_folder(tmp_path, source, capsys):
    written = []
    for name in ("first", "second"):
        folder = tmp_path / name
        folder.mkdir()
        own = folder / "a.wav"
        own.write_bytes(source.read_bytes())
        model = folder / "own.safetensors"
        model.write_bytes(model_file(None, "denoise", (1, 1)).read_bytes())
        words = ["-o", folder / "b.wav", "-o", folder / "b.npz", "--model", model]
        assert specsr_command(capsys, "denoise", own, *words)[0] == 0
        content = [(folder / n).read_bytes() for n in ("b.wav", "b.wav.json", "b.npz")]
        assert not any(str(tmp_path).encode() in each for each in content)
        assert read_origin(folder / "b.npz")["model"] == "own"
        written.append(content)
    assert written[0] == written[1]


def test_a_recording_in_segments_holds_the_same_origin_as_a_whole_one(tmp_path, capsys):
    source = recordings(tmp_path / "in", "a", seconds=1.0) / "a.wav"
    for name, segment in (("whole", 20), ("cut", 0.2)):
        code, _, err = specsr_command(
            capsys, "denoise", source, "-o", tmp_path / f"{name}.wav", "-o",
            tmp_path / f"{name}.h5", "--segment", segment,
        )  # fmt: skip
        assert code == 0, err
    for suffix in (".wav", ".h5"):
        whole, cut = (read_origin(tmp_path / f"{n}{suffix}") for n in ("whole", "cut"))
        assert whole["options"]["options"].pop("segment") == 20
        assert cut["options"]["options"].pop("segment") == 0.2
        assert whole == cut


@dataclass(frozen=True)
class Tabled(Gain):
    """A gain with options that are files, and one that is not recorded."""

    reading: Reading = Reading()
    speed: Speed = Speed()
    figure: Figure = Figure()
    command: ClassVar[str] = "tabled"


def test_files_among_the_options_are_named_without_their_folder(tmp_path, source, gain):
    table = tmp_path / "rpm.csv"
    table.write_text("0,600\n1,600\n")
    work = Tabled(
        gain.tries, reading=Reading(tone=tmp_path / "tone.wav"), speed=Speed(table=table),
        figure=Figure(plot=tmp_path / "x.png"),
    )  # fmt: skip
    assert attempt(work, Task(source, (tmp_path / "b.wav",))).error is None
    found = read_origin(tmp_path / "b.wav")
    assert found["options"]["speed"] == {"table": "rpm.csv", "scale": 1.0, "pulses": 1.0}
    assert found["options"]["reading"] == {} and "figure" not in found["options"]
    assert "model" not in found and "model_sha256" not in found
    assert stated() is None


def test_no_output_appears_before_all_are_complete(tmp_path, source, gain, monkeypatch):
    """Figures are drawn last: nothing is there yet."""
    targets = tuple(tmp_path / "out" / name for name in ("b.wav", "b.npz", "b.png"))
    seen = []
    from specsr.plots import save

    draw = save.save_figure
    monkeypatch.setattr(
        save, "save_figure",
        lambda *args, **more: (seen.append([t.exists() for t in targets]), draw(*args, **more)),
    )  # fmt: skip
    assert attempt(gain, Task(source, targets)).error is None
    assert seen == [[False, False, False]] and all(target.exists() for target in targets)


def test_an_input_that_changes_while_outputs_are_written_leaves_none(
    tmp_path, source, gain, monkeypatch
):
    from specsr.plots import save

    draw = save.save_figure

    def late(*args, **more):
        draw(*args, **more)
        with open(source, "ab") as file:
            file.write(b"\0" * 4)

    monkeypatch.setattr(save, "save_figure", late)
    record = attempt(gain, Task(source, (tmp_path / "out" / "b.wav", tmp_path / "out" / "b.png")))
    assert record.error is not None and "changed while it was read" in record.error
    assert not (tmp_path / "out").exists()


def test_one_output_that_fails_stops_no_other(tmp_path, source, gain):
    (tmp_path / "c.npz").write_bytes(b"foreign")
    targets = tuple(tmp_path / name for name in ("b.wav", "c.npz", "d.h5"))
    record = attempt(gain, Task(source, targets))
    assert record.error is not None and "c.npz: exists already" in record.error
    assert record.error.endswith("; the other outputs were written")
    assert (tmp_path / "c.npz").read_bytes() == b"foreign"
    assert specsr.read(targets[0]).length and specsr.read_map(targets[2]).grid.length


@pytest.mark.skipif(os.name == "nt", reason="the time of a change of a file is not known there")
def test_a_content_of_the_same_size_and_time_has_changed(tmp_path):
    path = tmp_path / "a.wav"
    path.write_bytes(b"one")
    os.utime(path, (5, 5))
    before = snapshot([path])
    with open(path, "rb+") as file:
        file.write(b"two")
    os.utime(path, (5, 5))
    with pytest.raises(specsr.SpecsrError, match="changed while it was read"):
        before.check()
    os.chmod(path, 0o600)
    before = snapshot([path])
    np.testing.assert_equal(path.read_bytes(), b"two")
    before.check()


def test_a_report_ends_with_the_origin_of_its_files(tmp_path, source, gain, capsys):
    pytest.importorskip("bokeh")
    assert attempt(gain, Task(source, (tmp_path / "b.wav",))).error is None
    out = tmp_path / "r.html"
    code, _, err = specsr_command(
        capsys, "report", source, tmp_path / "b.wav", "-o", out, "--audio-seconds", 0
    )
    assert code == 0, err
    page = out.read_text(encoding="utf-8")
    versions = page[page.index("<h2>Versions</h2>") :]
    assert "b.wav: gain, specsr " in versions and "a.wav: " not in versions
    assert f"numpy {np.__version__}, torch {torch.__version__}, threads " in versions
