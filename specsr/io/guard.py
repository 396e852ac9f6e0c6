"""Guard."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from specsr.errors import SpecsrError


def _check_input(path: Path) -> None:
    if path.is_dir():
        raise SpecsrError("is a folder: name a file, or list its files with find_inputs")
    if not path.exists():
        raise SpecsrError("no such file: check the name")
    if not path.is_file():
        raise SpecsrError("is not a regular file: copy what it holds into one")
    if path.stat().st_size == 0:
        raise SpecsrError("is empty (0 bytes): copy or record it again")


@contextmanager
def _naming(path: Path, done: str = "read") -> Iterator[None]:
    """Put the name of the file before every error, also those of the system and of libraries.

    Bytes that are damaged can make a library fail in any way there is, so this is the one place
    that takes every exception; the original stays attached as its cause.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # what matters is raised or noted
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
        raise SpecsrError(f"{path}: needs more memory than there is: cut it into parts") from error
    except Exception as error:
        raise _damaged(path, done, error) from error


def _damaged(path: Path, done: str, error: Exception) -> SpecsrError:
    mend = ": the file is damaged, cut off or of another kind; write or copy it again"
    return SpecsrError(
        f"{path}: cannot be {done} as {path.suffix} ({type(error).__name__}: {error})"
        + (mend if done == "read" else "")
    )
