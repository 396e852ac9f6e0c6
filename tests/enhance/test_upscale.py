"""Super-resolution with the bundled models: accuracy, levels, measured data kept."""

from __future__ import annotations

import numpy as np
import pytest
import torch

import specsr
from specsr.enhance.resolution import low_map, map_transform
from specsr.maps.phase import to_signal
from specsr.maps.pooling import enlarge, pool
from specsr.maps.transform import SpectrogramTransform, spectrogram
from specsr.models.config import MDSRConfig
from specsr.models.description import Analysis
from specsr.models.model import Model
from specsr.models.network import build
from specsr.pairs.consistency import consistency_db
from specsr.pairs.order_input import CHANNELS


@pytest.fixture(scope="module")
def run() -> specsr.synth.synthesis.Synthetic:
    return specsr.synthesise(specsr.random_run_up(4321, 25600.0, 2.0, line_to_noise=20.0))


@pytest.mark.parametrize("scale", [2, 3, 4])
def test_a_map_is_closer_to_the_truth_than_repeated_cells(run, scale):
    transform = map_transform(run.signal, scale)
    low = low_map(run.signal, scale, "pool", transform)
    high = specsr.upscale(low, scale=scale, consistency="expected")
    truth = run.truth(transform.grid(run.signal)).db[0, :-1]
    repeated = enlarge(low.db[0], scale, scale, high.grid.frames)
    ours, plain = (np.square(db - truth).mean() ** 0.5 for db in (high.db[0, :-1], repeated))
    assert high.grid == transform.grid(run.signal)
    assert ours < 0.75 * plain
    assert not high.known.any()


def test_the_result_reproduces_its_input(run):
    low = low_map(run.signal, 4)
    deviation = {}
    for mode in ("measured", "expected", "off"):
        power = np.square(specsr.upscale(low, scale=4, consistency=mode).image(), dtype=np.float64)
        deviation[mode] = consistency_db(power, low.power, (4, 4))
    assert deviation["measured"] < 1e-4
    assert 0.1 < deviation["expected"] < deviation["off"]


def test_a_gain_of_the_map_is_a_gain_of_the_result(run):
    low = low_map(run.signal, 4)
    high = specsr.upscale(low, scale=4)
    loud = specsr.upscale(low.replace(magnitude=low.magnitude * 1000), scale=4)
    np.testing.assert_allclose(loud.db, high.db + 60, atol=2e-3)


def test_a_full_map_gets_a_longer_window(run):
    coarse = spectrogram(run.signal, n_fft=512, hop_length=256)
    fine = specsr.upscale(coarse, 2, "pool")
    assert (fine.grid.n_fft, fine.grid.hop_length, fine.grid.length) == (
        1024,
        128,
        run.signal.length,
    )
    assert to_signal(fine, "pghi").length == run.signal.length


@pytest.mark.parametrize("job", [lambda s: specsr.upscale(s, scale=2), specsr.denoise])
@pytest.mark.parametrize("kind", ["silence", "constant", "one sample", "tiny", "huge"])
def test_unusual_inputs_give_finite_results(job, kind):
    rng = np.random.default_rng(1)
    samples = {
        "silence": np.zeros(5000),
        "constant": np.ones(5000),
        "one sample": np.ones(1),
        "tiny": 1e-12 * rng.standard_normal(5000),
        "huge": 1e6 * rng.standard_normal(5000),
    }[kind].astype(np.float32)
    out = job(specsr.Signal(samples, 25600.0, "Pa"))
    assert np.isfinite(out.samples).all()
    if kind == "silence":
        assert np.abs(out.samples).max() < 1e-12


def one_line(call, words: str) -> None:
    """Assert that a call raises a `SpecsrError` of one line that matches ``words``."""
    with pytest.raises(specsr.SpecsrError, match=words) as error:
        call()
    assert "\n" not in str(error.value)


def test_a_recording_of_pair_pool_gives_the_finer_map_of_its_coarse_one(run):
    signal = run.signal.cut(0, 12800)
    high = specsr.upscale(signal, 3, "pool")
    low = low_map(signal, 3)
    np.testing.assert_array_equal(high.magnitude, specsr.upscale_map(low, 3).magnitude)


@pytest.fixture(scope="module")
def uncertain() -> specsr.models.model.Model:
    """A small untrained order-conditioned model with an uncertainty output."""
    torch.manual_seed(1)
    config = MDSRConfig(
        scales=((2, 2), (3, 3)), n_resblocks=1, n_feats=4, in_channels=1 + CHANNELS,
        out_channels=1, mean=(0.0,), std=20.0, input_skip=True, uncertainty=True,
    )  # fmt: skip
    return Model("uncertain", build(config).eval(), "pool", (), (1.0, 1e5), 100.0)


def test_a_model_for_a_full_stft_is_used_for_one_without_its_pair_stated(run, tmp_path):
    torch.manual_seed(2)
    config = MDSRConfig(
        scales=((2, 2),), n_resblocks=1, n_feats=4, in_channels=1, out_channels=1, mean=(0.0,),
        std=20.0, input_skip=True,
    )  # fmt: skip
    grids = (Analysis(1024, 128),)
    model = Model("own", build(config).eval(), "stft", grids, (1.0, 1e5), 100.0)
    full = spectrogram(run.signal, n_fft=512, hop_length=256)
    fine = specsr.upscale(full, 2, model=model)
    assert fine.grid.n_fft == 1024
    specsr.save_model(tmp_path / "own.safetensors", model)
    again = specsr.upscale(full, 2, model=tmp_path / "own.safetensors")
    np.testing.assert_array_equal(again.magnitude, fine.magnitude)
    one_line(lambda: specsr.upscale(full, 2), "is a full STFT")
    one_line(lambda: specsr.upscale(full, 2, "stft"), "no bundled model for the pair 'stft'")


@pytest.mark.parametrize("pooled", [True, False])
def test_files_keep_the_uncertainty_of_a_map(run, uncertain, tmp_path, pooled):
    fine = spectrogram(run.signal, n_fft=1536, hop_length=384)
    low = pool(fine, 3, 3) if pooled else fine
    high = specsr.upscale(low, 3, "pool", model=uncertain)
    assert high.uncertainty_db.shape == high.magnitude.shape and (high.uncertainty_db > 0).all()
    assert np.ptp(high.uncertainty_db) > 0
    for name in ("map.npz", "map.h5"):
        specsr.write_map(tmp_path / name, high)
        again = specsr.read_map(tmp_path / name)
        np.testing.assert_array_equal(again.uncertainty_db, high.uncertainty_db)
    with pytest.raises(specsr.SpecsrError, match="uncertainty_db"):
        high.replace(uncertainty_db=-high.uncertainty_db)


def test_the_speed_changes_the_result_of_an_order_conditioned_model(run, uncertain):
    low = low_map(run.signal, 2)
    assert low.rpm is not None
    with_speed, without = (
        specsr.upscale(x, scale=2, model=uncertain) for x in (low, low.replace(rpm=None))
    )
    assert not np.allclose(with_speed.db, without.db, atol=0.01)
    # beyond the receptive field, a speed that ends has no influence
    half = np.where(np.arange(low.rpm.size) < low.rpm.size // 2, low.rpm, 0)
    part = specsr.upscale(low.replace(rpm=half), scale=2, model=uncertain, consistency="off")
    off = specsr.upscale(low.replace(rpm=None), scale=2, model=uncertain, consistency="off")
    np.testing.assert_allclose(part.db[..., -60:], off.db[..., -60:], atol=1e-3)


def test_the_result_holds_its_speed_and_the_confidence_in_it(run):
    low = low_map(run.signal, 4)
    high = specsr.upscale(low, scale=4)
    assert high.rpm_source in ("given", "corrected") and high.rpm_confidence.mean() > 0.5
    np.testing.assert_allclose(high.rpm, low.rpm, rtol=0.01)
    # lines 60 to 120 Hz apart, without a speed
    time = np.arange(40_000) / 8000.0
    angle = 2 * np.pi * (60 * time + 6 * time**2)
    lines = sum(np.cos(k * angle) for k in range(1, 16))
    lines += 0.1 * np.random.default_rng(0).standard_normal(time.size)
    coarse = low_map(specsr.Signal(lines[None], 8000.0), 4, "pool", SpectrogramTransform(1024, 128))
    found = specsr.upscale(coarse, scale=4)
    assert found.rpm_source == "found" and found.rpm_confidence.mean() > 0.5
    known = found.rpm > 0
    known[[*range(4000), *range(-4000, 0)]] = False  # windows that extend past the recording
    np.testing.assert_allclose(found.rpm[known], 60 * (60 + 12 * time)[known], rtol=0.01)
    assert known.mean() > 0.75
    # in place of a wrong one, its lines are counted as orders of that machine
    stated = coarse.replace(rpm=1.04 * 60 / 4 * (60 + 12 * time))
    instead = specsr.upscale(stated, scale=4, model="map-small")
    assert instead.rpm_source == "found"
    known &= instead.rpm > 0
    np.testing.assert_allclose(instead.rpm[known], 15 * (60 + 12 * time)[known], rtol=0.01)
    assert known.mean() > 0.75
    noise = specsr.Signal(np.random.default_rng(0).standard_normal((1, 50_000)), 25600.0)
    silent = specsr.upscale(low_map(noise, 4), scale=4)
    assert silent.rpm is None and silent.rpm_source is None
    given = noise.replace(rpm=np.full(noise.length, 3000.0))
    unused = specsr.upscale(low_map(given, 4), scale=4)
    assert unused.rpm_source == "given" and not unused.rpm_confidence.any()
    np.testing.assert_array_equal(unused.rpm, given.rpm)


def test_an_estimated_map_that_is_upscaled_again_is_warned_of(run, uncertain, caplog):
    low = pool(spectrogram(run.signal, n_fft=1024, hop_length=256), 4, 4)
    specsr.upscale(low, 2, model=uncertain)
    assert "estimate itself" not in caplog.text
    estimate = low.replace(uncertainty_db=np.ones_like(low.magnitude))
    specsr.upscale(estimate, 2, model=uncertain)
    assert "the map is an estimate itself" in caplog.text
