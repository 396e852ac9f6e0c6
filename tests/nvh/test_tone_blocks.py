"""Tones over time: a beep, a tone that moves, and noise, against what was put in."""

from __future__ import annotations

import csv

import numpy as np
import pytest

import specsr
from specsr.errors import SpecsrError
from specsr.nvh.sound_quality_curves import SoundQualityCurves
from specsr.nvh.tonality import Tone, tones
from specsr.nvh.tone_blocks import ToneBlocks, above_limit_db, lasting_tones, tone_blocks
from specsr.plots.sound_quality import plot_sound_quality
from specsr.signal import Signal
from support.command import run

RATE = 8000.0
SECONDS = 9.0
TIMES = np.arange(round(RATE * SECONDS)) / RATE
NOISE = 0.01 * np.random.default_rng(2).standard_normal(TIMES.size)


def sound(*parts: np.ndarray, start: float = 0.0) -> Signal:
    return Signal(NOISE + sum(parts), RATE, "Pa", start=start)


def test_a_beep_is_a_tone_while_it_sounds() -> None:
    beep = 0.1 * np.sin(2 * np.pi * 1000 * TIMES) * ((TIMES >= 3) & (TIMES < 6))
    found = tone_blocks(sound(beep, start=10.0))
    assert found.times == pytest.approx(np.arange(11.0, 18.5)) and found.block == 2.0
    heard = [[tone.freq for tone in each] for each in found.tones[0]]
    assert heard[0] == heard[1] == heard[-1] == heard[-2] == []
    assert all(each == [1000.0] for each in heard[3:5])  # blocks that it fills
    (one,) = lasting_tones(found.times, found.tones[0])
    assert one.times[0] == 13.0 and one.times[-1] in (15.0, 16.0)
    level = 20 * np.log10(0.1 / np.sqrt(2) / 20e-6)
    assert max(tone.level_db for tone in one.tones) == pytest.approx(level, abs=0.1)
    # the ratio of the block is that of its samples alone
    block = sound(beep).cut(round(3 * RATE), round(5 * RATE))
    assert one.strongest.tnr_db >= tones(block)[0][0].tnr_db - 1e-9
    assert above_limit_db(one.strongest) == pytest.approx(
        max(one.strongest.tnr_db - 8, one.strongest.pr_db - 9)
    )


def test_blocks_cover_the_recording_evenly() -> None:
    for seconds in (2.0, 2.3, 4.9, 9.0):
        part = Signal(NOISE[: round(seconds * RATE)], RATE, "Pa")
        found = tone_blocks(part)
        assert found.times[0] == 1.0
        if len(found.times) > 1:
            assert found.times[-1] == pytest.approx(seconds - 1.0, abs=1e-3)
            gaps = np.diff(found.times)
            assert gaps.max() <= 1.0 + 1e-3 and np.ptp(gaps) < 1e-3
    assert len(tone_blocks(sound(), block=9.0).times) == 1


def test_a_tone_that_moves_slowly_goes_on_and_one_that_jumps_is_another() -> None:
    phase = 2 * np.pi * (1000 * TIMES + 5 * TIMES**2)  # 10 Hz/s
    second = np.interp(TIMES, [4, 5], [0, 1])  # faded: a jump is a click
    jump = (1 - second) * np.sin(4000 * np.pi * TIMES) + second * np.sin(5200 * np.pi * TIMES)
    found = tone_blocks(sound(0.1 * np.sin(phase), 0.1 * jump))
    joined = lasting_tones(found.times, found.tones[0])
    moving = [one for one in joined if one.tones[0].freq < 1500]
    assert len(moving) == 1 and len(moving[0].tones) == found.times.size
    at = np.array([tone.freq for tone in moving[0].tones])
    assert np.abs(at - (1000 + 10 * found.times)).max() < 11  # within the sweep of a block
    steady = [one for one in joined if one.tones[0].freq > 1500]
    assert [round(one.tones[0].freq, -1) for one in steady] == [2000, 2600]


def test_of_tones_heard_together_the_loudest_stands() -> None:
    pair = 0.1 * np.sin(2 * np.pi * 1000 * TIMES) + 0.08 * np.sin(2 * np.pi * 1012 * TIMES)
    for each in tone_blocks(sound(pair)).tones[0]:
        assert [tone.freq for tone in each] == [1000.0]
    assert len(tones(sound(pair))[0]) == 2


def test_noise_has_no_tones_and_channels_stay_apart() -> None:
    tone = 0.1 * np.sin(2 * np.pi * 500 * TIMES)
    both = Signal(np.stack([NOISE, NOISE + tone]), RATE, "Pa")
    one, two = tone_blocks(both).tones
    assert not any(one) and all(len(each) == 1 for each in two)


def test_wrong_blocks_are_named() -> None:
    for block in (1.9, np.nan, np.inf):
        with pytest.raises(SpecsrError, match="block is"):
            tone_blocks(sound(), block)
    with pytest.raises(SpecsrError, match="blocks of 10 s need as much"):
        tone_blocks(sound(), 10.0)


def test_the_figure_shows_the_tones_at_their_time_and_frequency() -> None:
    times = np.array([1.0, 2.0, 3.0])
    curve = np.ones((2, 3))
    curves = SoundQualityCurves(times, curve, curve, times, curve)
    tone, other = Tone(400.0, 60.0, 15.0, 20.0, ("tnr",)), Tone(900.0, 50.0, 12.0, np.nan, ("tnr",))
    blocks = ToneBlocks(times, 2.0, (((), (tone,), (tone, other)), ((), (), ())))
    axes = plot_sound_quality(curves, ["left", "right"], blocks).axes
    assert len(axes) == 5  # and the colour bar
    drawn = axes[3].collections[0]
    assert np.asarray(drawn.get_offsets()).tolist() == [[2, 400], [3, 400], [3, 900]]
    assert drawn.get_array().tolist() == pytest.approx([above_limit_db(tone)] * 2 + [
        above_limit_db(other)])  # fmt: skip
    none = plot_sound_quality(curves, ["left"], ToneBlocks(times, 2.0, (((), (), ()),))).axes
    assert none[3].texts[0].get_text() == "no prominent tones"
    assert len(plot_sound_quality(curves, ["left", "right"]).axes) == 3


@pytest.mark.slow
def test_the_command_writes_tones_over_time(tmp_path, capsys) -> None:
    pytest.importorskip("mosqito")
    path, table = tmp_path / "beep.wav", tmp_path / "curves.csv"
    beep = 0.1 * np.sin(2 * np.pi * 1000 * TIMES) * (TIMES > 0.5)
    specsr.write(path, sound(beep).cut(0, round(2.2 * RATE)))
    code, text, err = run(capsys, "sound-quality", path, "-o", table, "-o", tmp_path / "c.png")
    assert code == 0 and "In blocks of 2 s" in text, err
    rows = list(csv.DictReader(table.open(encoding="utf-8", newline="")))
    ratio = [row for row in rows if row["quantity"] == "tone_to_noise_db"]
    assert {row["freq_hz"] for row in ratio} == {"1000"} and len(ratio) == 2
    assert all(float(row["time_s"]) >= 1 and float(row["value"]) > 8 for row in ratio)
    assert all(row["freq_hz"] == "" for row in rows if row["quantity"] == "loudness_sone")
