"""``specsr export``: files, messages and errors of one line."""

from __future__ import annotations

import importlib.util

import pytest

import specsr
from support.command import run

pytest.importorskip("onnx")
pytest.importorskip("onnxruntime")


def test_one_file_for_each_scale(tmp_path, capsys):
    out = tmp_path / "net.onnx"
    code, shown, err = run(capsys, "export", "map-small", "-o", out)
    assert code == 0 and not shown, err
    assert sorted(p.name for p in tmp_path.iterdir()) == [f"net-x{s}.onnx" for s in (2, 3, 4)]
    for line, scale in zip(err.splitlines(), (2, 3, 4), strict=True):
        path = tmp_path / f"net-x{scale}.onnx"
        start, _, difference = line.rpartition("largest difference to PyTorch ")
        size = f"{path.stat().st_size / 1e6:.1f}"
        assert start == f"map-small -> {path}: x{scale}, opset 13, {size} MB, "
        number, unit = difference.split()
        assert float(number) <= 1e-4 and unit == "dB"


def test_a_chosen_scale_of_a_file(tmp_path, capsys):
    own, out = tmp_path / "own.safetensors", tmp_path / "new" / "net.onnx"
    specsr.save_model(own, specsr.load_model("image-mdsr"))
    code, _, err = run(capsys, "export", own, "-o", out, "--scale", "x3", "--opset", 17)
    assert code == 0 and "x3, opset 17" in err and err.strip().endswith("of 255")
    assert [p.name for p in out.parent.iterdir()] == ["net.onnx"]


@pytest.mark.parametrize(
    ("args", "words"),
    [
        (("map-small", "-o", "a.onnx", "--scale", "5"), "no scale x5: expected x2, x3, x4"),
        (("map-small", "-o", "a.onnx", "--scale", "4x2"), "map-small has no scale x4x2"),
        (("map-small", "-o", "a.onnx", "--scale", "four"), "--scale is 'four': expected a whole"),
        (("map-small", "-o", "a.pb"), "a.pb: expected a name that ends in .onnx"),
        (("map-small", "-o", "a.onnx", "--opset", "12"), "opset is 12: expected 13 to 20"),
        (("nosuch", "-o", "a.onnx"), "nosuch: no bundled model of this name"),
        (("damaged.safetensors", "-o", "a.onnx"), "damaged.safetensors: not a safetensors file"),
    ],
)  # fmt: skip
def test_errors_are_one_line_and_leave_no_file(tmp_path, capsys, monkeypatch, args, words):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "damaged.safetensors").write_text("no header")
    code, _, err = run(capsys, "export", *args)
    assert code == 1 and len(err.splitlines()) == 1 and words in err, err
    assert [p.name for p in tmp_path.iterdir()] == ["damaged.safetensors"]


def test_an_output_is_kept_unless_overwrite(tmp_path, capsys):
    taken = tmp_path / "net-x3.onnx"
    taken.write_text("precious")
    code, _, err = run(capsys, "export", "map-small", "-o", tmp_path / "net.onnx")
    assert code == 1 and f"{taken}: exists already" in err
    assert [p.name for p in tmp_path.iterdir()] == [taken.name]
    assert taken.read_text() == "precious"
    code, _, err = run(
        capsys, "export", "map-small", "-o", taken, "--scale", 3, "--overwrite"
    )  # fmt: skip
    assert code == 0 and taken.stat().st_size > 1e5, err


@pytest.mark.parametrize(
    ("missing", "code", "words"),
    [
        ("onnx", 1, "ONNX files need onnx, which is not installed: pip install 'specsr[onnx]'"),
        ("onnxruntime", 0, "not compared with PyTorch: pip install 'specsr[onnx]'"),
    ],
)  # fmt: skip
def test_without_a_library_of_the_extra(tmp_path, capsys, monkeypatch, missing, code, words):
    found = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name, *a: None if name == missing else found(name, *a)
    )
    out = tmp_path / "net.onnx"
    given, _, err = run(capsys, "export", "denoise-small", "-o", out)
    assert given == code and err.strip().endswith(words) and len(err.splitlines()) == 1, err
    assert out.exists() == (code == 0)
