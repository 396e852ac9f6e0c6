"""Sounds of the app: the same stretch of every result, at one gain or at one level."""

from __future__ import annotations

import io
import math
from pathlib import Path

import numpy as np
import pytest
import soundfile

import specsr
from specsr.app.sounds import RATE, Sound, file_stretch, is_playable, stretch_of, together
from specsr.choices import AUDIO_SECONDS
from specsr.errors import SpecsrError
from specsr.jobs.options import Reading
from specsr.report.audio import LOUDEST
from specsr.signal import Signal

SECONDS = 1.0


def tone(rate: float, level: float = 1.0, start: float = 0.0) -> Signal:
    times = start + np.arange(round(SECONDS * rate)) / rate
    return Signal(level * np.sin(2 * np.pi * 440 * times), rate, "Pa", ("mic",), start)


def heard(sound: Sound, factor: float) -> np.ndarray:
    samples, rate = soundfile.read(io.BytesIO(sound.flac))
    assert rate == RATE
    return factor * samples


@pytest.fixture(scope="module")
def pair() -> list[Sound]:
    """A recording, and one of another rate that is 12 dB softer and begins later."""
    signals = {"loud": tone(48000, 2.0), "soft": tone(25600.5, 0.5, start=0.1)}
    span = (0.25, 0.75)
    return together([(title, stretch_of(x, span, "mic")) for title, x in signals.items()])


def test_stretches_are_the_same_part(pair: list[Sound]) -> None:
    """One after the other they differ by their level alone: the phase of the tone is the same."""
    loud, soft = (heard(sound, sound.gain)[2400:-2400] for sound in pair)
    assert len(loud) == len(soft) == 24000 - 4800
    np.testing.assert_allclose(soft, loud / 4, atol=2e-3)


def test_the_common_gain_keeps_levels_and_does_not_clip(pair: list[Sound]) -> None:
    assert max(np.abs(heard(sound, sound.gain)).max() for sound in pair) == pytest.approx(
        LOUDEST, rel=1e-3
    )
    assert pair[0].level_db - pair[1].level_db == pytest.approx(20 * math.log10(4), abs=0.05)
    assert pair[0].level_db == pytest.approx(20 * math.log10(2 / math.sqrt(2) / 20e-6), abs=0.05)


def test_matched_sounds_have_one_level(pair: list[Sound]) -> None:
    rms = [np.sqrt(np.mean(heard(sound, sound.matched) ** 2)) for sound in pair]
    assert rms[0] == pytest.approx(rms[1], rel=1e-3)
    assert max(np.abs(heard(sound, sound.matched)).max() for sound in pair) <= LOUDEST * 1.001
    assert pair[1].match_db - pair[0].match_db == pytest.approx(20 * math.log10(4), abs=0.05)


def test_silence_and_units_of_their_own(pair: list[Sound]) -> None:
    silent = Signal(np.zeros((1, 48000)), 48000, "Pa")
    shaken = Signal(np.random.default_rng(0).normal(size=(1, 48000)) * 1e-3, 48000, "m/s2")
    first, second, third = together([("a", silent), ("b", shaken), ("c", tone(48000, 100.0))])
    assert (first.gain, first.matched, first.match_db) == (0.0, 0.0, 0.0)
    assert second.gain == third.gain == pytest.approx(LOUDEST)


def test_a_recording_that_begins_later_is_silent_before(tmp_path: Path) -> None:
    late = tone(48000, start=0.5)
    part = stretch_of(late, (0.25, 0.75), "mic")
    assert part.length == 24000
    assert not part.samples[0, :11999].any()
    assert np.abs(part.samples[0, 12000:13000]).max() > 0.9
    with pytest.raises(SpecsrError, match="nothing to play"):
        stretch_of(late, (0.0, 0.4), "mic")
    assert stretch_of(late, (0.5, 3600.0), 0).length == AUDIO_SECONDS * RATE


def test_a_file_is_read_in_part(tmp_path: Path) -> None:
    whole = tone(25600)
    specsr.write(tmp_path / "a.wav", whole)
    specsr.write(tmp_path / "a.npz", whole)
    span = (0.25, 0.75)
    part = file_stretch(tmp_path / "a.wav", Reading(), span, "mic")
    assert part is not None
    np.testing.assert_array_equal(part.samples, stretch_of(whole, span, "mic").samples)
    assert file_stretch(tmp_path / "a.npz", Reading(), span, "mic") is None


def test_maps_of_means_have_no_waveform() -> None:
    grid = specsr.spectrogram(tone(8000)).grid
    assert is_playable(grid) and not is_playable(grid.pooled(2, 2))
