"""The job of ``orders --method vold-kalman``: cuts and waveforms of orders, streamed."""

from __future__ import annotations

import dataclasses
import unicodedata
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from specsr.choices import ORDER_PLACE
from specsr.errors import SpecsrError
from specsr.io import audio
from specsr.io.atomic import together
from specsr.io.origin import stating
from specsr.jobs.order_inputs import OrderCutting, Source
from specsr.nvh.order_bandwidth import narrow_note
from specsr.nvh.order_blocks import order_pieces
from specsr.nvh.order_cut import OrderCut
from specsr.nvh.order_piece import OrderPiece, piece_cuts, whole_piece
from specsr.nvh.resolvable import unresolved
from specsr.nvh.shafts import ShaftOrder
from specsr.nvh.vold_kalman import VoldKalman
from specsr.progress import Progress
from specsr.signal import Signal
from specsr.version import __version__


@dataclass(frozen=True)
class OrderFiles:
    """Audio files to write.

    Attributes:
        orders: files of the sum of the orders, or, with `ORDER_PLACE` in the name, of each.
        residual: files of the recording without the orders.
        overwrite: replace files that exist.
    """

    orders: tuple[Path, ...] = ()
    residual: tuple[Path, ...] = ()
    overwrite: bool = False

    def __post_init__(self) -> None:
        for path in (*self.orders, *self.residual):
            if path.suffix.lower() not in audio.FORMATS:
                raise SpecsrError(
                    f"{path}: expected an audio file for waveforms: {' '.join(audio.FORMATS)}"
                )
            named = path.parent if path in self.orders else path
            if ORDER_PLACE in str(named):
                raise SpecsrError(
                    f"{path}: {ORDER_PLACE} is for the name of a file of waveforms, not for a "
                    "folder or the residual: leave it out"
                )


def cut_orders(
    source: Source,
    lines: Sequence[ShaftOrder],
    cutting: OrderCutting,
    files: OrderFiles,
    check: Callable[[], None],
    progress: Progress | None = None,
    note: Callable[[str], None] | None = None,
) -> list[OrderCut]:
    """Return the cuts of a recording, and write its waveforms: all files appear at the end.

    Args:
        source: the recording.
        lines: from `lines_of`.
        cutting: options.
        files: to write.
        check: called before the files appear; raises if an input has changed.
        progress: wraps the blocks.
        note: takes a line for each order that changes faster than a constant bandwidth follows;
            None if they are not searched for, which takes half the time.

    Raises:
        SpecsrError: a bandwidth out of range, or a file that cannot be written.
    """
    options = {"cut": cutting.cut, "shafts": list(cutting.shafts)}
    options |= dataclasses.asdict(cutting.method)
    options |= {"changes": list(cutting.changes)} if cutting.changes else {}
    about = {"command": "orders", "version": __version__, "options": options}
    parts: list[OrderPiece] = []
    head: Signal | None = None
    with together() as outputs, stating(about), ExitStack() as stack:
        sinks: list[Callable[[OrderPiece], None]] | None = None
        watch = note is not None
        for piece in order_pieces(source, lines, cutting.method, cutting.segment, progress, watch):
            if sinks is None:
                sinks = _sinks(stack, files, lines, piece.signal, source.length)
            for add in sinks:
                add(piece)
            # copies, without which the samples of the piece stay in memory
            first = piece.signal.samples[:, :1].copy()
            head = piece.signal.replace(samples=first, rpm=None) if head is None else head
            parts.append(
                dataclasses.replace(piece, signal=head, waveforms=piece.waveforms[..., :0].copy())
            )
        stack.close()
        check()
        if errors := outputs.commit():
            raise SpecsrError("; ".join(errors))
    whole = whole_piece(parts[0].signal, parts)
    if note is not None:
        for k, line in enumerate(lines):
            factor = np.where(whole.valid[k], whole.needed[k] / whole.bandwidth[k], np.nan)
            sure = line.shaft.confidence
            sure_at = None if sure is None else np.interp(whole.times, *sure)
            text = narrow_note(
                str(line), whole.times, whole.rpm[k], factor, cutting.method, sure_at
            )
            if text is not None:
                note(text)
    return piece_cuts(lines, whole)


def _sinks(
    stack: ExitStack,
    files: OrderFiles,
    lines: Sequence[ShaftOrder],
    head: Signal,
    length: int,
) -> list[Callable[[OrderPiece], None]]:
    """Open all files; return functions that append a piece to each."""

    def sink(path: Path, take: Callable[[OrderPiece], Signal]) -> Callable[[OrderPiece], None]:
        add = stack.enter_context(audio.audio_sink(path, head, length, overwrite=files.overwrite))
        return lambda piece: add(take(piece))

    found = [sink(path, lambda piece: piece.residual) for path in files.residual]
    for path in files.orders:
        if ORDER_PLACE not in path.name:
            found.append(sink(path, lambda piece: piece.orders))
            continue
        for k, own in enumerate(order_paths(path, lines)):
            found.append(sink(own, lambda piece, k=k: piece.order(k)))  # type: ignore[misc]
    return found


def order_paths(path: Path, lines: Sequence[ShaftOrder]) -> list[Path]:
    """Return the file of each order for a path with `ORDER_PLACE`; else the path itself.

    Raises:
        SpecsrError: two orders whose files have one name, or names that differ in case alone, which
            are one file on some disks.
    """
    if ORDER_PLACE not in path.name:
        return [path]
    found: dict[str, tuple[ShaftOrder, Path]] = {}
    for line in lines:
        own = path.with_name(path.name.replace(ORDER_PLACE, f"{line}".replace(" ", "-")))
        other, _ = found.setdefault(unicodedata.normalize("NFC", own.name).casefold(), (line, own))
        if other is not line:
            raise SpecsrError(
                f"{own}: orders {other} and {line} would be written to one file (case does not "
                "tell files apart on every disk): rename a shaft"
            )
    return [own for _, own in found.values()]


def resolution_notes(source: Source, lines: Sequence[ShaftOrder], method: VoldKalman) -> list[str]:
    """Return one line for each pair of orders that is not resolved."""
    found = unresolved(lines, source.length, source.rate, source.start, method)
    return [pair.text(method.unit) for pair in found]
