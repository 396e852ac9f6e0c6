"""``specsr levels --over``: levels and order cuts over time or speed."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Optional

import typer

from specsr.choices import LevelScale, TimeWeighting, Weighting, XAxis
from specsr.cli.curves import write_tables_and_figures
from specsr.cli.document import fact
from specsr.cli.group import Group
from specsr.cli.one_run import one_run
from specsr.cli.options import order_numbers
from specsr.cli.output import csv_text, show
from specsr.errors import SpecsrError
from specsr.names import plain

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from specsr.nvh.level_curve import LevelCurve
    from specsr.signal import Signal


@dataclass(frozen=True)
class Curve:
    """Options of the levels over time or speed; None where not given.

    Attributes:
        over: horizontal axis; None for no curve.
        time_weighting: of the readings.
        hold: peak hold.
        step: s or 1/min.
        cut: orders as text.
        bandwidth: of the orders, in orders.
        run: of the recording, see `specsr.cli.one_run`.
        scale: of table and figure.
    """

    over: XAxis | None = None
    time_weighting: TimeWeighting | None = None
    hold: bool = False
    step: float | None = None
    cut: str | None = None
    bandwidth: float | None = None
    run: str | None = None
    scale: LevelScale | None = None

    def check(self) -> None:
        """Raise `SpecsrError` for an option that needs --over, or --cut."""
        given = {
            "--time-weighting": self.time_weighting, "--hold": self.hold, "--step": self.step,
            "--cut": self.cut, "--bandwidth": self.bandwidth, "--run": self.run,
            "--scale": self.scale,
        }  # fmt: skip
        alone = [name for name, value in given.items() if value not in (None, False)]
        if self.over is None and alone:
            raise SpecsrError(f"{', '.join(alone)}: needs --over time or --over rpm")
        if self.bandwidth is not None and not self.cut:
            raise SpecsrError("--bandwidth is that of orders: name some, such as --cut 2,4")


curve_options = Group(
    "curve",
    Curve,
    {
        "over": Annotated[
            Optional[XAxis],
            typer.Option("--over", help="Levels over time or speed, instead of one level."),
        ],
        "time_weighting": Annotated[
            Optional[TimeWeighting],
            typer.Option(
                "--time-weighting",
                help="fast or slow (IEC 61672-1), rms or peak of each step [default: fast].",
            ),
        ],
        "hold": Annotated[
            bool,
            typer.Option(
                "--hold", help="Peak hold: the highest level so far, or of each step of speed."
            ),
        ],
        "step": Annotated[
            Optional[float],
            typer.Option(
                "--step", help="Step, s or 1/min [default: 0.05 s, about 100 steps of speed]."
            ),
        ],
        "cut": Annotated[
            Optional[str], typer.Option("--cut", help="Orders beside the level, such as 2,4.")
        ],
        "bandwidth": Annotated[
            Optional[float],
            typer.Option("--bandwidth", help="Bandwidth of an order, in orders [default: 0.4]."),
        ],
        "run": Annotated[
            Optional[str],
            typer.Option("--run", help="Run: 1, 2 ... in time, widest, or all [default: all]."),
        ],
        "scale": Annotated[
            Optional[LevelScale],
            typer.Option(
                "--scale", help="dB, or linear: the unit, mm/s, µm; peak values with time "
                "weighting peak, otherwise rms [default: db].",
            ),
        ],
    },
)  # fmt: skip


def write_curve(
    source: Path, signal: Signal, curve: Curve, weighting: Weighting, outputs: list[Path],
    overwrite: bool, edge: float = 0.0,
) -> None:  # fmt: skip
    """Print, write and draw the levels of a recording over time or speed.

    Args:
        source: the recording.
        signal: its samples.
        curve: the options.
        weighting: frequency weighting.
        outputs: tables and figures.
        overwrite: replace existing files.
        edge: time in s at both edges that printed values over time leave out.

    Raises:
        SpecsrError: as `specsr.level_curve`, with the file.
    """
    from specsr.nvh.level_curve import CurveOptions, level_curve

    assert curve.over is not None
    scale = curve.scale or "db"
    options = CurveOptions(
        curve.over, weighting, curve.time_weighting or "fast", curve.hold, curve.step,
        order_numbers(curve.cut or "", "--cut"), curve.bandwidth,
    )  # fmt: skip
    if signal.rpm is None and (options.orders or curve.over == "rpm" or curve.run):
        raise SpecsrError(
            f"{source}: has no speed: give a table (--rpm speed.csv), a speed channel "
            "(--rpm-channel 1 --rpm-scale ...) or tacho pulses (--tacho-channel 1 --pulses 60), or "
            "have it found in the sound (--rpm auto)"
        )
    if curve.run is not None:
        signal = one_run(signal, curve.run)
    try:
        found = level_curve(signal, options)
    except SpecsrError as error:
        raise SpecsrError(f"{source}: {error}") from None
    fact(file=source, level_label=found.level_label, curve=found)
    _print(found, scale, edge)

    def figure() -> Figure:
        from specsr.plots.level_curves import plot_level_curve

        return plot_level_curve(found, scale, title=source.name)

    write_tables_and_figures(source, outputs, overwrite, lambda: _csv(found, scale), figure)


def _text(curve: LevelCurve, scale: LevelScale, db: float) -> str:
    """Return a level as text, in dB or in its unit."""
    import numpy as np

    from specsr.units import shown_unit

    if scale == "db":
        return f"{db:.1f}"
    return f"{shown_unit(curve.unit)[1] * float(curve.linear(np.asarray(db))):.4g}"


def _print(curve: LevelCurve, scale: LevelScale, edge: float) -> None:
    """Print mean and highest value of every channel and where it is reached."""
    import numpy as np

    from specsr.scores.markdown import markdown_table
    from specsr.units import shown_unit

    unit = "s" if curve.options.over == "time" else "rpm"
    rows: list[dict[str, Any]] = []
    series = {curve.name: curve.overall}
    series |= {curve.order_name(order): levels for order, levels in curve.orders.items()}
    label = curve.level_label if scale == "db" else shown_unit(curve.unit)[0]
    inner = np.ones(curve.x.size, dtype=bool)
    if edge and curve.options.over == "time":
        inner = (curve.x >= curve.x[0] + edge) & (curve.x <= curve.x[-1] - edge)
        inner |= not inner.any()
    for name, levels in series.items():
        for channel, each in zip(curve.channels, np.where(inner, levels, np.nan)):
            mean, highest = f"mean, {label}", "highest"
            row = {"quantity": name, "channel": plain(channel)}
            row |= dict.fromkeys((mean, highest, f"at {unit}"), "-")
            known = np.isfinite(each)
            if known.any():
                i = int(np.nanargmax(each))
                power = 10 * np.log10(np.mean(10 ** (each[known] / 10)))
                row[mean], row[highest] = (_text(curve, scale, db) for db in (power, each[i]))
                row[f"at {unit}"] = f"{curve.x[i]:.5g}"
            rows.append(row)
    show(markdown_table(rows, text=("quantity", "channel")))


def _csv(curve: LevelCurve, scale: LevelScale) -> str:
    """Return the curves as CSV text: a row for each point and channel; no value: an empty cell."""
    from specsr.units import shown_unit

    unit, factor = ("db", 1.0) if scale == "db" else shown_unit(curve.unit)

    def cells(levels: Any) -> list[str]:
        values = levels if scale == "db" else factor * curve.linear(levels)
        return ["" if x != x else f"{x:.6g}" for x in map(float, values)]

    over_time = curve.options.over == "time"
    columns = ["channel", *(["time_s"] if over_time else [])]
    columns += ["rpm"] if curve.rpm is not None else []
    columns += [f"level_{unit}", *(f"order_{order:g}_{unit}" for order in curve.orders)]
    rows: list[tuple[Any, ...]] = []
    for c, name in enumerate(curve.channels):
        axes = [[f"{x:.6g}" for x in curve.x]] if over_time else []
        axes += [[f"{x:.6g}" for x in curve.rpm]] if curve.rpm is not None else []
        series = [cells(each[c]) for each in (curve.overall, *curve.orders.values())]
        rows += [(name, *row) for row in zip(*axes, *series)]
    return csv_text(columns, rows)
