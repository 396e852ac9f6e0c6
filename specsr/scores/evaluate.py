"""Compare a result with its reference: levels, distances and errors in one report.

Two signals are compared as waveforms and by their maps, two maps cell by cell.
"""

from __future__ import annotations

import math
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
from specsr.nvh.levels import overall_level, third_octave_bands, third_octave_levels
from specsr.nvh.order_cut import order_cut
from specsr.scores import metrics
from specsr.scores.baselines import baselines
from specsr.scores.common_part import common_part, first_columns
from specsr.scores.map_errors import floored, map_errors
from specsr.scores.ridges import compare_lines, compare_transients
from specsr.scores.scores import LevelError, OrderError, Report, Scores, level_error, mean_scores
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


@dataclass(frozen=True, eq=False)
class _Task:
    """Checked arguments of `evaluate`, the same for every channel."""

    cut: float | None
    orders: Sequence[float]
    rpm: Any
    options: EvaluateOptions
    loudness: bool


def evaluate(
    result: Signal | SpecMap,
    reference: Signal | SpecMap,
    *,
    cut: float | None = None,
    orders: Sequence[float] = (),
    rpm: np.ndarray | float | None = None,
    low: Signal | SpecMap | None = None,
    options: EvaluateOptions = EvaluateOptions(),
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
    waves: tuple[Signal, Signal] | None = None
    cropped: str | None = None
    if isinstance(result, Signal) and isinstance(reference, Signal):
        _check_signals(result, reference)
        waves = (reference, result)
        result, reference = options.transform(result), options.transform(reference)
    else:
        assert isinstance(result, SpecMap) and isinstance(reference, SpecMap)
        _check_maps(result, reference)
        result, reference, cropped = common_part(result, reference)
        inputs = {name: first_columns(spec, reference) for name, spec in inputs.items()}
    if rpm is None:
        rpm = reference.rpm if reference.rpm is not None else result.rpm
    if len(orders) and rpm is None:
        raise SpecsrError(
            "orders need a speed, and neither recording carries one: pass rpm in 1/min, one value "
            "or one per sample"
        )
    why_not = _no_loudness(waves)
    task = _Task(cut, orders, rpm, options, not why_not)

    def channel_scores(result: SpecMap, waves: tuple[Signal, Signal] | None) -> list[Scores]:
        return [
            _scores(
                _channel(reference, c), _channel(result, c),
                None if waves is None else (_channel(waves[0], c), _channel(waves[1], c)), task,
            )
            for c in range(len(reference.channels))
        ]  # fmt: skip

    channels = channel_scores(result, waves)
    beside = {
        name: channel_scores(options.transform(x) if waves else x, waves and (waves[0], x))
        for name, x in inputs.items()
    }
    grid = reference.grid
    settings = {
        "rate": grid.rate, "unit": grid.unit, "n_fft": grid.n_fft, "hop_length": grid.hop_length,
        "window": grid.window, "scaling": grid.scaling, "cell": list(grid.cell),
        "db_range": float(options.db_range), "cut": None if cut is None else float(cut),
        "cropped": cropped, "loudness": why_not or "ISO 532-1, stationary, free field",
    }  # fmt: skip
    names = dict(zip(_unique(reference.channels), channels, strict=True))
    means = {name: mean_scores(scores) for name, scores in beside.items()}
    kind = "signal" if signals else "map"
    return Report(kind, settings, mean_scores(channels), names, means)


def _no_loudness(waves: tuple[Signal, Signal] | None) -> str | None:
    """Why the loudness is not compared, or None where it is."""
    if waves is None:
        return "not computed: maps have no loudness, compare recordings"
    if waves[0].unit != "Pa":
        return f"not computed: samples are in {waves[0].unit}, not in Pa"
    if min(wave.rate for wave in waves) < sound_quality.LOWEST_RATE:
        return f"not computed: a rate below {sound_quality.LOWEST_RATE:g} Hz"
    if waves[0].duration < sound_quality.SHORTEST:
        return f"not computed: shorter than {sound_quality.SHORTEST:g} s"
    if not sound_quality.available():
        return "not computed: needs MoSQITo, pip install 'specsr[sound-quality]'"
    return None


def _unique(names: Sequence[str]) -> list[str]:
    """Channel names, numbered if two are equal."""
    if len(set(names)) == len(names):
        return list(names)
    return [f"{name} ({i + 1})" for i, name in enumerate(names)]


def _channel(x: Any, channel: int) -> Any:
    """One channel of a signal or map."""
    part = slice(channel, channel + 1)
    if isinstance(x, Signal):
        return x.replace(samples=x.samples[part], channels=x.channels[part])
    return x.replace(
        magnitude=x.magnitude[part], phase=None, uncertainty_db=None, channels=x.channels[part]
    )


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


def _plain_power(spec: SpecMap) -> np.ndarray:
    """|X|² of the plain STFT of a map's one channel, [rows, frames]; of pooled cells the mean."""
    factor = np.square(spec.grid.factor())
    if spec.grid.cell != (1, 1):
        factor = factor[:-1].reshape(spec.grid.rows, -1).mean(1)
    return spec.power[0] / factor[:, None]


def _scores(
    reference: SpecMap, result: SpecMap, waves: tuple[Signal, Signal] | None, task: _Task
) -> Scores:  # fmt: skip
    """Scores of one channel."""
    cut, db_range = task.cut, task.options.db_range
    plain = _plain_power(reference), _plain_power(result)
    compared = waves or (reference, result)
    ratio = invariant = None
    if waves:
        ratio, invariant = (
            float(f(waves[0].samples[0], waves[1].samples[0]))
            for f in (metrics.snr, metrics.si_sdr)
        )

    def distance(low: float = 0.0, high: float | None = None) -> float:
        if waves:
            a, b = (x.samples[0].astype(np.float64) / waves[0].full_scale for x in waves)
            return float(metrics.lsd(a, b, waves[0].rate, low, high))
        freqs = reference.freqs
        rows = (freqs >= low) & (freqs < (math.inf if high is None else high))
        if not rows.any():
            raise SpecsrError(
                f"cut is {cut:g} Hz: expected a frequency with rows of the map on both sides"
            )
        return float(metrics.lsd_frames(plain[0][rows], plain[1][rows], axis=0).mean())

    with np.errstate(invalid="ignore"):
        overall = (overall_level(result) - overall_level(reference)).item()
        acoustic = reference.grid.unit in ("Pa", "1")
        weighted = (
            (overall_level(result, "A") - overall_level(reference, "A")).item()
            if acoustic
            else None
        )
    levels = floored(reference.db[0], result.db[0], db_range)
    return Scores(
        overall_error_db=overall,
        overall_a_error_db=weighted,
        loudness_error_percent=_loudness_error(*waves) if waves and task.loudness else None,
        lsd=distance(),
        lsd_lf=None if cut is None else distance(0.0, cut),
        lsd_hf=None if cut is None else distance(cut, None),
        snr_db=ratio,
        si_sdr_db=invariant,
        spectral_convergence_db=float(metrics.spectral_convergence(*np.sqrt(plain))),
        whittle_deviance=float(metrics.whittle_deviance(*plain)),
        map=map_errors(reference.db[0], result.db[0], db_range),
        third_octave=_band_error(compared[0], compared[1], db_range),
        orders={f"{k:g}": _order_error(reference, result, k, task) for k in task.orders},
        lines=compare_lines(*levels, reference.grid),
        transients=compare_transients(*levels, reference.grid),
    )


def _order_error(reference: SpecMap, result: SpecMap, order: float, task: _Task) -> OrderError:
    """Errors of an order's level over time, with the least and greatest bandwidth in Hz."""
    bandwidth = task.options.bandwidth
    true, found = (order_cut(x, task.rpm, order, bandwidth, "orders") for x in (reference, result))
    error = level_error(true.levels[0], found.levels[0], task.options.db_range)
    widths = true.bandwidth[~np.isnan(true.levels[0])]
    span = (float(widths.min()), float(widths.max())) if widths.size else (math.nan, math.nan)
    return OrderError(error.rmse_db, error.bias_db, error.max_abs_db, *span)


def _loudness_error(reference: Signal, result: Signal) -> float:
    """Error of the loudness in percent; nan where the reference's loudness is zero."""
    true, found = (sound_quality.loudness(x).sone[0] for x in (reference, result))
    return float(100 * (found / true - 1)) if true > 0 else math.nan


def _band_error(
    reference: Signal | SpecMap, result: Signal | SpecMap, db_range: float
) -> LevelError | None:
    """Errors of the third octaves that the analysis resolves; None if it resolves none."""
    rate = reference.rate if isinstance(reference, Signal) else reference.grid.rate
    lowest = third_octave_bands()[-1][0]
    if lowest > rate / 2:
        return None
    true, found = third_octave_levels(reference), third_octave_levels(result)
    if not true.resolved.any():
        return None
    return level_error(true.levels[0, true.resolved], found.levels[0, true.resolved], db_range)
