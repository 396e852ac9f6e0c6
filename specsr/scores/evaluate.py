"""Compare a result with its reference: one report of levels, distances and errors.

Two signals are compared as waveforms and as the maps they give; two maps as they are.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import fields
from typing import Any

import numpy as np

from specsr.errors import SpecsrError
from specsr.maps.grid import Grid
from specsr.maps.spec_map import SpecMap
from specsr.maps.transform import SpectrogramTransform
from specsr.nvh import sound_quality
from specsr.nvh.levels import overall_level, third_octave_bands, third_octave_levels
from specsr.nvh.order_cut import order_cut
from specsr.scores import metrics
from specsr.scores.baselines import baselines
from specsr.scores.map_errors import floored, map_errors
from specsr.scores.ridges import compare_lines, compare_transients
from specsr.scores.scores import LevelError, OrderError, Report, Scores, level_error, mean_scores
from specsr.signal import Signal


def evaluate(
    result: Signal | SpecMap,
    reference: Signal | SpecMap,
    *,
    cut: float | None = None,
    orders: Sequence[float] = (),
    rpm: np.ndarray | float | None = None,
    range_db: float = 80.0,
    transform: SpectrogramTransform | None = None,
    bandwidth: float | None = None,
    low: Signal | SpecMap | None = None,
) -> Report:
    """Compare a result with its reference, channel by channel.

    Waveform scores (LSD, SNR, SI-SDR) are taken from two signals; samples are divided by the
    reference's full scale for the LSD.  For two maps LSD is that of their own cells, turned back
    to the |X|² of a plain STFT (of samples in ``unit``), and there is no SNR.  Map errors, bands
    and orders are read down to ``range_db`` below the reference's highest level, each; third
    octaves of a map are those that its rows resolve.

    Args:
        result: what is judged.
        reference: what is true; same kind, rate and length, or same grid.
        cut: frequency in Hz that parts LSD-LF from LSD-HF, such as the end of a measured band.
        orders: multiples of the speed of rotation whose levels are compared.
        rpm: speed in 1/min, one or one a sample; None takes the reference's, or the result's.
        range_db: range of levels that counts, dB.
        transform: how signals become maps; None is Hann 2048/512.
        bandwidth: width in orders of the band that an order's level is summed over; None takes
            the least that holds the whole line (`specsr.nvh.order_cut.order_cut`), which the
            scores state.
        low: what the result was made from: the same scores are taken of what simpler ways make
            of it (`specsr.scores.baselines`).

    Raises:
        SpecsrError: the two cannot be compared (the message says what differs and what to do),
            orders are asked for without a speed, or a cut that leaves no rows on one side.
    """
    signals = isinstance(reference, Signal)
    transform = transform or SpectrogramTransform()
    if signals != isinstance(result, Signal):
        raise SpecsrError(
            "one is a signal and the other a map: compare two of a kind; Signal.spectrogram() and "
            "SpecMap.to_signal() turn one into the other"
        )
    if low is not None and isinstance(low, Signal) != signals:
        raise SpecsrError(
            "low is a signal and the result a map, or the reverse: give one of a kind"
        )
    simpler: dict[str, Any] = {} if low is None else baselines(low, reference)
    waves: tuple[Signal, Signal] | None = None
    if isinstance(result, Signal) and isinstance(reference, Signal):
        _check_signals(result, reference)
        waves = (reference, result)
        result, reference = transform(result), transform(reference)
    else:
        assert isinstance(result, SpecMap) and isinstance(reference, SpecMap)
        _check_maps(result, reference)
    if rpm is None:
        rpm = reference.rpm if reference.rpm is not None else result.rpm
    if len(orders) and rpm is None:
        raise SpecsrError(
            "orders are asked for, but neither recording holds a speed: pass rpm, in 1/min, one "
            "or one a sample"
        )
    why_not = _no_loudness(waves)

    count = len(reference.channels)

    def judged(result: SpecMap, waves: tuple[Signal, Signal] | None) -> list[Scores]:
        return [
            _scores(
                _channel(reference, c), _channel(result, c),
                None if waves is None else (_channel(waves[0], c), _channel(waves[1], c)),
                cut, orders, rpm, range_db,
                bandwidth, not why_not,
            )
            for c in range(count)
        ]  # fmt: skip

    channels = judged(result, waves)
    beside = {
        name: judged(transform(x) if waves else x, waves and (waves[0], x))
        for name, x in simpler.items()
    }
    grid = reference.grid
    settings = {
        "rate": grid.rate, "unit": grid.unit, "n_fft": grid.n_fft, "hop_length": grid.hop_length,
        "window": grid.window, "scaling": grid.scaling, "cell": list(grid.cell),
        "range_db": float(range_db), "cut": None if cut is None else float(cut),
        "loudness": why_not or "ISO 532-1, stationary, free field",
    }  # fmt: skip
    names = dict(zip(_unique(reference.channels), channels, strict=True))
    means = {name: mean_scores(scores) for name, scores in beside.items()}
    kind = "signal" if signals else "map"
    return Report(kind, settings, mean_scores(channels), names, means)


def _no_loudness(waves: tuple[Signal, Signal] | None) -> str | None:
    """Why the loudness is not compared, or None where it is."""
    if waves is None:
        return "not taken: maps have none, compare recordings"
    if waves[0].unit != "Pa":
        return f"not taken: samples are in {waves[0].unit}, not in Pa"
    if waves[0].duration < sound_quality.SHORTEST:
        return f"not taken: shorter than {sound_quality.SHORTEST:g} s"
    if not sound_quality.available():
        return "not taken: it needs MoSQITo, pip install 'specsr[sound-quality]'"
    return None


def _unique(names: Sequence[str]) -> list[str]:
    """Channel names, numbered where two are alike."""
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


def _differ(what: str, result: Any, reference: Any, mend: str) -> None:
    if result != reference:
        raise SpecsrError(f"the result has {what} {result}, the reference {reference}: {mend}")


def _check_signals(result: Signal, reference: Signal) -> None:
    _differ("unit", result.unit, reference.unit, "convert one, or name its right unit")
    rates = (result.rate, reference.rate, "resample one first (Signal.resample)")
    _differ("a rate in Hz of", *rates)
    counts = (result.samples.shape[0], reference.samples.shape[0])
    _differ("a channel count of", *counts, "pick the channels that belong together")
    _differ(
        "a length in samples of", result.length, reference.length,
        "cut the longer one to the part that both hold",
    )  # fmt: skip


def _check_maps(result: SpecMap, reference: SpecMap) -> None:
    for field in fields(Grid):
        # Where a recording starts does not touch its levels.
        if field.name != "start":
            values = (getattr(result.grid, field.name), getattr(reference.grid, field.name))
            _differ(f"a grid with {field.name}", *values, "bring both to one grid first")
    counts = (result.magnitude.shape[0], reference.magnitude.shape[0])
    _differ("a channel count of", *counts, "pick the channels that belong together")


def _plain_power(spec: SpecMap) -> np.ndarray:
    """|X|² of the plain STFT behind a map's one channel, mean over pooled cells: [rows, frames]."""
    factor = np.square(spec.grid.factor())
    if spec.grid.cell != (1, 1):
        factor = factor[:-1].reshape(spec.grid.rows, -1).mean(1)
    return spec.power[0] / factor[:, None]


def _scores(
    reference: SpecMap, result: SpecMap, waves: tuple[Signal, Signal] | None,
    cut: float | None, orders: Sequence[float], rpm: Any, range_db: float,
    bandwidth: float | None, loudness: bool,
) -> Scores:  # fmt: skip
    """Scores of one channel."""
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
            raise SpecsrError(f"cut is {cut:g} Hz: no row of the map lies on one side of it")
        return float(metrics.lsd_frames(plain[0][rows], plain[1][rows], axis=0).mean())

    with np.errstate(invalid="ignore"):
        overall = (overall_level(result) - overall_level(reference)).item()
        heard = reference.grid.unit in ("Pa", "1")
        weighted = (
            (overall_level(result, "A") - overall_level(reference, "A")).item() if heard else None
        )
    levels = floored(reference.db[0], result.db[0], range_db)
    return Scores(
        overall_error_db=overall,
        overall_a_error_db=weighted,
        loudness_error_percent=_loudness_error(*waves) if waves and loudness else None,
        lsd=distance(),
        lsd_lf=None if cut is None else distance(0.0, cut),
        lsd_hf=None if cut is None else distance(cut, None),
        snr_db=ratio,
        si_sdr_db=invariant,
        spectral_convergence_db=float(metrics.spectral_convergence(*np.sqrt(plain))),
        map=map_errors(reference.db[0], result.db[0], range_db),
        third_octave=_band_error(compared[0], compared[1], range_db),
        orders={
            f"{order:g}": _order_error(reference, result, rpm, order, bandwidth, range_db)
            for order in orders
        },
        lines=compare_lines(*levels, reference.grid),
        transients=compare_transients(*levels, reference.grid),
    )


def _order_error(
    reference: SpecMap, result: SpecMap, rpm: Any, order: float, bandwidth: float | None,
    range_db: float,
) -> OrderError:  # fmt: skip
    true, found = (order_cut(x, rpm, order, bandwidth, "orders") for x in (reference, result))
    error = level_error(true.levels[0], found.levels[0], range_db)
    read = true.bandwidth[~np.isnan(true.levels[0])]
    ends = (float(read.min()), float(read.max())) if read.size else (math.nan, math.nan)
    return OrderError(error.rmse_db, error.bias_db, error.max_abs_db, *ends)


def _loudness_error(reference: Signal, result: Signal) -> float:
    """Error of the loudness in percent; nan where the reference is below hearing."""
    true, found = (sound_quality.loudness(x).sone[0] for x in (reference, result))
    return float(100 * (found / true - 1)) if true > 0 else math.nan


def _band_error(
    reference: Signal | SpecMap, result: Signal | SpecMap, range_db: float
) -> LevelError | None:
    """Errors of the third octaves that the analysis resolves; None where there are none."""
    rate = reference.rate if isinstance(reference, Signal) else reference.grid.rate
    lowest = third_octave_bands()[-1][0]
    if lowest > rate / 2:
        return None
    true, found = third_octave_levels(reference), third_octave_levels(result)
    if not true.resolved.any():
        return None
    return level_error(true.levels[0, true.resolved], found.levels[0, true.resolved], range_db)
