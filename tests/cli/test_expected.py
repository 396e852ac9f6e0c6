"""``specsr spectrogram --expected``: files, figures, long recordings, refusals."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

import specsr
from specsr.models.model import save_model
from support.command import run
from support.speckle_model import speckle_model


@pytest.fixture
def model(tmp_path: Path) -> Path:
    path = tmp_path / "tiny.safetensors"
    save_model(path, speckle_model())
    return path


@pytest.fixture
def recording(tmp_path: Path) -> Path:
    """Two channels of 25 s with a speed."""
    rng = np.random.default_rng(0)
    path = tmp_path / "run.wav"
    signal = specsr.Signal(
        0.1 * rng.standard_normal((2, 50_000)).astype(np.float32), 2000.0, "Pa",
        rpm=np.linspace(900, 1800, 50_000),
    )  # fmt: skip
    specsr.write(path, signal)
    return path


GRID = ("--n-fft", 64, "--overlap", 0.75)


def test_the_map_is_that_of_the_library_with_its_origin(tmp_path, recording, model, capsys):
    out = tmp_path / "clean.npz"
    code, _, err = run(
        capsys, "spectrogram", recording, "--expected", "--model", model, *GRID, "-o", out
    )
    assert code == 0 and "33 rows of 31.25 Hz" in err
    found = specsr.read_map(out)
    large = 100 * (found.uncertainty_db > 3.005).mean()
    assert (
        f"median \N{PLUS-MINUS SIGN} {np.median(found.uncertainty_db):.1f} dB, over 3 dB in "
        f"{large:.0f} % of the cells"
    ) in err
    measured = specsr.spectrogram(specsr.read(recording), n_fft=64, overlap=0.75)
    wanted = specsr.expected(measured, model=model)
    np.testing.assert_array_equal(found.magnitude, wanted.magnitude)
    np.testing.assert_array_equal(found.uncertainty_db, wanted.uncertainty_db)
    np.testing.assert_array_equal(found.rpm, measured.rpm)
    with np.load(out) as stored:
        origin = json.loads(str(stored["origin"]))
    assert origin["command"] == "spectrogram --expected" and origin["model"] == "tiny"
    assert len(origin["model_sha256"]) == 64 and origin["precision"] == "float32"


def test_few_columns_are_estimated_from_denser_ones_of_long_recordings_too(
    tmp_path, recording, model, capsys
):
    out = tmp_path / "clean.npz"
    code, _, _ = run(
        capsys, "spectrogram", recording, "--expected", "--model", model, "--n-fft", 64,
        "--overlap", 0.5, "--segment", 3, "-o", out,
    )  # fmt: skip
    assert code == 0
    found, signal = specsr.read_map(out), specsr.read(recording)
    wanted = specsr.expected_spectrogram(signal, n_fft=64, overlap=0.5, model=model)
    assert found.grid == wanted.grid
    np.testing.assert_array_equal(found.magnitude, wanted.magnitude)
    alone = specsr.expected(specsr.spectrogram(signal, n_fft=64, overlap=0.5), model=model)
    assert not np.allclose(found.magnitude, alone.magnitude, rtol=1e-2)
    np.testing.assert_array_equal(found.rpm, signal.rpm)


@pytest.mark.parametrize("suffix", [".npz", ".h5"])
def test_a_long_recording_gives_the_same_map_and_figure_kinds(
    tmp_path, recording, model, capsys, suffix
):
    whole, pieces, figure = (tmp_path / n for n in (f"a{suffix}", f"b{suffix}", "b.png"))
    shared = ("spectrogram", recording, "--expected", "--model", model, *GRID)
    code, _, err = run(capsys, *shared, "-o", whole)
    assert code == 0
    summary = next(line for line in err.splitlines() if "uncertainty: median" in line)
    code, _, err = run(capsys, *shared, "-o", pieces, "-o", figure, "--segment", 3)
    assert code == 0 and summary in err.splitlines()
    one, other = specsr.read_map(whole), specsr.read_map(pieces)
    assert one.grid == other.grid and one.channels == other.channels
    for name in ("magnitude", "uncertainty_db", "rpm"):
        np.testing.assert_array_equal(getattr(one, name), getattr(other, name))
    assert figure.read_bytes().startswith(b"\x89PNG")


def test_a_figure_shows_both_maps(tmp_path, recording, model, capsys):
    out = tmp_path / "clean.svg"
    code, _, _ = run(
        capsys, "spectrogram", recording, "--expected", "--model", model, *GRID, "-o", out
    )
    assert code == 0
    assert b"<svg" in out.read_bytes()


@pytest.mark.parametrize(
    ("options", "out", "message"),
    [
        (("--expected",), "x.wav", "an expected map has no waveform: expected a map"),
        (("--expected", "--overlap", 0.1), "x.npz", "overlap of the windows is 10 %: expected 25"),
        (("--precision", "bfloat16"), "x.npz", "--precision: for --expected or --sharp: add it"),
    ],
)
def test_what_does_not_fit_is_refused_in_one_line(
    tmp_path, recording, model, capsys, options, out, message
):
    given = ("--model", model) if "--expected" in options else ()
    path = tmp_path / out
    code, _, err = run(capsys, "spectrogram", recording, *options, *given, "-o", path)
    assert code == 1 and message in err and len(err.strip().splitlines()) == 1
    assert not path.exists()


@pytest.mark.parametrize("options", [("--sharp",), ()])
def test_a_map_as_input_is_refused_with_the_commands_that_take_maps(tmp_path, capsys, options):
    path = tmp_path / "map.npz"
    specsr.write_map(path, specsr.spectrogram(specsr.Signal(np.ones((1, 999)), 2000.0)))
    code, _, err = run(capsys, "spectrogram", path, *options, "-o", tmp_path / "x.npz")
    assert code == 1 and len(err.strip().splitlines()) == 1
    assert "map.npz: is a map: expected a recording; specsr upscale, denoise, levels" in err


def test_a_stored_map_gives_the_expected_map_of_the_library(tmp_path, recording, model, capsys):
    path, out, figure = (tmp_path / name for name in ("map.npz", "clean.npz", "clean.png"))
    measured = specsr.spectrogram(
        specsr.read(recording), n_fft=64, overlap=0.75, scaling="psd", window="blackman"
    )
    specsr.write_map(path, measured)
    given = ("--expected", "--model", model)
    code, _, err = run(capsys, "spectrogram", path, *given, "-o", out, "-o", figure)
    assert code == 0 and "uncertainty: median" in err
    found, wanted = specsr.read_map(out), specsr.expected(measured, model=model)
    assert found.grid == measured.grid and found.phase is None
    for name in ("magnitude", "uncertainty_db", "rpm"):
        np.testing.assert_array_equal(getattr(found, name), getattr(wanted, name))
    assert figure.read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize(
    ("options", "out", "message"),
    [
        (("--df", 5), "x.npz", "--df: a map has its own window"),
        (("--scaling", "psd"), "x.npz", "--scaling: a map has its own"),
        ((), "x.wav", "an expected map has no waveform"),
    ],
)
def test_what_a_stored_map_has_itself_is_refused(tmp_path, model, capsys, options, out, message):
    path = tmp_path / "map.npz"
    specsr.write_map(path, specsr.spectrogram(specsr.Signal(np.ones((1, 999)), 2000.0)))
    given = ("--expected", "--model", model, *options)
    code, _, err = run(capsys, "spectrogram", path, *given, "-o", tmp_path / out)
    assert code == 1 and message in err and len(err.strip().splitlines()) == 1


def test_an_expected_map_has_no_expected_map(tmp_path, recording, model, capsys):
    shared = ("spectrogram", "--expected", "--model", model)
    once, twice = tmp_path / "a.npz", tmp_path / "b.npz"
    assert run(capsys, *shared, recording, *GRID, "-o", once)[0] == 0
    code, _, err = run(capsys, *shared, once, "-o", twice)
    assert code == 1 and "a.npz: the map has an uncertainty" in err and not twice.exists()
