"""Paths that a user types on the page: the files of a folder, and what is wrong with a path."""

from __future__ import annotations

import os
from pathlib import Path

from specsr import io
from specsr.errors import SpecsrError

MOST_FILES = 500
"""Files of a folder that are listed."""
MOST_ENTRIES = 20_000
"""Names that are looked at for them: a second or so."""
DEPTH = 4
"""Folders below each other that are searched."""


def typed_path(text: str) -> Path:
    """Return the path that a user typed; ``~`` stands for the home folder.

    Raises:
        SpecsrError: a home folder that is not known, or a null character.
    """
    try:
        path = Path(text.strip()).expanduser()
    except RuntimeError:
        raise SpecsrError(f"{text.strip()}: no such home folder: type the whole path") from None
    if "\0" in text:
        raise SpecsrError(f"{text!r}: holds a null character: expected a path")
    return path


def why(error: BaseException) -> str:
    """Return one line on a file that cannot be read or written, or for which memory is short."""
    if isinstance(error, MemoryError):
        return str(error) or "not enough memory for this input: cut it into parts"
    if isinstance(error, OSError) and not isinstance(error, SpecsrError) and error.strerror:
        where = "" if error.filename is None else f"{os.fsdecode(error.filename)}: "
        return f"{where}{error.strerror[0].lower()}{error.strerror[1:]}: choose another path"
    return str(error)


def readable_files(folder: Path) -> tuple[list[Path], bool]:
    """Return the recordings and maps in a folder and its folders, sorted, and whether it is all.

    The search ends at `MOST_FILES` files, `MOST_ENTRIES` names or `DEPTH` folders; the uppermost
    folders come first.  Hidden files and folders are skipped, and those that cannot be read.
    """
    found: list[Path] = []
    seen, complete = 0, True
    level = [folder]
    for _ in range(DEPTH):
        below: list[Path] = []
        for each in level:
            names: list[Path] = []
            for entry in _entries(each):
                seen += 1
                if seen > MOST_ENTRIES:
                    complete = False
                    break
                if entry.is_dir(follow_symlinks=False):
                    below.append(Path(entry.path))
                elif os.path.isfile(entry.path):  # a pipe would be waited for
                    names.append(Path(entry.path))
            found += filter(io.is_readable, names)
            if not complete or len(found) > MOST_FILES:
                return sorted(found[:MOST_FILES]), False
        level = below
    return sorted(found), complete and not level


def _entries(folder: Path) -> list[os.DirEntry[str]]:
    try:
        with os.scandir(folder) as entries:
            return [entry for entry in entries if not entry.name.startswith(".")]
    except OSError:  # of another user, or gone
        return []
