"""Parts of the commands that write tables and figures of what they found."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from specsr.choices import FIGURES
from specsr.cli.output import check_files, csv_text, say, write_each, write_text
from specsr.errors import SpecsrError
from specsr.jobs.options import Figure as FigureOptions
from specsr.jobs.options import Reading, Speed
from specsr.names import plain

if TYPE_CHECKING:
    import numpy as np
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from specsr.signal import Signal


def check_suffixes(outputs: list[Path], more: tuple[str, ...] = ()) -> None:
    """Raise `SpecsrError` for an output that is no table, figure or of the suffixes in ``more``."""
    allowed = (".csv", *FIGURES, *more)
    for path in outputs:
        if path.suffix.lower() not in allowed:
            raise SpecsrError(f"{path}: expected one of {', '.join(allowed)}")


def given_figure_options(options: FigureOptions) -> list[str]:
    """Return the names of the options of figures that were given."""
    given = ["--max-freq"] if options.max_freq is not None else []
    return given + (["--range"] if options.db_range != FigureOptions().db_range else [])


def check_figure_options(options: FigureOptions, outputs: Iterable[Path]) -> None:
    """Raise `SpecsrError` for options of figures without a figure among the outputs."""
    if any(path.suffix.lower() in FIGURES for path in outputs):
        return
    if given := given_figure_options(options):
        raise SpecsrError(
            f"{', '.join(given)}: for figures: add one (-o FILE.png), or leave it out"
        )


def read_recording(
    source: Path, outputs: list[Path], overwrite: bool, reading: Reading, speed: Speed = Speed()
) -> Signal:
    """Check the outputs and read the recording."""
    read = check_files(outputs, [source, speed.table, reading.tone], overwrite)

    from specsr import io
    from specsr.jobs.inputs import load_recording

    if io.is_map(source):
        raise SpecsrError(f"{source}: is a map: expected a recording")
    signal = load_recording(source, reading, speed)
    read.check()
    return signal


def without_silent(signal: Signal, source: Path) -> Signal:
    """Return a recording without its silent channels, which are named in a message.

    Raises:
        SpecsrError: all channels are silent.
    """
    from specsr.jobs.inputs import without_channels

    silent = [
        name for name, x in zip(signal.channels, signal.samples) if float(x.max()) == float(x.min())
    ]
    if len(silent) == len(signal.channels):
        raise SpecsrError(f"{source}: silent: expected a recording with sound or vibration")
    if silent:
        names = ", ".join(map(plain, silent))
        say(f"  silent, left out: {names}")
    return without_channels(signal, silent)


def write_tables_and_figures(
    source: Path | str, outputs: Sequence[Path], overwrite: bool, table: Callable[[], str],
    figure: Callable[[], Figure | Axes],
) -> None:  # fmt: skip
    """Write every output, tables as CSV text and other suffixes as figures, and report each.

    Args:
        source: what they were made of, for the messages.
        outputs: files.
        overwrite: replace existing files.
        table: returns the text of a table.
        figure: returns a figure.
    """

    def write(path: Path) -> None:
        message = f"{source} -> {path}"
        if path.suffix.lower() == ".csv":
            write_text(path, table(), overwrite, message)
            return
        from specsr.plots.save import save_figure

        save_figure(figure(), path, overwrite=overwrite)
        say(message)

    write_each(outputs, write)


def write_curve(
    outputs: Sequence[Path],
    x: np.ndarray,
    values: np.ndarray,
    signal: Signal,
    words: tuple[str, str, str],
    marks: Mapping[str, float],
    source: Path,
    overwrite: bool,
) -> None:
    """Write one curve for each channel as tables and figures.

    ``words``: name of the column of ``x``, and the labels of both axes.
    """
    import numpy as np

    def table() -> str:
        return csv_text([words[0], *signal.channels], np.column_stack([x, *values]).tolist())

    def figure() -> Axes:
        from specsr.plots.lines import plot_lines

        return plot_lines(x, values, signal.channels, words[1:], marks=marks, title=source.name)

    write_tables_and_figures(source, outputs, overwrite, table, figure)
