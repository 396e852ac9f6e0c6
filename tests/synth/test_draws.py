"""Random machines: every kind has correct expected power; held-out run-ups are never drawn."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from specsr import SpectrogramTransform
from specsr.errors import SpecsrError
from specsr.synth.draws import (
    ALL_KINDS,
    FUNCTIONS,
    KINDS,
    held_out,
    random_machine,
    random_run_up,
    shares_of,
)
from specsr.synth.kinds import BY_NAME, FURTHER
from specsr.synth.machine import Order, RunUp
from specsr.synth.synthesis import synthesise


def test_the_same_seed_gives_the_same_machine() -> None:
    assert random_machine(5) == random_machine(5) != random_machine(6)


def test_held_out_run_ups_are_not_drawn() -> None:
    assert not any(held_out(random_machine(seed)) for seed in range(300))
    assert any(held_out(random_run_up(seed)) for seed in range(100))


def test_the_draws_of_a_seed_stay_as_they_are() -> None:
    """Prepared examples, benchmarks and models refer to machines by their seed."""
    drawn = [random_machine(seed) for seed in range(6)]
    assert [(run.seed, len(run.orders)) for run in drawn] == [
        (382025513, 20), (1577551749, 13), (811469853, 42), (2121015463, 21), (2009700134, 14),
        (1725084842, 36),
    ]  # fmt: skip
    assert [random_machine(seed, shares=shares_of(KINDS)) for seed in range(6)] == drawn


def test_kinds_are_drawn_by_their_shares() -> None:
    rest = {"idling": 3.0, "clicks": 1.0}
    drawn = [random_machine(seed, shares=rest) for seed in range(200)]
    idle = sum(run.rpm[0] < 1150 and len(run.orders) >= 40 for run in drawn)
    assert 130 < idle < 170
    assert not any(held_out(random_machine(s, shares=shares_of(ALL_KINDS))) for s in range(200))
    with pytest.raises(SpecsrError, match=r"kind is 'train': expected one of plain, .*pwm-fan"):
        random_machine(0, shares={"train": 1.0})


def further(kind: str, seed: int) -> RunUp:
    return FURTHER[kind][1](random_run_up(seed, 12800.0, 3.0), np.random.default_rng([seed, 3]))


def test_lines_of_the_further_kinds_lie_where_those_machines_have_them() -> None:
    for seed in range(40):
        bearing = [tone.order for tone in further("bearing", seed).orders]
        high = [order for order in bearing if order > 6]
        assert sum(abs(2 * order - round(2 * order)) < 1e-6 for order in high) <= 1
        own = {tone.order for tone in random_run_up(seed, 12800.0, 3.0).orders}
        second = [t.order for t in further("shafts", seed).orders if t.order not in own]
        assert len(second) >= 3
        rotors = np.sort([tone.order for tone in further("rotors", seed).orders])
        assert np.diff(rotors)[0] / rotors[0] < 0.3 / 1  # first orders of nearly one speed
        gearbox = further("gearbox", seed)
        assert max(gearbox.rpm) / min(gearbox.rpm) < 1.03 and len(gearbox.orders) >= 8
        idle = further("idling", seed)
        spacing = np.diff([tone.order for tone in idle.orders]) * min(idle.rpm) / 60
        assert spacing.min() > 4 and spacing.max() < 10  # Hz
        assert idle.noise_modulation[0] in (1.5, 2.0, 3.0)
        fan = further("pwm-fan", seed)
        steady = [tone for tone in fan.orders if tone.offset and not tone.order]
        assert steady and {t.order for t in fan.orders if not t.offset} >= {1.0}
        clicks = further("clicks", seed)
        assert len(clicks.impacts) >= 2 and clicks.line_to_noise >= 5


def test_a_kind_keeps_its_modulated_noise() -> None:
    drawn = [random_machine(seed, shares={"idling": 1.0}) for seed in range(40)]
    assert sum(run.noise_modulation[0] in (1.5, 2.0, 3.0) for run in drawn) > 25


def test_kinds_by_name_are_drawn_only_where_they_are_named() -> None:
    assert not set(BY_NAME) & set(ALL_KINDS) and set(FUNCTIONS) == {*BY_NAME, *ALL_KINDS}
    for seed in range(100):
        assert len(random_machine(seed, shares=shares_of(ALL_KINDS)).impacts) < 150
    for kind in BY_NAME:
        assert len(random_machine(0, shares={kind: 1.0}).impacts) > 150


def trains(run: RunUp) -> list[np.ndarray]:
    """Times and levels of the impacts of every mode, [2, N] each."""
    found: dict[tuple[float, float], list[tuple[float, float]]] = {}
    for i in run.impacts:
        found.setdefault((i.freq, i.damping), []).append((i.time, i.level))
    return [np.array(train).T for train in found.values()]


@pytest.mark.parametrize("kind", BY_NAME)
def test_pulses_are_trains_of_uneven_periods_and_strengths(kind: str) -> None:
    uneven = []
    for seed in range(20):
        base = random_run_up(seed, 12800.0, 3.0)
        run = BY_NAME[kind](base, np.random.default_rng([seed, 3]))
        found = trains(run)
        assert len(found) >= 2
        for times, levels in found:
            np.testing.assert_array_equal(times, found[0][0])  # all modes by the same pulses
            assert times.min() > 0 and times.max() < 3.0 and np.std(levels) > 0.05
        periods = np.diff(np.sort(found[0][0]))
        assert 5 < 1 / periods.mean() < 260
        uneven.append(periods.std() / periods.mean())
    assert min(uneven) < 0.1 and max(uneven) > (0.1 if kind == "pulses" else 0.01)


@pytest.mark.parametrize("kind", FUNCTIONS)
def test_the_expected_power_of_every_kind_is_the_mean_of_its_spectrograms(kind: str) -> None:
    rng = np.random.default_rng(1)
    machine = FUNCTIONS[kind](random_run_up(4, 12800.0, 3.0), rng)
    transform = SpectrogramTransform(1024, 128)
    measured, expected = 0.0, 0.0
    for seed in range(4):
        made = synthesise(dataclasses.replace(machine, seed=seed, fluctuation=0.0))
        spec = transform(made.signal)
        measured = measured + spec.power[0]
        expected = expected + made.expected_power(spec.grid)
    # without the edges of the map; means over blocks of rows and over time
    rows = slice(8, 504)
    ratio = [
        10 * np.log10(x[rows].reshape(8, -1, x.shape[1]).mean(axis=1)[:, 8:-8].mean(axis=1))
        for x in (measured, expected)
    ]
    np.testing.assert_allclose(ratio[0], ratio[1], atol=0.5)


def test_a_tone_with_an_offset_has_its_frequency_and_span() -> None:
    rate = 8000.0
    run = RunUp(
        rate, 2.0, (1200.0, 1200.0), 0.0, line_to_noise=80.0, noise_exponent=0.0,
        orders=(Order(2.0, 0.0), Order(-3.0, 0.0, offset=2000.0, span=(0.5, 1.5))),
    )  # fmt: skip
    made = synthesise(run)
    spec = SpectrogramTransform(1024, 256)(made.clean)
    row = round((2000 - 3 * 20) / spec.grid.df)
    level = spec.db[0, row - 1 : row + 2].max(axis=0)
    inside = (spec.times > 0.6) & (spec.times < 1.4)
    outside = (spec.times < 0.4) | (spec.times > 1.6)
    assert level[inside].min() > level[outside].max() + 45
    assert list(made.envelopes) == [2.0]


def test_noise_is_modulated_at_its_order() -> None:
    run = RunUp(8000.0, 4.0, (600.0, 600.0), 0.0, noise_exponent=0.0, line_to_noise=-40.0)
    modulated = dataclasses.replace(run, noise_modulation=(1.0, 0.8))
    gain = synthesise(modulated).noise_gain
    assert np.ptp(gain) == pytest.approx(1.6, abs=0.01)
    freq = np.abs(np.fft.rfft(gain - gain.mean())).argmax() / 4.0
    assert freq == pytest.approx(10.0)  # order 1 at 600 rpm


def test_a_recording_replaces_the_noise() -> None:
    made = synthesise(random_run_up(3, 8192.0, 4.0))
    rng = np.random.default_rng(0)
    steady = np.convolve(rng.standard_normal(40000), [1, 0.9, 0.5])  # longer than the run-up
    for samples in (steady, steady[:20000]):
        over = made.with_recorded_noise(samples, 512)
        assert over.noise.shape == made.noise.shape
        assert np.mean(over.noise**2) == pytest.approx(np.mean(made.noise**2), rel=0.1)
        spec = SpectrogramTransform(512, 128)(over.signal)
        rows = slice(2, -2)
        ratio = spec.power[0].mean(axis=1) / over.expected_power(spec.grid).mean(axis=1)
        np.testing.assert_allclose(10 * np.log10(ratio[rows]), 0, atol=1.5)
    with pytest.raises(SpecsrError, match="not silent"):
        made.with_recorded_noise(np.zeros(4000), 512)
