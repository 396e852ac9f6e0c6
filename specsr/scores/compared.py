"""Scores of one channel: what was measured of it against what was measured of the reference."""

from __future__ import annotations

import math

import numpy as np

from specsr.errors import SpecsrError
from specsr.nvh.order_cut import OrderCut
from specsr.scores import metrics
from specsr.scores.map_errors import map_errors
from specsr.scores.measured import Measured, Measures
from specsr.scores.ridges import compare_found
from specsr.scores.scores import LevelError, OrderError, Scores, level_error


def compare(
    reference: Measured, result: Measured, measures: Measures, cut: float | None = None
) -> Scores:
    """Return the scores of one channel.

    Args:
        reference, result: of one channel each, both of recordings or both of maps.
        measures: what was measured.
        cut: frequency in Hz between LSD-LF and LSD-HF; None for none.

    Raises:
        SpecsrError: a cut without rows on one side.
    """
    ratio = invariant = None
    if reference.wave is not None and result.wave is not None:
        samples = reference.wave.samples[0], result.wave.samples[0]
        ratio, invariant = (float(f(*samples)) for f in (metrics.snr, metrics.si_sdr))
    weighted = None
    if result.a_level is not None and reference.a_level is not None:
        weighted = result.a_level - reference.a_level
    plain = reference.plain, result.plain
    distances = _distances(reference, result, cut)
    db_range = measures.db_range
    return Scores(
        overall_error_db=result.level - reference.level,
        overall_a_error_db=weighted,
        loudness_error_percent=_loudness_error(reference.sone, result.sone),
        lsd=distances[0],
        lsd_lf=None if cut is None else distances[1],
        lsd_hf=None if cut is None else distances[2],
        snr_db=ratio,
        si_sdr_db=invariant,
        spectral_convergence_db=float(metrics.spectral_convergence(*np.sqrt(plain))),
        whittle_deviance=float(metrics.whittle_deviance(*plain)),
        map=map_errors(reference.db, result.db, db_range),
        third_octave=_band_error(reference, result, db_range),
        orders={
            f"{k:g}": _order_error(true, found, db_range)
            for k, true, found in zip(measures.orders, reference.cuts, result.cuts)
        },
        lines=compare_found(reference.lines, result.lines),
        transients=compare_found(reference.transients, result.transients),
    )


def _distances(reference: Measured, result: Measured, cut: float | None) -> list[float]:
    """Return the log-spectral distance of all rows, and of those below and from the cut up."""
    bands: list[tuple[float, float | None]] = [(0.0, None)]
    if cut is not None:
        bands += [(0.0, cut), (cut, None)]
    if reference.wave is not None and result.wave is not None:
        scale = reference.wave.full_scale
        a, b = (x.samples[0].astype(np.float64) / scale for x in (reference.wave, result.wave))
        return [float(x) for x in metrics.lsd_bands(a, b, reference.wave.rate, bands)]
    freqs, found = reference.spec.freqs, []
    for low, high in bands:
        rows = (freqs >= low) & (freqs < (math.inf if high is None else high))
        if not rows.any():
            raise SpecsrError(
                f"cut is {cut:g} Hz: expected a frequency with rows of the map on both sides"
            )
        frames = metrics.lsd_frames(reference.plain[rows], result.plain[rows], axis=0)
        found.append(float(frames.mean()))
    return found


def _order_error(true: OrderCut, found: OrderCut, db_range: float) -> OrderError:
    """Errors of an order's level over time, with the least and greatest bandwidth in Hz."""
    error = level_error(true.levels[0], found.levels[0], db_range)
    widths = true.bandwidth[~np.isnan(true.levels[0])]
    span = (float(widths.min()), float(widths.max())) if widths.size else (math.nan, math.nan)
    return OrderError(error.rmse_db, error.bias_db, error.max_abs_db, *span)


def _loudness_error(true: float | None, found: float | None) -> float | None:
    """Error of the loudness in percent; nan where that of the reference is zero, None for none."""
    if true is None or found is None:
        return None
    return 100 * (found / true - 1) if true > 0 else math.nan


def _band_error(reference: Measured, result: Measured, db_range: float) -> LevelError | None:
    """Errors of the third octaves that the analysis resolves; None if it resolves none."""
    true, found = reference.bands, result.bands
    if true is None or found is None or not true.resolved.any():
        return None
    return level_error(true.levels[0, true.resolved], found.levels[0, true.resolved], db_range)
