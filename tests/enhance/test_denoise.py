"""Noise reduction with the bundled models: gain, limits, and maps that the models take."""

from __future__ import annotations

import numpy as np
import pytest

import specsr
from specsr.maps.pooling import pool
from specsr.maps.transform import SpectrogramTransform, spectrogram
from specsr.pairs.pair import add_noise
from specsr.scores.metrics import si_sdr
from support.command import run as specsr_command

MODEL = SpectrogramTransform(2048, 512)
"""Settings of the maps that the bundled model was trained on."""


@pytest.fixture(scope="module")
def run() -> specsr.synth.synthesis.Synthetic:
    return specsr.synthesise(specsr.random_run_up(4321, 25600.0, 2.0, line_to_noise=20.0))


@pytest.fixture(scope="module")
def noisy(run) -> specsr.Signal:
    """Two channels of different level at a signal-to-noise ratio of 0 dB."""
    samples = np.concatenate([run.clean.samples, 0.01 * run.clean.samples[:, ::-1]])
    clean = specsr.Signal(samples, run.clean.rate, "Pa")
    return add_noise(clean, np.random.default_rng(0).standard_normal(clean.length), 0.0)


def test_denoising_raises_the_signal_to_noise_ratio_and_keeps_the_metadata(run):
    noise = np.random.default_rng(0).standard_normal(run.clean.length)
    noisy = add_noise(run.clean, noise, 0.0)
    clean = specsr.denoise(noisy)
    assert (clean.length, clean.rate, clean.unit) == (noisy.length, noisy.rate, "Pa")
    reference = run.clean.samples[0]
    gain = si_sdr(reference, clean.samples[0]) - si_sdr(reference, noisy.samples[0])
    assert gain > 8


def test_cells_are_attenuated_at_most_by_the_limit(run):
    noisy = MODEL(run.signal)
    clean = specsr.denoise(noisy, attenuation=6.0)
    ratio = clean.magnitude / np.maximum(noisy.magnitude, 1e-20)
    assert ratio.max() <= 1 + 1e-6 and ratio.min() >= 10 ** (-6 / 20) - 1e-4
    np.testing.assert_array_equal(clean.phase, noisy.phase)


def test_a_map_gives_the_same_result_as_its_recording(noisy):
    clean = SpectrogramTransform.inverse(specsr.denoise(MODEL(noisy)))
    np.testing.assert_array_equal(clean.samples, specsr.denoise(noisy).samples)


def test_the_scaling_of_a_map_has_no_influence(noisy):
    density = SpectrogramTransform(2048, 512, scaling="psd")
    found = specsr.denoise(density(noisy))
    assert found.grid.scaling == "psd"
    expected = density(noisy).magnitude / MODEL(noisy).magnitude
    expected = expected * specsr.denoise(MODEL(noisy)).magnitude
    np.testing.assert_allclose(found.magnitude, expected, rtol=1e-4)


def test_a_map_of_another_models_grid(noisy):
    map_ = spectrogram(noisy, n_fft=4096, hop_length=1024)
    assert specsr.denoise(map_, model="denoise-orders").grid == map_.grid


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"n_fft": 1024}, "the map has n_fft 1024, hop_length 256, window hann"),
        ({"hop_length": 256}, "the map has n_fft 2048, hop_length 256, window hann"),
        ({"window": "hamming"}, "the map has n_fft 2048, hop_length 512, window hamming"),
    ],
)
def test_a_map_on_another_grid_is_refused_with_the_fix(noisy, settings, words):
    with pytest.raises(specsr.SpecsrError, match=words) as error:
        specsr.denoise(spectrogram(noisy, **settings))
    text = str(error.value)
    assert "model denoise takes n_fft 2048, hop_length 512, window hann;" in text
    assert "specsr.spectrogram(signal, n_fft=2048, hop_length=512, window='hann')" in text
    assert "\n" not in text


def test_a_pooled_map_is_refused_with_the_fix(noisy):
    with pytest.raises(specsr.SpecsrError, match="pooled cells of 4 x 2") as error:
        specsr.denoise(pool(MODEL(noisy), 4, 2))
    assert "specsr.spectrogram(signal, n_fft=2048, hop_length=512" in str(error.value)


@pytest.mark.parametrize("as_map", [False, True])
def test_a_rate_below_the_training_data_is_refused(noisy, as_map):
    slow = noisy.replace(rate=16000.0)
    with pytest.raises(specsr.SpecsrError, match="rate is 16000 Hz: .* from 22000 Hz up"):
        specsr.denoise(MODEL(slow) if as_map else slow)


@pytest.mark.parametrize("as_map", [False, True])
def test_a_negative_attenuation_is_refused(noisy, as_map):
    with pytest.raises(specsr.SpecsrError, match="attenuation is -1 dB"):
        specsr.denoise(MODEL(noisy) if as_map else noisy, attenuation=-1)


def test_the_command_takes_maps_on_the_models_grid_only(noisy, tmp_path, capsys):
    specsr.write_map(tmp_path / "map.npz", MODEL(noisy))
    code, _, _ = specsr_command(capsys, "denoise", tmp_path / "map.npz", "-o", tmp_path / "out.npz")
    assert code == 0
    clean = specsr.read_map(tmp_path / "out.npz")
    np.testing.assert_array_equal(clean.magnitude, specsr.denoise(MODEL(noisy)).magnitude)
    specsr.write_map(tmp_path / "other.npz", spectrogram(noisy, n_fft=1024))
    args = ["denoise", tmp_path / "other.npz", "-o", tmp_path / "no.npz"]
    code, _, text = specsr_command(capsys, *args)
    assert code == 1 and len(text.splitlines()) == 1 and "n_fft=2048, hop_length=512" in text
    assert not (tmp_path / "no.npz").exists()
