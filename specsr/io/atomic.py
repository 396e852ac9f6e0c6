"""Atomic writing: a file appears under its final name complete, or not at all."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from specsr.errors import SpecsrError
from specsr.extras import require
from specsr.io import claim
from specsr.io.commit import commit, exists_error, sync_folder
from specsr.io.sidecar import sidecar_path
from specsr.io.temporaries import make_folder, remove_empty, sweep, temporary_paths

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
        SpecsrError: it is a folder or a device, it exists (also as a link to a missing file) and
            ``overwrite`` is False, or the extra for its format is not installed.
    """
    path = Path(path)
    if library := LIBRARIES.get(path.suffix.lower()):
        require(*library, f"{path.suffix} files")
    if path.is_dir():
        raise SpecsrError(f"{path}: is a folder: name a file to write in it")
    if path.exists() and not path.is_file():
        raise SpecsrError(f"{path}: is not a regular file: name a file to write")
    if not overwrite and os.path.lexists(path):
        if path.is_symlink() and not path.exists():
            raise exists_error(path, f"is a link to the missing file {os.path.realpath(path)}")
        raise exists_error(path)
    return path


class Inputs:
    """The files that a job reads, to find outputs that would replace one of them.

    Args:
        paths: files; missing ones are left out.  The sidecars beside them count too.
    """

    def __init__(self, paths: Iterable[Path]) -> None:
        self._by_name: dict[str, Path] = {}
        self._by_inode: dict[tuple[int, int], Path] = {}
        for path in paths:
            for each in (path, sidecar_path(path)):
                if found := _inode(each):
                    self._by_name.setdefault(os.path.realpath(each), each)
                    self._by_inode.setdefault(found, each)

    def same_as(self, output: Path) -> Path | None:
        """Return the input that an output is, also through a link or a second name; else None."""
        found = _inode(output)
        by_inode = None if found is None else self._by_inode.get(found)
        return by_inode or self._by_name.get(os.path.realpath(output))


def _inode(path: Path) -> tuple[int, int] | None:
    """Return device and inode of the file that a path leads to; None if it is missing."""
    try:
        found = path.stat()
    except OSError:
        return None
    # file systems without inodes report 0: the path stands for the file
    return (found.st_dev, found.st_ino or hash(os.path.realpath(path)))


def check_outputs(
    outputs: Sequence[Path], inputs: Iterable[Path] = (), overwrite: bool = False
) -> None:
    """Check all outputs of a command, and remove what killed processes left in their folders.

    Args:
        outputs: files to write.
        inputs: files that are read.
        overwrite: whether existing outputs may be replaced.

    Raises:
        SpecsrError: as `check_output`; an output is named twice, or is an input, also through a
            symbolic or hard link.
    """
    read = Inputs(inputs)
    taken: dict[str, Path] = {}
    for output in outputs:
        if (used := read.same_as(output)) is not None:
            name = "" if used == output else f" ({used})"
            raise SpecsrError(f"{output}: is the input itself{name}: choose another output")
        check_output(output, overwrite)
        other = taken.setdefault(os.path.realpath(output), output)
        if other is not output:
            raise SpecsrError(f"{output}: is named twice as output: give each file its own name")
    for folder in dict.fromkeys(output.parent for output in outputs):
        sweep(folder)


@contextmanager
def replacing(
    path: str | os.PathLike[str], *companions: str | os.PathLike[str], overwrite: bool = False
) -> Iterator[list[Path]]:
    """Yield a temporary path for each file; all are renamed together when the block ends.

    The temporary files are in the folder of the final ones, which is created if it is missing.  A
    companion (a sidecar) that the block does not write is deleted if it exists.  After an
    exception, an interrupt included, all files are as they were before.  Files and folders are
    flushed to the disk.

    Args:
        path: final name of the main file.
        companions: final names of the files that belong to it.
        overwrite: replace files that exist; else a file that appears while the block runs is kept.

    Raises:
        SpecsrError: an output exists and ``overwrite`` is False, or the operating system refuses
            (full disk, no permission).
    """
    # A symbolic link stays: the file that it points to is replaced.
    finals = [Path(os.path.realpath(check_output(p, overwrite))) for p in (path, *companions)]
    temps = temporary_paths(finals)
    olds = [temp.with_suffix(".old") for temp in temps]
    created: list[Path] = []
    done = False
    try:
        for final in finals:
            created += make_folder(final.parent)
        yield temps
        claim.record(temps[0])
        commit(finals, temps, olds, overwrite)
        for folder in created:
            sync_folder(folder.parent)
        done = True
    except OSError as error:
        raise SpecsrError(
            f"{path}: could not be written ({error.strerror or error}): free some space or choose "
            "a writable folder; no partial file was left"
        ) from error
    finally:
        for leftover in (*temps, *olds):
            with suppress(OSError):  # a later job removes it
                leftover.unlink()
        if not done:
            remove_empty(created)
