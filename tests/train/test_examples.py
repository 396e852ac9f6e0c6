"""Examples for training: maps prepared once, from machines and recordings."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from specsr.errors import SpecsrError
from specsr.maps import levels
from specsr.maps.levels import LEVEL_RANGE_DB
from specsr.maps.transform import SpectrogramTransform
from specsr.pairs.band_input import (
    FULL,
    GIVEN,
    SOUGHT,
)
from specsr.synth.draws import random_run_up
from specsr.synth.synthesis import synthesise
from specsr.train import examples as data
from specsr.train.cache import FEWEST, load_examples
from specsr.train.crops import Crops
from specsr.train.examples import Example, Recipe, prepare, recipes
from specsr.train.store import empty_from
from support.tiny_config import config
from support.train_samples import noise_map


def test_a_prepared_example_holds_the_expected_power(tmp_path: Path) -> None:
    options = config(tmp_path)
    example = prepare(Recipe(5), options)
    again = prepare(Recipe(5), options)
    np.testing.assert_array_equal(example.low, again.low)
    np.testing.assert_array_equal(example.high, again.high)
    assert example.low.dtype == example.high.dtype == np.float16
    synthetic = synthesise(random_run_up(5, 8000.0, 0.6))
    transform = SpectrogramTransform(64, 32)
    measured = transform(synthetic.signal)
    low_db = levels.to_db(measured.power[0, :-1])
    level = levels.median_level(low_db, measured.grid)
    high_db = levels.to_db(synthetic.expected_power(measured.grid)[:-1])
    np.testing.assert_allclose(example.low, levels.relative_levels(low_db, level), atol=0.07)
    np.testing.assert_allclose(example.high, levels.relative_levels(high_db, level), atol=0.07)
    # both sides are shifted alike
    assert np.median(example.low) == pytest.approx(0, abs=1)


@pytest.mark.parametrize("kind", ["stft", "band", "denoise"])
def test_other_pairs_fit_their_grids(tmp_path: Path, kind: str) -> None:
    pair = {
        "stft": {"kind": "stft", "scales": [[1, 2]]},
        "band": {"kind": "band", "scales": [1], "ratios": [2.0]},
        "denoise": {"kind": "denoise", "scales": [1], "snr": [0, 0]},
    }[kind]
    options = config(tmp_path, pair=pair, grids=[{"n_fft": 64, "hop_length": 16}])
    example = prepare(Recipe(1), options)
    frames = 1 + 4800 // 16
    assert example.high.shape == (32, frames)
    assert example.df == 125.0
    if kind == "stft":
        assert example.low.shape == (32, 1 + 4800 // 32)
    else:
        assert example.low.shape == (32, frames)
    if kind == "band":
        assert example.cut == 14  # 0.9 of 16 rows
        known = np.abs(example.low[:12] - example.high[:12].astype(float))
        assert np.median(known) < 0.1
    if kind == "denoise":
        # noise as loud as the clean recording: the target never lies far above its input
        assert np.median(example.low - example.high.astype(float)) > 0
        # and never deeper below it than there is use for
        assert (example.low.astype(float) - example.high).max() < data.DEEPEST + 0.2


def test_examples_are_prepared_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    options = config(tmp_path)
    first = load_examples(options)
    assert len(first) == 3
    direct = prepare(Recipe(1), options)
    np.testing.assert_array_equal(first[1].low, direct.low)

    def refuse(*_: Any) -> Example:
        raise AssertionError("prepared again")

    monkeypatch.setattr(data, "prepare", refuse)
    for a, b in zip(first, load_examples(options)):
        np.testing.assert_array_equal(a.low, b.low)
        np.testing.assert_array_equal(a.high, b.high)
        assert (a.cut, a.df) == (b.cut, b.df)
    # what does not change an example takes it from the cache; what does, does not
    load_examples(config(tmp_path, train={"steps": 99, "seed": 4}))
    with pytest.raises(AssertionError, match="prepared again"):
        load_examples(config(tmp_path, grids=[{"n_fft": 64, "hop_length": 16}]))
    assert not list((tmp_path / "cache").glob("*.tmp"))


def test_named_machines_come_beside_the_others(tmp_path: Path) -> None:
    synth = {"count": 2, "duration": 1.0, "rates": [8000.0], "scenes": "all"}
    few = config(tmp_path, data={"synth": synth})
    more = config(tmp_path, data={"synth": synth | {"named": {"pulses": 2, "knocking": 1}}})
    found = recipes(more)
    assert found[:2] == recipes(few)
    assert [recipe.kind for recipe in found[2:]] == ["pulses", "pulses", "knocking"]
    assert len({recipe.seed for recipe in found}) == 5
    load_examples(few)
    before = set((tmp_path / "cache").glob("*.npz"))
    examples = load_examples(more)
    # the others are not prepared again
    assert len(before) == 2 and before < set((tmp_path / "cache").glob("*.npz"))
    for recipe, example in zip(found, examples, strict=True):
        np.testing.assert_array_equal(example.high, prepare(recipe, more).high)
    with pytest.raises(ValueError, match="kind 'punch': expected one of plain, .*knocking"):
        config(tmp_path, data={"synth": synth | {"named": {"punch": 1}}})


def test_recordings_are_listed_by_channel_and_repeat(tmp_path: Path) -> None:
    folder = tmp_path / "wavs"
    folder.mkdir()
    rng = np.random.default_rng(0)
    soundfile.write(folder / "a.wav", 0.1 * rng.standard_normal((4000, 2)), 8000)
    soundfile.write(folder / "b.wav", 0.1 * rng.standard_normal(4000), 4000)
    options = config(
        tmp_path,
        data={"synth": {"count": 0}, "folders": [str(folder)], "repeats": 3, "min_rate": 8000},
    )
    found = recipes(options)
    assert [(Path(r.file).name, r.channel) for r in found] == [("a.wav", 0)] * 3 + [
        ("a.wav", 1)
    ] * 3
    assert len({r.seed for r in found}) == 6
    assert recipes(options) == found
    example = prepare(found[0], options)
    assert example.low.shape == (32, 126)
    nothing = config(
        tmp_path, data={"synth": {"count": 0}, "folders": [str(folder)], "min_rate": 9000}
    )
    with pytest.raises(SpecsrError, match=r"no example left.*min_rate"):
        recipes(nothing)


def test_weighted_recordings_are_drawn_more_often(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    for name in ("cars/a.wav", "cars/b.wav", "speech/a.wav"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        soundfile.write(tmp_path / name, 0.1 * rng.standard_normal(4000), 8000)
    sources = {"synth": {"count": 1}, "folders": [str(tmp_path / "cars"), str(tmp_path / "speech")]}
    weights = {"speech/*": 3.0, "cars/b*": 2.0, "*/b.wav": 2.0}
    plain, weighted = (
        load_examples(config(tmp_path, data={**sources, "weights": w})) for w in ({}, weights)
    )
    assert [e.weight for e in plain] == [1, 1, 1, 1]
    assert [e.weight for e in weighted] == [1, 1, 4, 3]  # patterns that both fit both count
    assert len(list((tmp_path / "cache").glob("*.npz"))) == 4  # prepared once for both
    options = config(tmp_path, data=sources)
    even, crops = Crops(plain, options, 1).weights, Crops(weighted, options, 1).weights
    assert crops.sum() == pytest.approx(1)
    np.testing.assert_allclose(crops / crops[0], [1, 1, 4, 3] * even / even[0])


def test_any_number_of_processes_prepares_the_same(tmp_path: Path) -> None:
    """In the order of the recipes, in files of the same bytes; an error arrives as it is."""
    made = []
    for workers in (1, 2):
        folder = tmp_path / str(workers)
        synth = {"count": 2 * FEWEST, "duration": 0.1, "rates": [8000.0]}
        options = config(folder, data={"synth": synth, "workers": workers})
        made.append(load_examples(options))
        files = sorted((folder / "cache").iterdir())
        made[-1] += [file.read_bytes() for file in files]
    (first, second), count = made, 2 * FEWEST
    assert len(first) == 2 * count and first[count:] == second[count:]
    for a, b in zip(first[:count], second[:count]):
        np.testing.assert_array_equal(a.high, b.high)
    good = config(tmp_path / "bad", data={"synth": synth, "workers": 2})
    # a rate that no config may have, for an error in a process of its own
    broken = good.data.synth.model_copy(update={"rates": [0.0]})
    bad = good.model_copy(update={"data": good.data.model_copy(update={"synth": broken})})
    with pytest.raises(ZeroDivisionError):
        load_examples(bad)


def test_the_top_of_a_resampled_recording_is_found_and_given(tmp_path: Path) -> None:
    """The rows above half the former rate are empty: they are marked in the crops that state it."""
    high = np.full((64, 40), 3.0, np.float16)
    high[50:] = -LEVEL_RANGE_DB
    high[60, 3] = 0.0  # a click is no content
    assert empty_from(high) == 50 and empty_from(high[:50]) == 50
    marks = {}
    for share in (0.0, 1.0):
        options = config(
            tmp_path, pair={"kind": "band", "scales": [1], "ratios": [2.0]},
            train={"patch": [64, 8], "top_share": share},
        )  # fmt: skip
        low = Crops([Example(high, high, cut=32)], options, 1)[0][0]
        marks[share] = low[0, 1, :, 0]
    assert (marks[0.0][:32] == GIVEN).all() and (marks[0.0][32:] == SOUGHT).all()
    assert (marks[1.0][32:50] == FULL).all()
    assert (marks[1.0][:32] == GIVEN).all() and (marks[1.0][50:] == GIVEN).all()


def test_maps_are_held_once_and_in_place(tmp_path: Path) -> None:
    maps = [noise_map(i, 8 + i, 20 + i) for i in range(3)]
    examples = [Example(maps[0], maps[1]), Example(maps[2], maps[2], real=True)]
    crops = Crops(list(examples), config(tmp_path), 1)
    store = crops.cut.store
    assert store.levels.numel() == sum(m.size for m in maps)
    for kept, example in zip(crops.examples, examples):
        np.testing.assert_array_equal(kept.low, example.low)
        np.testing.assert_array_equal(kept.high, example.high)
        assert np.shares_memory(kept.low, store.levels.numpy())
    assert crops.examples[1].low is crops.examples[1].high
