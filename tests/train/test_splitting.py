"""Recordings split into two with independent noise, and training on them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch

from specsr.maps.transform import SpectrogramTransform
from specsr.models.bundled import load_model
from specsr.signal import Signal
from specsr.train.config import Config
from specsr.train.crops import Crops
from specsr.train.examples import COLUMNS, Recipe, prepare, recipes
from specsr.train.losses import itakura_saito, split_loss
from specsr.train.splitting import noise_floor, split
from specsr.train.train import train
from support.tiny_config import config

RATE = 8000.0
APART = SpectrogramTransform(256, 256)
"""Windows side by side: cells two rows apart are independent but for the sidelobes."""


def noise(seconds: float = 40.0, colour: float = 0.0) -> Signal:
    """Noise that falls by ``colour`` dB from 0 Hz to half the rate."""
    rng = np.random.default_rng(1)
    spectrum = np.fft.rfft(rng.standard_normal(round(seconds * RATE)))
    spectrum *= 10 ** (np.linspace(0, -colour, spectrum.size) / 20)
    return Signal(np.fft.irfft(spectrum)[None].astype(np.float32), RATE)


def powers(signal: Signal) -> np.ndarray:
    """Independent cells over their expected power, [F, T]."""
    power = APART(signal).power[0, 4:-4:2, 2:-2]
    return power / power.mean(axis=1, keepdims=True)


def correlation(one: np.ndarray, other: np.ndarray) -> float:
    return float(np.corrcoef(one.ravel(), other.ravel())[0, 1])


@pytest.mark.parametrize("colour", [0.0, 40.0])
def test_the_halves_are_independent_and_the_recording_is_not(colour: float) -> None:
    signal = noise(colour=colour)
    one, other = (powers(x) for x in split(signal, 256, np.random.default_rng(2)))
    # the added noise is off by less than 1 dB, which gives (1 / 8.7)² at most; the rest is chance
    chance = 4 / np.sqrt(one.size)
    most = (1 / 8.7) ** 2 + chance
    assert abs(correlation(one, other)) < most
    # of x and x + w with independent w of equal power: the square of 1 / sqrt(2)
    assert correlation(powers(signal), one) == pytest.approx(0.5, abs=0.05 + chance)
    # nor is a neighbouring cell of one in the other
    assert abs(correlation(one[1:], other[:-1])) < most
    assert abs(correlation(one[:, 1:], other[:, :-1])) < most


def test_another_taper_of_the_same_samples_is_not_independent() -> None:
    """Why the target is not a map with an orthogonal taper: it holds the neighbouring cells."""
    rng = np.random.default_rng(0)
    frames = rng.standard_normal((4000, 64))
    phase = 2 * np.pi * np.arange(64) / 64
    hann = 0.5 - 0.5 * np.cos(phase)
    orthogonal = np.sin(phase) * hann
    assert abs(hann @ orthogonal) < 1e-12
    here, taper = (np.square(np.abs(np.fft.rfft(frames * w, axis=1))) for w in (hann, orthogonal))
    rows = np.arange(4, 28)
    assert abs(correlation(here[:, rows], taper[:, rows])) < 4 / np.sqrt(4000 * 8)
    assert correlation(here[:, rows + 1], taper[:, rows]) > 0.2


def test_what_is_deterministic_is_in_both_halves() -> None:
    signal = noise(2.0)
    one, other = split(signal, 256, np.random.default_rng(2))
    middle = (one.samples + other.samples) / 2
    np.testing.assert_allclose(middle, signal.samples, atol=1e-6)
    # the noise has twice its power
    gain = 10 * np.log10(np.mean(np.square(one.samples)) / np.mean(np.square(signal.samples)))
    assert gain == pytest.approx(3.01, abs=0.5)


def test_the_floor_has_no_lines_and_no_clicks() -> None:
    power = np.ones((60, 60))
    power[30] = power[:, 20] = 1e6
    np.testing.assert_array_equal(noise_floor(power), np.ones((60, 60)))


def test_silence_is_split_into_silence() -> None:
    for half in split(Signal(np.zeros((1, 4000), np.float32), RATE), 256, np.random.default_rng(0)):
        assert not half.samples.any()


def speckle(tmp_path: Path, real: bool = False, **sections: object) -> Config:
    data = {"synth": {"count": 3, "duration": 0.6, "rates": [8000.0]},
            "cache": str(tmp_path / "cache")}  # fmt: skip
    if real:
        rng = np.random.default_rng(5)
        (tmp_path / "real").mkdir(exist_ok=True)
        for name in "ab":
            samples = 0.1 * rng.standard_normal(8000)
            soundfile.write(tmp_path / "real" / f"{name}.wav", samples, 8000)
        data["real"] = {"folders": [str(tmp_path / "real")], "share": 0.5}
    shared = {
        "pair": {"kind": "speckle", "scales": [1]}, "data": data,
        "model": {"fold": [2, 2], "uncertainty": True}, "grids": [{"n_fft": 64, "hop_length": 16}],
    }  # fmt: skip
    return config(tmp_path, **{**shared, **sections})


def test_an_example_is_the_measured_and_the_expected_map(tmp_path: Path) -> None:
    example = prepare(Recipe(5), speckle(tmp_path))
    assert example.low.shape == example.high.shape and example.overlap == 4
    ratio = 10 ** ((example.low.astype(float) - example.high) / 10)
    # noise and lines: the mean of measured over expected power is 1
    assert ratio.mean() == pytest.approx(1, abs=5 * ratio.std() / np.sqrt(ratio.size / 4))


def test_machines_are_long_enough_for_long_windows(tmp_path: Path) -> None:
    grids = [{"n_fft": 2048, "hop_length": 1024}]
    assert prepare(Recipe(5), speckle(tmp_path, grids=grids)).low.shape[1] > COLUMNS


def test_a_real_example_has_two_maps_with_independent_noise(tmp_path: Path) -> None:
    options = speckle(tmp_path, real=True)
    recipe = next(r for r in recipes(options) if r.real)
    example = prepare(recipe, options)
    assert example.low.shape == example.high.shape
    one, other = (10 ** (x[4:-4:2, 2:-2:4].astype(float) / 10) for x in (example.low, example.high))
    assert abs(correlation(one, other)) < (1 / 8.7) ** 2 + 4 / np.sqrt(one.size)


def test_the_overlap_is_an_input(tmp_path: Path) -> None:
    options = speckle(tmp_path)
    batch = Crops([prepare(Recipe(5), options)], options, 1)[0]
    assert batch.low.shape == (2, 2, 8, 8) and batch.high.shape == (2, 1, 8, 8)
    np.testing.assert_array_equal(batch.low[:, 1], np.full((2, 8, 8), 20.0))


def test_the_loss_of_a_real_crop_compares_the_estimate_itself() -> None:
    rng = torch.Generator().manual_seed(0)
    estimate, high, low = (torch.randn(2, 1, 4, 4, generator=rng) for _ in range(3))
    assert split_loss(estimate, high, low, (1, 1)) == itakura_saito(estimate, high, 13.0)


def test_a_run_writes_a_model_of_the_pair_with_both_scores(tmp_path: Path) -> None:
    path = train(speckle(tmp_path, real=True), tmp_path / "run")
    assert path is not None
    model = load_model(path)
    assert model.pair == "speckle" and model.net.config.in_channels == 2
    assert {"validation_l1_db", "real_deviance", "averaged_deviance"} <= model.record.keys()
