"""A full STFT and means over cells are distinguished by their noise."""

from __future__ import annotations

import numpy as np
import pytest

import specsr
from specsr.maps.cells import NoiseStatistics, noise_statistics, require_means
from specsr.maps.pooling import pool, pool_power
from specsr.maps.transform import spectrogram
from specsr.nvh.speed_options import SpeedOptions

RATE = 12800.0


def machine(seed: int = 2, seconds: float = 3.0) -> specsr.Signal:
    return specsr.synthesise(specsr.random_run_up(seed, RATE, seconds)).signal


def noise(seconds: float = 3.0) -> specsr.Signal:
    samples = np.random.default_rng(7).standard_normal((2, round(RATE * seconds)))
    return specsr.Signal(samples.astype(np.float32), RATE, "Pa")


def seen(spec: specsr.SpecMap, s: int) -> NoiseStatistics:
    """Statistics of a map pooled by s, whose file does not state it."""
    power = spec.power[:, :-1]
    if s > 1:
        power = pool_power(power, s, s)
    return noise_statistics(power, spec.grid.n_fft // s, spec.grid.hop_length * s)


@pytest.mark.parametrize("window", ["hann", "hamming", "blackmanharris", "boxcar"])
@pytest.mark.parametrize("overlap", [0.0, 0.5, 0.75, 0.9])
@pytest.mark.parametrize("make", [noise, machine])
def test_full_maps_are_recognised_and_pooled_ones_are_not_refused(make, overlap, window) -> None:
    spec = spectrogram(make(), n_fft=768, overlap=overlap, window=window)
    assert seen(spec, 1).kind == "full"
    for s in (2, 3, 4):
        assert seen(spec, s).kind == "means", s


def test_white_noise_has_the_statistics_of_the_documentation() -> None:
    spec = spectrogram(noise(8.0), n_fft=512, overlap=0.75)
    full, means = seen(spec, 1), seen(spec, 2)
    assert full.variance == pytest.approx(1.25, abs=0.05)
    assert full.skewness == pytest.approx(-0.75, abs=0.05)
    assert means.variance < 0.6 and means.skewness > -0.33


def test_statistics_do_not_depend_on_level_slope_lines_or_clicks() -> None:
    spec = spectrogram(noise(), n_fft=512, overlap=0.5)
    plain = seen(spec, 1)
    shape = 10 ** (np.linspace(0, -8, spec.grid.rows)[:, None] / 2)
    shape[40::50] *= 1e4  # lines
    envelope = np.linspace(1, 30, spec.grid.frames)
    envelope[20::25] *= 100  # clicks
    changed = spec.replace(magnitude=1e3 * spec.magnitude * shape * envelope, phase=None)
    found = seen(changed, 1)
    assert found.variance == pytest.approx(plain.variance, rel=1e-3)
    assert found.skewness == pytest.approx(plain.skewness, rel=1e-3)


def test_a_clipped_map_is_judged_by_what_is_above_its_floor() -> None:
    spec = spectrogram(noise(), n_fft=512, overlap=0.75)
    power = spec.power[:, :-1]
    power[:, 100:] = 1e-30
    assert noise_statistics(power, 512, 128).kind == "full"
    power[:] = 1e-30
    assert noise_statistics(power, 512, 128) == NoiseStatistics(0, 0.0, 0.0)


@pytest.mark.parametrize("shape", [(1, 1, 1), (1, 5, 100), (1, 100, 5), (1, 12, 24)])
def test_small_maps_are_unclear(shape) -> None:
    power = np.random.default_rng(1).exponential(size=shape)
    assert noise_statistics(power, 512, 512).kind == "unclear"


def test_a_stored_full_map_is_refused_with_the_fix(tmp_path) -> None:
    spec = spectrogram(machine(), n_fft=768, overlap=0.75)
    specsr.write_map(tmp_path / "full.csv", spec)
    stored = specsr.read_map(tmp_path / "full.csv")
    assert stored.phase is None
    for low, words in ((stored, "looks like"), (spec, "is")):
        text = rf"the map {words} a full STFT \(hann, 75 % overlap\).*--pair pool.*--model FILE"
        with pytest.raises(specsr.SpecsrError, match=text) as error:
            specsr.upscale(low, 2)
        assert "\n" not in str(error.value)
    require_means(pool(spec, 2, 2))  # the grid states the cells
    assert specsr.upscale(stored, 2, "pool", speed=SpeedOptions(find=False)).grid.n_fft == 1536


def test_pooled_maps_that_do_not_state_their_cells_are_taken(tmp_path, caplog) -> None:
    fine = spectrogram(machine(), n_fft=1024, hop_length=128)
    low = pool(fine, 2, 2)
    lines = ["# unit: Pa, values: power", "f," + ",".join(f"{t:.9f}" for t in fine.times[::2])]
    freqs = np.arange(low.grid.rows) * low.grid.df
    lines += [
        f"{f:.6f}," + ",".join(f"{p:.9g}" for p in row) for f, row in zip(freqs, low.power[0])
    ]
    (tmp_path / "low.csv").write_text("\n".join(lines))
    stored = specsr.read_map(tmp_path / "low.csv")
    assert stored.grid.cell == (1, 1) and stored.phase is None
    assert specsr.upscale(stored, 2, speed=SpeedOptions(find=False)).grid.n_fft == 1024
    assert not caplog.records


def test_an_expected_map_is_no_map_of_means() -> None:
    full = spectrogram(noise(3.0), n_fft=512, hop_length=128).replace(phase=None)
    clean = full.replace(
        magnitude=np.full_like(full.magnitude, 0.1), uncertainty_db=np.ones_like(full.magnitude)
    )
    with pytest.raises(specsr.SpecsrError, match="expected map of a full STFT"):
        specsr.upscale(clean, 4)


def test_an_unclear_map_gives_a_warning(caplog) -> None:
    short = spectrogram(noise(0.3), n_fft=512, hop_length=512).replace(phase=None)
    require_means(short)
    assert "does not state the size of its cells" in caplog.text
