"""Manifest of a folder job: inputs, outputs, options and errors, one JSON object per line.

It lies in the output folder.  A line is appended without a change to the others, so a job that is
killed while writing damages the last line only; lines that cannot be parsed are skipped.  Of
several lines about one output the last one holds.  The suffix ``.jsonl`` keeps readers of
recordings from taking the file for a table.
"""

from __future__ import annotations

import dataclasses
import functools
import hashlib
import json
import os
from dataclasses import dataclass, field
from datetime import datetime, timezone
from pathlib import Path

from specsr.errors import SpecsrError
from specsr.io.commit import sync_folder
from specsr.io.sidecar import sidecar_path

NAME = "specsr-manifest.jsonl"

Stamps = dict[str, "list[int] | None"]
"""File name -> [size in bytes, time of last change in ns]; None for a missing file."""


@dataclass(frozen=True)
class Record:
    """State of one input of a job.

    Attributes:
        state: ``started``, ``done`` or ``failed``.
        input: absolute path.
        read: stamps of the input, its sidecar and the tables among the options, taken before the
            work; absolute paths.
        outputs: stamps of the outputs, taken after the work; paths relative to the manifest's
            folder, so that the folder can be moved.
        command: name of the command, such as ``denoise``.
        options: options of the command, as plain data.
        model: name of the model; None if none is used or found.
        model_sha256: checksum of the model file.
        seconds: duration of the work, reading and writing included.
        host, pid: machine and process that did the work.
        version: version of specsr there.
        environment: versions, threads, precision and processor there, see
            `specsr.jobs.environment`.
        time: time of the line, UTC.
        notes: lines that were reported about the result.
        error: why it failed; None if it did not.
    """

    state: str
    input: str
    read: Stamps
    outputs: Stamps
    command: str = ""
    options: dict[str, object] = field(default_factory=dict)
    model: str | None = None
    model_sha256: str | None = None
    seconds: float | None = None
    host: str = ""
    pid: int | None = None
    version: str = ""
    environment: dict[str, object] = field(default_factory=dict)
    time: str = field(default_factory=lambda: datetime.now(timezone.utc).isoformat("T", "seconds"))
    notes: tuple[str, ...] = ()
    error: str | None = None

    def made_as(self, other: Record) -> bool:
        """Whether two records agree in input, command, options, model and outputs."""
        same = ("input", "read", "command", "options", "model_sha256")
        return all(getattr(self, name) == getattr(other, name) for name in same) and (
            self.outputs.keys() == other.outputs.keys()
        )


class Manifest:
    """The manifest of an output folder; the folder need not exist before the first line.

    Attributes:
        path: the file.
        last: output (path from the folder) -> the last record about it.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder.resolve()
        self._given = os.path.abspath(folder)  # outputs are named in it, also through a link
        self.path = self.folder / NAME
        self.last: dict[str, Record] = {}
        for record in read(self.path):
            self._note(record)

    def name(self, output: Path) -> str:
        """Return the path of an output relative to the manifest's folder."""
        return Path(os.path.abspath(output)).relative_to(self._given).as_posix()

    def append(self, record: Record) -> None:
        """Append a line and wait until it is on the disk.

        Raises:
            SpecsrError: the file cannot be written.
        """
        line = json.dumps(dataclasses.asdict(record), ensure_ascii=False, allow_nan=False) + "\n"
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            new = not self.path.exists()
            with open(self.path, "ab+") as file:
                if file.tell():
                    file.seek(-1, os.SEEK_END)
                    # ends a line that was cut off by a kill, so that this one is separate
                    line = line if file.read() == b"\n" else "\n" + line
                file.write(line.encode(errors="backslashreplace"))
                file.flush()
                os.fsync(file.fileno())
            if new:
                sync_folder(self.folder)
        except OSError as error:
            raise SpecsrError(
                f"{self.path}: could not be written ({error.strerror or error}): free some space "
                "or choose a writable folder"
            ) from error
        self._note(record)

    def is_done(self, planned: Record) -> bool:
        """Whether the work of a planned record was done before and its outputs still exist."""
        return bool(planned.outputs) and all(
            name in self.last
            and self.last[name].state == "done"
            and self.last[name].made_as(planned)
            and os.path.lexists(self.folder / name)
            for name in planned.outputs
        )

    def owns(self, output: Path) -> bool:
        """Whether an output was written by a job of this manifest and not changed since.

        The output of a job that was killed counts as well: no file existed when it began.
        """
        name = self.name(output)
        record = self.last.get(name)
        if record is None:
            return False
        return record.state == "started" or self.own_stamp(output) is not None

    def own_stamp(self, output: Path) -> list[int] | None:
        """Return the stamp of an output that a job of this manifest wrote and nobody changed."""
        name = self.name(output)
        record = self.last.get(name)
        found = stamp(output)
        return found if record is not None and record.outputs[name] == found else None

    def _note(self, record: Record) -> None:
        self.last.update(dict.fromkeys(record.outputs, record))


def read(path: Path) -> list[Record]:
    """Return the records of a manifest; none if the file does not exist.

    Raises:
        SpecsrError: it cannot be read.
    """
    try:
        text = path.read_bytes().decode(errors="replace")
    except FileNotFoundError:
        return []
    except OSError as error:
        raise SpecsrError(f"{path}: cannot be read ({error.strerror or error})") from None
    records = (_parse(line) for line in text.split("\n"))
    return [record for record in records if record is not None]


def _parse(line: str) -> Record | None:
    """Return the record in a line; None for an incomplete line or other content."""
    try:
        fields = json.loads(line)
        known = {f.name for f in dataclasses.fields(Record)}
        record = Record(**{name: value for name, value in fields.items() if name in known})
        record = dataclasses.replace(record, notes=tuple(record.notes))
    except (ValueError, TypeError, AttributeError, RecursionError):
        return None
    return record if isinstance(record.outputs, dict) else None


def stamp(path: Path) -> list[int] | None:
    """Return size in bytes and time of last change in ns of a file; None for a missing one."""
    try:
        found = path.stat()
    except OSError:
        return None
    return [found.st_size, found.st_mtime_ns]


def stamps(path: Path, *others: Path) -> Stamps:
    """Return the stamps of an input, its sidecar if it has one, and other files."""
    side = sidecar_path(path)
    files = [path, *([side] if side.exists() else []), *others]
    return {os.path.abspath(file): stamp(file) for file in files}


def sha256(path: Path) -> str | None:
    """Return the checksum of a file's bytes; None if it cannot be read."""
    found = stamp(path)
    return None if found is None else _sha256(path, tuple(found))


@functools.lru_cache(maxsize=16)
def _sha256(path: Path, stamped: tuple[int, ...]) -> str | None:
    try:  # a model is read whole to be used, too
        return hashlib.sha256(path.read_bytes()).hexdigest()
    except OSError:
        return None
