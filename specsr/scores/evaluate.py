"""Compare a result with its reference: levels, distances and errors in one report.

Two signals are compared as waveforms and by their maps, two maps cell by cell.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Any

import numpy as np

from specsr.choices import DB_RANGE
from specsr.errors import SpecsrError
from specsr.maps.grid import Grid
from specsr.maps.spec_map import SpecMap
from specsr.maps.transform import SpectrogramTransform
from specsr.nvh import sound_quality
from specsr.scores.baselines import baselines
from specsr.scores.common_part import common_part, first_columns
from specsr.scores.compared import compare
from specsr.scores.measured import Known, Measures, Side, measure
from specsr.scores.scores import Report, Scores, mean_scores
from specsr.signal import Signal


@dataclass(frozen=True)
class EvaluateOptions:
    """How `evaluate` measures maps and levels.

    Attributes:
        transform: analysis of signals, Hann 2048/512 by default; maps keep their own grid.
        bandwidth: width in orders of the band that an order's level is summed over; None: the
            least that contains the whole line (`specsr.nvh.order_cut.order_cut`), stated in the
            scores.
        db_range: range of levels below the reference's maximum, dB; lower levels do not count.
    """

    transform: SpectrogramTransform = SpectrogramTransform()
    bandwidth: float | None = None
    db_range: float = DB_RANGE


def evaluate(
    result: Signal | SpecMap,
    reference: Signal | SpecMap,
    *,
    cut: float | None = None,
    orders: Sequence[float] = (),
    rpm: np.ndarray | float | None = None,
    low: Signal | SpecMap | None = None,
    options: EvaluateOptions = EvaluateOptions(),
    known: Sequence[Known] = (),
) -> Report:
    """Compare a result with its reference, channel by channel.

    Waveform scores (LSD, SNR, SI-SDR) need two signals; samples are divided by the reference's
    full scale for the LSD.  For two maps the LSD is that of their own cells, converted to the
    |X|² of a plain STFT (of samples in ``unit``), and there is no SNR.  Map errors, third octaves
    and orders count levels down to ``options.db_range`` below the maximum of the reference, each.
    Third octaves of a map are those that its rows resolve.  Maps may differ by a few columns.

    Args:
        result: signal or map to evaluate.
        reference: the true one: of the same kind, rate and length, or on the same grid.
        cut: frequency in Hz between LSD-LF and LSD-HF, such as the edge of the measured band.
        orders: multiples of the rotation frequency whose levels are compared.
        rpm: speed in 1/min, one value or one per sample; None takes the reference's, or the
            result's.
        low: the low-resolution input; baselines computed from it
            (`specsr.scores.baselines.baselines`) are scored alongside.
        options: analysis, bandwidth of orders and range of levels.
        known: what is computed already of the recordings result, reference and low, in this order,
            and not computed again.

    Raises:
        SpecsrError: the two cannot be compared (the message names the difference and the fix),
            orders without a speed, or a cut without rows on one side.
    """
    signals = isinstance(reference, Signal)
    if signals != isinstance(result, Signal):
        raise SpecsrError(
            "one is a signal and the other a map: expected two of a kind; specsr.spectrogram and "
            "specsr.to_signal convert between them"
        )
    if low is not None and isinstance(low, Signal) != signals:
        raise SpecsrError(
            "low is a signal and the result a map, or the reverse: expected both of one kind"
        )
    inputs: dict[str, Any] = {} if low is None else baselines(low, reference)
    cropped: str | None = None
    if isinstance(result, Signal) and isinstance(reference, Signal):
        _check_signals(result, reference)
        of_result, of_reference, of_low = [*known, *3 * [Known()]][:3]
        found = _side(result, of_result, options)
        true = _side(reference, of_reference, options)
        beside = {name: _side(x, of_low.of(x, low), options) for name, x in inputs.items()}
    else:
        assert isinstance(result, SpecMap) and isinstance(reference, SpecMap)
        _check_maps(result, reference)
        result, reference, cropped = common_part(result, reference)
        found, true = Side(result), Side(reference)
        beside = {name: Side(first_columns(spec, reference)) for name, spec in inputs.items()}
    if rpm is None:
        rpm = true.spec.rpm if true.spec.rpm is not None else found.spec.rpm
    if len(orders) and rpm is None:
        raise SpecsrError(
            "orders need a speed, and neither recording carries one: pass rpm in 1/min, one value "
            "or one per sample"
        )
    why_not = _no_loudness(true.wave, found.wave)
    measures = Measures(orders, rpm, options.bandwidth, options.db_range, not why_not)
    channels: list[Scores] = []
    others: dict[str, list[Scores]] = {name: [] for name in beside}
    for c in range(len(true.spec.channels)):
        of_true = measure(true, c, measures)
        for scores, side in ((channels, found), *((others[name], beside[name]) for name in beside)):
            scores.append(compare(of_true, measure(side, c, measures, of_true), measures, cut))
    grid = true.spec.grid
    settings = {
        "rate": grid.rate, "unit": grid.unit, "n_fft": grid.n_fft, "hop_length": grid.hop_length,
        "window": grid.window, "scaling": grid.scaling, "cell": list(grid.cell),
        "db_range": float(options.db_range), "cut": None if cut is None else float(cut),
        "cropped": cropped, "loudness": why_not or "ISO 532-1, stationary, free field",
    }  # fmt: skip
    names = dict(zip(_unique(true.spec.channels), channels, strict=True))
    means = {name: mean_scores(each) for name, each in others.items()}
    kind = "signal" if signals else "map"
    return Report(kind, settings, mean_scores(channels), names, means)


def _side(signal: Signal, known: Known, options: EvaluateOptions) -> Side:
    return Side(known.map(signal, options.transform), signal, known)


def _no_loudness(reference: Signal | None, result: Signal | None) -> str | None:
    """Why the loudness is not compared, or None where it is."""
    if reference is None or result is None:
        return "not computed: maps have no loudness, compare recordings"
    if reference.unit != "Pa":
        return f"not computed: samples are in {reference.unit}, not in Pa"
    if min(reference.rate, result.rate) < sound_quality.LOWEST_RATE:
        return f"not computed: a rate below {sound_quality.LOWEST_RATE:g} Hz"
    if reference.duration < sound_quality.SHORTEST:
        return f"not computed: shorter than {sound_quality.SHORTEST:g} s"
    if not sound_quality.available():
        return "not computed: needs MoSQITo, pip install 'specsr[sound-quality]'"
    return None


def _unique(names: Sequence[str]) -> list[str]:
    """Channel names, numbered if two are equal."""
    if len(set(names)) == len(names):
        return list(names)
    return [f"{name} ({i + 1})" for i, name in enumerate(names)]


def _check_equal(quantity: str, result: Any, reference: Any, fix: str) -> None:
    if result != reference:
        raise SpecsrError(f"the result has {quantity} {result}, the reference {reference}: {fix}")


def _check_signals(result: Signal, reference: Signal) -> None:
    _check_equal("unit", result.unit, reference.unit, "convert one, or correct its unit")
    rates = (result.rate, reference.rate, "resample one first (Signal.resample)")
    _check_equal("a rate in Hz of", *rates)
    counts = (result.samples.shape[0], reference.samples.shape[0])
    _check_equal("a channel count of", *counts, "select the same channels")
    _check_equal(
        "a length in samples of", result.length, reference.length,
        "cut the longer one to the common part",
    )  # fmt: skip


def _check_maps(result: SpecMap, reference: SpecMap) -> None:
    for field in fields(Grid):
        # the start time does not affect the levels, lengths may differ a little (`common_part`)
        if field.name not in ("start", "length"):
            values = (getattr(result.grid, field.name), getattr(reference.grid, field.name))
            _check_equal(f"a grid with {field.name}", *values, "bring both to one grid first")
    counts = (result.magnitude.shape[0], reference.magnitude.shape[0])
    _check_equal("a channel count of", *counts, "select the same channels")
