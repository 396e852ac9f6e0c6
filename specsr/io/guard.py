"""Checks before a file is read, and errors of reading and writing that name the file."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from specsr.errors import SpecsrError


def check_input(path: Path) -> None:
    """Raise `SpecsrError` unless a path is a regular file that is not empty.

    The message does not name the file; `naming` adds the name.
    """
    if path.is_dir():
        raise SpecsrError("is a folder: name a file, or list its files with find_inputs")
    if not path.exists():
        raise SpecsrError("no such file: check the name")
    if not path.is_file():
        raise SpecsrError("is not a regular file: copy its content into one")
    if path.stat().st_size == 0:
        raise SpecsrError("is empty (0 bytes): copy or record it again")


@contextmanager
def naming(path: Path, done: str = "read") -> Iterator[None]:
    """Turn every exception inside the block into a `SpecsrError` that starts with a file's name.

    Damaged bytes can make a library raise any exception, so this is the one place that catches
    all of them; the original stays attached as the cause.  Warnings inside are suppressed: readers
    raise or note what matters.

    Args:
        path: the file.
        done: what is being done with it, for the message: "read" or "written".

    Raises:
        SpecsrError: the block raised an exception.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    except SpecsrError as error:
        text = str(error)
        raise SpecsrError(text if text.startswith(f"{path}: ") else f"{path}: {text}") from error
    except OSError as error:
        if error.errno is None:  # HDF5 raises these for damaged files
            raise _damaged(path, done, error) from error
        raise SpecsrError(
            f"{path}: cannot be {done} ({error.strerror or error}): check the name and permissions"
        ) from error
    except MemoryError as error:
        raise SpecsrError(
            f"{path}: needs more memory than is available: split it into parts"
        ) from error
    except Exception as error:
        raise _damaged(path, done, error) from error


def _damaged(path: Path, done: str, error: Exception) -> SpecsrError:
    """Return the error for a file whose content made a library fail."""
    fix = ": the file is damaged, cut off or of another kind; write or copy it again"
    return SpecsrError(
        f"{path}: cannot be {done} as {path.suffix} ({type(error).__name__}: {error})"
        + (fix if done == "read" else "")
    )
