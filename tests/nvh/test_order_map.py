"""Order analysis by angular resampling of run-ups with known envelopes."""

from __future__ import annotations

import numpy as np
import pytest

from specsr.errors import SpecsrError
from specsr.io import read
from specsr.io.limits import max_memory
from specsr.maps.transform import spectrogram
from specsr.nvh.order_cut import order_cut
from specsr.nvh.order_map import order_map
from specsr.nvh.runs import find_runs
from specsr.nvh.speed import take_channel
from specsr.signal import Signal
from specsr.synth import synthesis as synth
from specsr.synth.machine import Order, RunUp

RUN = RunUp(
    duration=8.0, line_to_noise=60.0,
    orders=tuple(
        Order(k, level)
        for k, level in ((0.5, -15), (2, 0), (2.5, -12), (4, -6), (6, -10), (8.5, -20), (16, -10))
    ),
)  # fmt: skip


@pytest.fixture(scope="module")
def made() -> synth.Synthetic:
    return synth.synthesise(RUN)


def errors(made: synth.Synthetic, cut) -> np.ndarray:
    """Cut minus truth in dB at every valid column."""
    at = np.arange(made.rpm.size) / made.run.rate
    truth = 20 * np.log10(np.interp(cut.times, at, made.envelopes[cut.order]) / 20e-6)
    error = (cut.levels - truth)[0]
    assert np.isfinite(error).mean() > 0.9
    return error[np.isfinite(error)]


@pytest.mark.parametrize("order", [0.5, 2, 2.5, 4, 6, 8.5, 16])
def test_cuts_match_the_envelopes_within_two_tenths_of_a_db(made, order: float) -> None:
    turned = order_map(made.signal)
    cut = turned.cut(order)
    assert np.abs(errors(made, cut)).max() < 0.2
    assert cut.bandwidth_orders == pytest.approx(np.full(cut.rpm.size, 0.4))
    assert cut.freqs == pytest.approx(order * cut.rpm / 60)


def test_half_orders_are_separated_where_a_map_of_fixed_rows_mixes_them(made) -> None:
    by_angle = np.abs(errors(made, order_map(made.signal).cut(2.5))).max()
    by_cells = order_cut(spectrogram(made.signal, n_fft=4096), None, 2.5)
    assert np.abs(errors(made, by_cells)).max() > 3 > 0.2 > by_angle


def test_run_downs_and_other_resolutions_give_the_same_levels() -> None:
    down = synth.synthesise(
        RunUp(rpm=(6000, 1200), orders=(Order(3, 0), Order(7, -3)),
                    line_to_noise=60.0, fluctuation=0.006)
    )  # fmt: skip
    for resolution, overlap in ((0.05, 0.75), (0.2, 0.5), (0.25, 0.9)):
        turned = order_map(down.signal, resolution=resolution, overlap=overlap)
        assert turned.bandwidth == pytest.approx(4 * resolution, rel=0.02)
        for order in (3, 7):
            assert np.abs(errors(down, turned.cut(order))).max() < 0.2
    assert np.all(np.diff(turned.rpm[2:-2]) < 20)
    assert np.all(np.diff(turned.times) > 0)


def test_orders_above_the_highest_are_not_aliased(made) -> None:
    """Order 40 alone, far above a map that ends at 20, is attenuated by 60 dB."""
    alone = synth.synthesise(RunUp(orders=(Order(40, 0),), line_to_noise=np.inf, rpm=(900, 4000)))
    spec = order_map(alone.signal, max_order=20).spec
    inside = spec.db[0, :, 4:-4][spec.freqs < 20]
    assert inside.max() < alone.signal.level()[0] - 60


def test_orders_above_half_the_rate_are_nan(made) -> None:
    turned = order_map(made.signal, max_order=200)  # 12.8 kHz is order 853 at 900, 142 at 5400 rpm
    view = turned.view("rpm")
    fast = view.x > 5000
    assert np.isnan(view.power[0][view.y > 160][:, fast]).all()
    assert np.isfinite(view.power[0][view.y < 130]).all()
    assert np.isnan(turned.cut(150).levels[0, -5:]).all()
    with pytest.raises(SpecsrError, match="larger max_order"):
        turned.cut(500)


def test_views_over_speed_and_time(made) -> None:
    turned = order_map(made.signal)
    by_speed, by_time = turned.view("rpm"), turned.view("time")
    for view in (by_speed, by_time):
        ridge = view.power[0, :, 5:-5]
        strongest = view.y[np.nanargmax(np.nanmean(ridge, axis=1))]
        assert strongest == pytest.approx(2, abs=0.05)
        assert np.ptp(np.diff(view.x)) < 1e-6 * np.diff(view.x).mean()
    assert by_speed.x[0] == pytest.approx(900, rel=0.05)
    assert by_time.rpm[len(by_time.rpm) // 2] == pytest.approx(
        np.interp(by_time.x[len(by_time.x) // 2], turned.times, turned.rpm), rel=1e-3
    )


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"rpm": None}, "no machine speed"),
        ({"rpm": np.r_[np.zeros(100), np.full(25500, 3000.0)]}, "cut a run out"),
        ({"rpm": 0.0}, "falls to 0"),
        ({"resolution": 0.0}, "resolution is 0"),
        ({"resolution": 0.01}, "revolutions"),
        ({"max_order": -1.0}, "max_order -1"),
        ({"rpm": 1e9}, "turns at 1e\\+09 rpm or more, 0.0015 samples per revolution at 25600 Hz"),
    ],
)
def test_invalid_arguments_are_named(change: dict, words: str) -> None:
    signal = Signal(np.ones(25600), 25600.0)
    with pytest.raises(SpecsrError, match=words):
        order_map(signal, **{"rpm": 3000.0, **change})


def test_resampling_beyond_the_memory_limit_names_the_speed() -> None:
    signal = Signal(np.ones(25600), 25600.0)
    with (
        max_memory("500K"),
        pytest.raises(SpecsrError, match="by angle at 3000 rpm in the mean and"),
    ):
        order_map(signal, 3000.0)


def test_orders_2_and_4_dominate_a_real_run_up(shared_data) -> None:
    path = shared_data / "audio" / "train" / "runup_rpm" / "car_runup_with_rpm.flac"
    speed, sound = take_channel(read(path, unit="Pa"), 1)
    sound = sound.replace(rpm=speed * 4821.43)
    (run,) = find_runs(sound.rpm, sound.rate)
    assert run.kind == "up" and run.rpm == pytest.approx((970, 4820), rel=0.01)
    turned = order_map(run.of(sound), max_order=12)
    power, orders = turned.spec.power[0].mean(1), turned.orders
    # ratio of each order to its neighbourhood; road noise dominates below order 1
    prominence = [
        power[np.abs(orders - k) < 0.16].max() / np.median(power[np.abs(orders - k) < 0.7])
        for k in np.arange(1, 11.6, 0.5)
    ]
    strongest = np.arange(1, 11.6, 0.5)[np.argsort(prominence)[::-1][:2]]
    assert sorted(strongest) == [2, 4]
    levels = [10 * np.log10(np.nanmean(10 ** (turned.cut(k).levels / 10))) for k in (2, 4, 3, 6, 8)]
    assert min(levels[:2]) > max(levels[2:])


def test_a_long_recording_is_resampled_in_parts_with_the_result_of_the_whole(monkeypatch):
    rate, size = 3200.0, 3200 * 20
    rpm = np.linspace(900, 2400, size)
    angle = 2 * np.pi * np.cumsum(rpm / 60) / rate
    noise = np.random.default_rng(5).standard_normal(size)
    signal = Signal(np.stack([np.cos(2 * angle), noise]), rate)
    whole = order_map(signal, rpm, max_order=10)
    monkeypatch.setattr("specsr.nvh.angle_resampling.PART", 1 << 14)
    parts = order_map(signal, rpm, max_order=10)
    np.testing.assert_array_equal(parts.times, whole.times)
    difference = np.sqrt(parts.spec.power) - np.sqrt(whole.spec.power)
    # filters of the resampling are 28 bit
    assert np.abs(difference).max() < 1e-6 * np.sqrt(whole.spec.power).max()
