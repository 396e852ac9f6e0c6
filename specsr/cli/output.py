"""Messages, progress bars and text files of the commands."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

import typer

from specsr import progress
from specsr.cli.document import Document, current, fact, wrote
from specsr.errors import SpecsrError
from specsr.jobs.options import Batch
from specsr.names import csv_text as csv_text
from specsr.names import plain

if TYPE_CHECKING:
    from rich.table import Table
    from rich.text import Text

    from specsr.io.snapshot import Snapshot
    from specsr.jobs.manifest import Record
    from specsr.jobs.plan import Plan
    from specsr.jobs.task import Task, Work


def say(text: str) -> None:
    """Print a message for the user to stderr, as one line; stdout is for results."""
    current().messages.append(text)
    _report(text)


def _report(text: str) -> None:
    with suppress(OSError):  # a message that stderr is closed or full has no other place
        typer.echo(plain(text), err=True)


def complain(text: str) -> None:
    """Print an error message to stderr, as one line."""
    current().errors.append(text)
    _report(f"error: {text}")


def show(text: str) -> None:
    """Print a result of one or more lines to stdout, unless a JSON document is printed there.

    Raises:
        SpecsrError: stdout is closed or full.
    """
    if not current().quiet:
        _print("\n".join(map(plain, text.split("\n"))) + "\n")


def show_document(document: Document) -> None:
    """Print the JSON document of a command to stdout.

    Raises:
        SpecsrError: stdout is closed or full.
    """
    _print(document.text() + "\n")


def show_table(table: Table, width: int) -> None:
    """Print a table of rich to stdout, ``width`` characters wide if that is not a terminal.

    Raises:
        SpecsrError: stdout is closed or full.
    """
    if current().quiet:
        return
    from rich.console import Console

    console = Console(width=None if sys.stdout is None or sys.stdout.isatty() else width)
    with console.capture() as captured:
        console.print(table)
    _print(captured.get())


def _print(text: str) -> None:
    try:
        typer.echo(text, nl=False)
    except OSError as error:
        detach(sys.stdout)
        raise SpecsrError(
            f"the output could not be printed ({error.strerror or error}): write it to a file on a "
            "disk with space, or keep the pipe open"
        ) from None


def cell(text: str) -> Text:
    """Return text of a file as a cell of a table of rich: as it is, without markup."""
    from rich.text import Text

    return Text(plain(text))


def detach(stream: TextIO | None) -> None:
    """Discard what a stream that is closed or full still holds, so that Python can exit."""
    with suppress(OSError, ValueError, AttributeError):
        null = os.open(os.devnull, os.O_WRONLY)
        os.dup2(null, stream.fileno())  # type: ignore[union-attr]  # None is suppressed
        os.close(null)


def write_each(paths: Iterable[Path], write: Callable[[Path], None]) -> None:
    """Write every output although one fails; report each error, then exit with code 1."""
    from specsr.io.guard import naming

    failed = False
    for path in paths:
        try:
            with naming(path, "written"):
                write(path)
            wrote(path)
        except SpecsrError as error:
            failed = True
            complain(str(error))
    if failed:
        raise typer.Exit(1)


def bar(label: str, total: int | None = None) -> Callable[[Iterable[Any]], Iterable[Any]]:
    """Return a wrapper of iterables that shows progress and remaining time on a terminal.

    ``total`` is the number of steps, for iterables without a length.  Programs that start the
    command get lines of JSON instead, see `specsr.progress`.
    """
    if progress.lines_wanted():
        return progress.lines(plain(label), total)

    def wrap(steps: Iterable[Any]) -> Iterator[Any]:
        from rich.console import Console
        from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn
        from rich.progress import TimeRemainingColumn as Remaining

        console = Console(stderr=True)
        text = TextColumn("{task.description}", markup=False)
        shown = Progress(
            text, BarColumn(), TaskProgressColumn(), Remaining(elapsed_when_finished=True),
            console=console, transient=True, disable=not console.is_terminal,
        )  # fmt: skip
        with shown:
            yield from shown.track(steps, total=total, description=plain(label))

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
        partial.write_bytes(text.encode(errors="backslashreplace"))
    say(message or f"{path}: written")


def write_document(path: Path, overwrite: bool) -> None:
    """Write the JSON document of the command, as it is so far, to a file."""
    wrote(path)
    write_text(path, current().text() + "\n", overwrite)


def run_job(plan: Plan, work: Work, batch: Batch) -> None:
    """Run a job with messages on stderr; exit with code 1 if a file failed."""
    from specsr.jobs.run import run

    fact(files=[])

    def done(task: Task, record: Record) -> None:
        outputs = [] if record.error else [str(target) for target in task.targets]
        current().outputs.extend(outputs)
        current().result["files"].append({
            "file": str(task.file), "outputs": outputs, "model": record.model,
            "seconds": record.seconds, "notes": record.notes, "error": record.error,
        })  # fmt: skip

    if run(plan, work, batch, say, complain, bar, done):
        raise typer.Exit(1)
