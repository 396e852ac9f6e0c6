"""Decisions of segments fade: the result has no steps, and one segment has one decision."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.signal import butter, sosfilt

import specsr
from specsr import io
from specsr.enhance.decided import Decision, Draft, process_decided
from specsr.enhance.restraint_pieces import attenuated_pieces
from specsr.enhance.segments import Plan, join, plan, process, segments
from specsr.io import stream
from specsr.maps.transform import SpectrogramTransform

RATE = 8000.0
BAND = butter(8, (2000, 3500), "bandpass", fs=RATE, output="sos")
SAMPLES = SpectrogramTransform(2, 1)
"""A map with a column for every sample."""


def gain(source, cuts: Plan, values: dict[int, float]) -> specsr.Signal:
    """Return the recording times what is decided by the number that each segment starts with."""

    def draft(part, first, steps):
        return Draft(first, np.array([values[int(part.samples[0, 0])] * (1 + first)]))

    def finish(part, first, state, decision):
        assert state == first
        factor = decision.at(SAMPLES.grid(part))[0, : part.length]
        return part.replace(samples=np.ones_like(part.samples) * factor)

    return join(process_decided(source, draft, finish, cuts))


def steps_of(length: int, cuts: Plan) -> specsr.Signal:
    """Return samples that are the number of the segment whose margin starts last."""
    found = segments(length, cuts.size, cuts.margin)
    samples = np.zeros(length)
    for number, each in enumerate(found):
        samples[each.first :] = number
    return specsr.Signal(np.stack([samples, samples]).astype(np.float32), RATE, "Pa")


def test_a_decision_holds_at_the_centre_and_changes_linearly(tmp_path) -> None:
    cuts = Plan(1000, 300, 80)
    source = steps_of(4250, cuts)
    values = {0: 0.0, 1: 1.0, 2: 0.25, 3: 0.25}
    found = gain(source, cuts, values).samples
    centres = [(each.start + each.stop) / 2 for each in segments(4250, 1000, 300)]
    wanted = np.interp(np.arange(4250), centres, list(values.values()))
    np.testing.assert_allclose(found, [wanted, 2 * wanted], atol=1e-6)
    io.write(tmp_path / "run.wav", source, subtype="FLOAT")
    with stream.opened(tmp_path / "run.wav") as recording:
        np.testing.assert_array_equal(gain(recording, cuts, values).samples, found)


def test_one_segment_has_one_decision() -> None:
    source = steps_of(1200, Plan(1000, 300, 80))
    found = gain(source, Plan(1000, 300, 80), {0: 0.7}).samples
    np.testing.assert_allclose(found[0], 0.7)
    assert Decision.constant(np.arange(6).reshape(2, 3))[1].at(SAMPLES.grid(source)).shape == (3, 1)


@pytest.fixture
def changing() -> specsr.Signal:
    """Six seconds of noise, with pulses from 2.6 s on: only there a machine is in it."""
    rng = np.random.default_rng(0)
    samples = rng.standard_normal(round(6 * RATE))
    ring = 30 * np.exp(-np.arange(200) / 12) * np.sin(2 * np.pi * 2500 * np.arange(200) / RATE)
    for first in range(round(2.6 * RATE), samples.size - 200, 400):
        samples[first : first + 200] += ring
    return specsr.Signal(samples[None].astype(np.float32), RATE, "Pa")


def test_what_is_given_back_has_no_step_between_segments(changing, tmp_path) -> None:
    """Half of all is removed, and given back where pulses are: the gain goes from .5 to 1."""
    transform = SpectrogramTransform(512, 128)
    cuts = plan(1.5, RATE, 128, 2048, changing.length)

    def attenuated(spec, first, steps):
        return spec.replace(magnitude=0.5 * spec.magnitude)

    def of(source):
        return attenuated_pieces(source, transform, attenuated, cuts, "cpu")

    found = join(of(changing)).samples[0]
    # the gain by projection on the recording, in the band of the pulses
    block = round(0.1 * RATE)
    ours, theirs = (sosfilt(BAND, x).reshape(-1, block) for x in (found, changing.samples[0]))
    gains = (ours * theirs).sum(axis=1) / np.square(theirs).sum(axis=1)
    assert gains[:7].max() < 0.51 and gains[-10:].min() > 0.95
    # from .5 to 1 in the distance of two centres, which is a segment
    assert np.abs(np.diff(gains)).max() < 0.5 * 0.1 / 1.5 + 0.01
    io.write(tmp_path / "run.wav", changing, subtype="FLOAT")
    with stream.opened(tmp_path / "run.wav") as recording:
        np.testing.assert_array_equal(join(of(recording)).samples[0], found)


def test_equal_decisions_give_the_result_without_fades(changing) -> None:
    cuts = plan(1.0, RATE, 128, 2048, changing.length)

    def finish(part, first, state, decision):
        return part.replace(samples=part.samples * decision.at(SAMPLES.grid(part))[0, 0])

    found = process_decided(changing, lambda *_: Draft(None, np.full(1, 0.3)), finish, cuts)
    wanted = process(changing, lambda part, *_: part.replace(samples=part.samples * 0.3), cuts)
    np.testing.assert_allclose(join(found).samples, join(wanted).samples, rtol=1e-6)
