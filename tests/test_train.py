"""Losses, configs, examples and the training loop, on networks of a few weights."""

from __future__ import annotations

import csv
import math
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
import torch
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from specsr import data, levels, losses
from specsr.config import Config, load_config
from specsr.data import Crops, Example, Recipe, load_examples, prepare, recipes
from specsr.degrade import pool_power
from specsr.errors import SpecsrError
from specsr.guide import guide_image
from specsr.learner import learning_rate
from specsr.models import EDSR, MDSR
from specsr.prefill import CHANNELS, copy_up
from specsr.scenes import random_run_up
from specsr.spectrogram import SpectrogramTransform
from specsr.synth import synthesise
from specsr.train import build_net, train
from specsr.weights import load_model, read_info

CONFIGS = Path(__file__).resolve().parents[1] / "configs"


def config(tmp_path: Path, **sections: Any) -> Config:
    """A run of seconds: three short synthetic run-ups, a network of a few hundred weights."""
    tree: dict[str, Any] = {
        "name": "tiny",
        "grids": [{"n_fft": 64, "hop_length": 32}],
        "pair": {"kind": "pool", "scales": [2]},
        "model": {"n_resblocks": 1, "n_feats": 4},
        "data": {
            "synth": {"count": 3, "duration": 0.6, "rates": [8000.0]},
            "cache": str(tmp_path / "cache"),
        },
        "train": {
            "steps": 12, "batch": 2, "patch": [8, 8], "warmup": 2, "workers": 0, "device": "cpu",
            "save_every": 4, "validate_every": 6, "hold_out": 1,
        },
    }  # fmt: skip
    for name, changes in sections.items():
        tree[name] = {**tree[name], **changes} if isinstance(changes, dict) else changes
    return Config.model_validate(tree)


# --- losses ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "name, best",
    [
        ("itakura-saito", 0.0),  # 10 log10 of the mean power
        ("l1", 10 * math.log10(math.log(2))),  # of the median: 1.59 dB low
        ("l2", -10 / math.log(10) * np.euler_gamma),  # mean of dB: 2.51 dB low
    ],
)
def test_where_a_loss_settles_on_speckle(name: str, best: float) -> None:
    """The best constant for exponential power of mean 1, by search."""
    power = np.random.default_rng(0).exponential(1.0, 400_000)
    target = torch.from_numpy(10 * np.log10(power))
    levels_ = np.arange(-4, 2, 0.05)
    values = [losses.LOSSES[name](torch.full_like(target, v), target).item() for v in levels_]
    assert levels_[int(np.argmin(values))] == pytest.approx(best, abs=0.1)


@given(offset=st.floats(-150, 150), seed=st.integers(0, 99))
@settings(max_examples=60, deadline=None)
def test_losses_are_their_formulas(offset: float, seed: int) -> None:
    target = torch.from_numpy(np.random.default_rng(seed).normal(0, 5, (3, 4)))
    estimate = target.flip(0) + offset
    error = (target - estimate).numpy()
    assert losses.l1(estimate, target).item() == pytest.approx(np.abs(error).mean())
    assert losses.l2(estimate, target).item() == pytest.approx(np.mean(error**2))
    assert losses.charbonnier(estimate, target, 0.5).item() == pytest.approx(
        np.sqrt(error**2 + 0.25).mean()
    )
    psnr = 10 * np.log10(80**2 / max(np.mean(error**2), 1e-8))
    assert losses.l1_psnr(estimate, target).item() == pytest.approx(
        np.abs(error).mean() - 0.02 * psnr, abs=1e-9
    )
    ratio = 10 ** (error / 10)
    exact = ratio - np.log(ratio) - 1
    # beyond 10 dB along the tangent there
    tangent = (10 - math.log(10) - 1) + 9 * (np.log(ratio) - math.log(10))
    expected = np.where(error > 10, tangent, exact).mean()
    assert losses.itakura_saito(estimate, target).item() == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize("name", ["l1", "l2", "itakura-saito"])
@given(offset=st.floats(0.01, 300), sign=st.sampled_from([-1, 1]))
@settings(max_examples=30, deadline=None)
def test_losses_are_zero_at_equality_and_grow_from_there(
    name: str, offset: float, sign: int
) -> None:
    loss = losses.LOSSES[name]
    target = torch.zeros(3, dtype=torch.float64)
    assert loss(target, target).item() == pytest.approx(0, abs=1e-15)
    estimate = torch.full_like(target, sign * offset).requires_grad_()
    value = loss(estimate, target)
    assert value.item() > 0
    value.backward()
    assert torch.isfinite(estimate.grad).all()
    assert (estimate.grad * sign > 0).all()  # downhill is towards the target


def test_itakura_saito_is_smooth_at_its_limit() -> None:
    at = torch.tensor([-10 - 1e-6, -10 + 1e-6], dtype=torch.float64, requires_grad=True)
    values = torch.stack([losses.itakura_saito(a, torch.zeros(())) for a in at])
    (slopes,) = torch.autograd.grad(values.sum(), at)
    assert values[0].item() == pytest.approx(values[1].item(), rel=1e-5)
    assert slopes[0].item() == pytest.approx(slopes[1].item(), rel=1e-5)


def test_magnitude_loss_weighs_cells_by_what_they_hold() -> None:
    target = torch.tensor([[[[0.0, -40.0]]]], dtype=torch.float64)
    assert losses.magnitude(target, target).item() == pytest.approx(-40, abs=1e-9)
    strong, weak = target.clone(), target.clone()
    strong[..., 0] -= 3.0
    weak[..., 1] -= 3.0
    error = (1 - 10 ** (-3 / 20)) ** 2 / (1 + 1e-4)
    wanted = 10 * math.log10(error + 1e-4)
    assert losses.magnitude(strong, target, 0.0).item() == pytest.approx(wanted, rel=1e-9)
    assert losses.magnitude(weak, target).item() < losses.magnitude(strong, target).item() - 20
    louder = losses.magnitude(strong + 60, target + 60).item()
    assert louder == pytest.approx(losses.magnitude(strong, target).item(), rel=1e-9)


# --- config ---------------------------------------------------------------------------------

GOOD = {
    "name": "x",
    "pair": {"kind": "pool", "scales": [2]},
    "data": {"synth": {"count": 2}},
    "grids": [{"n_fft": 512}],
}


def write(tmp_path: Path, tree: Any) -> Path:
    path = tmp_path / "c.yaml"
    path.write_text(yaml.safe_dump(tree), encoding="utf-8")
    return path


@pytest.mark.parametrize("path", sorted(CONFIGS.glob("*.yaml")), ids=lambda p: p.stem)
def test_the_configs_that_come_along_are_valid(path: Path) -> None:
    loaded = load_config(path)
    assert loaded.name == path.stem
    assert Config.model_validate(loaded.model_dump(mode="json")) == loaded


@pytest.mark.parametrize(
    "override, words",
    [
        ("train.stepz=3", r"train\.stepz: unknown key; did you mean steps\?"),
        ("trian.steps=3", "trian: unknown key; did you mean train"),
        ("data.synth.cuont=3", r"data\.synth\.cuont.*did you mean count"),
        ("grids=[{n_ftt: 64}]", r"grids\.0\.n_ftt.*did you mean n_fft"),
        ("model.zzzzzz=1", "valid keys: name, n_resblocks"),
        ("train.steps=0", r"train\.steps"),
        ("train.steps=many", r"train\.steps"),
        ("train.loss=l3", "l1"),
        ("train.patch=[0, 8]", r"train\.patch\.0"),
        ("train.ema=1", r"train\.ema"),
        ("grids=[{n_fft: 65}]", "multiple of 2"),
        ("pair.scales=2", r"pair\.scales.*list such as"),
        ("pair.scales=[0]", r"pair\.scales"),
        ("pair.scales=[]", r"pair\.scales"),
        ("pair.scales=[2, 3]", "use mdsr"),
        ("pair.kind=band", r"works at pair\.scales"),
        ("data.synth.count=0", r"set data\.synth\.count or data\.folders"),
        ("steps", "expected section.key=value"),
        ("name.first=1", "name is a value, not a section"),
        ("train.steps=[", "not YAML"),
        ("data=", "data"),
    ],
)
def test_what_is_wrong_with_a_config_is_said(tmp_path: Path, override: str, words: str) -> None:
    path = write(tmp_path, GOOD)
    with pytest.raises(SpecsrError, match=words):
        load_config(path, [override])


def test_overrides_reach_every_depth_and_keep_the_rest(tmp_path: Path) -> None:
    path = write(tmp_path, GOOD)
    loaded = load_config(
        path, ["train.steps=7", "data.synth.rates=[8000, 9000.5]", "pair.scales=[[4, 1]]"]
    )
    assert loaded.train.steps == 7
    assert loaded.data.synth.rates == [8000.0, 9000.5] and loaded.data.synth.count == 2
    assert loaded.pair.scales == [(4, 1)]
    assert load_config(path).pair.scales == [(2, 2)]


def test_denoise_needs_its_range_and_stft_one_scale(tmp_path: Path) -> None:
    path = write(tmp_path, {**GOOD, "pair": {"kind": "denoise"}})
    with pytest.raises(SpecsrError, match=r"pair\.snr"):
        load_config(path)
    path = write(tmp_path, {**GOOD, "model": {"name": "mdsr"}})
    with pytest.raises(SpecsrError, match="one scale"):
        load_config(path, ["pair.kind=stft", "pair.scales=[2, 3]"])


@pytest.mark.parametrize(
    "content", [b"name: [", b"- a\n- b\n", b"", b"\xff\xfe\x00name", b"just words"]
)
def test_files_that_are_no_config_are_named(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "broken.yaml"
    path.write_bytes(content)
    with pytest.raises(SpecsrError, match=r"broken\.yaml"):
        load_config(path)
    with pytest.raises(SpecsrError, match=r"missing\.yaml: no such config"):
        load_config(tmp_path / "missing.yaml")


# --- examples -------------------------------------------------------------------------------


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
    level = levels.own_level(low_db, measured.grid)
    high_db = levels.to_db(synthetic.expected_power(measured.grid)[:-1])
    np.testing.assert_allclose(example.low, levels.about(low_db, level), atol=0.07)
    np.testing.assert_allclose(example.high, levels.about(high_db, level), atol=0.07)
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


# --- crops ----------------------------------------------------------------------------------


def noise_map(seed: int, rows: int, frames: int) -> np.ndarray:
    return np.random.default_rng(seed).normal(0, 10, (rows, frames)).astype(np.float16)


@given(scale=st.integers(2, 4), seed=st.integers(0, 9999))
@settings(max_examples=30, deadline=None)
def test_the_guide_of_a_crop_is_that_of_its_place(scale: int, seed: int) -> None:
    """A map whose levels number its cells says where a crop was cut and which way round."""
    options = config(
        Path(), pair={"scales": [scale]}, model={"guide": True},
        train={"patch": [5, 6], "guided": 1.0, "places": 2, "level_shift": 0.0},
    )  # fmt: skip
    map_ = (40.0 * np.arange(40)[:, None] + np.arange(40)).astype(np.float16)
    speed = np.linspace(10, 30, 40).astype(np.float32)
    crops = Crops([Example(map_, map_, df=3.0, speed=speed)], options, 1)
    low, high = crops.crop(crops.examples[0], (scale, scale), np.random.default_rng(seed))
    top, columns = int(high[0, 0].min() // 40), (high[0, 0] % 40).astype(int)
    rows = top + np.arange(5) * scale + (scale - 1) / 2
    centres = columns.reshape(6, scale).min(axis=1) + scale // 2
    expected = guide_image(rows * 3.0, 3.0 * scale, speed[centres].astype(float))
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
    crops = Crops([Example(map_, map_)], options, 1)
    low, high = crops.crop(crops.examples[0], scale, np.random.default_rng(seed))
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
    crops = Crops([Example(fine[::s_f, ::s_t], fine)], options, 1)
    low, high = crops.crop(crops.examples[0], (s_f, s_t), np.random.default_rng(seed))
    np.testing.assert_array_equal(high[:, ::s_f, ::s_t], low)


@given(seed=st.integers(0, 9999), kind=st.sampled_from(["band", "denoise"]))
@settings(max_examples=40, deadline=None)
def test_full_height_crops_are_aligned_however_they_are_augmented(seed: int, kind: str) -> None:
    pair = {"kind": kind, "scales": [1], "snr": (0, 1)}
    options = config(Path(), pair=pair, train={"patch": [9, 6]})
    map_ = noise_map(seed, 32, 40)
    crops = Crops([Example(map_, map_, cut=20, df=100.0)], options, 1)
    low, high = crops.crop(crops.examples[0], (1, 1), np.random.default_rng(seed))
    if kind == "denoise":
        assert low.shape == (1, 9, 6)
        np.testing.assert_array_equal(low, high)
        return
    # the cut is a row of the whole map: crops are cut in time alone
    assert low.shape == (CHANNELS, 32, 6) and high.shape == (1, 32, 6)
    np.testing.assert_array_equal(low[0], copy_up(high[0], 20))
    np.testing.assert_array_equal(low[1, :20], np.full((20, 6), 20.0))


def test_augmentation_turns_time_and_shifts_levels_within_its_range() -> None:
    """A ramp in time tells whether it was turned; its middle tells the shift."""
    ramp = np.repeat(np.linspace(-5, 5, 8, dtype=np.float16)[None], 8, axis=0)
    options = config(Path(), pair={"scales": [1]}, train={"patch": [8, 8], "level_shift": 10.0})
    crops = Crops([Example(ramp, ramp)], options, 1)
    drawn = [crops.crop(crops.examples[0], (1, 1), np.random.default_rng(i))[0] for i in range(300)]
    turned = np.array([low[0, 0, 0] > low[0, 0, -1] for low in drawn])
    shifts = np.array([low.mean() for low in drawn])
    assert 110 < turned.sum() < 190
    assert np.abs(shifts).max() <= 10.01
    assert shifts.min() < -9 and shifts.max() > 9 and abs(shifts.mean()) < 1.5
    # never in frequency: rows stay in their order
    rows = np.repeat(np.arange(8, dtype=np.float16)[:, None], 8, axis=1)
    for i in range(20):
        low, _ = crops.crop(Example(rows, rows), (1, 1), np.random.default_rng(i))
        assert (np.diff(low[0], axis=0) > 0).all()
    plain = config(
        Path(), pair={"scales": [1]}, train={"patch": [8, 8], "level_shift": 0, "reverse": False}
    )
    low, _ = Crops([Example(ramp, ramp)], plain, 1).crop(
        Example(ramp, ramp), (1, 1), np.random.default_rng(0)
    )
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
        low, high, scale = crops[step]
        again = Crops(examples, options, 99)[step]
        assert torch.equal(low, again[0]) and torch.equal(high, again[1]) and scale == again[2]
        assert low.shape == (2, 1, 4, 4)
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
    with pytest.raises(SpecsrError, match=r"train\.patch asks for 40 rows of a map that has 32"):
        Crops([Example(map_, map_)], options, 1)[0]


# --- the loop -------------------------------------------------------------------------------


def test_learning_rates_by_their_formulas(tmp_path: Path) -> None:
    cosine = config(tmp_path, train={"steps": 1000, "warmup": 100, "lr": 1e-3})
    assert learning_rate(0, cosine) == pytest.approx(1e-5, rel=1e-3)
    assert learning_rate(500, cosine) == pytest.approx(1e-3 * (0.01 + 0.99 / 2))
    assert learning_rate(1000, cosine) == pytest.approx(1e-5)
    rates = [learning_rate(s, cosine) for s in range(1001)]
    assert max(rates) <= 1e-3 and np.argmax(rates) in (98, 99, 100)
    assert (np.diff(rates[:99]) > 0).all() and (np.diff(rates[100:]) < 0).all()
    halve = config(
        tmp_path, train={"schedule": "halve", "halve_every": 200, "warmup": 0, "lr": 1e-4}
    )
    assert [learning_rate(s, halve) for s in (0, 199, 200, 400)] == [1e-4, 1e-4, 5e-5, 2.5e-5]


def test_nets_are_built_alike_from_one_seed(tmp_path: Path) -> None:
    a, b = build_net(config(tmp_path)), build_net(config(tmp_path))
    other = build_net(config(tmp_path, train={"seed": 3}))
    assert all(torch.equal(p, q) for p, q in zip(a.parameters(), b.parameters()))
    assert not all(torch.equal(p, q) for p, q in zip(a.parameters(), other.parameters()))
    assert isinstance(a, EDSR) and a.config.input_skip
    many = build_net(config(tmp_path, pair={"scales": [2, 3]}, model={"name": "mdsr"}))
    assert isinstance(many, MDSR) and many.scales == ((2, 2), (3, 3))
    band = build_net(config(tmp_path, pair={"kind": "band", "scales": [1]}))
    assert (band.config.in_channels, band.config.out_channels) == (CHANNELS, 1)


def test_training_lowers_the_loss_and_writes_a_usable_model(tmp_path: Path) -> None:
    options = config(
        tmp_path,
        model={"n_feats": 8},
        train={"steps": 150, "lr": 5e-3, "batch": 4, "validate_every": 50, "save_every": 75},
    )
    path = train(options, tmp_path / "run")
    assert path == tmp_path / "run" / "tiny.safetensors"
    model = load_model(path)
    crops = Crops(load_examples(options), options, 20)
    untrained = build_net(options)

    def score(net: torch.nn.Module) -> float:
        with torch.no_grad():
            return float(np.mean([losses.l1(net(x, s), y).item() for x, y, s in crops]))

    # repeating the input costs the speckle of a pooled cell; learning takes a good part off
    assert score(model.net) < 0.9 * score(untrained)
    with (tmp_path / "run" / "log.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [int(r["step"]) for r in rows] == [50, 100, 150]
    assert float(rows[-1]["validation_l1_db"]) < float(rows[0]["validation_l1_db"])
    info = read_info(path)
    assert info["pair"] == "pool" and info["rates"] == [8000.0, 8000.0]
    assert info["record"]["steps"] == 150 and info["record"]["config"]["name"] == "tiny"
    assert not list((tmp_path / "run").glob("*.tmp"))


@pytest.mark.parametrize(
    "changes",
    [
        {"pair": {"scales": [2, 4]}, "model": {"name": "mdsr"}, "train": {"patch": [4, 4]}},
        {"pair": {"kind": "stft", "scales": [[1, 2]]}},
        {"pair": {"kind": "band", "scales": [1], "ratios": [2.0]}, "model": {"fold": [4, 2]}},
        {"pair": {"kind": "denoise", "scales": [1], "snr": [0, 10]}, "model": {"fold": [2, 2]}},
        {"train": {"precision": "bfloat16", "loss": "itakura-saito"}},
        {
            "model": {"doubt": True, "guide": True},
            "train": {"loss": "itakura-saito+l2", "places": 2},
        },
    ],
    ids=["mdsr", "stft", "band", "denoise", "bfloat16", "doubt and guide"],
)
def test_every_pair_trains(tmp_path: Path, changes: dict) -> None:
    changes = {**changes, "train": {**changes.get("train", {}), "steps": 2}}
    options = config(tmp_path, **changes)
    model = load_model(train(options, tmp_path / "run"))
    assert model.pair == options.pair.kind
    untrained = build_net(options).state_dict()
    moved = [k for k, v in model.net.state_dict().items() if not torch.equal(v, untrained[k])]
    assert moved


class Stop:
    """Ends a run, as a key press would, after so many batches."""

    def __init__(self, after: int) -> None:
        self.after = after

    def __call__(self, items: Iterable) -> Iterable:
        if isinstance(items, list):  # the examples, not the batches
            return items
        return self._batches(items)

    def _batches(self, items: Iterable) -> Iterable:
        for count, item in enumerate(items):
            if count == self.after:
                raise KeyboardInterrupt
            yield item


def tensors(value: Any, at: str = "") -> dict[str, torch.Tensor]:
    if isinstance(value, torch.Tensor):
        return {at: value}
    if isinstance(value, dict):
        return {k: v for key, sub in value.items() for k, v in tensors(sub, f"{at}/{key}").items()}
    return {}


@pytest.mark.parametrize("name", ["edsr", "mdsr"])
def test_a_resumed_run_ends_bit_for_bit_like_an_unbroken_one(tmp_path: Path, name: str) -> None:
    options = config(
        tmp_path, pair={"scales": [2, 3] if name == "mdsr" else [2]}, model={"name": name},
        train={"patch": [4, 4]},
    )  # fmt: skip
    unbroken, broken = tmp_path / "unbroken", tmp_path / "broken"
    train(options, unbroken)
    with pytest.raises(KeyboardInterrupt):
        train(options, broken, progress=Stop(7))
    stopped = torch.load(broken / "checkpoint.pt", weights_only=True)
    assert stopped["step"] == 4  # what came after it is done again
    with pytest.raises(SpecsrError, match="--resume"):
        train(options, broken)
    train(options, broken, resume=True)
    a, b = (torch.load(f / "checkpoint.pt", weights_only=True) for f in (unbroken, broken))
    assert a["step"] == b["step"] == 12
    ours, theirs = tensors(a), tensors(b)
    assert ours.keys() == theirs.keys() and any("exp_avg_sq" in k for k in ours)
    for key in ours:
        assert torch.equal(ours[key], theirs[key]), key
    nets = [load_model(f / "tiny.safetensors").net.state_dict() for f in (unbroken, broken)]
    assert all(torch.equal(nets[0][k], nets[1][k]) for k in nets[0])


def test_an_interrupted_write_keeps_the_last_checkpoint(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    options, folder = config(tmp_path), tmp_path / "run"
    whole = torch.save

    def full_disk(state: Any, path: Any) -> None:
        if state.get("step", 0) > 4:
            Path(path).write_bytes(b"half")
            raise OSError(28, "No space left on device")
        whole(state, path)

    monkeypatch.setattr(torch, "save", full_disk)
    with pytest.raises(SpecsrError, match=r"checkpoint\.pt: could not be written"):
        train(options, folder)
    monkeypatch.undo()
    assert torch.load(folder / "checkpoint.pt", weights_only=True)["step"] == 4
    load_model(train(options, folder, resume=True))


def test_a_run_is_not_written_over_another(tmp_path: Path) -> None:
    options, folder = config(tmp_path, train={"steps": 2}), tmp_path / "run"
    train(options, folder)
    before = {p.name: p.read_bytes() for p in folder.iterdir() if p.is_file()}
    with pytest.raises(SpecsrError, match=r"checkpoint\.pt exists: go on with --resume"):
        train(options, folder)
    (folder / "checkpoint.pt").rename(folder / "kept.pt")
    with pytest.raises(SpecsrError, match=r"tiny\.safetensors exists"):
        train(options, folder)
    (folder / "kept.pt").rename(folder / "checkpoint.pt")
    with pytest.raises(SpecsrError, match="another network"):
        train(config(tmp_path, model={"n_feats": 5}), folder, resume=True)
    assert {p.name: p.read_bytes() for p in folder.iterdir() if p.is_file()} == before
    torch.save({"weight": torch.zeros(2)}, tmp_path / "other.pt")
    other = (tmp_path / "other.pt").read_bytes()
    for content in (b"", b"half", b"cos\nsystem\n(S'true'\ntR.", other, other[:300]):
        (folder / "checkpoint.pt").write_bytes(content)
        with pytest.raises(SpecsrError, match=r"checkpoint\.pt: damaged, or not a checkpoint"):
            train(options, folder, resume=True)


def test_a_diverged_run_says_so_and_keeps_the_last_checkpoint(tmp_path: Path) -> None:
    folder = tmp_path / "run"
    with pytest.raises(SpecsrError, match=r"the loss is (nan|inf) at step \d+: lower train\.lr"):
        train(config(tmp_path, train={"lr": 1e30, "warmup": 0, "save_every": 1}), folder)
    state = torch.load(folder / "checkpoint.pt", weights_only=True)
    assert state["step"] >= 1


def test_an_unknown_device_is_named(tmp_path: Path) -> None:
    with pytest.raises(SpecsrError, match="expected auto, cpu or cuda"):
        train(config(tmp_path, train={"device": "tpu"}), tmp_path / "run")


def test_the_doubt_settles_where_its_share_of_the_errors_lies() -> None:
    """Of Gaussian errors 68.3 % lie within one standard deviation: that is what is learned."""
    error = 3.0 * torch.randn(100_000, generator=torch.Generator().manual_seed(0))
    width = torch.zeros(1, requires_grad=True)
    optimiser = torch.optim.Adam([width], 0.05)
    for _ in range(300):
        optimiser.zero_grad()
        losses.doubt(error, width, floor=0.0).backward()
        optimiser.step()
    assert float(width.detach().exp()) == pytest.approx(3.0, rel=0.03)


def test_machines_run_in_front_of_steady_recordings(tmp_path: Path) -> None:
    folder = tmp_path / "backgrounds"
    folder.mkdir()
    hum = np.random.default_rng(0).standard_normal(16000)
    soundfile.write(folder / "hum.wav", 0.1 * hum, 8000)
    data = {
        "synth": {"count": 8, "duration": 0.6, "rates": [8000.0], "scenes": True},
        "backgrounds": [str(folder)], "cache": str(tmp_path / "cache"),
    }  # fmt: skip
    plain = config(tmp_path, data=data | {"backgrounds": []})
    before = config(tmp_path, data=data)
    same = [np.array_equal(prepare(r, plain).low, prepare(r, before).low) for r in recipes(before)]
    assert 0 < sum(same) < len(same)
