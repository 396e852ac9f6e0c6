"""Crops for training: aligned however they are augmented, drawn by their weights."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from specsr.errors import SpecsrError
from specsr.maps import levels
from specsr.maps.pooling import pool_power
from specsr.pairs.band_input import (
    CHANNELS,
    PARTS,
    band_image,
    copy_up,
)
from specsr.pairs.order_input import order_channels
from specsr.train.cache import load_examples
from specsr.train.config import Config
from specsr.train.crops import Crops, band_images, order_images
from specsr.train.examples import Example
from support.tiny_config import config
from support.train_samples import noise_map


def one_crop(
    example: Example, options: Config, scale: tuple[int, int], seed: int
) -> tuple[np.ndarray, np.ndarray]:
    """Input [C, patch] and target [1, patch x scale] of one crop of an example."""
    crops = Crops([example], options, 1)
    batch = crops.cut(crops.draws.stacked([0], scale, [np.random.default_rng(seed)]))
    return batch.low[0].numpy(), batch.high[0].numpy()


@given(scale=st.integers(2, 4), seed=st.integers(0, 9999))
@settings(max_examples=30, deadline=None)
def test_the_order_channels_of_a_crop_are_those_of_its_place(scale: int, seed: int) -> None:
    """Levels that number the cells show where a crop was cut and in which direction."""
    options = config(
        Path(), pair={"scales": [scale]}, model={"order_input": True},
        train={"patch": [5, 6], "order_input_share": 1.0, "places": 2, "level_shift": 0.0},
    )  # fmt: skip
    map_ = (40.0 * np.arange(40)[:, None] + np.arange(40)).astype(np.float16)
    speed = np.linspace(10, 30, 40).astype(np.float32)
    low, high = one_crop(
        Example(map_, map_, df=3.0, rotation_hz=speed), options, (scale, scale), seed
    )
    top, columns = int(high[0, 0].min() // 40), (high[0, 0] % 40).astype(int)
    rows = top + np.arange(5) * scale + (scale - 1) / 2
    centres = columns.reshape(6, scale).min(axis=1) + scale // 2
    expected = order_channels(rows * 3.0, 3.0 * scale, speed[centres].astype(float))
    np.testing.assert_allclose(low[1:], expected, atol=1e-3)


@given(
    scale=st.tuples(st.integers(1, 4), st.integers(1, 4)), seed=st.integers(0, 9999),
    frames=st.integers(1, 60),
)  # fmt: skip
@settings(max_examples=60, deadline=None)
def test_pool_crops_are_aligned_however_they_are_augmented(
    tmp_path_factory: pytest.TempPathFactory, scale: tuple[int, int], seed: int, frames: int
) -> None:
    """With a map that is its own truth, pooling the target gives the input, exactly."""
    options = config(Path(), pair={"scales": [scale]}, train={"patch": [5, 6]})
    map_ = noise_map(seed, 24, frames)
    low, high = one_crop(Example(map_, map_), options, scale, seed)
    assert low.shape == (1, 5, 6) and high.shape == (1, 5 * scale[0], 6 * scale[1])
    assert low.dtype == high.dtype == np.float32
    power = 10 ** (high.astype(np.float64) / 10)
    np.testing.assert_allclose(levels.to_db(pool_power(power, *scale)), low, atol=2e-4)


@given(s_f=st.integers(1, 4), s_t=st.integers(1, 4), seed=st.integers(0, 9999))
@settings(max_examples=40, deadline=None)
def test_stft_crops_are_aligned_however_they_are_augmented(s_f: int, s_t: int, seed: int) -> None:
    """A coarse cell lies on the first of its fine ones, and augmentation keeps it there."""
    options = config(Path(), pair={"kind": "stft", "scales": [(s_f, s_t)]}, train={"patch": [5, 6]})
    fine = noise_map(seed, 12 * s_f, 30 * s_t)
    low, high = one_crop(Example(fine[::s_f, ::s_t], fine), options, (s_f, s_t), seed)
    np.testing.assert_array_equal(high[:, ::s_f, ::s_t], low)


@given(seed=st.integers(0, 9999), kind=st.sampled_from(["band", "denoise"]))
@settings(max_examples=40, deadline=None)
def test_full_height_crops_are_aligned_however_they_are_augmented(seed: int, kind: str) -> None:
    pair = {"kind": kind, "scales": [1], "snr": (0, 1)}
    options = config(Path(), pair=pair, train={"patch": [9, 6]})
    map_ = noise_map(seed, 32, 40)
    low, high = one_crop(Example(map_, map_, cut=20, df=100.0), options, (1, 1), seed)
    if kind == "denoise":
        assert low.shape == (1, 9, 6)
        np.testing.assert_array_equal(low, high)
        return
    # the cut is a row of the whole map: crops are cut in time alone
    assert low.shape == (CHANNELS, 32, 6) and high.shape == (1, 32, 6)
    np.testing.assert_array_equal(low[0], copy_up(high[0], 20))
    np.testing.assert_array_equal(low[1, :20], np.full((20, 6), 20.0))


def test_augmentation_turns_time_and_shifts_levels_within_its_range() -> None:
    """A ramp in time shows whether it was reversed; its mean shows the shift."""
    ramp = np.repeat(np.linspace(-5, 5, 8, dtype=np.float16)[None], 8, axis=0)
    options = config(Path(), pair={"scales": [1]}, train={"patch": [8, 8], "level_shift": 10.0})
    drawn = [one_crop(Example(ramp, ramp), options, (1, 1), i)[0] for i in range(300)]
    turned = np.array([low[0, 0, 0] > low[0, 0, -1] for low in drawn])
    shifts = np.array([low.mean() for low in drawn])
    assert 110 < turned.sum() < 190
    assert np.abs(shifts).max() <= 10.01
    assert shifts.min() < -9 and shifts.max() > 9 and abs(shifts.mean()) < 1.5
    # never in frequency: rows stay in their order
    rows = np.repeat(np.arange(8, dtype=np.float16)[:, None], 8, axis=1)
    for i in range(20):
        low, _ = one_crop(Example(rows, rows), options, (1, 1), i)
        assert (np.diff(low[0], axis=0) > 0).all()
    plain = config(
        Path(), pair={"scales": [1]}, train={"patch": [8, 8], "level_shift": 0, "reverse": False}
    )
    low, _ = one_crop(Example(ramp, ramp), plain, (1, 1), 0)
    np.testing.assert_array_equal(low[0], ramp)


def test_scales_are_drawn_by_their_weights(tmp_path: Path) -> None:
    changes = {"pair": {"scales": [2, 3, 4]}, "model": {"name": "mdsr"}}
    options = config(tmp_path, **changes, train={"patch": [4, 4], "scale_weights": [1, 0, 3]})
    crops = Crops(load_examples(options), options, 60)
    drawn = [crops[step][2] for step in range(60)]
    assert (3, 3) not in drawn and drawn.count((4, 4)) > drawn.count((2, 2)) > 0
    with pytest.raises(ValueError, match="one weight"):
        config(tmp_path, **changes, train={"scale_weights": [1, 2]})


def test_batches_are_a_function_of_seed_and_step_alone() -> None:
    options = config(
        Path(), pair={"scales": [2, 3, 4]}, model={"name": "mdsr"}, train={"patch": [4, 4]}
    )
    examples = [Example(m, m) for m in (noise_map(i, 32, 50) for i in range(4))]
    crops = Crops(examples, options, 40)
    assert len(crops) == len(list(crops)) == 40
    for step in (7, 3, 7):
        low, high, scale, real = crops[step]
        again = Crops(examples, options, 99)[step]
        assert torch.equal(low, again[0]) and torch.equal(high, again[1]) and scale == again[2]
        assert low.shape == (2, 1, 4, 4) and not real.any()
        assert high.shape == (2, 1, 4 * scale[0], 4 * scale[1])
    assert {crops[step][2] for step in range(40)} == {(2, 2), (3, 3), (4, 4)}
    assert not torch.equal(crops[1][0], crops[2][0])
    other = config(
        Path(), pair={"scales": [2, 3, 4]}, model={"name": "mdsr"},
        train={"patch": [4, 4], "seed": 1},
    )  # fmt: skip
    assert not torch.equal(Crops(examples, other, 40)[7][0], crops[7][0])


def test_a_patch_taller_than_the_map_is_named() -> None:
    options = config(Path(), train={"patch": [20, 4]})
    map_ = noise_map(0, 32, 50)
    with pytest.raises(SpecsrError, match=r"train\.patch needs 40 rows, but a map has 32"):
        Crops([Example(map_, map_)], options, 1)[0]


@given(seed=st.integers(0, 9999), rows=st.integers(9, 40), frames=st.integers(1, 12))
@settings(max_examples=40, deadline=None)
def test_the_channels_of_a_batch_are_those_of_its_maps(seed: int, rows: int, frames: int) -> None:
    """Every crop of a batch as the functions for whole maps make it."""
    rng = np.random.default_rng(seed)
    df = rng.uniform(1, 60, 3)
    db = rng.normal(0, 20, (3, rows, frames)).astype(np.float32)
    cuts = rng.integers(8, rows + 1, 3)
    edges = np.stack([np.linspace(0, cut, PARTS + 1).astype(int) for cut in cuts])
    tops = np.array([-1, rows, rng.integers(cuts[2], rows + 1)])
    images = band_images(*map(torch.from_numpy, (db, edges, df, tops)))
    for image, *one in zip(images, db, cuts, df, [None, *tops[1:]]):
        np.testing.assert_allclose(image, band_image(*one), atol=1e-4)
    freqs = np.sort(rng.uniform(0, 5000, (3, rows)))
    speed = rng.uniform(1, 100, (3, frames)) * (rng.random((3, frames)) < 0.7)
    images = order_images(*map(torch.from_numpy, (freqs, df[:, None], speed)))
    for image, f, height, rotation_hz in zip(images, freqs, df, speed):
        np.testing.assert_allclose(image, order_channels(f, height, rotation_hz), atol=1e-5)
