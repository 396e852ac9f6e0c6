"""Long recordings in segments: the plan of segments, and the same result as of the whole."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

import specsr
from specsr.enhance.segments import LARGEST, Plan, blocks, join, plan, process, segments
from specsr.errors import SpecsrError
from specsr.maps.frames import Frames
from specsr.maps.polar import angle
from specsr.maps.transform import SpectrogramTransform
from specsr.models.options import InferOptions
from specsr.plots.overview import Overview
from specsr.plots.parts import shrunk
from specsr.signal import Signal
from support.segment_samples import OPTIONS, RATE, noise


@given(
    length=st.integers(1, 5000), size=st.integers(1, 700), margin=st.integers(0, 900)
)  # fmt: skip
def test_segments_hold_every_sample_once_with_margins(length, size, margin):
    found = segments(length, size, margin)
    assert [s.start for s in found] == [0] + [s.stop for s in found[:-1]]
    assert found[-1].stop == length
    for s in found:
        assert s.first == max(0, s.start - margin) and s.last == min(length, s.stop + margin)
        assert s.stop > s.start and s.start % size == 0
    assert len(found) == 1 or found[-1].stop - found[-1].start > margin
    assert (len(found) == 1) == (length <= size + margin)


@given(
    seconds=st.floats(0.01, 40), rate=st.floats(1000, 1e6), ratio=st.integers(1, 4),
    hop=st.integers(1, 2048), margin=st.integers(0, 10**5),
)  # fmt: skip
def test_borders_lie_on_hops_of_the_result(seconds, rate, ratio, hop, margin):
    found = plan(seconds, rate, hop, margin, 10**7, ratio)
    assert found.size * ratio % hop == 0 and found.margin * ratio % hop == 0
    assert found.margin * ratio >= margin
    assert found.size * ratio <= LARGEST + hop * ratio
    assert found.fade <= found.margin and found.fade <= found.size


@settings(deadline=None, max_examples=50)
@given(length=st.integers(1, 3000), size=st.integers(100, 400), margin=st.integers(0, 300))
def test_processed_segments_join_to_the_whole(length, size, margin):
    source = Signal(np.arange(2 * length, dtype=np.float32).reshape(2, -1), 100.0, start=3.0)
    fade = min(size, margin, 7)

    def double(part, *_):
        rpm = np.zeros(2 * part.length)
        return part.replace(samples=np.repeat(part.samples, 2, 1), rate=2 * part.rate, rpm=rpm)

    pieces = list(process(source, double, Plan(size, margin, fade, 2)))
    joined = join(pieces)
    np.testing.assert_allclose(joined.samples, np.repeat(source.samples, 2, 1), rtol=1e-6)
    assert (joined.start, joined.rate, joined.channels) == (3.0, 200.0, source.channels)
    places = np.cumsum([0] + [p.length for p in pieces[:-1]])
    np.testing.assert_allclose([p.start for p in pieces], 3.0 + places / 200.0)


def test_a_fade_longer_than_the_margin_is_refused():
    with pytest.raises(SpecsrError, match="no longer than margin"):
        Plan(100, 10, 20)
    with pytest.raises(SpecsrError, match="segment is 0"):
        InferOptions(segment=0)


def test_command_line_and_functions_have_the_same_segments():
    from specsr.choices import SEGMENT

    assert InferOptions().segment == SEGMENT


@pytest.mark.parametrize("length", [1, 100, 777, 5000])
@pytest.mark.parametrize(("n_fft", "hop"), [(512, 128), (256, 256), (254, 77)])
@pytest.mark.parametrize("block", [50, 1024])
def test_streamed_frames_equal_those_of_the_whole(length, n_fft, hop, block):
    source = noise(5000 / RATE).cut(0, length)
    transform = SpectrogramTransform(n_fft, hop)
    whole = transform(source)
    frames = Frames(whole.grid, 2)
    parts = [frames.add(piece.samples) for piece in blocks(source, block)]
    found = torch.cat(parts, dim=-1)
    assert found.shape == whole.magnitude.shape
    np.testing.assert_array_equal(frames.magnitude(found).numpy(), whole.magnitude)
    np.testing.assert_array_equal(angle(found).numpy(), whole.phase)


@pytest.mark.parametrize("seconds", [0.5, 21.0])
def test_an_overview_is_the_map_as_figures_show_it(seconds):
    source = noise(seconds, 1)
    whole = SpectrogramTransform(64, 32)(source)
    overview = Overview(whole.grid, "a")
    for piece in blocks(source, 10007):
        overview.add(piece.samples)
    found = overview.spec()
    assert found.magnitude.shape[2] <= 2000
    expected = shrunk(whole.magnitude[0][: found.grid.rows])
    np.testing.assert_allclose(found.magnitude[0], expected, rtol=1e-5, atol=1e-9)
    assert found.times[0] >= 0 and abs(found.times[-1] - whole.times[-1]) < found.grid.dt


def test_the_segmented_result_equals_the_whole_one(job):
    """For a periodic recording, whose segments have one median level; not its estimated phase.

    What a noise reduction gives back is decided within a segment.
    """
    _, _, whole, options, _ = job
    if whole.__name__ == "denoise":
        options = {**options, "strict": True}
    rng = np.random.default_rng(0)
    period = rng.standard_normal((1, 12288)).astype(np.float32)
    source = Signal(np.tile(period, (1, 5)), RATE)
    at_once = whole(source, **options, options=InferOptions(segment=np.inf))
    in_parts = whole(source, **options, options=OPTIONS)
    assert at_once.samples.shape == in_parts.samples.shape
    if whole.__name__ == "upscale_band":  # the estimated band starts with another phase
        at_once, in_parts = (x.resample(0.8 * RATE) for x in (at_once, in_parts))
    # the crossfade of two estimates leaks below the cut
    limit = 1e-5 if whole.__name__ == "denoise" else 1e-3
    error = at_once.samples - in_parts.samples
    assert np.abs(error).max() < limit * np.abs(at_once.samples).max()


@pytest.mark.parametrize(("rise_db", "limit_db"), [(0.0, -120.0), (12.0, -50.0)])
def test_denoise_in_segments_differs_by_the_median_level_alone(rise_db, limit_db):
    """The bundled model on a tone in noise, stationary and of rising level."""
    rng = np.random.default_rng(3)
    t = np.arange(int(6 * RATE)) / RATE
    samples = 0.02 * rng.standard_normal(t.size) + 0.2 * np.sin(2 * np.pi * 440 * t)
    source = Signal((samples * 10 ** (rise_db * t / t[-1] / 20)).astype(np.float32), RATE)
    whole, parts = (
        specsr.denoise(source, strict=True, options=InferOptions(segment=segment)).samples
        for segment in (np.inf, 1.5)
    )
    error_db = 20 * np.log10(np.linalg.norm(whole - parts) / np.linalg.norm(whole))
    print(f"{rise_db:g} dB louder at the end: segmented from whole {error_db:.1f} dB")
    assert error_db < limit_db


def test_a_short_recording_is_processed_as_a_whole(job):
    _, pieces, whole, options, _ = job
    source = noise(0.55)
    [only] = pieces(source, **options, options=OPTIONS)
    at_once = whole(source, **options, options=InferOptions(segment=np.inf))
    np.testing.assert_array_equal(only.samples, at_once.samples)
