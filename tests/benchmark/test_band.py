"""Parts of the benchmarks of bands: true levels, other programs, curve and orders."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

import specsr
from specsr.errors import SpecsrError
from specsr.maps.transform import stft
from support.benchmark_scripts import script

torch = pytest.importorskip("torch")

SCALE = 3


@pytest.fixture(scope="module")
def methods() -> Iterator[ModuleType]:
    with script("band_methods") as module:
        yield module


@pytest.fixture(scope="module")
def peers() -> Iterator[ModuleType]:
    with script("band_peers") as module:
        yield module


def case_of(module: ModuleType) -> Any:
    """Return a recording at a third of its rate."""
    return module.Case(recording_of(module), SCALE, np.zeros(1025))


def recording_of(module: ModuleType) -> Any:
    """Return noise that grows and falls with frequency, 0.6 s from a file at 44.1 kHz."""
    cases = sys.modules[module.Case.__module__]
    samples = np.cumsum(np.random.default_rng(1).standard_normal(28800)) * 1e-3
    samples = samples * np.linspace(0.1, 1.0, samples.size)
    return cases.Recording("machine/a.flac", 44100.0, samples)


def test_true_levels_keep_the_mean_of_every_third_octave(methods: ModuleType) -> None:
    case = case_of(methods)
    true = stft(torch.from_numpy(case.high), case.grid).abs().square().numpy()
    db = 10 * np.log10(np.maximum(true, 1e-8))
    steady = methods.true_levels(case, "steady")
    octaves = methods.true_levels(case, "third octaves")
    np.testing.assert_array_equal(steady[: case.cut], db[: case.cut])
    above = steady[case.cut :]
    assert np.ptp(above, axis=1).max() < 1e-9  # the same in every frame
    assert above.mean() == pytest.approx(db[case.cut :].mean())
    borders = np.flatnonzero(np.abs(np.diff(above[:, 0])) > 1e-9) + case.cut + 1
    edges = 1000 * 10 ** ((np.arange(31) - 0.5) / 10) * 1024 / 24000
    known = [*edges.astype(int), int(np.ceil(22050 * 1024 / 24000))]
    assert len(borders) >= 4 and set(borders) <= set(known)
    for low, high in zip(borders, borders[1:]):
        assert np.ptp(octaves[low:high], axis=0).max() < 1e-9  # one level per third octave
    assert np.ptp(octaves[borders[0]]) > 1  # which follows the recording


def test_another_program_gets_the_low_rate_and_is_scored_from_files(
    peers: ModuleType, tmp_path: Path
) -> None:
    case = case_of(peers)
    peers.write_inputs([recording_of(peers)], [SCALE], tmp_path / "in")
    low = specsr.read(tmp_path / "in" / "16" / "machine" / "a.wav")
    assert low.rate == 16000
    np.testing.assert_allclose(low.samples[0], case.low.samples[0], atol=1e-6)

    method = peers.from_files(tmp_path / "out")
    with pytest.raises(SpecsrError, match=r"a\.flac: no such file"):
        method(case)
    result = tmp_path / "out" / "16" / "machine" / "a.wav"
    specsr.write(result, low, subtype="FLOAT")
    with pytest.raises(SpecsrError, match="16000 Hz: expected 48000"):
        method(case)
    rng = np.random.default_rng(2)
    wrong = case.high + 0.01 * rng.standard_normal(case.high.size)
    specsr.write(result, specsr.Signal(wrong, 48000.0), subtype="FLOAT", overwrite=True)
    np.testing.assert_allclose(method(case), wrong, atol=1e-6)

    # with the measured band put back the error that is left lies above the cut
    error = np.abs(np.fft.rfft(peers.with_band(method)(case) - case.high))
    below = np.fft.rfftfreq(case.high.size, 1 / 48000) < 0.9 * 8000
    assert np.square(error[below]).sum() < 1e-4 * np.square(error[~below]).sum()


def test_a_peer_without_its_weights_is_named(peers: ModuleType, tmp_path: Path) -> None:
    for given in (peers.ngan, peers.flashsr):
        with pytest.raises(SpecsrError, match=r"n8\.ckpt: no such file"):
            given(tmp_path / "n8.ckpt")


def test_the_curve_finds_the_gain_per_doubling_and_what_an_aim_would_take() -> None:
    with script("band_curve") as curve:
        slope, level = -0.02, 1.08
        found = {
            point: {("machines", 6): level + slope * np.log2(point.part)}
            for point in curve.POINTS
            if point.steps == curve.STEPS
        }
        (row,) = curve.slopes(found, {("machines", 6): 1.0})
        assert row["per doubling"][0] == pytest.approx(slope)
        assert row["doublings to the aim"] == pytest.approx((level - 0.95) / 0.02)
        assert row["from the bundled model"] == pytest.approx(0.05 / 0.02)
        rising = {p: {("machines", 6): 2 - s[("machines", 6)]} for p, s in found.items()}
        (row,) = curve.slopes(rising, {("machines", 6): 0.9})
        assert row["doublings to the aim"] == "never" or row["all the material"] <= row["aim"]
        assert row["from the bundled model"] == 0


def test_durations_are_those_of_unbroken_lines() -> None:
    with script("band_orders") as orders:
        line = np.array([[1, 1, 0, 0, 1], [0, 1, 1, 1, 0], [0, 0, 0, 0, 0]], dtype=bool)
        found = np.round(np.sort(orders.durations(line)) / orders.STEP)
        np.testing.assert_array_equal(found, [1, 2, 3])
