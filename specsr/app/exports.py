"""Files that the page saves: results, figures, tables, reports.  None is replaced."""

from __future__ import annotations

import os
import shutil
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from specsr.app.paths import typed_path, why
from specsr.app.read_off import Look
from specsr.app.sounds import is_playable
from specsr.app.source import Kind
from specsr.choices import FIGURES
from specsr.errors import SpecsrError
from specsr.extras import require
from specsr.io.atomic import check_output, replacing
from specsr.io.file_info import read_origin
from specsr.io.origin import line, stating
from specsr.io.sidecar import sidecar_path
from specsr.jobs.plan import Result, save
from specsr.maps.grid import Grid
from specsr.maps.spec_map import SpecMap
from specsr.names import plain
from specsr.report.page import ReportOptions
from specsr.report.report import make_page
from specsr.signal import Signal, channel_position

if TYPE_CHECKING:
    from specsr.app.session import Result as Shown

RECORDINGS = (".wav", ".flac", ".w64", ".mat", ".uff", ".tdms", ".mf4", ".csv")
"""Formats of recordings that the page offers."""
MAPS = (".npz", ".h5", ".mat", ".csv", ".uff")
"""Formats of maps that it offers."""
WAVEFORMS = (".wav", ".flac")
"""Formats of the waveform of a map."""
REPORTS = (".html", ".pdf")
"""Formats of reports."""
TYPES = frozenset((*RECORDINGS, *MAPS, *WAVEFORMS, *FIGURES, *REPORTS))


def formats(kind: Kind, grid: Grid) -> dict[str, str]:
    """Return the formats of a result: label -> suffix.

    A map with enough overlap can also be saved as a waveform.
    """
    if kind == "recording":
        return {suffix: suffix for suffix in RECORDINGS}
    waveforms = WAVEFORMS if is_playable(grid) else ()
    return {s: s for s in MAPS} | {f"{s} (waveform)": s for s in waveforms}


def target(folder: str, name: str, suffix: str, more: str = "") -> Path:
    """Return the path of a new file.

    Args:
        folder: as typed, from the root on; ``~`` stands for the home folder.
        name: of the file; its suffix may be left out.
        suffix: with its dot.
        more: added to the name, before the suffix.

    Raises:
        SpecsrError: no folder or no name, a relative folder, a name that leads out of the folder,
            has hidden characters or the suffix of another type, or a file that exists.
    """
    if not folder.strip():
        raise SpecsrError("no folder is named: name one to save in")
    name = name.strip()
    if not name or name in (".", "..") or name != Path(name).name or "\0" in name + folder:
        raise SpecsrError(f"{name or 'no name'!r}: expected the name of a file, without a folder")
    if plain(name) != name:
        raise SpecsrError(f"{name!r}: has characters that hide or reorder text: leave them out")
    name = name.removesuffix(suffix)
    if (other := Path(name).suffix) in TYPES:
        raise SpecsrError(
            f"{name}: ends in {other}, but the type to save is {suffix}: choose {other} as type, "
            "or leave the ending out"
        )
    into = typed_path(folder)
    if not into.is_absolute():
        raise SpecsrError(f"{folder.strip()}: expected a whole path, such as {into.absolute()}")
    path = Path(os.path.abspath(into)) / (name + more + suffix)
    if os.path.lexists(path) and not path.is_dir():
        raise SpecsrError(f"{path}: exists already and was kept: choose another name")
    try:
        return check_output(path)
    except OSError as error:  # a name that is too long, a folder of another user
        raise SpecsrError(why(error)) from None


def copy_result(path: Path, file: Path) -> None:
    """Write a result to a new file of the same format: a copy of its file and sidecar.

    Raises:
        SpecsrError: the file exists, or cannot be written.
    """
    sidecar = sidecar_path(file)
    with replacing(path, sidecar_path(path)) as [partial, beside]:
        shutil.copyfile(file, partial)
        if sidecar.exists():
            shutil.copyfile(sidecar, beside)


def save_result(path: Path, data: Signal | SpecMap, file: Path) -> None:
    """Write a result to a new file, with what is known of its origin.

    Args:
        path: the new file.
        data: the result.
        file: where it is now.

    Raises:
        SpecsrError: the file exists, cannot be written, or cannot hold the result.
    """
    with stating(read_origin(file)):
        save(path, Result(data), False, "auto", "auto")


def save_text(path: Path, text: str | bytes) -> None:
    """Write a new file of text (UTF-8) or bytes, complete or not at all."""
    with replacing(path) as [partial]:
        partial.write_bytes(text.encode() if isinstance(text, str) else text)


@dataclass(frozen=True, eq=False)
class Roles:
    """Which results a report is about.

    Attributes:
        low: the measured input.
        high: the result computed from it; None without one.
        reference: another opened file; None without one.
        left_out: results that are shown, but not in the report.
    """

    low: Shown
    high: Shown | None = None
    reference: Shown | None = None
    left_out: tuple[Shown, ...] = ()

    @property
    def all(self) -> tuple[Shown | None, ...]:
        """Input, result, reference."""
        return self.low, self.high, self.reference


def roles(shown: Sequence[Shown], results: Sequence[Shown]) -> Roles:
    """Return which of the results that are shown is input, result and reference of a report.

    The result is the last one that a step made, its input the opened file that it goes back to,
    shown or not.  Only opened files are a reference: what a step made is no measured data.

    Args:
        shown: the results that are shown, one or more.
        results: all results of the page.

    Raises:
        SpecsrError: only results of steps are shown, and the file they go back to was removed.
    """
    known = {result.key: result for result in results}
    opened = [result for result in shown if not result.command]
    made = [result for result in shown if result.command]
    high = low = made[-1] if made else None
    while low is not None and low.command:
        low = known.get(low.parent) if low.parent is not None else None
    low = low or next(iter(opened), None)
    if low is None:
        raise SpecsrError(
            f"{shown[-1].title}: the file that it was made from is no longer on the page: open it "
            "again and show both"
        )
    reference = next((result for result in reversed(opened) if result is not low), None)
    found = Roles(low, high, reference)
    return replace(found, left_out=tuple(r for r in shown if r not in found.all))


_RESULTS = {"upscale": "super-resolved", "denoise": "denoised", "spectrogram": "map"}
"""Command of a step -> what a report calls its result."""


def _called(result: Shown | None) -> str:
    if result is None or not result.command:
        return ReportOptions.result
    if "--expected" in result.command:
        return "expected"
    if result.command[0] == "denoise" and "--orders" in result.command:
        return "orders"
    return _RESULTS.get(result.command[0], "result")


def save_report(
    path: Path, found: Roles, data: Sequence[Signal | SpecMap | None], look: Look
) -> str:
    """Write a report of an input, its result and a reference as .html or .pdf.

    Args:
        path: the new file.
        found: what it is about, of `roles`.
        data: of input, result and reference; None for one that is missing.
        look: channel, ranges and orders.

    Returns:
        A note on the size, and on what is shown but not in the report.

    Raises:
        SpecsrError: the file exists, several units, or a library of the extra is missing.
    """
    check_output(path)
    if path.suffix.lower() == ".html":
        require("bokeh", "report", "reports")
    assert data[0] is not None
    kept = [result for result in found.all if result is not None]
    origins = {result.title: read_origin(result.file) for result in kept}
    channels = found.low.screen.channels
    highest = max(result.screen.grid.rate / 2 for result in kept)
    options = ReportOptions(
        orders=look.orders if any(r.screen.rpm is not None for r in kept) else (),
        channel=channel_position(channels, look.channel) if look.channel in channels else 0,
        max_freq=min(look.freqs[1], highest),
        span=look.span,
        title=f"{found.low.title}: report",
        origins=[f"{name}: {line(origin)}." for name, origin in origins.items() if origin],
        result=_called(found.high),
    )
    names = [result.title if result is not None else "" for result in found.all]
    page = make_page(data, names, options=options)
    if path.suffix.lower() == ".pdf":
        from specsr.report.printed import render_pdf

        content: str | bytes = render_pdf(page, options.title)
    else:
        content = page.render(options.title)
    save_text(path, content)
    more = ", ".join(f"{result.key}: {result.title}" for result in found.left_out)
    return f"{path}: {path.stat().st_size / 1e6:.1f} MB" + (f"; not in it: {more}" if more else "")
