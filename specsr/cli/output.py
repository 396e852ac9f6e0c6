"""Messages, progress bars and text files of the commands."""

from __future__ import annotations

import csv
import io as text_io
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from specsr.jobs.options import Batch

if TYPE_CHECKING:
    from specsr.io.snapshot import Snapshot
    from specsr.jobs.plan import Plan
    from specsr.jobs.task import Work


def say(text: str) -> None:
    """Print a message for the user to stderr; stdout is for results."""
    typer.echo(text, err=True)


def complain(text: str) -> None:
    """Print an error message to stderr."""
    typer.echo(f"error: {text}", err=True)


def bar(label: str, total: int | None = None) -> Callable[[Iterable[Any]], Iterable[Any]]:
    """Return a wrapper of iterables that shows progress and remaining time on a terminal.

    ``total`` is the number of steps, for iterables without a length.
    """

    def wrap(steps: Iterable[Any]) -> Iterable[Any]:
        from rich.console import Console
        from rich.progress import track

        console = Console(stderr=True)
        return track(
            steps, description=label, total=total, console=console, transient=True,
            disable=not console.is_terminal,
        )  # fmt: skip

    return wrap


def files_read(*paths: Path | str | None) -> list[Path]:
    """Return those of the values of options that name a file; a bundled model is none."""
    return [Path(path) for path in paths if path is not None and Path(path).is_file()]


def check_files(
    outputs: Sequence[Path | None], inputs: Sequence[Path | str | None], overwrite: bool
) -> Snapshot:
    """Check the outputs of a command before its work; return the state of the files that it reads.

    Args:
        outputs: files to write; None for an output that is not wanted.
        inputs: files that are read; None and names of bundled models are skipped.
        overwrite: whether existing outputs may be replaced.

    Raises:
        SpecsrError: as `specsr.io.atomic.check_outputs`.
    """
    from specsr.io.atomic import check_outputs
    from specsr.io.snapshot import snapshot

    read = files_read(*inputs)
    check_outputs([path for path in outputs if path is not None], read, overwrite)
    return snapshot(read)


def write_text(path: Path, text: str, overwrite: bool, message: str | None = None) -> None:
    """Write a UTF-8 text file, complete or not at all, and report it: "PATH: written"."""
    from specsr import io

    with io.replacing(path, overwrite=overwrite) as [partial]:
        partial.write_bytes(text.encode())
    say(message or f"{path}: written")


def csv_text(columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> str:
    """Return rows as CSV text with a header line."""
    file = text_io.StringIO(newline="")
    writer = csv.writer(file)
    writer.writerow(columns)
    writer.writerows(rows)
    return file.getvalue()


def run_job(plan: Plan, work: Work, batch: Batch) -> None:
    """Run a job with messages on stderr; exit with code 1 if a file failed."""
    from specsr.jobs.run import run

    if run(plan, work, batch, say, complain, bar):
        raise typer.Exit(1)
