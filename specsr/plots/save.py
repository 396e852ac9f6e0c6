"""Figures as PNG, PDF or SVG files."""

from __future__ import annotations

import os
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any

from specsr.choices import FIGURES
from specsr.errors import SpecsrError
from specsr.io import origin, replacing

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


DPI = 200
"""Resolution of PNG files, dots per inch."""

_TIMELESS = {".png": {}, ".pdf": {"CreationDate": None}, ".svg": {"Date": None}}
"""Metadata without the time of writing: two files of one figure are the same."""

_ORIGIN = {".png": origin.KEY, ".pdf": "Subject", ".svg": "Description"}
"""Metadata that holds the origin, see `specsr.io.origin`."""


def save_figure(
    figure: Figure | Axes, path: str | os.PathLike[str], overwrite: bool = False
) -> None:
    """Write a figure as PNG (200 dpi), PDF or SVG by suffix.

    The file appears only when it is complete; a failed write leaves an existing file unchanged.

    Args:
        figure: the figure, or axes in it.
        path: the file, ``.png``, ``.pdf`` or ``.svg``.
        overwrite: replace an existing file.

    Raises:
        SpecsrError: another suffix, the file exists, or it cannot be written.
    """
    from matplotlib import rc_context

    path = Path(path)
    suffix = path.suffix.lower()
    if suffix not in FIGURES:
        raise SpecsrError(
            f"{path}: unknown suffix {path.suffix!r} of a figure: expected one of "
            f"{', '.join(FIGURES)}"
        )
    metadata = _TIMELESS[suffix] | {_ORIGIN[suffix]: origin.text()}
    with replacing(path, overwrite=overwrite) as (temporary,):
        drawn: Any = figure.figure  # a figure is its own figure
        with rc_context({"svg.hashsalt": "specsr"}), warnings.catch_warnings():
            warnings.filterwarnings("ignore", "Glyph")  # a name in a script without a font
            drawn.savefig(temporary, format=suffix[1:], dpi=DPI, metadata=metadata)
