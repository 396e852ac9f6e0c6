"""Expected maps: blocks, levels, scaling, and what is refused."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from specsr.enhance.expected import Columns, expected, expected_columns
from specsr.errors import SpecsrError
from specsr.maps.pooling import pool
from specsr.maps.spec_map import SpecMap
from specsr.maps.transform import spectrogram
from specsr.models.bundled import find_model
from specsr.nvh.levels import overall_level, third_octave_levels
from specsr.signal import Signal
from support.speckle_model import speckle_model

MODEL = speckle_model()


def recording(seconds: float = 30.0, channels: int = 1, gain: float = 1.0) -> Signal:
    """Noise with a line whose level rises, at 2 kHz."""
    rng = np.random.default_rng(3)
    time = np.arange(round(2000 * seconds)) / 2000
    line = np.sin(2 * np.pi * 300 * time) * time / seconds
    noise = rng.standard_normal((channels, time.size))
    return Signal((gain * (noise + line)).astype(np.float32), 2000.0, "Pa")


def measured(seconds: float = 30.0, **settings: object) -> SpecMap:
    return spectrogram(recording(seconds), **{"n_fft": 64, "hop_length": 16, **settings})


def same(ours: list[Columns], whole: SpecMap) -> None:
    np.testing.assert_array_equal(np.concatenate([c.magnitude for c in ours], -1), whole.magnitude)
    np.testing.assert_array_equal(
        np.concatenate([c.uncertainty_db for c in ours], -1), whole.uncertainty_db
    )


@pytest.mark.parametrize("size", [1, 37, 5000])
def test_columns_that_arrive_in_pieces_give_the_map_of_the_whole(size: int) -> None:
    spec = spectrogram(recording(channels=2), n_fft=64, hop_length=16)
    pieces = (spec.magnitude[..., i : i + size] for i in range(0, spec.grid.frames, size))
    found = list(expected_columns(pieces, spec.grid, model=MODEL))
    assert len(found) == 3  # 10 s each; the rest is part of the last one
    same(found, expected(spec, model=MODEL))


def test_blocks_of_few_cells_do_not_depend_on_the_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("specsr.enhance.expected.CELLS", 33 * 100)
    spec = measured(12.0)
    pieces = np.array_split(spec.magnitude, 40, axis=-1)
    found = list(expected_columns(pieces, spec.grid, model=MODEL))
    assert len(found) > 10
    same(found, expected(spec, model=MODEL))


def test_a_channel_alone_gives_the_same_map() -> None:
    both = expected(spectrogram(recording(channels=2), n_fft=64), model=MODEL)
    signal = recording(channels=2)
    alone = signal.replace(samples=signal.samples[1:], channels=signal.channels[1:])
    second = expected(spectrogram(alone, n_fft=64), model=MODEL)
    np.testing.assert_array_equal(both.magnitude[1:], second.magnitude)


def test_third_octaves_are_those_of_the_measured_map() -> None:
    spec = measured(25.0, n_fft=512, hop_length=128)
    ours, theirs = (third_octave_levels(x) for x in (expected(spec, model=MODEL), spec))
    error = (ours.levels - theirs.levels)[:, theirs.resolved]
    assert error.size >= 9 and np.abs(error).max() < 0.02  # two rounds of 0.01 dB at most


def test_axes_names_and_speed_are_kept_and_the_phase_is_not() -> None:
    spec = measured(3.0)
    spec = spec.replace(rpm=np.full(spec.grid.length, 600.0), channels=("mic",))
    found = expected(spec, model=MODEL)
    assert found.grid == spec.grid and found.channels == ("mic",) and found.phase is None
    np.testing.assert_array_equal(found.rpm, spec.rpm)
    assert found.uncertainty_db is not None and (found.uncertainty_db > 0).all()


def test_density_scaling_gives_the_same_levels() -> None:
    rms, psd = measured(12.0), measured(12.0, scaling="psd")
    factor = (psd.grid.factor() / rms.grid.factor())[:, None]
    ours = expected(psd, model=MODEL).magnitude / factor
    # the same but for the rounding of float32 (6e-8), which the network passes on
    np.testing.assert_allclose(ours, expected(rms, model=MODEL).magnitude, rtol=1e-4)


@pytest.mark.parametrize("gain", [2.0**-90, 1e-20, 2.0**20])
def test_a_louder_recording_gives_the_same_map_louder(gain: float) -> None:
    ours, plain = (
        expected(spectrogram(recording(12.0, gain=g), n_fft=64), model=MODEL) for g in (gain, 1.0)
    )
    np.testing.assert_allclose(ours.magnitude, gain * plain.magnitude, rtol=1e-4)


def test_silence_stays_silent() -> None:
    signal = recording(12.0)
    samples = signal.samples.copy()
    samples[:, 8000:16000] = 0
    spec = spectrogram(signal.replace(samples=samples), n_fft=64, hop_length=16)
    found = expected(spec, model=MODEL)
    silent = spec.magnitude[:, :-1] == 0
    assert silent.any() and not found.magnitude[:, :-1][silent].any()
    nothing = spectrogram(signal.replace(samples=0 * samples), n_fft=64)
    assert not expected(nothing, model=MODEL).magnitude.any()


def test_a_recording_shorter_than_a_window_is_one_column_or_two() -> None:
    spec = spectrogram(recording(0.01), n_fft=64, hop_length=16)
    assert expected(spec, model=MODEL).magnitude.shape == spec.magnitude.shape


@pytest.mark.parametrize("frequency", [4000.0, 3996.0, 3980.0])
def test_a_tone_at_half_the_rate_keeps_its_power(frequency: float) -> None:
    time = np.arange(int(10 * 8000)) / 8000
    signal = Signal(np.cos(2 * np.pi * frequency * time)[None], 8000.0)
    spec = spectrogram(signal, n_fft=512, hop_length=128)
    ours, theirs = expected(spec, model=MODEL), spec
    # two rounds of 0.01 dB at most
    assert overall_level(ours) == pytest.approx(overall_level(theirs), abs=0.03)
    last = [np.square(x.magnitude[0, -1], dtype=float).mean() for x in (ours, theirs)]
    assert last[0] == pytest.approx(last[1], rel=1e-4)


def test_the_nyquist_row_of_noise_is_that_of_the_row_below() -> None:
    clean = expected(measured(20.0), model=MODEL)
    below, last = clean.magnitude[:, -2], clean.magnitude[:, -1]
    np.testing.assert_allclose(last, below / np.sqrt(2), rtol=1e-5)


def test_other_maps_are_refused() -> None:
    spec = measured(2.0)
    estimate = spec.replace(uncertainty_db=np.ones(spec.magnitude.shape, np.float32))
    with pytest.raises(SpecsrError, match="so it is an estimate: expected a measured map"):
        expected(estimate, model=MODEL)
    with pytest.raises(SpecsrError, match="cells of 2 x 2 means: expected a full map"):
        expected(pool(spec, 2, 2), model=MODEL)
    for hop, share in ((64, "0 %"), (50, "21.9 %"), (4, "93.8 %")):
        with pytest.raises(SpecsrError, match=f"overlap of the windows is {share}: expected 25 to"):
            expected(measured(1.0, hop_length=hop), model=MODEL)
    with pytest.raises(SpecsrError, match="got a Signal: expected a SpecMap"):
        expected(recording(1.0), model=MODEL)  # type: ignore[arg-type]
    with pytest.raises(SpecsrError, match="trained for the pair 'pool', not 'speckle'"):
        expected(spec, model=replace(MODEL, pair="pool"))


# --- the bundled model ----------------------------------------------------------------------


@pytest.mark.parametrize(("n_fft", "overlap"), [(512, 0.9), (2048, 0.5), (4096, 0.75)])
def test_noise_reads_its_level_and_a_tone_its_own(n_fft: int, overlap: float) -> None:
    rate = 25600.0
    rng = np.random.default_rng(1)
    time = np.arange(round(6 * rate)) / rate
    tone = np.sqrt(2) * 0.5 * np.sin(2 * np.pi * 100 * rate / 4096 * time)
    signal = Signal((rng.standard_normal(time.size) + tone)[None].astype(np.float32), rate)
    spec = spectrogram(signal, n_fft=n_fft, overlap=overlap)
    found = expected(spec)
    inside = slice(spec.grid.frames // 4, 3 * spec.grid.frames // 4)
    db = 10 * np.log10(found.power[0, 8:-8, inside])
    energy = np.square(spec.grid.window_samples()).sum()
    noise = 10 * np.log10(spec.grid.factor()[8:-8] ** 2 * energy)[:, None]
    row = round(100 * n_fft / 4096) - 8
    away = np.abs(np.arange(len(db)) - row) > 8
    # a measured cell of noise is off by 5.6 dB rms
    assert np.sqrt(np.mean(np.square(db - noise)[away])) < 1.0
    measured_db = 10 * np.log10(spec.power[0, 8:-8, inside])
    assert np.abs(db[row] - measured_db[row]).mean() < 1.0


def test_the_model_is_bundled_with_the_config_of_its_training() -> None:
    model = find_model(None, "speckle", (1, 1))
    assert model.name == "expected" and model.record["config"]["pair"]["kind"] == "speckle"


@pytest.mark.parametrize("mean", [0.3, 30.0, 3e4])
def test_a_mean_keeps_its_level(mean: float) -> None:
    # 0.1 of noise: its power in a cell is 0.1^2 times 1.5 / 256 rows, 32 dB and more below the mean
    noise = 0.1 * np.random.default_rng(2).standard_normal((1, 12_000))
    spec = spectrogram(Signal(noise + mean, 8000.0), n_fft=512)
    inside = slice(2, -2)
    ours, theirs = (10 * np.log10(x.power[0, :2, inside]) for x in (expected(spec), spec))
    # a row of the mean varies by 4.34 sqrt(2 q) dB, with q of 6e-4 at most 0.15 dB
    assert np.abs(ours - theirs).max() < 0.45
