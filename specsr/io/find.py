"""Search of folders for files by suffix."""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Iterable
from pathlib import Path

from specsr.errors import SpecsrError


def find_files(
    paths: Iterable[str | os.PathLike[str]],
    suffixes: Collection[str],
    kind: str,
    without: Path | None = None,
    wanted: Callable[[Path], bool] | None = None,
) -> list[Path]:
    """Return the given files, and the files in the given folders with one of some suffixes, sorted.

    Folders are searched recursively; hidden files and folders are skipped.  A file that is given
    twice is returned once.

    Args:
        paths: files and folders.
        suffixes: in lower case; those of files may have any case.
        kind: kind of the files, for the message: "image".
        without: folder that is left out where it lies inside one of the given folders.
        wanted: whether a file in a folder is taken; all with such a suffix are without it.

    Raises:
        SpecsrError: a path that does not exist, or a folder without such a file.
    """
    found: dict[Path, None] = {}
    for path in map(Path, paths):
        if not path.exists():
            raise SpecsrError(f"{path}: no such file or folder: check the name")
        files = _search(path, suffixes, without, wanted) if path.is_dir() else [path]
        if not files:
            raise SpecsrError(f"{path}: holds no {kind}: expected {', '.join(suffixes)}")
        found |= dict.fromkeys(files)
    return list(found)


def _search(
    folder: Path,
    suffixes: Collection[str],
    without: Path | None,
    wanted: Callable[[Path], bool] | None,
) -> list[Path]:
    files = []
    left_out = None if without is None else os.path.realpath(without)
    for parent, folders, names in os.walk(folder):
        folders[:] = [
            name for name in folders
            if not name.startswith(".") and os.path.realpath(Path(parent, name)) != left_out
        ]  # fmt: skip
        files += [Path(parent, name) for name in names if not name.startswith(".")]
    return sorted(
        file for file in files
        if file.suffix.lower() in suffixes and (wanted is None or wanted(file))
    )  # fmt: skip
