"""Libraries that come with an extra, and what to say where one is missing."""

from __future__ import annotations

import importlib
import importlib.util
from types import ModuleType

from specsr.errors import SpecsrError

EXTRAS = {
    ".tdms": ("nptdms", "tdms"),
    ".uff": ("pyuff", "uff"),
    ".unv": ("pyuff", "uff"),
    ".mf4": ("asammdf", "mdf"),
    ".mdf": ("asammdf", "mdf"),
}
"""Suffix -> module and extra that a file of this kind needs."""


def need(module: str, extra: str, suffix: str) -> ModuleType:
    """Return a module of an extra.

    Raises:
        SpecsrError: it is not installed, or cannot be imported; the message names the extra.
    """
    check(module, extra, suffix)
    try:
        return importlib.import_module(module)
    except ImportError as error:
        raise _missing(module, extra, suffix, f" ({error})") from None


def check(module: str, extra: str, suffix: str) -> None:
    """Raise `SpecsrError` where a module of an extra is not installed; it is not imported."""
    if importlib.util.find_spec(module) is None:
        raise _missing(module, extra, suffix, ", which is not installed")


def _missing(module: str, extra: str, suffix: str, why: str) -> SpecsrError:
    return SpecsrError(f"{suffix} files need {module}{why}: pip install 'specsr[{extra}]'")
