"""Atomic writing: a file appears under its final name complete, or not at all."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from uuid import uuid4

from specsr.errors import SpecsrError
from specsr.extras import require

LIBRARIES = {
    ".tdms": ("nptdms", "tdms"),
    ".uff": ("pyuff", "uff"),
    ".unv": ("pyuff", "uff"),
    ".mf4": ("asammdf", "mdf"),
    ".mdf": ("asammdf", "mdf"),
}
"""Suffix -> optional module, and the extra of specsr that installs it, to read and write files."""


def check_output(path: str | os.PathLike[str], overwrite: bool = False) -> Path:
    """Return the path if a file may be written there; to be called before long computations.

    Raises:
        SpecsrError: it is a folder, it exists and ``overwrite`` is False, or the extra for its
            format is not installed.
    """
    path = Path(path)
    if library := LIBRARIES.get(path.suffix.lower()):
        require(*library, f"{path.suffix} files")
    if path.is_dir():
        raise SpecsrError(f"{path}: is a folder: name a file to write in it")
    if not overwrite and os.path.lexists(path):
        raise SpecsrError(
            f"{path}: exists already and was kept: choose another name, or allow replacing it "
            "(overwrite=True, --overwrite)"
        )
    return path


@contextmanager
def replacing(
    path: str | os.PathLike[str], *companions: str | os.PathLike[str], overwrite: bool = False
) -> Iterator[list[Path]]:
    """Yield a temporary path for each file; all are renamed together when the block ends.

    The temporary files are in the folder of the final ones, which is created if it is missing.  A
    companion (a sidecar) that the block does not write is deleted if it exists.  After an
    exception, an interrupt included, all files are as they were before.

    Args:
        path: final name of the main file.
        companions: final names of the files that belong to it.
        overwrite: replace files that exist.

    Raises:
        SpecsrError: an output exists and ``overwrite`` is False, or the operating system refuses
            (full disk, no permission).
    """
    # A symbolic link stays: the file that it points to is replaced.
    finals = [Path(os.path.realpath(check_output(p, overwrite))) for p in (path, *companions)]
    token = uuid4().hex[:12]
    temps = [final.with_name(f".specsr-{token}-{i}.tmp") for i, final in enumerate(finals)]
    olds = [temp.with_suffix(".old") for temp in temps]
    try:
        for final in finals:
            final.parent.mkdir(parents=True, exist_ok=True)
        yield temps
        for temp in temps:
            _to_disk(temp)
        _commit(finals, temps, olds)
    except OSError as error:
        raise SpecsrError(
            f"{path}: could not be written ({error.strerror or error}): free some space or choose "
            "a writable folder; no partial file was left"
        ) from error
    finally:
        for leftover in (*temps, *olds):
            if leftover.parent.is_dir():
                leftover.unlink(missing_ok=True)


def _to_disk(path: Path) -> None:
    """Flush a file to the disk: some file systems report a full disk only here."""
    if path.exists():
        with open(path, "rb+") as file:
            os.fsync(file.fileno())


def _commit(finals: list[Path], temps: list[Path], olds: list[Path]) -> None:
    """Rename the companions, then the main file; restore the companions if that fails."""
    moved: list[tuple[Path, Path]] = []
    try:
        for final, temp, old in zip(finals[1:], temps[1:], olds[1:], strict=True):
            if final.exists():
                shutil.copy2(final, old)
            moved.append((final, old))
            if temp.exists():
                os.replace(temp, final)
            else:
                final.unlink(missing_ok=True)
        os.replace(temps[0], finals[0])
    except BaseException:
        for final, old in moved:
            if old.exists():
                os.replace(old, final)
            else:
                final.unlink(missing_ok=True)
        raise
