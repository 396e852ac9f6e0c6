"""Libraries that come with an extra of specsr, and what to do where one is missing."""

from __future__ import annotations

import importlib
import importlib.util
from types import ModuleType

from specsr.errors import SpecsrError


def installed(module: str) -> bool:
    """Whether a module is there; it is not imported."""
    return importlib.util.find_spec(module) is not None


def need(module: str, extra: str, what: str) -> ModuleType:
    """Import and return a module of an extra.

    Args:
        module: dotted name to import.
        extra: extra of specsr that installs it.
        what: what needs it, as the start of the message: ``"reports"``, ``".tdms files"``.

    Raises:
        SpecsrError: it is not installed or cannot be imported; the message names the extra.
    """
    require(module.partition(".")[0], extra, what)
    try:
        return importlib.import_module(module)
    except ImportError as error:
        raise _missing(module, extra, what, f" ({error})") from None


def require(module: str, extra: str, what: str) -> None:
    """Raise the `SpecsrError` of `need` where a module is not installed, without importing it."""
    if not installed(module):
        raise _missing(module, extra, what, ", which is not installed")


def _missing(module: str, extra: str, what: str, why: str) -> SpecsrError:
    return SpecsrError(f"{what} need {module}{why}: pip install 'specsr[{extra}]'")
