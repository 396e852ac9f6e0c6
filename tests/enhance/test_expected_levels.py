"""The passes of the network for expected maps, and the ensemble of a dense map."""

from __future__ import annotations

import numpy as np
import pytest

from specsr.enhance.expected import expected
from specsr.enhance.expected_levels import dealt, network_levels
from specsr.enhance.expected_recording import expected_spectrogram
from specsr.errors import SpecsrError
from specsr.maps.grid import Grid
from specsr.maps.transform import spectrogram
from specsr.models.options import InferOptions
from specsr.signal import Signal
from support.speckle_model import speckle_model

MODEL = speckle_model()
ONCE, ENSEMBLE = InferOptions(), InferOptions(ensemble=True)


def grid(hop: int, frames: int = 101) -> Grid:
    signal = Signal(np.zeros((frames - 1) * hop, dtype=np.float32), 2000.0)
    return spectrogram(signal, n_fft=64, hop_length=hop).grid


def levels_db(frames: int) -> np.ndarray:
    return np.random.default_rng(3).normal(0, 5, (32, frames)).astype(np.float32)


@pytest.mark.parametrize(("hop", "maps"), [(6, 2), (8, 2), (9, 1), (16, 1), (48, 1)])
def test_dense_maps_are_dealt_to_two(hop: int, maps: int) -> None:
    assert dealt(grid(hop)) == maps


@pytest.mark.parametrize("frames", [1, 2, 101])
def test_the_ensemble_of_a_dense_map_is_the_mean_of_it_and_of_every_second_column(
    frames: int,
) -> None:
    db = levels_db(frames)
    found = network_levels(db, grid(8), MODEL, ENSEMBLE)
    both = 2 * found - network_levels(db, grid(8), MODEL, ONCE)
    for first in range(min(2, frames)):
        alone = network_levels(db[:, first::2], grid(16), MODEL, ONCE)
        np.testing.assert_allclose(both[..., first::2], alone, atol=1e-4)


def test_the_ensemble_of_other_maps_does_not_depend_on_the_direction_of_time() -> None:
    db = levels_db(100)
    ours = network_levels(db, grid(16), MODEL, ENSEMBLE)
    reverse = network_levels(db[:, ::-1], grid(16), MODEL, ENSEMBLE)
    np.testing.assert_allclose(ours, reverse[..., ::-1], atol=1e-4)


def test_blocks_do_not_change_the_ensemble(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(7)
    signal = Signal(rng.standard_normal(40_000).astype(np.float32), 2000.0)
    dense = spectrogram(signal, n_fft=64, hop_length=8)
    # the level that a block is seen at follows its own columns
    monkeypatch.setattr("specsr.maps.levels.segment_level", lambda own, reference: -30.0)
    found = []
    for seconds in (100.0, 4.0):
        monkeypatch.setattr("specsr.maps.levels.FIRST_SECONDS", seconds)
        found.append(expected(dense, model=MODEL, options=ENSEMBLE).uncertainty_db)
    whole, blocks = found
    assert whole is not None and blocks is not None
    np.testing.assert_allclose(blocks, whole, atol=1e-4)


@pytest.mark.parametrize("options", [ONCE, ENSEMBLE], ids=["once", "ensemble"])
@pytest.mark.parametrize("hz", [250.0, 247.3])
def test_the_uncertainty_beside_a_clean_tone_is_bounded(hz: float, options: InferOptions) -> None:
    """Levels of 100 dB below the tone and more: no network has seen them."""
    tone = Signal(np.sin(2 * np.pi * hz * np.arange(8000) / 2000), 2000.0)
    for overlap in (0.5, 0.875):
        clean = expected(spectrogram(tone, n_fft=1024, overlap=overlap), options=options)
        assert clean.uncertainty_db is not None and clean.uncertainty_db.max() < 100


@pytest.mark.parametrize("wrong", [True, {"ensemble": True}])
def test_options_of_another_type_are_refused(wrong: object) -> None:
    noise = Signal(np.random.default_rng(0).standard_normal(2000), 2000.0)
    with pytest.raises(SpecsrError, match="InferOptions"):
        expected(spectrogram(noise, n_fft=64), model=MODEL, options=wrong)  # type: ignore[call-overload]
    with pytest.raises(SpecsrError, match="InferOptions"):
        expected_spectrogram(noise, n_fft=64, model=MODEL, options=wrong)  # type: ignore[arg-type]
