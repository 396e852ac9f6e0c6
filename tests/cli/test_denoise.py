"""``specsr denoise`` with a recording of the noise alone, and its options checked first."""

from __future__ import annotations

import numpy as np
import pytest

import specsr
from specsr.enhance import measured_columns
from specsr.enhance.denoised_uncertainty import with_uncertainty
from specsr.enhance.known_noise import KnownNoise
from specsr.enhance.noise_profile import Noise
from support.command import run

RATE = 8000.0


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """``run.wav`` with a second of noise before a tone in noise, ``idle.wav`` with the noise."""
    rng = np.random.default_rng(0)
    time = np.arange(round(2 * RATE)) / RATE
    tone = np.where(time < 1, 0, 0.3 * np.sin(2 * np.pi * 440 * time))
    for name, samples in (
        ("run", tone + 0.05 * rng.standard_normal(time.size)),
        ("idle", 0.05 * rng.standard_normal(12000)),
    ):
        signal = specsr.Signal(samples[None].astype(np.float32), RATE, "Pa")
        specsr.write(tmp_path / f"{name}.wav", signal)
    (tmp_path / "damaged.wav").write_bytes(b"RIFF, but no more")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_noise_of_a_file_and_of_a_stretch_is_removed(folder, capsys) -> None:
    noisy, idle = (specsr.read(folder / name) for name in ("run.wav", "idle.wav"))
    outputs = "-o", "quiet.wav", "-o", "quiet.npz", "--plot", "quiet.png"
    code, _, err = run(
        capsys, "denoise", "run.wav", "--noise", "idle.wav", *outputs, "--removed", "removed.wav"
    )
    assert code == 0, err
    quiet, removed = specsr.read("quiet.wav"), specsr.read("removed.wav")
    expected = specsr.denoise(noisy, noise=idle)
    np.testing.assert_allclose(quiet.samples + removed.samples, noisy.samples, atol=1e-5)
    np.testing.assert_array_equal(quiet.samples, expected.samples)  # the map beside it is its map
    spec = specsr.read_map("quiet.npz")
    assert spec.uncertainty_db is not None and spec.phase is not None
    np.testing.assert_array_equal(spec.magnitude, specsr.spectrogram(quiet).magnitude)
    assert (folder / "quiet.png").stat().st_size > 10_000
    args = "denoise", "run.wav", "--noise-from", "0:1", "-o", "second.wav"
    assert run(capsys, *args)[0] == 0
    cut = noisy.cut(0, round(RATE))
    expected = specsr.denoise(noisy, noise=cut)
    np.testing.assert_allclose(specsr.read("second.wav").samples, expected.samples, atol=1e-6)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ("--noise none.wav", "none.wav: no such file: --noise takes a recording of the noise"),
        ("--noise idle.wav --noise-from 0:1", "two sources of the noise, leave one out"),
        ("--noise-from 1:0", "--noise-from is '1:0': expected two times in s"),
        ("--noise-from -1:1", "--noise-from starts at -1 s"),
        ("--follow-noise", "--follow-noise: add --noise FILE, --noise auto or --noise-from 0:1.5"),
        ("--no-follow-noise", "--no-follow-noise: add --noise FILE, --noise auto or"),
        ("--noise idle.wav --method floor", "have a method of their own: leave out --method"),
        ("--noise idle.wav --model denoise", "was trained for the pair 'denoise', not 'noise'"),
        ("--noise idle.wav --orders", "--orders needs no noise"),
        ("--strict --noise idle.wav", "--strict: for methods without --noise"),
        ("--attenuation -1", "attenuation is -1.0 dB"),
        ("--model none", "no bundled model of this name"),
        ("--device cuda:99", "cuda:99"),
        ("--rpm rpm.csv", "have no effect without --orders"),
        ("--carrier 8000", "--carrier has no effect without --orders"),
        ("--orders --carrier nan", "--carrier is 'nan': expected a frequency above 0 Hz"),
        ("--orders --carrier inf", "--carrier is 'inf': expected a frequency above 0 Hz"),
        ("--orders --carrier 0", "or the name of the channel that holds it"),
        ("--orders --carrier -1", "--carrier is '-1': expected a frequency above 0 Hz"),
        ("--removed removed.npz", "--removed removed.npz: expected an audio file"),
        ("--removed quiet.wav", "quiet.wav"),
        ("--noise idle.wav -o idle.wav", "idle.wav: is the input itself"),
    ],
)
def test_options_are_checked_before_a_file_is_read(folder, options, words, capsys) -> None:
    """The input is damaged, which is not what is reported."""
    args = "denoise", "damaged.wav", "-o", "quiet.wav", *options.split()
    code, _, err = run(capsys, *args)
    assert code == 1 and words in err and len(err.splitlines()) == 1, err
    assert "damaged.wav:" not in err and not (folder / "quiet.wav").exists()


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ("--model none", "no bundled model of this name"),
        ("--pair pool --orders 2,x", "orders: 'x'"),
        ("--pair pool --shaft fan", "fan"),
        ("--scale 0", "scale"),
        ("--device cuda:99", "cuda:99"),
    ],
)
def test_options_of_upscale_are_checked_before_a_file_is_read(folder, options, words, capsys):
    code, _, err = run(capsys, "upscale", "damaged.wav", "-o", "fine.wav", *options.split())
    assert code == 1 and words in err and "damaged.wav:" not in err, err


def test_a_stretch_beyond_the_recording_and_one_of_a_map_are_refused(folder, capsys) -> None:
    code, _, err = run(capsys, "denoise", "run.wav", "--noise-from", "1:9", "-o", "quiet.wav")
    assert code == 1 and "run.wav: --noise-from ends at 9 s: the recording has 2 s" in err
    code, _, err = run(capsys, "denoise", "run.wav", "--noise-from", "0:1e-9", "-o", "quiet.wav")
    assert code == 1 and "run.wav: --noise-from is a stretch of 1e-09 s: expected at least" in err
    specsr.write_map("map.npz", specsr.spectrogram(specsr.read("run.wav"), n_fft=512))
    code, _, err = run(capsys, "denoise", "map.npz", "--noise-from", "0:1", "-o", "out.npz")
    assert code == 1 and "is a map: --noise-from names a stretch of a recording" in err
    code, _, err = run(capsys, "denoise", "map.npz", "--noise", "idle.wav", "-o", "out.npz")
    assert code == 0 and specsr.read_map("out.npz").uncertainty_db is not None


@pytest.mark.parametrize(
    "follow", [pytest.param(False, id="steady"), pytest.param(True, marks=pytest.mark.slow)]
)
def test_a_long_recording_is_streamed_with_the_same_result(
    folder, capsys, monkeypatch, follow
) -> None:
    """In two channels and several segments; its map has the uncertainty of one in memory."""
    monkeypatch.setattr(measured_columns, "BLOCK", 4096)  # the whole is longer than a block
    rng = np.random.default_rng(5)
    time = np.arange(round(5 * RATE)) / RATE
    level = np.where(time > 3, 0.2, 0.05) if follow else 0.05
    tone = 0.3 * np.sin(2 * np.pi * (440 * time + 10 * time**2))
    both = np.stack([tone, 0.5 * tone]) + level * rng.standard_normal((2, time.size))
    noisy = specsr.Signal(both.astype(np.float32), RATE, "Pa")
    specsr.write("long.wav", noisy)
    if not follow:  # too short for long windows, which have long margins
        specsr.write("idle.wav", specsr.read("idle.wav").cut(0, 4000), overwrite=True)
    outputs = "-o", "quiet.wav", "-o", "quiet.npz", "-o", "quiet.h5", "--plot", "quiet.svg"
    words = "--noise", "idle.wav", *(["--follow-noise"] if follow else []), "--segment", "1"
    code, _, err = run(capsys, "denoise", "long.wav", *words, *outputs)
    assert code == 0 and "overall" in err, err
    text = (folder / "quiet.svg").read_text(encoding="utf-8")
    assert all(f"<!-- {title} -->" in text for title in ("noisy", "removed", "denoised"))
    noise = Noise(specsr.read("idle.wav"), follow)
    options = specsr.InferOptions(segment=1)
    wanted = specsr.denoise(noisy, noise=noise, options=options)
    quiet, spec = specsr.read("quiet.wav"), specsr.read_map("quiet.npz")
    np.testing.assert_array_equal(quiet.samples, wanted.samples)
    maps = specsr.spectrogram(wanted), specsr.spectrogram(noisy)
    known = KnownNoise.of(noise, noisy, None)
    whole = with_uncertainty(*maps, known, options)
    np.testing.assert_allclose(spec.magnitude, whole.magnitude, rtol=1e-5, atol=1e-8)
    np.testing.assert_allclose(spec.uncertainty_db, whole.uncertainty_db, rtol=1e-4, atol=1e-4)
    np.testing.assert_array_equal(
        specsr.read_map("quiet.h5").uncertainty_db, spec.uncertainty_db
    )  # fmt: skip


def test_noise_that_is_found_in_the_recording_is_removed(folder, capsys) -> None:
    code, _, err = run(capsys, "denoise", "run.wav", "--noise", "auto", "-o", "quiet.wav")
    assert code == 0, err
    noisy = specsr.read("run.wav")
    expected = specsr.denoise(noisy, noise=specsr.find_noise(noisy))
    np.testing.assert_allclose(specsr.read("quiet.wav").samples, expected.samples, atol=1e-6)
    specsr.write_map("map.npz", specsr.spectrogram(noisy, n_fft=512))
    code, _, err = run(capsys, "denoise", "map.npz", "--noise", "auto", "-o", "out.npz")
    assert code == 1 and "map.npz: is a map: --noise auto finds it in a recording" in err
    specsr.write("short.wav", noisy.cut(0, 4000))
    code, _, err = run(capsys, "denoise", "short.wav", "--noise", "auto", "-o", "out.wav")
    assert code == 1 and "short.wav: --noise auto: the recording has 0.5 s" in err
    specsr.write("silent.wav", noisy.replace(samples=0 * noisy.samples))
    code, _, err = run(capsys, "denoise", "silent.wav", "--noise", "auto", "-o", "out.wav")
    assert code == 0 and "silent.wav: --noise auto: no noise throughout in ch1" in err
    assert "the noise is silent" not in err


@pytest.mark.slow
def test_lines_at_a_carrier_of_a_channel_and_impacts_are_kept(folder, capsys) -> None:
    time = np.arange(round(1.5 * RATE)) / RATE
    rotation = 20 + 20 * time
    turns = np.cumsum(rotation) / RATE
    carrier = 2500 + 100 * np.sin(4 * time)
    sound = np.sin(2 * np.pi * 6 * turns)
    sound += np.sin(2 * np.pi * (np.cumsum(carrier) / RATE + 8 * turns))
    sound[[3000, 8000]] += 30
    sound += 0.1 * np.random.default_rng(1).standard_normal(time.size)
    both = specsr.Signal(np.stack([sound, carrier]).astype(np.float32), RATE, "Pa", ("mic", "hz"))
    specsr.write("drive.wav", both)
    np.savetxt("rpm.csv", np.stack([time, 60 * rotation], axis=1)[::80], delimiter=",")
    args = "denoise", "drive.wav", "--orders", "--strict", "--rpm", "rpm.csv"
    kept = "--carrier", "hz", "--keep", "impacts", "-o", "kept.wav"
    code, _, err = run(capsys, *args, *kept)
    assert code == 0, err
    found = specsr.read("kept.wav")
    noisy = specsr.read("drive.wav", channels=["mic"])
    noisy = noisy.replace(rpm=specsr.read_rpm("rpm.csv", noisy))
    orders = specsr.keep_orders(noisy, carrier_hz=both.samples[1].astype(float))
    expected = specsr.keep_impacts(noisy, orders)
    np.testing.assert_allclose(found.samples, expected.samples, atol=1e-4)
    peaks = np.abs(found.samples[0, [3000, 8000]]) / np.abs(noisy.samples[0, [3000, 8000]])
    assert np.abs(20 * np.log10(peaks)).max() < 1
    assert np.abs(orders.samples).max() < 10
    code, _, err = run(capsys, *args, "--carrier", "none", "-o", "out.wav")
    assert code == 1 and "--carrier none: neither a frequency in Hz" in err
    assert len(err.splitlines()) == 1
    specsr.write_map("map.npz", specsr.spectrogram(specsr.read("run.wav")))
    code, _, err = run(capsys, "denoise", "map.npz", "--keep", "impacts", "-o", "out.npz")
    assert code == 1 and "map.npz: is a map: --keep needs a recording" in err


def test_a_speed_and_a_slow_channel_are_no_noise(folder, capsys) -> None:
    time = np.arange(60) / 10
    np.savetxt(
        "rpm.csv", np.stack([time, 1000 + time], 1), "%g", ",", header="time,rpm", comments=""
    )
    slow = specsr.Signal(np.random.default_rng(0).standard_normal((1, 4000)), 1000.0, "Pa")
    specsr.write("slow.wav", slow)
    for file, words in (
        ("rpm.csv", "rpm.csv: is a speed in 1/min: --noise takes a recording of the noise"),
        (
            "slow.wav",
            "the noise has a rate of 1000 Hz, the recording 8000 Hz: expected noise of 2000",
        ),
    ):
        code, _, err = run(capsys, "denoise", "run.wav", "--noise", file, "-o", "quiet.wav")
        assert code == 1 and words in err and not (folder / "quiet.wav").exists(), err


@pytest.mark.parametrize("command", [
    "denoise --orders -o out.wav", "orders --cut 2 -o out.csv", "report --orders 2 -o out.html",
    "orders --method vold-kalman --cut 2 -o out.csv",
])  # fmt: skip
def test_a_speed_of_zero_has_no_orders(folder, command, capsys) -> None:
    np.savetxt("zero.csv", [[0, 0], [2, 0]], delimiter=",")
    name, *options = command.split()
    code, _, err = run(capsys, name, "run.wav", *options, "--rpm", "zero.csv")
    words = "run.wav: the speed of zero.csv is zero throughout: expected 1/min of a shaft"
    assert code == 1 and words in err and len(err.splitlines()) == 1, err
