"""Scores of a result against its reference, their mean, and their tables."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field, fields
from typing import TYPE_CHECKING, Any

import numpy as np

from specsr.extras import need
from specsr.scores.map_errors import MapErrors, floored
from specsr.scores.markdown import markdown_table
from specsr.scores.ridges import RidgeErrors

if TYPE_CHECKING:
    import pandas


@dataclass(frozen=True)
class LevelError:
    """Errors of a curve of levels in dB, result minus reference."""

    rmse_db: float
    bias_db: float
    max_abs_db: float


@dataclass(frozen=True)
class OrderError(LevelError):
    """Errors of an order's level over time, and the span of the bandwidth it is summed over, Hz."""

    lowest_bandwidth_hz: float
    highest_bandwidth_hz: float


@dataclass(frozen=True)
class Scores:
    """The scores of one channel, or their mean; None where a score does not apply.

    Attributes:
        overall_error_db: overall level, result minus reference.
        overall_a_error_db: the same, A-weighted; None for non-acoustic units.
        loudness_error_percent: error of the loudness in sone (ISO 532-1, stationary method); None
            if not computed (``settings["loudness"]`` gives the reason).
        lsd: log-spectral distance (`specsr.scores.metrics.lsd`), decades of power.
        lsd_lf: the same below the cut.
        lsd_hf: the same from the cut up.
        snr_db: signal-to-noise ratio of the waveform.
        si_sdr_db: scale-invariant signal-to-distortion ratio of the waveform.
        spectral_convergence_db: `specsr.scores.metrics.spectral_convergence`.
        whittle_deviance: of the powers in the map (`specsr.scores.metrics.whittle_deviance`).
        map: errors of the levels in the map, with their range.
        third_octave: errors of the third-octave levels.
        orders: errors of each order's level over time, by order.
        lines, transients: ridges of the reference that were found, and ridges that were invented
            (`specsr.scores.ridges`).
    """

    overall_error_db: float
    overall_a_error_db: float | None
    loudness_error_percent: float | None
    lsd: float
    lsd_lf: float | None
    lsd_hf: float | None
    snr_db: float | None
    si_sdr_db: float | None
    spectral_convergence_db: float
    whittle_deviance: float
    map: MapErrors
    third_octave: LevelError | None
    orders: dict[str, OrderError]
    lines: RidgeErrors
    transients: RidgeErrors


@dataclass(frozen=True)
class Report:
    """Result of `specsr.evaluate`.

    Attributes:
        kind: ``"signal"`` or ``"map"``.
        settings: rate, unit, transform, cut and range of the scores.
        mean: mean of every score over the channels.
        channels: name of the channel -> its scores.
        baselines: name of the baseline -> its mean scores.
    """

    kind: str
    settings: dict[str, Any]
    mean: Scores
    channels: dict[str, Scores]
    baselines: dict[str, Scores] = field(default_factory=dict)

    def to_dict(self) -> dict[str, Any]:
        """Return plain nested dicts for ``json.dumps``; a number that is not finite is None."""
        return _plain(asdict(self))

    def rows(self) -> tuple[list[str], list[tuple[str, list[float | None]]]]:
        """Return the column names and, for every score that applies, (label, values).

        Columns: the mean of several channels, every channel, every baseline.
        """
        columns = {"mean": self.mean, **self.channels} if len(self.channels) > 1 else self.channels
        if len(columns) == 1 and self.baselines:
            columns = {"result": self.mean}
        lines = zip(
            *(
                _lines(x, self.settings["cut"])
                for x in (*columns.values(), *self.baselines.values())
            ),
            strict=True,
        )
        table = [(line[0][0], [value for _, value in line]) for line in lines]
        kept = [(label, row) for label, row in table if any(x is not None for x in row)]
        return [*columns, *self.baselines], kept

    def table(self) -> str:
        """Return `rows` as a Markdown table; ``-`` where a score does not apply."""
        names, lines = self.rows()
        rows = [
            {"score": label}
            | {n: math.nan if x is None else float(x) for n, x in zip(names, values, strict=True)}
            for label, values in lines
        ]
        return markdown_table(rows, decimals=3)

    def to_frame(self) -> pandas.DataFrame:
        """Return `rows` as a pandas table, with the settings in ``attrs``.

        Values are floats, nan where a score does not apply.

        Raises:
            SpecsrError: pandas is not installed.
        """
        names, rows = self.rows()
        table = {label: [np.nan if x is None else float(x) for x in row] for label, row in rows}
        pandas = need("pandas", "tables", "tables of scores")
        frame = pandas.DataFrame.from_dict(table, orient="index", columns=names)
        frame.index.name = "score"
        frame.attrs.update(self.settings)
        return frame


def _lines(scores: Scores, cut: float | None) -> Iterator[tuple[str, float | None]]:
    """Yield (label, value) of the rows of a table for one channel."""
    yield "overall level error, dB", scores.overall_error_db
    yield "A-weighted level error, dB", scores.overall_a_error_db
    yield "loudness error, %", scores.loudness_error_percent
    yield "LSD", scores.lsd
    yield f"LSD below {cut or 0:g} Hz", scores.lsd_lf
    yield f"LSD from {cut or 0:g} Hz", scores.lsd_hf
    yield "SNR, dB", scores.snr_db
    yield "SI-SDR, dB", scores.si_sdr_db
    yield "spectral convergence, dB", scores.spectral_convergence_db
    yield "Whittle deviance", scores.whittle_deviance
    over = f"over {scores.map.db_range:g} dB"
    yield f"map RMSE {over}, dB", scores.map.rmse_db
    yield f"map bias {over}, dB", scores.map.bias_db
    yield f"map PSNR {over}, dB", scores.map.psnr_db
    yield f"map SSIM {over}", scores.map.ssim
    bands = scores.third_octave
    yield "third octaves, largest error, dB", None if bands is None else bands.max_abs_db
    yield "third octaves, bias, dB", None if bands is None else bands.bias_db
    for order, error in scores.orders.items():
        width = _span(error.lowest_bandwidth_hz, error.highest_bandwidth_hz)
        yield f"order {order} in {width} Hz, RMSE, dB", error.rmse_db
        yield f"order {order} in {width} Hz, bias, dB", error.bias_db
        yield f"order {order} in {width} Hz, largest error, dB", error.max_abs_db
    for name, ridges in (("lines", scores.lines), ("transients", scores.transients)):
        applies = ridges.reference_cells or ridges.estimate_cells
        for label, value in (
            ("found, %", 100 * ridges.found),
            ("single ones found, %", 100 * ridges.found_single),
            ("invented, % of the result's", 100 * ridges.invented),
            ("position error, cells rms", ridges.position_rms),
            ("level error, dB rms", ridges.level_rms_db),
            ("level bias, dB", ridges.level_bias_db),
        ):
            yield f"{name}: {label}", value if applies else None


def _span(low: float, high: float) -> str:
    """``"50"``, or ``"50 to 62"`` if the two differ in three digits."""
    return f"{low:.3g}" if f"{low:.3g}" == f"{high:.3g}" else f"{low:.3g} to {high:.3g}"


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    if isinstance(value, (float, np.floating)):
        return float(value) if math.isfinite(value) else None
    return value


def level_error(reference: np.ndarray, result: np.ndarray, db_range: float) -> LevelError:
    """Errors of a curve of levels in dB, down to ``db_range`` below the reference's maximum.

    Points that are nan in the reference are left out; all nan for a silent reference.
    """
    readable = ~np.isnan(reference)
    if not readable.any() or np.isneginf(reference[readable].max()):
        return LevelError(math.nan, math.nan, math.nan)
    a, b = floored(reference[readable], result[readable], db_range)
    error = b - a
    rmse = math.sqrt(np.mean(error**2))
    return LevelError(rmse, float(error.mean()), float(np.abs(error).max()))


def mean_scores(items: Sequence[Any]) -> Any:
    """Mean of nested scores of equal structure; nan is left out, None stays None."""
    first = items[0]
    if first is None or isinstance(first, str):
        return first
    if isinstance(first, dict):
        return {key: mean_scores([item[key] for item in items]) for key in first}
    if isinstance(first, (int, float)):
        values = [x for x in items if not math.isnan(x)]
        return sum(values) / len(values) if values else math.nan
    return type(first)(
        **{f.name: mean_scores([getattr(x, f.name) for x in items]) for f in fields(first)}
    )
