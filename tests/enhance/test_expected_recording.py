"""Expected maps of recordings: denser windows inside, grid and bands of the map asked for."""

from __future__ import annotations

import numpy as np
import pytest

from specsr.enhance.expected import expected, finer
from specsr.enhance.expected_recording import expected_spectrogram, further, magnitudes
from specsr.maps.spec_map import SpecMap
from specsr.maps.transform import spectrogram
from specsr.models.options import InferOptions
from specsr.nvh.levels import third_octave_levels
from specsr.signal import Signal
from support.speckle_model import speckle_model

MODEL = speckle_model()


def recording(length: int = 24_037, channels: int = 1) -> Signal:
    rng = np.random.default_rng(5)
    return Signal(rng.standard_normal((channels, length)).astype(np.float32), 2000.0, "Pa")


def every_second(signal: Signal, hop: int, options: InferOptions) -> SpecMap:
    """The expected map of half a hop, of the signal with zeros up to its last column."""
    filled = np.pad(signal.samples, ((0, 0), (0, -signal.length % hop)))
    dense = spectrogram(signal.replace(samples=filled), n_fft=64, hop_length=hop // 2)
    return expected(dense, model=MODEL, options=options)


@pytest.mark.parametrize(
    ("n_fft", "hop", "columns"),
    [(64, 48, 3), (64, 40, 2), (64, 32, 2), (66, 49, 1), (64, 24, 1), (64, 16, 1), (64, 7, 1)],
)
def test_windows_overlap_by_three_quarters_at_most(n_fft: int, hop: int, columns: int) -> None:
    grid = spectrogram(recording(400), n_fft=n_fft, hop_length=hop).grid
    assert further(grid) == columns


@pytest.mark.parametrize(("hop", "length"), [(32, 24_037), (32, 24_000), (48, 4001), (48, 30)])
def test_the_map_has_the_grid_that_was_asked_for(hop: int, length: int) -> None:
    signal = recording(length, channels=2)
    found = expected_spectrogram(signal, n_fft=64, hop_length=hop, model=MODEL)
    assert found.grid == spectrogram(signal, n_fft=64, hop_length=hop).grid
    assert found.channels == signal.channels and found.phase is None
    assert found.uncertainty_db is not None and (found.uncertainty_db > 0).all()


@pytest.mark.parametrize("options", [InferOptions(), InferOptions(ensemble=True)])
def test_the_network_sees_the_columns_between_and_every_second_is_kept(
    options: InferOptions,
) -> None:
    signal = recording()
    ours = expected_spectrogram(signal, n_fft=64, hop_length=32, model=MODEL, options=options)
    dense = every_second(signal, 32, options)
    # levels differ by the gain of the bands alone: one for each row and block of 10 s
    assert dense.uncertainty_db is not None
    np.testing.assert_allclose(ours.uncertainty_db, dense.uncertainty_db[..., ::2], atol=1e-4)
    gain = (ours.db - dense.db[..., ::2])[0, :-1, :300]
    assert np.ptp(gain, axis=1).max() < 1e-3
    alone = expected(spectrogram(signal, n_fft=64, hop_length=32), model=MODEL)
    assert np.abs(ours.db - alone.db)[0, :-1].max() > 0.1


def test_band_powers_are_those_of_the_map_that_was_asked_for() -> None:
    signal = recording(50_000)
    settings = {"n_fft": 512, "hop_length": 256}
    clean = expected_spectrogram(signal, **settings, model=MODEL)
    ours, theirs = (third_octave_levels(x) for x in (clean, spectrogram(signal, **settings)))
    error = (ours.levels - theirs.levels)[:, theirs.resolved]
    assert error.size >= 9 and np.abs(error).max() < 0.02


def test_from_three_quarters_overlap_it_is_the_map_of_the_measured_one() -> None:
    signal = recording()
    ours = expected_spectrogram(signal, n_fft=64, overlap=0.75, model=MODEL)
    theirs = expected(spectrogram(signal, n_fft=64, overlap=0.75), model=MODEL)
    np.testing.assert_array_equal(ours.magnitude, theirs.magnitude)
    np.testing.assert_array_equal(ours.uncertainty_db, theirs.uncertainty_db)


@pytest.mark.parametrize("size", [1000, 24_000, 24_037])
def test_pieces_of_a_recording_give_the_columns_of_the_whole(size: int) -> None:
    signal = recording(channels=2)
    grid = finer(spectrogram(signal, n_fft=64, hop_length=32).grid, 2)
    pieces = [signal.cut(i, min(i + size, signal.length)) for i in range(0, signal.length, size)]
    found = np.concatenate(list(magnitudes(pieces, grid)), axis=-1)
    filled = np.pad(signal.samples, ((0, 0), (0, grid.length - signal.length)))
    whole = spectrogram(signal.replace(samples=filled), n_fft=64, hop_length=16)
    assert whole.grid == grid
    np.testing.assert_allclose(found, whole.magnitude, atol=1e-5)
