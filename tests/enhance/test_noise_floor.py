"""Noise reduction by the noise floor of expected maps."""

from __future__ import annotations

import numpy as np
import pytest

import specsr
from specsr.enhance.noise_floor import floor_transform, noise_floor
from specsr.maps.grid import Grid
from specsr.pairs.pair import add_noise
from specsr.scores.metrics import si_sdr
from support.command import run as specsr_command
from support.speckle_model import speckle_model

RATE = 8000.0
GRID = Grid(RATE, 512, 128, round(6 * RATE))


def tones(seconds: float = 4.0) -> specsr.Signal:
    """A steady tone and a sweep."""
    time = np.arange(round(seconds * RATE)) / RATE
    steady = np.sin(2 * np.pi * 1000 * time)
    sweep = np.sin(2 * np.pi * (300 * time + 200 * time**2))
    return specsr.Signal((steady + sweep)[None].astype(np.float32), RATE, "Pa")


@pytest.fixture(scope="module")
def clean() -> specsr.Signal:
    return tones()


@pytest.fixture(scope="module")
def noisy(clean) -> specsr.Signal:
    """At 5 dB."""
    return add_noise(clean, np.random.default_rng(0).standard_normal(clean.length), 5.0)


@pytest.fixture(scope="module")
def found(noisy) -> specsr.Signal:
    return specsr.denoise(noisy, method="floor")


def test_the_floor_of_steady_noise_is_its_power_and_lines_are_no_part_of_it() -> None:
    """Of a map that scatters by 0.5 dB: within 2 dB, with a tone, a sweep and a burst in it."""
    rng = np.random.default_rng(0)
    shape = (256, GRID.frames)
    slope = np.linspace(0, -20, 256)[:, None]
    level = slope + 0.5 * rng.standard_normal(shape)
    power = 10 ** (level / 10)
    power[100:103] *= 1e4
    for column in range(GRID.frames):
        row = 20 + 200 * column // GRID.frames
        power[row : row + 3, column] *= 1e3
    power[:, 150:180] *= 100
    found = 10 * np.log10(noise_floor(power, GRID))
    error = np.abs(found - slope)
    # raised by 1.5 dB for the mean, and the scatter of 0.5 dB
    assert error[:, :150].max() < 2.0 and error[:, 180:].max() < 2.0
    # during the burst neither the rows of the tone nor those beside it hold the noise alone
    assert error[:80, 150:180].max() < 2.0 and error[120:, 150:180].max() < 2.0
    scaled = noise_floor(1e-6 * power, GRID)
    np.testing.assert_allclose(scaled, 1e-6 * 10 ** (found / 10), rtol=1e-4)


@pytest.mark.parametrize("edge_db", [-10.0, -3.0, 10.0])
def test_the_first_and_last_columns_do_not_set_the_floor_of_those_beside(edge_db: float) -> None:
    """Steady noise: the floor is steady up to the edges, where windows hold half a recording."""
    level = 0.5 * np.random.default_rng(0).standard_normal((256, GRID.frames))
    level[:, [0, -1]] += edge_db
    found = 10 * np.log10(noise_floor(10 ** (level / 10), GRID))[:, 1:-1]
    # raised by 1.5 dB for the mean, and the scatter of 0.5 dB
    assert np.abs(found).max() < 2.0
    # of the mean over 256 rows; were the edge held, it would be most of `edge_db`
    assert np.ptp(found.mean(axis=0)) < 0.5


@pytest.mark.parametrize("frames", [1, 2, 3, 7])
def test_the_floor_of_a_map_shorter_than_its_window_is_that_of_the_frames_there_are(
    frames: int,
) -> None:
    power = np.full((64, frames), 1e-3)
    grid = Grid(RATE, 128, 32, 32 * (frames - 1) + 1)
    np.testing.assert_allclose(noise_floor(power, grid), 1e-3 * 10**0.15, rtol=1e-6)


def test_noise_is_removed_and_tones_stay(clean, noisy, found) -> None:
    reference = clean.samples[0]
    gain = si_sdr(reference, found.samples[0]) - si_sdr(reference, noisy.samples[0])
    assert gain > 8
    assert (found.length, found.rate, found.unit) == (noisy.length, RATE, "Pa")
    assert abs(found.level() - clean.level())[0] < 0.3


def test_noise_alone_is_attenuated_by_10_db_and_a_clean_tone_is_kept(clean) -> None:
    noise = np.random.default_rng(1).standard_normal((1, clean.length)).astype(np.float32)
    alone = specsr.Signal(noise, RATE)
    assert (specsr.denoise(alone, method="floor").level() < alone.level() - 10).all()
    kept = specsr.denoise(clean, method="floor")
    assert si_sdr(clean.samples[0], kept.samples[0]) > 25


def test_cells_are_attenuated_at_most_by_the_limit_and_keep_their_phase(noisy) -> None:
    spec = specsr.spectrogram(noisy, n_fft=512, overlap=0.5)
    found = specsr.denoise(spec, method="floor", attenuation=6.0)
    ratio = found.magnitude / np.maximum(spec.magnitude, 1e-20)
    assert ratio.max() <= 1 + 1e-6
    assert ratio.min() == pytest.approx(10 ** (-6 / 20), rel=1e-4)
    np.testing.assert_array_equal(found.phase, spec.phase)
    assert found.uncertainty_db is None and found.grid == spec.grid


def test_channels_do_not_depend_on_each_other_and_a_map_gives_the_same(noisy, found) -> None:
    both = noisy.replace(
        samples=np.concatenate([noisy.samples, 0.01 * noisy.samples[:, ::-1]]), channels=()
    )
    result = specsr.denoise(both, method="floor")
    np.testing.assert_array_equal(result.samples[:1], found.samples)
    by_map = specsr.denoise(floor_transform(RATE)(noisy), method="floor")
    whole = specsr.SpectrogramTransform.inverse(by_map).samples
    np.testing.assert_array_equal(whole, found.samples)


def test_segments_differ_little_from_the_whole(noisy) -> None:
    long = noisy.replace(samples=np.tile(noisy.samples, 2))
    model = speckle_model()
    whole, parts = (
        specsr.denoise(
            long, method="floor", model=model, options=specsr.InferOptions(segment=segment)
        ).samples[0]
        for segment in (np.inf, 2.0)
    )
    assert si_sdr(whole, parts) > 20


def test_the_window_follows_the_rate() -> None:
    found = {rate: floor_transform(rate).n_fft for rate in (2000.0, 8000.0, 25600.0, 48000.0, 1e6)}
    assert found == {2000.0: 512, 8000.0: 512, 25600.0: 2048, 48000.0: 4096, 1e6: 16384}


def test_silence_stays_silent() -> None:
    silent = specsr.Signal(np.zeros((1, 8000), np.float32), RATE)
    assert not specsr.denoise(silent, method="floor", model=speckle_model()).samples.any()


def test_what_does_not_fit_is_refused(noisy) -> None:
    with pytest.raises(specsr.SpecsrError, match="method is 'gate': expected one of network, fl"):
        specsr.denoise(noisy, method="gate")  # type: ignore[arg-type]
    with pytest.raises(specsr.SpecsrError, match="attenuation is -1 dB"):
        specsr.denoise(noisy, method="floor", attenuation=-1)
    with pytest.raises(specsr.SpecsrError, match="not 'speckle'"):
        specsr.denoise(noisy, method="floor", model="denoise")
    spec = specsr.spectrogram(noisy, n_fft=512, overlap=0.0)
    with pytest.raises(specsr.SpecsrError, match="overlap of the windows is 0 %"):
        specsr.denoise(spec, method="floor")


def test_the_command_writes_the_same_as_the_function(tmp_path, noisy, found, capsys) -> None:
    source, target = tmp_path / "noisy.wav", tmp_path / "quiet.wav"
    specsr.write(source, noisy)
    code, _, err = specsr_command(capsys, "denoise", source, "--method", "floor", "-o", target)
    assert code == 0, err
    np.testing.assert_allclose(specsr.read(target).samples, found.samples, atol=1e-6)
    code, _, err = specsr_command(
        capsys, "denoise", source, "--orders", "--method", "floor", "-o", tmp_path / "x.wav"
    )
    assert code == 1 and "leave out --model and --method" in err
