"""Libraries that come with an extra, and what to say where one is missing."""

from __future__ import annotations

import importlib
from types import ModuleType

from ..errors import SpecsrError


def need(module: str, extra: str, suffix: str) -> ModuleType:
    """Return a module of an extra.

    Raises:
        SpecsrError: it is not installed; the message names the extra that brings it.
    """
    try:
        return importlib.import_module(module)
    except ImportError as error:
        raise SpecsrError(
            f"{suffix} files need {module} ({error}): install it with  pip install "
            f"'specsr[{extra}]'"
        ) from None
