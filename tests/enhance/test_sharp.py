"""Sharp maps: blocks, levels, scaling, and what is refused."""

from __future__ import annotations

import numpy as np
import pytest

from specsr.enhance.sharp import sharp_columns, sharp_grid, sharp_map
from specsr.errors import SpecsrError
from specsr.maps.transform import spectrogram
from specsr.nvh.levels import third_octave_levels
from specsr.signal import Signal
from support.windows_model import windows_model

MODEL = windows_model()
N_FFT = 512


def recording(seconds: float = 12.0, channels: int = 1, gain: float = 1.0) -> Signal:
    """Noise with a line at 300 Hz and a click."""
    rng = np.random.default_rng(3)
    time = np.arange(round(2000 * seconds)) / 2000
    samples = rng.standard_normal((channels, time.size)) + np.sin(2 * np.pi * 300 * time)
    samples[:, time.size // 2] += 50
    return Signal((gain * samples).astype(np.float32), 2000.0, "Pa")


def test_grid_names_and_speed() -> None:
    signal = recording(2.0, channels=2).replace(channels=("left", "right"))
    signal = signal.replace(rpm=np.full(signal.length, 600.0))
    found = sharp_map(signal, n_fft=N_FFT, model=MODEL)
    assert (found.grid.n_fft, found.grid.hop_length) == (512, 16)
    assert found.magnitude.shape == (2, 257, found.grid.frames) and found.phase is None
    assert found.channels == ("left", "right")
    np.testing.assert_array_equal(found.rpm, signal.rpm)
    assert found.uncertainty_db is not None and (found.uncertainty_db > 0).all()


def test_small_blocks_give_the_same_network_output(monkeypatch: pytest.MonkeyPatch) -> None:
    """Levels and bands belong to a block; the uncertainty is the network's alone, but on lines."""
    monkeypatch.setattr("specsr.enhance.sharp.towards_long", lambda level, _, own, __: (level, own))
    signal = recording(6.0, channels=2)
    whole = sharp_map(signal, n_fft=N_FFT, model=MODEL)
    monkeypatch.setattr("specsr.enhance.sharp.CELLS", 257 * 100)
    grid = sharp_grid(signal, N_FFT)
    pieces = list(sharp_columns(signal, grid, model=MODEL))
    assert len(pieces) > 5
    assert sum(p.magnitude.shape[-1] for p in pieces) == grid.frames
    uncertainty = np.concatenate([p.uncertainty_db for p in pieces], -1)
    assert whole.uncertainty_db is not None
    # the level of a block differs by whole dB
    np.testing.assert_allclose(uncertainty, whole.uncertainty_db, rtol=0.1)


def test_third_octaves_are_those_of_the_recording() -> None:
    signal = recording()
    ours = third_octave_levels(sharp_map(signal, n_fft=N_FFT, model=MODEL))
    theirs = third_octave_levels(spectrogram(signal, n_fft=N_FFT, hop_length=N_FFT // 32))
    error = (ours.levels - theirs.levels)[:, theirs.resolved]
    # the measured map has zeros beyond its edges, where up to a window of 12 s is missing: 0.09 dB
    assert error.size >= 6 and np.abs(error).max() < 0.02 + 10 * np.log10(1 + N_FFT / 24_000)


def test_density_scaling_gives_the_same_levels() -> None:
    rms, psd = (
        sharp_map(recording(3.0), n_fft=N_FFT, scaling=s, model=MODEL) for s in ("rms", "psd")
    )
    factor = (psd.grid.factor() / rms.grid.factor())[:, None]
    np.testing.assert_allclose(psd.magnitude / factor, rms.magnitude, rtol=1e-6)


@pytest.mark.parametrize("gain", [2.0**-20, 2.0**20])
def test_a_louder_recording_gives_the_same_map_louder(gain: float) -> None:
    ours, plain = (sharp_map(recording(3.0, gain=g), n_fft=N_FFT, model=MODEL) for g in (gain, 1.0))
    np.testing.assert_allclose(ours.magnitude, gain * plain.magnitude, rtol=1e-3)


def test_silence_stays_silent() -> None:
    signal = recording(3.0)
    samples = signal.samples.copy()
    samples[:, 2000:] = 0
    found = sharp_map(signal.replace(samples=samples), n_fft=N_FFT, model=MODEL)
    after = (2000 + N_FFT) // 16
    assert not found.magnitude[..., after:].any() and found.magnitude[..., :90].all()
    nothing = signal.replace(samples=0 * samples)
    assert not sharp_map(nothing, n_fft=N_FFT, model=MODEL).magnitude.any()


def test_a_recording_shorter_than_a_window() -> None:
    found = sharp_map(recording(0.01), n_fft=N_FFT, model=MODEL)
    assert found.magnitude.shape == (1, 257, found.grid.frames)


def test_what_is_refused() -> None:
    for n_fft in (256, 1000):
        with pytest.raises(SpecsrError, match="expected a multiple of 32 from 512 up"):
            sharp_map(recording(1.0), n_fft=n_fft, model=MODEL)
    with pytest.raises(SpecsrError, match="trained for the pair 'pool', not 'windows'"):
        sharp_map(recording(1.0), n_fft=N_FFT, model="map")
