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
