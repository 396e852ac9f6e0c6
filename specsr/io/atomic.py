"""Atomic writing: a file appears under its final name complete, or not at all."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from pathlib import Path

from specsr.errors import SpecsrError
from specsr.extras import require
from specsr.io import claim
from specsr.io.commit import commit, exists_error, sync_file, sync_folder
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
        SpecsrError: it is a folder or a device, its folder is a file, it exists (also as a link
            to a missing file) and ``overwrite`` is False, or the extra for its format is not
            installed.
    """
    path = Path(path)
    if library := LIBRARIES.get(path.suffix.lower()):
        require(*library, f"{path.suffix} files")
    if path.is_dir():
        raise SpecsrError(f"{path}: is a folder: name a file to write in it")
    for folder in path.parents:
        if folder.is_file():
            raise SpecsrError(f"{path}: {folder} is a file, not a folder: choose another folder")
        if folder.exists():
            break
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


class _Output:
    """A file and its companions while they are written: final, temporary and former names."""

    def __init__(self, path: str | os.PathLike[str], finals: list[Path], overwrite: bool) -> None:
        self.path, self.finals, self.overwrite = path, finals, overwrite
        self.temps = temporary_paths(finals)
        self.olds = [temp.with_suffix(".old") for temp in self.temps]
        self.created: list[Path] = []

    @contextmanager
    def naming(self) -> Iterator[None]:
        """Name the file in errors of the operating system."""
        try:
            yield
        except OSError as error:
            raise SpecsrError(
                f"{self.path}: could not be written ({error.strerror or error}): free some space "
                "or choose a writable folder; no partial file was left"
            ) from error

    def commit(self) -> None:
        """Give all files their final names."""
        claim.record(self.temps[0])
        commit(self.finals, self.temps, self.olds, self.overwrite)
        for folder in self.created:
            sync_folder(folder.parent)

    def discard(self) -> None:
        """Remove temporary and former files, and new folders in which nothing is left."""
        for leftover in (*self.temps, *self.olds):
            with suppress(OSError):  # a later job removes it
                leftover.unlink()
        remove_empty(self.created)


class Together:
    """Outputs that are complete and wait for their final names, see `together`."""

    def __init__(self) -> None:
        self._waiting: list[_Output] = []

    def add(self, output: _Output) -> None:
        """Hold back an output until `commit`."""
        self._waiting.append(output)

    def commit(self) -> list[str]:
        """Give all outputs their final names; return the errors of those that could not get it."""
        errors = []
        for output in self._waiting:
            try:
                with output.naming():
                    output.commit()
            except SpecsrError as error:
                errors.append(str(error))
        return errors

    def discard(self) -> None:
        """Remove the outputs that were not committed."""
        while self._waiting:
            self._waiting.pop().discard()


_together: ContextVar[Together | None] = ContextVar("together", default=None)


@contextmanager
def together() -> Iterator[Together]:
    """Hold back the names of all outputs that are written in this context, until a commit.

    So the outputs of one job appear one right after the other, each complete, when the work on all
    of them has ended.  Without `Together.commit` none appears.
    """
    waiting = Together()
    token = _together.set(waiting)
    try:
        yield waiting
    finally:
        _together.reset(token)
        waiting.discard()


@contextmanager
def replacing(
    path: str | os.PathLike[str], *companions: str | os.PathLike[str], overwrite: bool = False
) -> Iterator[list[Path]]:
    """Yield a temporary path for each file; all are renamed together when the block ends.

    In the context of `together` they are renamed by its commit.  The temporary files are in the
    folder of the final ones, which is created if it is missing.  A companion (a sidecar) that the
    block does not write is deleted if it exists.  After an exception, an interrupt included, all
    files are as they were before.  Files and folders are flushed to the disk.

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
    output = _Output(path, finals, overwrite)
    waiting = _together.get()
    done = False
    try:
        with output.naming():
            for final in finals:
                output.created += make_folder(final.parent)
            yield output.temps
            if waiting is None:
                output.commit()
            else:
                for temp in output.temps:
                    sync_file(temp)
                waiting.add(output)
                done = True
    finally:
        if not done:
            output.discard()
