"""``specsr spectrogram --sharp``: files, figures, long recordings, refusals."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

import specsr
from specsr.models.model import save_model
from specsr.plots.comparison import plot_comparison
from support.command import run
from support.windows_model import windows_model


@pytest.fixture
def model(tmp_path: Path) -> Path:
    path = tmp_path / "tiny.safetensors"
    save_model(path, windows_model())
    return path


@pytest.fixture
def recording(tmp_path: Path) -> Path:
    """11 s with a speed."""
    rng = np.random.default_rng(0)
    path = tmp_path / "run.wav"
    signal = specsr.Signal(
        0.1 * rng.standard_normal((1, 22_000)).astype(np.float32), 2000.0, "Pa",
        rpm=np.linspace(900, 1800, 22_000),
    )  # fmt: skip
    specsr.write(path, signal)
    return path


def test_the_map_is_that_of_the_library_with_its_origin(tmp_path, recording, model, capsys):
    out = tmp_path / "sharp.npz"
    shared = ("spectrogram", recording, "--sharp", "--model", model, "--n-fft", 512)
    code, _, err = run(capsys, *shared, "-o", out)
    assert code == 0 and "257 rows of 3.90625 Hz" in err and "columns of 8 ms" in err
    found = specsr.read_map(out)
    wanted = specsr.sharp_map(specsr.read(recording), n_fft=512, model=model)
    np.testing.assert_array_equal(found.magnitude, wanted.magnitude)
    np.testing.assert_array_equal(found.uncertainty_db, wanted.uncertainty_db)
    np.testing.assert_array_equal(found.rpm, wanted.rpm)
    with np.load(out) as stored:
        origin = json.loads(str(stored["origin"]))
    assert origin["command"] == "spectrogram --sharp" and origin["model"] == "tiny"


def test_a_long_recording_gives_the_same_map(tmp_path, recording, model, capsys, monkeypatch):
    whole, pieces, figure = (tmp_path / n for n in ("a.h5", "b.h5", "b.png"))
    shared = ("spectrogram", recording, "--sharp", "--model", model, "--df", 2000 / 512)
    drawn = []

    def draw(maps, **options):
        drawn.append((maps, options["uncertainty"]))
        return plot_comparison(maps, **options)

    monkeypatch.setattr("specsr.plots.comparison.plot_comparison", draw)
    assert run(capsys, *shared, "-o", whole, "-o", tmp_path / "a.png")[0] == 0
    assert run(capsys, *shared, "-o", pieces, "-o", figure, "--segment", 2)[0] == 0
    assert [list(maps) for maps, _ in drawn] == [["single window", "sharp"]] * 2
    assert drawn[0][1] == "sharp"
    for title in ("single window", "sharp"):
        a, b = (maps[title].magnitude[0] for maps, _ in drawn)
        np.testing.assert_allclose(a[:-1], b[: len(a) - 1], rtol=1e-4, atol=1e-7)
    one, other = specsr.read_map(whole), specsr.read_map(pieces)
    assert one.grid == other.grid and one.channels == other.channels
    for name in ("magnitude", "uncertainty_db", "rpm"):
        np.testing.assert_array_equal(getattr(one, name), getattr(other, name))
    assert figure.read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize(
    ("options", "out", "message"),
    [
        ((), "x.wav", "a sharp map has no waveform: expected a map"),
        (("--overlap", 0.5), "x.npz", "--overlap: a sharp map has Hann windows and a hop of 1/32"),
        (("--expected",), "x.npz", "--expected, --sharp: a sharp map is an expected one"),
        (("--n-fft", 100), "x.npz", "expected a multiple of 32 from 512 up"),
    ],
)
def test_what_does_not_fit_is_refused_in_one_line(
    tmp_path, recording, model, capsys, options, out, message
):
    path = tmp_path / out
    code, _, err = run(
        capsys, "spectrogram", recording, "--sharp", *options, "--model", model, "-o", path
    )
    assert code == 1 and message in err and len(err.strip().splitlines()) == 1
    assert not path.exists()
