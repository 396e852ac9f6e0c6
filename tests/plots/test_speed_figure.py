"""Figure of a found speed: order and place of the legend."""

from __future__ import annotations

import numpy as np

import specsr
from specsr import Signal
from specsr.nvh.tacholess import FoundSpeed
from specsr.nvh.tacholess_candidates import Candidate, Track
from specsr.plots.speed import plot_speed


def found(chosen: int = 0, breaks: tuple[int, ...] = ()) -> FoundSpeed:
    times = np.arange(21) * 0.05
    rpm = np.linspace(1000.0, 2000.0, 21)
    track = Track(np.zeros(21, int), np.arange(1, 5.0), np.ones(21), np.ones(21),
                  "free", breaks)  # fmt: skip
    candidates = tuple(Candidate(k * rpm, 5.0 / k, 1.0 / k, track) for k in (1, 2, 3, 4, 5, 6, 7))
    return FoundSpeed(times, candidates[chosen].rpm, track.confidence, candidates, chosen)


def test_the_legend_is_in_the_order_of_the_candidates_and_beside_the_curves():
    samples = np.random.default_rng(0).standard_normal(4096)
    spec = specsr.spectrogram(Signal(samples, 4096.0), n_fft=256)
    figure = plot_speed(found(6), spec)
    middle = figure.axes[1]
    legend = middle.get_legend()
    names = [each.get_text().split(",")[0] for each in legend.get_texts()]
    assert names == [f"candidate {k}" for k in (1, 2, 3, 4, 5, 7)]
    # its lower left corner is on the upper edge of the axes
    assert legend.get_bbox_to_anchor().y0 >= middle.bbox.y1 - 1


def test_jumps_are_given_as_times():
    assert found(breaks=(10,)).breaks == (0.5,)
