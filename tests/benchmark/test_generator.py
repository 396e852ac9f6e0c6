"""Tests of the machines of `benchmarks/generator.py`: exact truth, known speed, distinct seeds."""

import numpy as np
import pytest

from support.benchmark_scripts import script


@pytest.fixture(scope="module")
def generator():
    with script("generator") as module:
        yield module


def measured(generator, machine, realisation, n_fft=1024, hop=512):
    """Periodogram of a realisation, calibrated as the expected power is."""
    samples = machine.samples(realisation)
    spectrum = np.fft.rfft(generator.frames(samples, n_fft, hop) * generator.hann(n_fft), axis=1)
    power = np.square(np.abs(spectrum[:, :-1].T)) * 2 / generator.hann(n_fft).sum() ** 2
    power[0] /= 2
    return power


@pytest.mark.parametrize("kind", ["car run-up", "turbo", "squeal", "clicks"])
def test_the_mean_of_realisations_is_the_expected_power(generator, kind):
    machine = generator.make(kind, 5)
    expected = generator.expected_power(machine, 1024, 512)
    ratio = np.mean([measured(generator, machine, i) for i in range(12)], axis=0) / expected
    # noise cells are exponentially distributed: their mean ratio scatters by 1 / sqrt(cells)
    assert abs(ratio.mean() - 1) < 0.01
    for rows in np.array_split(ratio[4:], 8):
        assert abs(rows.mean() - 1) < 0.03
    for columns in np.array_split(ratio, 6, axis=1):
        assert abs(columns.mean() - 1) < 0.03
    assert abs(ratio[:, :1].mean() - 1) < 0.2 and abs(ratio[:, -1:].mean() - 1) < 0.2


def test_a_sine_reads_its_mean_square_in_its_row(generator):
    rate, n_fft = 8192.0, 1024
    sine = np.sqrt(2) * np.sin(2 * np.pi * 800 * np.arange(8192) / rate)
    machine = generator.Machine("test", 0, rate, sine, ())
    power = generator.clean_power(machine, n_fft, 256)
    assert power.shape == (512, 33)
    np.testing.assert_allclose(power[100, 4:-4], 1.0, rtol=1e-9)
    np.testing.assert_allclose(power[[99, 101], 4:-4], 0.25, rtol=1e-9)
    assert (generator.noise_power(machine, n_fft, 256) == 0).all()


def test_noise_of_white_spectrum_has_its_density(generator):
    response = np.ones(generator.TAPS // 2 + 1)
    gain = np.full(20000, 2.0)
    machine = generator.Machine(
        "test", 0, 1000.0, np.zeros(20000), (generator.Noise(gain, response),)
    )
    window = generator.hann(512)
    density = 4.0 * 2 * np.square(window).sum() / window.sum() ** 2
    power = generator.noise_power(machine, 512, 128)
    np.testing.assert_allclose(power[1:, 4:-4], density, rtol=1e-9)
    np.testing.assert_allclose(power[0, 4:-4], density / 2, rtol=1e-9)
    assert np.var(machine.samples()) == pytest.approx(4.0, rel=0.05)


def test_every_kind_has_a_level_and_a_speed(generator):
    for kind in generator.KINDS:
        machine = generator.make(kind, 7)
        assert machine.kind == kind
        assert np.sqrt(np.mean(machine.clean**2)) == pytest.approx(generator.PASCAL)
        assert (machine.rpm is None) == (kind == "clicks")
        for rpm in (*machine.others, *([] if machine.rpm is None else [machine.rpm])):
            assert rpm.shape == machine.clean.shape and rpm.min() > 0
        assert bool(machine.impacts) == (kind == "clicks")


def test_a_seed_gives_one_machine_and_one_noise(generator):
    first, again, other = (generator.make("diesel", seed) for seed in (7, 7, 8))
    assert (first.samples() == again.samples()).all()
    assert (first.samples() != first.samples(1)).any()
    assert (first.clean != other.clean).any()


def test_sets_have_24_machines_and_share_none(generator):
    sets = [generator.machine_set(number) for number in range(3)]
    assert [len(found) for found in sets] == [24] * 3
    assert len({seed for found in sets for _, seed in found}) == 72
    assert {kind for kind, _ in sets[0]} == set(generator.KINDS)


def test_a_tone_lies_at_its_order_of_the_speed(generator):
    rate = 8192.0
    rpm = np.linspace(1000, 3000, 4 * 8192)
    clean = generator.tone(generator.turns(rpm, rate), rate, 12)
    power = generator.clean_power(generator.Machine("test", 0, rate, clean, ()), 512, 256)
    columns = np.arange(4, power.shape[1] - 4)
    expected = 12 * rpm[256 * columns] / 60 / (rate / 512)
    assert np.abs(power.argmax(axis=0)[columns] - expected).max() < 1


def test_a_tone_fades_below_half_the_rate(generator):
    rate = 1000.0
    rpm = np.linspace(60 * 300, 60 * 700, 8000)  # 300 to 700 Hz
    clean = generator.tone(generator.turns(rpm, rate), rate, 1)
    assert np.abs(clean[rpm / 60 > 471]).max() == 0
    assert np.abs(clean[rpm / 60 < 429]).max() > 0.99


def test_an_impulse_lies_between_samples(generator):
    pulse = generator.impulses(np.array([0.50025]), np.array([2.0]), 1000, 1000.0)
    assert pulse.sum() == pytest.approx(2.0, rel=0.02)
    assert (pulse * np.arange(1000)).sum() / pulse.sum() == pytest.approx(500.25, abs=0.02)
    assert pulse[500] > pulse[501] > pulse[499]


def test_clicks_exceed_the_floor_where_they_are(generator):
    machine = generator.make("clicks", 3)
    clean, noise = (f(machine, 2048, 256) for f in (generator.clean_power, generator.noise_power))
    at = np.array([round(time * machine.rate / 256) for time in machine.impacts])
    assert ((clean[20:] / noise[20:])[:, at].max(axis=0) > 10).all()
    away = np.abs(np.arange(clean.shape[1])[:, None] - at).min(axis=1) > 20
    assert np.median((clean[20:] / noise[20:])[:, away]) < 0.01


def test_a_mode_raises_its_frequency_only(generator):
    rate = 2000.0
    pulse = np.zeros(8000)
    pulse[0] = 1
    spectrum = np.abs(np.fft.rfft(generator.through(pulse, rate, [(200.0, 0.02, 1.0)], 0.0)))
    freq = np.fft.rfftfreq(8000, 1 / rate)
    assert freq[spectrum.argmax()] == pytest.approx(200, abs=0.5)
    assert spectrum.max() == pytest.approx(1.0, rel=0.01)  # unit gain at the resonance
    assert spectrum[np.abs(freq - 200) > 50].max() < 0.1
