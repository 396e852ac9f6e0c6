"""What every command of the command line has: examples in its help, ``-v`` and ``--json``."""

from __future__ import annotations

import functools
import logging
import sys
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Any

import typer

from specsr.cli.document import running
from specsr.cli.group import Command, Group
from specsr.cli.usage import as_typed
from specsr.errors import SpecsrError
from specsr.names import plain

LEVELS = (logging.WARNING, logging.INFO, logging.DEBUG)
"""Levels of messages without ``-v``, with one and with two."""

Verbose = Annotated[
    int,
    typer.Option("-v", "--verbose", count=True, help="Verbose output; repeat for debug output."),
]


@dataclass(frozen=True)
class Common:
    """Options of every command.

    Attributes:
        verbose: number of ``-v``.
        as_json: print one JSON document.
    """

    verbose: int = 0
    as_json: bool = False


_options = Group(
    "common",
    Common,
    {
        "verbose": Verbose,
        "as_json": Annotated[
            bool,
            typer.Option(
                "--json", help="Print one JSON document instead of text (docs/json.md)."
            ),
        ],
    },
)  # fmt: skip


def examples(*commands: str) -> str:
    """Return the epilog of a command: examples of its use."""
    return f"Example{'s' if len(commands) > 1 else ''}:  " + "   |   ".join(commands)


def add_command(
    app: typer.Typer, *uses: str, name: str | None = None, within: str = ""
) -> Callable[[Command], Command]:
    """Return a decorator that registers a command with the options of every command.

    Args:
        app: the command line, or a group of commands in it.
        uses: examples for its help.
        name: of the command; None for that of the function.
        within: name of the group.
    """

    def register(command: Command) -> Command:
        label = " ".join(filter(None, (within, name or command.__name__)))

        @_options()
        @functools.wraps(command)
        def with_common(common: Common, **given: Any) -> None:
            add_verbosity(common.verbose)
            with running(label, common.as_json):
                try:
                    command(**given)
                except SpecsrError as error:
                    raise SpecsrError(as_typed(str(error), command)) from error

        app.command(name, epilog=examples(*uses))(with_common)
        return command

    return register


def start_messages() -> None:
    """Send messages of the library to stderr, warnings only, each as one line."""
    warnings.simplefilter("ignore", RuntimeWarning)  # the results show what overflowed
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_OneLine("%(message)s"))
    logging.basicConfig(level=LEVELS[0], handlers=[handler], force=True)


def add_verbosity(count: int) -> None:
    """Show the messages of as many levels more."""
    if count:
        logger = logging.getLogger()
        present = LEVELS.index(logger.level) if logger.level in LEVELS else 0
        logger.setLevel(LEVELS[min(present + count, len(LEVELS) - 1)])
        warnings.simplefilter("default", RuntimeWarning)


class _OneLine(logging.Formatter):
    """Log messages as one line without control characters; a traceback keeps its lines."""

    def format(self, record: logging.LogRecord) -> str:
        return "\n".join(map(plain, super().format(record).split("\n"))) if (
            record.exc_info
        ) else plain(super().format(record))  # fmt: skip
