"""Compare a result with its reference: one report of levels, distances and errors.

Two signals are compared as waveforms and as the maps they give; two maps as they are.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields
from typing import TYPE_CHECKING, Any

import numpy as np

from . import metrics
from .errors import SpecsrError
from .grid import Grid
from .nvh import order_cut, overall_level, third_octave_bands, third_octave_levels
from .signal import Signal
from .spectrogram import SpecMap, SpectrogramTransform

if TYPE_CHECKING:
    from collections.abc import Iterator


@dataclass(frozen=True)
class LevelError:
    """Errors of a curve of levels in dB, result minus reference."""

    rmse_db: float
    bias_db: float
    max_abs_db: float


@dataclass(frozen=True)
class Scores:
    """The scores of one channel, or their mean; None where a score does not apply.

    Attributes:
        overall_error_db: overall level, result minus reference.
        lsd: log-spectral distance (`specsr.metrics.lsd`), decades of power.
        lsd_lf: the same below the cut.
        lsd_hf: the same from the cut up.
        snr_db: signal-to-noise ratio of the waveform.
        si_sdr_db: scale-invariant signal-to-distortion ratio of the waveform.
        spectral_convergence_db: error of the magnitudes against the magnitudes.
        map: errors of the levels in the map, with the range they are taken over.
        third_octave: errors of the third-octave levels.
        orders: errors of each order's level over time, by order.
    """

    overall_error_db: float
    lsd: float
    lsd_lf: float | None
    lsd_hf: float | None
    snr_db: float | None
    si_sdr_db: float | None
    spectral_convergence_db: float
    map: metrics.MapErrors
    third_octave: LevelError | None
    orders: dict[str, LevelError]


@dataclass(frozen=True)
class Report:
    """What `evaluate` found.

    Attributes:
        kind: ``"signal"`` or ``"map"``.
        settings: rate, unit, transform, cut and range behind the scores.
        mean: every score's mean over the channels.
        channels: scores of every channel, by name.
    """

    kind: str
    settings: dict[str, Any]
    mean: Scores
    channels: dict[str, Scores]

    def to_dict(self) -> dict[str, Any]:
        """Return plain nested dicts for ``json.dumps``; a number that is not finite is None."""
        return _plain(asdict(self))

    def table(self) -> str:
        """Return a Markdown table: one line a score, one column a channel and one for the mean."""
        columns = {"mean": self.mean, **self.channels} if len(self.channels) > 1 else self.channels
        rows = [["score", *columns]]
        cut = self.settings["cut"]
        for lines in zip(*(_lines(scores, cut) for scores in columns.values()), strict=True):
            if any(value is not None for _, value in lines):
                rows.append([lines[0][0], *(_number(value) for _, value in lines)])
        widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
        text = ["| " + " | ".join(_padded(row, widths)) + " |" for row in rows]
        rule = "|".join([":" + "-" * (widths[0] + 1), *("-" * (w + 1) + ":" for w in widths[1:])])
        return "\n".join([text[0], f"|{rule}|", *text[1:]])


def _lines(scores: Scores, cut: float | None) -> Iterator[tuple[str, float | None]]:
    """Yield what a table shows of a channel's scores: (label, value)."""
    yield "overall level error, dB", scores.overall_error_db
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
    yield "third octaves, largest error, dB", bands and bands.max_abs_db
    yield "third octaves, bias, dB", bands and bands.bias_db
    for order, error in scores.orders.items():
        yield f"order {order}, RMSE, dB", error.rmse_db
        yield f"order {order}, bias, dB", error.bias_db
        yield f"order {order}, largest error, dB", error.max_abs_db


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


def evaluate(
    result: Signal | SpecMap,
    reference: Signal | SpecMap,
    *,
    cut: float | None = None,
    orders: Sequence[float] = (),
    rpm: np.ndarray | float | None = None,
    range_db: float = 80.0,
    transform: SpectrogramTransform | None = None,
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

    Raises:
        SpecsrError: the two cannot be compared (the message says what differs and what to do),
            orders are asked for without a speed, or a cut that leaves no rows on one side.
    """
    signals = isinstance(reference, Signal)
    if signals != isinstance(result, Signal):
        raise SpecsrError(
            "one is a signal and the other a map: compare two of a kind; Signal.spectrogram() and "
            "SpecMap.to_signal() turn one into the other"
        )
    waves = None
    if signals:
        _check_signals(result, reference)
        waves = (reference, result)
        transform = transform or SpectrogramTransform()
        result, reference = transform(result), transform(reference)
    else:
        _check_maps(result, reference)
    if rpm is None:
        rpm = reference.rpm if reference.rpm is not None else result.rpm
    if len(orders) and rpm is None:
        raise SpecsrError(
            "orders are asked for, but neither recording holds a speed: pass rpm, in 1/min, one "
            "or one a sample"
        )
    channels = [
        _scores(
            *(_channel(x, c) for x in (reference, result)),
            waves and tuple(_channel(x, c) for x in waves), cut, orders, rpm, range_db,
        )
        for c in range(reference.magnitude.shape[0])
    ]  # fmt: skip
    grid = reference.grid
    settings = {
        "rate": grid.rate, "unit": grid.unit, "n_fft": grid.n_fft, "hop_length": grid.hop_length,
        "window": grid.window, "scaling": grid.scaling, "cell": list(grid.cell),
        "range_db": float(range_db), "cut": None if cut is None else float(cut),
    }  # fmt: skip
    names = dict(zip(_unique(reference.channels), channels, strict=True))
    return Report("signal" if signals else "map", settings, _mean(channels), names)


def _unique(names: Sequence[str]) -> list[str]:
    """Channel names, numbered where two are alike."""
    if len(set(names)) == len(names):
        return list(names)
    return [f"{name} ({i + 1})" for i, name in enumerate(names)]


def _channel(x: Signal | SpecMap, channel: int) -> Signal | SpecMap:
    """One channel of a signal or map."""
    part = slice(channel, channel + 1)
    if isinstance(x, Signal):
        return x.replace(samples=x.samples[part], channels=x.channels[part])
    return x.replace(magnitude=x.magnitude[part], phase=None, std_db=None, channels=x.channels[part])


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
) -> Scores:  # fmt: skip
    """Scores of one channel."""
    plain = _plain_power(reference), _plain_power(result)
    ratio = invariant = None
    if waves:
        ratio, invariant = (
            float(f(waves[0].samples[0], waves[1].samples[0]))
            for f in (metrics.snr, metrics.si_sdr)
        )

    def distance(low: float = 0.0, high: float | None = None) -> float:
        if waves:
            a, b = (np.float64(x.samples[0]) / waves[0].full_scale for x in waves)
            return float(metrics.lsd(a, b, waves[0].rate, low, high))
        freqs = reference.freqs
        rows = (freqs >= low) & (freqs < (math.inf if high is None else high))
        if not rows.any():
            raise SpecsrError(f"cut is {cut:g} Hz: no row of the map lies on one side of it")
        return float(metrics.lsd_frames(plain[0][rows], plain[1][rows], axis=0).mean())

    with np.errstate(invalid="ignore"):
        overall = (overall_level(result) - overall_level(reference)).item()
    return Scores(
        overall_error_db=overall,
        lsd=distance(),
        lsd_lf=None if cut is None else distance(0.0, cut),
        lsd_hf=None if cut is None else distance(cut, None),
        snr_db=ratio,
        si_sdr_db=invariant,
        spectral_convergence_db=float(metrics.spectral_convergence(*np.sqrt(plain))),
        map=metrics.map_errors(reference.db[0], result.db[0], range_db),
        third_octave=_band_error(*(waves or (reference, result)), range_db),
        orders={
            f"{order:g}": _level_error(
                *(order_cut(x, rpm, order).levels[0] for x in (reference, result)), range_db
            )
            for order in orders
        },
    )  # fmt: skip


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
    return _level_error(true.levels[0, true.resolved], found.levels[0, true.resolved], range_db)


def _level_error(reference: np.ndarray, result: np.ndarray, range_db: float) -> LevelError:
    """Errors of a curve of levels; points that are nan in the reference are left out."""
    readable = ~np.isnan(reference)
    if not readable.any() or np.isneginf(reference[readable].max()):
        return LevelError(math.nan, math.nan, math.nan)
    a, b = metrics.floored(reference[readable], result[readable], range_db)
    error = b - a
    rmse = math.sqrt(np.mean(error**2))
    return LevelError(rmse, float(error.mean()), float(np.abs(error).max()))


def _mean(items: Sequence[Any]) -> Any:
    """Mean of like scores, nested; nan is left out, None stays None."""
    first = items[0]
    if first is None or isinstance(first, str):
        return first
    if isinstance(first, dict):
        return {key: _mean([item[key] for item in items]) for key in first}
    if isinstance(first, (int, float)):
        values = [x for x in items if not math.isnan(x)]
        return sum(values) / len(values) if values else math.nan
    return type(first)(
        **{f.name: _mean([getattr(x, f.name) for x in items]) for f in fields(first)}
    )
