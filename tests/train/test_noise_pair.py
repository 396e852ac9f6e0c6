"""Training of the pair ``noise``: maps, crops, loss, runs, and configs that are refused."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
import torch
from pydantic import ValidationError

from specsr.errors import SpecsrError
from specsr.models.bundled import load_model
from specsr.models.hub_card import hub_card
from specsr.signal import Signal
from specsr.train.cache import load_examples
from specsr.train.config import Config
from specsr.train.crops import Crops
from specsr.train.data import sources
from specsr.train.examples import Example, Recipe, prepare, recipes
from specsr.train.losses import attenuated_error, waveform
from specsr.train.noise import noise_and_profile
from specsr.train.noise_maps import TARGETS, noise_example
from specsr.train.train import train
from support.tiny_config import config

RATE = 8000.0


def noise(tmp_path: Path, **sections: Any) -> Config:
    train = {"loss": "waveform", "patch": [16, 8], "batch": 2, **sections.pop("train", {})}
    shared = {
        "pair": {"kind": "noise", "scales": [1], "snr": [0, 10]},
        "grids": [{"n_fft": 256, "hop_length": 64}],
        "model": {"fold": [2, 2], "uncertainty": True},
        "data": {"synth": {"count": 2, "duration": 0.4, "rates": [RATE]}},
        "train": train,
    }  # fmt: skip
    return config(tmp_path, **{**shared, **sections})


def cells(seed: int) -> tuple[torch.Tensor, ...]:
    """Signal and noise in the cells of a map, complex [B, H, W]; the noise of mean power 1."""
    draw = torch.Generator().manual_seed(seed)
    signal, rest = (
        torch.view_as_complex(torch.randn(2, 12, 9, 2, generator=draw, dtype=torch.float64))
        for _ in range(2)
    )
    return 3 * signal, rest / rest.abs().square().mean((1, 2), keepdim=True).sqrt()


def target(signal: torch.Tensor, rest: torch.Tensor) -> torch.Tensor:
    """The target of the cells; 1 is known of the noise."""
    powers = [torch.ones_like(rest.abs()), *(x.abs() ** 2 for x in (signal, signal + rest, rest))]
    return 10 * torch.stack(powers, 1).log10()


def test_an_example_holds_input_and_target_of_one_map(tmp_path: Path) -> None:
    example = prepare(Recipe(5), noise(tmp_path))
    rows, columns = 128, 51
    assert example.low.shape == (3 * rows, columns) and example.high.shape == (4 * rows, columns)
    low, high = (x.astype(float).reshape(-1, rows, columns) for x in (example.low, example.high))
    assert (10 ** (high[3] / 10)).mean() == pytest.approx(1.0, rel=0.01)
    inside = (low[1] > -19) & (low[1] < 59)  # of its range; steps of 0.06 dB below -64 dB
    np.testing.assert_allclose((high[2] - high[0])[inside], low[1][inside], atol=0.1)


def test_noise_is_scaled_to_the_ratio_and_is_another_stretch_of_what_is_known(
    tmp_path: Path,
) -> None:
    """A recording whose samples count up: the two stretches do not meet."""
    (tmp_path / "noise").mkdir()
    soundfile.write(tmp_path / "noise/ramp.wav", np.arange(1, 40001) / 40001, 8000, "DOUBLE")
    data = {"synth": {"count": 1}, "noise": [str(tmp_path / "noise")]}
    options = noise(tmp_path, data=data)
    found = [noise_and_profile(options, 4000, RATE, np.random.default_rng(k)) for k in range(12)]
    ramps = [(a, b) for a, b in found if (np.diff(b) > 0).all()]
    assert 4 <= len(ramps) < 12  # the others are generated
    for added, profile in ramps:
        assert added.shape == (4000,) and profile.max() < added.min()
        assert profile.size >= 12000  # 30 % of five seconds
    clean = Signal(np.random.default_rng(0).standard_normal((1, 4000)), RATE)
    for seed in range(4):
        low, high, _ = noise_example(clean, options, np.random.default_rng(seed))
        signal, rest = (10 ** (high[k] / 10) for k in (1, 3))
        # the map of white noise has the power of the samples; 64 cells vary by 0.7 dB
        ratio = 10 * np.log10(signal.mean() / rest.mean())
        assert -1.5 < ratio < 11.5 and low.shape[0] == 3


def test_only_grids_with_usual_rows_are_drawn_for_a_rate(tmp_path: Path) -> None:
    grids = [{"n_fft": n, "hop_length": n // 4} for n in (64, 512, 2048, 8192)]
    options = noise(tmp_path, grids=grids)
    clean = Signal(np.random.default_rng(0).standard_normal((1, 8000)), RATE)
    drawn = {noise_example(clean, options, np.random.default_rng(k))[2].n_fft for k in range(8)}
    assert drawn == {512, 2048}  # rows of 125, 15.6, 3.9 and 0.98 Hz


@pytest.mark.parametrize("seed", range(3))
def test_crops_of_all_maps_come_from_one_place_without_a_shift(tmp_path: Path, seed: int) -> None:
    options = noise(tmp_path, train={"patch": [5, 6], "seed": seed, "level_shift": 20.0})
    base = np.random.default_rng(seed).permutation(40 * 30).reshape(40, 30).astype(np.float16)
    stacks = [
        (base[None] + np.arange(n, dtype=np.float16)[:, None, None] * 100).reshape(-1, 30)
        for n in (3, TARGETS)
    ]
    batch = Crops([Example(*stacks), Example(*stacks)], options, 1)[0]
    assert batch.low.shape == (2, 3, 5, 6) and batch.high.shape == (2, TARGETS, 5, 6)
    both = torch.cat([batch.low, batch.high], 1)
    wanted = 100 * torch.tensor([0, 1, 2, 0, 1, 2, 3])[:, None, None] + batch.low[:, :1]
    torch.testing.assert_close(both, wanted, atol=0.6, rtol=0)  # steps of 1 above 1024


def test_a_share_of_the_crops_is_from_the_lowest_rows(tmp_path: Path) -> None:
    rows = np.repeat(np.arange(160.0), 20).reshape(160, 20).astype(np.float16)
    low = np.concatenate([rows] * 3)
    first = {}
    for share in (0.0, 0.5, 1.0):
        options = noise(tmp_path, train={"patch": [4, 6], "batch": 64, "lowest_share": share})
        crops = Crops([Example(low, np.concatenate([rows] * TARGETS))], options, 2)[1].low
        first[share] = float((crops[:, 0].amin((1, 2)) == 0).float().mean())
    assert first[0.0] < 0.1 and 0.25 < first[0.5] < 0.75 and first[1.0] == 1.0


@pytest.mark.parametrize("ratio_db", [-10.0, 0.0, 7.0, 30.0])
def test_the_loss_is_the_energy_of_the_error_over_that_of_the_noise(ratio_db: float) -> None:
    signal, rest = cells(3)
    estimate = torch.full((2, 1, 12, 9), ratio_db, dtype=torch.float64)
    gain = 1 / (1 + 10 ** (-ratio_db / 10))
    wrong = (signal - gain * (signal + rest)).abs().square().sum((1, 2)) / rest[0].numel()
    wanted = 10 * torch.log10(wrong / 1.03 + 1e-3).mean()
    found = waveform(estimate, target(signal, rest))
    assert float(found) == pytest.approx(float(wanted), abs=1e-6)


def test_the_error_of_the_levels_is_that_of_the_attenuated_cell() -> None:
    signal, rest = cells(4)
    estimate = torch.zeros((2, 1, 12, 9), dtype=torch.float64)  # as much noise: a gain of 1/2
    result = 20 * torch.log10((signal + rest).abs() / 2)
    wanted = result.clamp_min(-20) - (20 * torch.log10(signal.abs())).clamp_min(-20)
    found = attenuated_error(estimate, target(signal, rest))
    torch.testing.assert_close(found[:, 0], wanted)


class Stop(Exception):
    """Ends a run from its progress bar."""


def test_a_run_writes_a_model_and_a_resumed_one_is_equal(tmp_path: Path) -> None:
    options = noise(tmp_path, train={"steps": 4, "save_every": 2, "validate_every": 2})
    whole = train(options, tmp_path / "whole")
    assert whole is not None

    def ends(items: Any, *_: Any) -> Iterator[Any]:
        for count, item in enumerate(items):
            if count == 3:
                raise Stop
            yield item

    with pytest.raises(Stop):
        train(options, tmp_path / "parts", progress=ends)
    resumed = train(options, tmp_path / "parts", resume=True)
    assert resumed is not None
    one, two = load_model(whole), load_model(resumed)
    for name, value in one.net.state_dict().items():
        assert torch.equal(value, two.net.state_dict()[name]), name
    assert one.pair == "noise" and one.net.config.in_channels == 3
    assert one.level_range_db == 60.0 and "validation_improvement_db" in one.record
    assert "denoise run.wav --noise idle.wav" in hub_card(whole)


def test_recordings_are_excluded_by_pattern_and_examples_are_stored(tmp_path: Path) -> None:
    folder = tmp_path / "clean"
    folder.mkdir()
    samples = np.random.default_rng(0).standard_normal(4000) / 9
    for name in ("bee_1", "fan_1"):
        soundfile.write(folder / f"{name}.wav", samples, 8000)
    data = {"synth": {"count": 0}, "folders": [str(folder)], "exclude": ["bee_*"], "rates": [RATE]}
    assert [Path(r.file).name for r in recipes(noise(tmp_path, data=data))] == ["fan_1.wav"]
    data |= {"cache": str(tmp_path / "kept"), "workers": 1}
    found = load_examples(noise(tmp_path, data=data))
    kept = set((tmp_path / "kept").iterdir())
    again = load_examples(noise(tmp_path, data=data))
    assert len(kept) == 1 and set((tmp_path / "kept").iterdir()) == kept
    np.testing.assert_array_equal(found[0].high, again[0].high)


@pytest.mark.parametrize(
    ("sections", "message"),
    [
        ({"train": {"loss": "l1"}}, "train.loss waveform is for a noise pair, which takes no"),
        ({"pair": {"kind": "noise", "scales": [1]}}, "a noise pair needs pair.snr"),
        ({"pair": {"kind": "noise", "scales": [2], "snr": [0, 1]}}, r"has pair.scales \[1\]"),
        ({"pair": {"kind": "denoise", "scales": [1], "snr": [0, 1]}}, "is for a noise pair"),
        ({"data": {"real": {"folders": ["x"]}, "synth": {"count": 1}}}, "data.real needs"),
    ],
)
def test_configs_that_are_refused(tmp_path: Path, sections: dict, message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        noise(tmp_path, **sections)


def test_noise_that_is_not_used_is_counted_and_none_left_is_refused(tmp_path: Path) -> None:
    for name, seconds in (("long", 5), ("short", 1), ("rain", 5)):
        samples = np.random.default_rng(0).standard_normal(round(seconds * RATE))
        soundfile.write(tmp_path / f"{name}.wav", samples / 10, int(RATE))
    data = {"synth": {"count": 2, "duration": 0.4, "rates": [RATE]}, "noise": [str(tmp_path)]}
    found = sources(noise(tmp_path, data={**data, "exclude": ["rain*"]}))
    assert found[-1] == "noise of 1 of 3 recordings, 1 excluded, 1 shorter than 4 s"
    with pytest.raises(SpecsrError, match="leaves none of the 3 recordings in data.noise"):
        sources(noise(tmp_path, data={**data, "exclude": ["*.wav"]}))


def test_a_reversed_range_of_ratios_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValidationError, match="expected the lower value first"):
        noise(tmp_path, pair={"kind": "noise", "scales": [1], "snr": [10, 0]})
