"""What the sections of a report share is computed once for every recording."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest

import specsr
from specsr.nvh import levels, sound_quality
from specsr.report.page import ReportOptions
from specsr.report.report import make_report
from specsr.scores.measured import Known
from support.report_page import Page

pytest.importorskip("bokeh")

RATE = 8000
OPTIONS = ReportOptions(audio_seconds=0, channel=1)


def recording(seed: int, rate: int = RATE, channels: int = 2) -> specsr.Signal:
    samples = 0.1 * np.random.default_rng(seed).standard_normal((channels, rate // 2))
    return specsr.Signal(samples, rate, "Pa")


@pytest.fixture
def heard(monkeypatch) -> Counter:
    """How often MoSQITo was asked for the loudness of the same samples."""
    metrics = pytest.importorskip("mosqito.sq_metrics")
    counts: Counter = Counter()
    original = metrics.loudness_zwst

    def counted(samples, rate, field):
        counts[np.round(samples, 9).tobytes()] += 1
        return original(samples, rate, field)

    def forbidden(*args):
        raise AssertionError("loudness is computed again for the sharpness")

    monkeypatch.setattr(metrics, "loudness_zwst", counted)
    monkeypatch.setattr(metrics, "sharpness_din_st", forbidden)
    return counts


@pytest.mark.parametrize(
    ("low", "sounds"),
    [
        (recording(1), 6),  # the baseline is the input: 3 recordings of 2 channels
        (recording(1, RATE // 2), 7),  # resampled: it has another loudness than the input shown
        (recording(1).cut(0, RATE // 2 - 10), 7),  # filled up to the length of the reference
    ],
)
def test_the_loudness_of_every_sound_is_computed_once(
    heard: Counter, low: specsr.Signal, sounds: int
) -> None:
    page = Page(make_report(low, recording(2), recording(3), options=OPTIONS))
    assert "loudness, sone" in page.tables["facts"][0]
    assert any(row[0] == "loudness error, %" for row in page.tables["scores"])
    assert set(heard.values()) == {1}
    assert len(heard) == sounds


def test_without_scores_only_the_channel_shown_is_heard(heard: Counter) -> None:
    page = Page(make_report(recording(1, channels=3), options=OPTIONS))
    assert len(heard) == 1
    head, row = page.tables["facts"]
    found = sound_quality.steady_quality(recording(1, channels=3))
    assert row[head.index("loudness, sone")] == f"{found.sone[1]:.1f}"
    assert row[head.index("sharpness, acum")] == f"{found.acum[1]:.2f}"


def test_evaluate_hears_a_reference_once_and_nothing_that_is_known(heard: Counter) -> None:
    low, result, reference = (recording(seed) for seed in range(3))
    fresh = specsr.evaluate(result, reference, low=low)
    assert set(heard.values()) == {1} and len(heard) == 6
    known = [
        Known(specsr.spectrogram(x), specsr.third_octave_levels(x),
              dict(enumerate(sound_quality.steady_quality(x).sone.tolist())))
        for x in (result, reference, low)
    ]  # fmt: skip
    heard.clear()
    again = specsr.evaluate(result, reference, low=low, known=known)
    assert not heard
    assert again.to_dict() == fresh.to_dict()


def test_a_known_map_of_another_analysis_is_not_taken() -> None:
    result, reference = recording(1), recording(2)
    known = [Known(specsr.spectrogram(x, n_fft=512)) for x in (result, reference)]
    fresh = specsr.evaluate(result, reference)
    assert specsr.evaluate(result, reference, known=known).to_dict() == fresh.to_dict()


def test_third_octaves_and_maps_of_a_report_are_those_of_its_scores(monkeypatch) -> None:
    powers: Counter = Counter()
    analysed: Counter = Counter()
    power, transform = levels.signal_power, specsr.SpectrogramTransform.__call__

    def counted_power(signal, df):
        powers.update(row.tobytes() for row in signal.samples)
        return power(signal, df)

    def counted_map(self, signal):
        analysed.update(row.tobytes() for row in signal.samples)
        return transform(self, signal)

    monkeypatch.setattr(levels, "signal_power", counted_power)
    monkeypatch.setattr(specsr.SpectrogramTransform, "__call__", counted_map)
    sources = [
        x.replace(unit="m/s2") for x in (recording(1, RATE // 2), recording(2), recording(3))
    ]
    make_report(*sources, options=OPTIONS)
    assert set(powers.values()) == set(analysed.values()) == {1}
    assert len(powers) == len(analysed) == 8  # with the resampled input
