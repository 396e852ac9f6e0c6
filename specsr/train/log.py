"""Log of a run: log.csv, the same for TensorBoard, and the time spent waiting for data."""

from __future__ import annotations

import csv
import io
import logging
import os
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any

from specsr.errors import SpecsrError
from specsr.extras import need
from specsr.io.atomic import replacing

log = logging.getLogger(__name__)


class RunLog:
    """Rows of step, seconds, learning rate, loss and scores, in ``log.csv`` and for TensorBoard.

    A resumed run starts at step ``start``: rows of later steps, which are repeated, are removed,
    and so is an incomplete last row.

    Args:
        folder: folder of the run.
        scores: names of the columns of the scores.
        start: step at which the run starts; 0 for a new one.
    """

    def __init__(self, folder: Path, scores: Sequence[str], start: int) -> None:
        path = folder / "log.csv"
        self.columns = ["step", "seconds", "lr", "train_loss", *scores]
        rows = _kept(path, self.columns, start) if start else []
        text = io.StringIO(newline="")
        csv.writer(text).writerows([self.columns, *rows])
        with replacing(path, overwrite=True) as [partial]:
            partial.write_text(text.getvalue(), encoding="utf-8", newline="")
        self.file = path.open("a", encoding="utf-8", newline="")
        self.rows = csv.writer(self.file)
        self.curves = _tensorboard(folder, start)

    def write(
        self, step: int, seconds: float, rate: float, loss: float, scores: Mapping[str, float]
    ) -> None:
        """Add a row, flushed to the disk, so that it precedes any checkpoint of its step."""
        values = [f"{scores[name]:.4f}" for name in self.columns[4:]]
        self.rows.writerow([step, round(seconds), f"{rate:.3g}", f"{loss:.4f}", *values])
        self.file.flush()
        os.fsync(self.file.fileno())
        judged = ", ".join(f"{name} {value:.3f}" for name, value in scores.items())
        log.info("step %d: loss %.3f, %s", step, loss, judged)
        if self.curves is not None:
            for name, number in {"lr": rate, "train_loss": loss, **scores}.items():
                self.curves.add_scalar(name, number, step)
            self.curves.flush()

    def __enter__(self) -> RunLog:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:  # fmt: skip
        self.file.close()
        if self.curves is not None:
            self.curves.close()


def _kept(path: Path, columns: list[str], start: int) -> list[list[str]]:
    """Return the complete rows of steps up to ``start``; empty cells in columns that are new."""
    if not path.exists():
        return []
    with path.open(encoding="utf-8", errors="replace", newline="") as file:
        head, *rows = [*csv.reader(file)] or [[]]
    return [
        [dict(zip(head, row)).get(name, "") for name in columns]
        for row in rows
        if len(row) == len(head) and row[0].isdigit() and int(row[0]) <= start
    ]


def _tensorboard(folder: Path, start: int) -> Any:
    """Return a writer that hides earlier rows beyond ``start``; None without tensorboard."""
    try:
        tensorboard = need("torch.utils.tensorboard", "train", "curves of a run")
    except SpecsrError as error:
        log.info("log.csv only: %s", error)
        return None
    return tensorboard.SummaryWriter(
        str(folder / "tensorboard"), purge_step=start + 1 if start else None
    )


class Waiting:
    """An iterable that adds up in ``seconds`` the time spent waiting for its items."""

    def __init__(self, items: Any) -> None:
        self.items, self.seconds = items, 0.0

    def __len__(self) -> int:
        return len(self.items)

    def __iter__(self) -> Iterator[Any]:
        began = time.monotonic()
        for item in self.items:
            self.seconds += time.monotonic() - began
            yield item
            began = time.monotonic()
