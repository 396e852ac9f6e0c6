"""The JSON document of ``--json``: what a command found, wrote and reported (docs/json.md)."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field, fields, is_dataclass
from pathlib import Path
from typing import Any

from specsr.version import __version__

SCHEMA = 1
"""Version of the document: it grows with a change that a reader of the former one may not survive,
such as a field that is removed or changes its meaning; new fields do not count."""


@dataclass(eq=False)
class Document:
    """What one command found, wrote and reported.

    Attributes:
        command: its name; empty before one runs.
        wanted: whether the document is printed.
        quiet: whether nothing else is printed to stdout.
        result: what the command found, by name.
        outputs: files written.
        messages: lines printed to stderr, but for errors.
        errors: error messages.
    """

    command: str = ""
    wanted: bool = False
    quiet: bool = False
    result: dict[str, Any] = field(default_factory=dict)
    outputs: list[str] = field(default_factory=list)
    messages: list[str] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)

    def text(self) -> str:
        """Return the document as JSON text."""
        content = {
            "schema": SCHEMA, "specsr": __version__, "command": self.command,
            "result": self.result, "outputs": self.outputs, "messages": self.messages,
            "errors": self.errors,
        }  # fmt: skip
        return json.dumps(json_value(content), indent=1, allow_nan=False)


_current: ContextVar[Document] = ContextVar("document")


def current() -> Document:
    """Return the document of the command that runs; an empty one outside of any."""
    try:
        return _current.get()
    except LookupError:
        return Document()


def start() -> Document:
    """Begin without a command, and return the document for what is reported until one runs."""
    document = Document()
    _current.set(document)
    return document


@contextmanager
def running(command: str, wanted: bool) -> Iterator[None]:
    """Collect what a command reports; a command within another one has a document of its own."""
    outer = _current.get(None)  # None where Python code calls the application
    if outer is not None and not outer.command:
        outer.command, outer.wanted, outer.quiet = command, wanted, wanted
        yield
        return
    token = _current.set(Document(command, wanted, wanted or (outer is not None and outer.quiet)))
    try:
        yield
    finally:
        _current.reset(token)


def fact(**values: Any) -> None:
    """Add what a command found to its document; values as for `json_value`."""
    current().result.update(values)


def wrote(path: Path) -> None:
    """Add a file that a command wrote to its document."""
    current().outputs.append(str(path))


def json_value(value: Any) -> Any:
    """Return a value as JSON has it; nan, infinities and None are null.

    Arrays and sequences are lists, mappings and data classes objects, paths text.
    """
    if hasattr(value, "tolist"):  # an array or number of NumPy
        value = value.tolist()
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if value is None or isinstance(value, (bool, int, str)):
        return value
    if isinstance(value, Path):
        return str(value)
    if is_dataclass(value) and not isinstance(value, type):
        value = {each.name: getattr(value, each.name) for each in fields(value)}
    if isinstance(value, Mapping):
        return {_key(key): json_value(each) for key, each in value.items()}
    return [json_value(each) for each in value]


def _key(key: Any) -> str:
    return f"{key:g}" if isinstance(key, float) else str(key)
