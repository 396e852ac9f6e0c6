"""Scores of a result against its reference, their mean, and the table that shows them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, fields
from typing import TYPE_CHECKING, Any

import numpy as np

from specsr.scores.ridges import RidgeErrors

if TYPE_CHECKING:
    from collections.abc import Iterator

    import pandas

from specsr.scores.map_errors import MapErrors, floored

if TYPE_CHECKING:
    import pandas

from specsr.nvh.export import _library


@dataclass(frozen=True)
class LevelError:
    """Errors of a curve of levels in dB, result minus reference."""

    rmse_db: float
    bias_db: float
    max_abs_db: float


@dataclass(frozen=True)
class OrderError(LevelError):
    """Errors of an order's level over time, and the band that was summed, Hz (it may move)."""

    lowest_bandwidth_hz: float
    highest_bandwidth_hz: float


@dataclass(frozen=True)
class Scores:
    """The scores of one channel, or their mean; None where a score does not apply.

    Attributes:
        overall_error_db: overall level, result minus reference.
        overall_a_error_db: the same, A-weighted; None for what is no sound.
        loudness_error_percent: of the loudness in sone (ISO 532-1, stationary method); None
            where it was not taken (``settings["loudness"]`` says why).
        lsd: log-spectral distance (`specsr.scores.metrics.lsd`), decades of power.
        lsd_lf: the same below the cut.
        lsd_hf: the same from the cut up.
        snr_db: signal-to-noise ratio of the waveform.
        si_sdr_db: scale-invariant signal-to-distortion ratio of the waveform.
        spectral_convergence_db: error of the magnitudes against the magnitudes.
        map: errors of the levels in the map, with the range they are taken over.
        third_octave: errors of the third-octave levels.
        orders: errors of each order's level over time, by order.
        lines, transients: what became of the reference's ridges, and what was invented
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
    map: MapErrors
    third_octave: LevelError | None
    orders: dict[str, OrderError]
    lines: RidgeErrors
    transients: RidgeErrors


@dataclass(frozen=True)
class Report:
    """What `evaluate` found.

    Attributes:
        kind: ``"signal"`` or ``"map"``.
        settings: rate, unit, transform, cut and range behind the scores.
        mean: every score's mean over the channels.
        channels: scores of every channel, by name.
        baselines: mean scores of simpler ways to the same, by name.
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
        """Return the column names and, for every score that applies, (label, one value each).

        One column a channel, led by their mean where there are several, then the baselines.
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
        """Return a Markdown table of `rows`."""
        names, lines = self.rows()
        rows = [["score", *names], *([label, *map(_number, row)] for label, row in lines)]
        widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
        text = ["| " + " | ".join(_padded(row, widths)) + " |" for row in rows]
        rule = "|".join([":" + "-" * (widths[0] + 1), *("-" * (w + 1) + ":" for w in widths[1:])])
        return "\n".join([text[0], f"|{rule}|", *text[1:]])

    def to_frame(self) -> pandas.DataFrame:
        """Return `rows` as a pandas table; see `specsr.scores.scores.scores_frame`."""
        from specsr.scores.scores import scores_frame

        return scores_frame(self)


def _lines(scores: Scores, cut: float | None) -> Iterator[tuple[str, float | None]]:
    """Yield what a table shows of a channel's scores: (label, value)."""
    yield "overall level error, dB", scores.overall_error_db
    yield "A-weighted level error, dB", scores.overall_a_error_db
    yield "loudness error, %", scores.loudness_error_percent
    yield "LSD", scores.lsd
    yield f"LSD below {cut or 0:g} Hz", scores.lsd_lf
    yield f"LSD from {cut or 0:g} Hz", scores.lsd_hf
    yield "SNR, dB", scores.snr_db
    yield "SI-SDR, dB", scores.si_sdr_db
    yield "spectral convergence, dB", scores.spectral_convergence_db
    over = f"over {scores.map.range_db:g} dB"
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
        there = ridges.reference_cells or ridges.estimate_cells
        for label, value in (
            ("found, %", 100 * ridges.found),
            ("found of those that stand alone, %", 100 * ridges.found_apart),
            ("invented, % of the result's", 100 * ridges.invented),
            ("position error, cells rms", ridges.position_rms),
            ("level error, dB rms", ridges.level_rms_db),
            ("level bias, dB", ridges.level_bias_db),
        ):
            yield f"{name}: {label}", value if there else None


def _span(low: float, high: float) -> str:
    """``"50"``, or ``"50 to 62"`` where the two differ as they are shown."""
    return f"{low:.3g}" if f"{low:.3g}" == f"{high:.3g}" else f"{low:.3g} to {high:.3g}"


def _number(value: float | None) -> str:
    return "-" if value is None or math.isnan(value) else f"{value:.3f}"


def _padded(row: list[str], widths: list[int]) -> list[str]:
    return [
        row[0].ljust(widths[0]),
        *(x.rjust(w) for x, w in zip(row[1:], widths[1:], strict=True)),
    ]


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    if isinstance(value, (float, np.floating)):
        return float(value) if math.isfinite(value) else None
    return value


def level_error(reference: np.ndarray, result: np.ndarray, range_db: float) -> LevelError:
    """Errors of a curve of levels; points that are nan in the reference are left out."""
    readable = ~np.isnan(reference)
    if not readable.any() or np.isneginf(reference[readable].max()):
        return LevelError(math.nan, math.nan, math.nan)
    a, b = floored(reference[readable], result[readable], range_db)
    error = b - a
    rmse = math.sqrt(np.mean(error**2))
    return LevelError(rmse, float(error.mean()), float(np.abs(error).max()))


def mean_scores(items: Sequence[Any]) -> Any:
    """Mean of like scores, nested; nan is left out, None stays None."""
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


def scores_frame(report: Report) -> pandas.DataFrame:
    """Return a report as a table: a row a score, a column for the mean, channels and baselines.

    Values are floats, nan where a score does not apply; ``attrs`` holds the settings.

    Raises:
        SpecsrError: pandas is not installed.
    """
    pandas = _library("pandas")
    names, rows = report.rows()
    table = {label: [np.nan if x is None else float(x) for x in values] for label, values in rows}
    frame = pandas.DataFrame.from_dict(table, orient="index", columns=names)
    frame.index.name = "score"
    frame.attrs.update(report.settings)
    return frame
