"""What the benchmarks share: the data beside the project, progress, and tables that are kept.

A benchmark ends in one Markdown file for people and one JSON file with the same numbers for
programs, both in ``benchmarks/results``.  They appear together and complete, or not at all.
"""

from __future__ import annotations

import argparse
import json
import math
import platform
import shlex
import sys
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from specsr.errors import SpecsrError
from specsr.io import replacing

ROOT = Path(__file__).resolve().parents[1]
RESULTS = ROOT / "benchmarks" / "results"
CACHE = ROOT / "cache"
DATA = ROOT.parent / "shared" / "data"

Row = Mapping[str, Any]
"""One line of a table: column -> text, number, (mean, standard error), or None for a gap."""

T = TypeVar("T")


def parser(description: str, methods: Sequence[str], name: str) -> argparse.ArgumentParser:
    """Return a parser with the options that every benchmark has."""
    made = argparse.ArgumentParser(description=description)
    made.add_argument(
        "--only", nargs="+", metavar="METHOD", choices=methods, default=list(methods),
        help=f"methods to run, of {', '.join(methods)}; all if not given",
    )  # fmt: skip
    made.add_argument(
        "--model", metavar="FILE|NAME", help="model file or name; the bundled one if not given"
    )
    made.add_argument(
        "--limit", type=int, metavar="N",
        help="take N recordings or run-ups of each set only, spread over the set; such a quick "
        "run is shown, and written only if --name is given",
    )  # fmt: skip
    made.add_argument(
        "--name", help=f"results/NAME.md and .json are written; a full run writes {name}"
    )
    made.add_argument(
        "--data", type=Path, default=DATA, metavar="FOLDER",
        help="folder with audio/train and audio/val; shared/data beside the project if not given",
    )  # fmt: skip
    made.set_defaults(full_name=name)
    return made


def data_folder(folder: Path, *parts: str) -> Path:
    """Return a folder of the data, or raise `SpecsrError` if it is not there."""
    path = folder.joinpath(*parts)
    if not path.is_dir():
        raise SpecsrError(
            f"{path}: no such folder: this benchmark needs the recordings, name their folder with "
            "--data"
        )
    return path


def some(items: Sequence[T], limit: int | None) -> list[T]:
    """Return ``limit`` items spread evenly over all, or all where limit is None."""
    if limit is None or limit >= len(items):
        return list(items)
    if limit < 1:
        raise SpecsrError(f"limit is {limit}: expected a whole number from 1 up")
    return [items[i * len(items) // limit] for i in range(limit)]


def read_first(path: Path) -> tuple[np.ndarray, float]:
    """Return the first channel of an audio file as float64 in full scale, and its rate in Hz."""
    import soundfile

    samples, rate = soundfile.read(path, dtype="float64", always_2d=True)
    return np.ascontiguousarray(samples[:, 0]), float(rate)


def progress(items: Iterable[T], total: int, label: str) -> Iterator[T]:
    """Yield the items and keep a line of progress on the terminal (stderr)."""
    start = time.monotonic()
    shown = sys.stderr.isatty()
    for done, item in enumerate(items):
        if shown or done in (0, total // 2):
            print(
                f"{label} {done + 1}/{total}, {time.monotonic() - start:.0f} s",
                end="\r" if shown else "\n", file=sys.stderr, flush=True,
            )  # fmt: skip
        yield item
    print(f"{label} {total}/{total}, {time.monotonic() - start:.0f} s", file=sys.stderr, flush=True)


def mean_error(values: Iterable[float]) -> tuple[float, float]:
    """Return the mean and its standard error; nan values are left out."""
    kept = np.array([v for v in values if not math.isnan(v)])
    if not kept.size:
        return math.nan, math.nan
    error = kept.std(ddof=1) / math.sqrt(kept.size) if kept.size > 1 else math.nan
    return float(kept.mean()), float(error)


def markdown(rows: Sequence[Row], digits: int = 3) -> str:
    """Return rows as a Markdown table; columns in the order in which they first appear."""
    columns = list(dict.fromkeys(key for row in rows for key in row))
    cells = [[_text(row.get(key), digits) for key in columns] for row in rows]
    numeric = [
        any(isinstance(row.get(key), (int, float, tuple)) for row in rows) for key in columns
    ]
    widths = [max(len(c), *(len(line[i]) for line in cells), 3) for i, c in enumerate(columns)]

    def line(values: Sequence[str]) -> str:
        padded = (
            v.rjust(w) if right else v.ljust(w)
            for v, w, right in zip(values, widths, numeric, strict=True)
        )
        return "| " + " | ".join(padded) + " |"

    rule = "|".join(
        "-" * (w + 1) + (":" if right else "-") for w, right in zip(widths, numeric, strict=True)
    )
    return "\n".join([line(columns), f"|{rule}|", *map(line, cells)])


def _text(value: Any, digits: int) -> str:
    if value is None:
        return ""
    if isinstance(value, tuple):
        mean, error = value
        return _text(mean, digits) + ("" if math.isnan(error) else f" ± {error:.{digits}f}")
    if isinstance(value, float):
        return "-" if math.isnan(value) else f"{value:.{digits}f}"
    return str(value)


def _plain(value: Any) -> Any:
    """Numbers that JSON cannot hold become null."""
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    if isinstance(value, (float, np.floating)):
        return float(value) if math.isfinite(value) else None
    return value.item() if isinstance(value, np.generic) else value


def command() -> str:
    """Return the command of this run, without folders that only this machine has."""
    words = [f"benchmarks/{Path(sys.argv[0]).name}"]
    for word in sys.argv[1:]:
        option, equals, value = word.rpartition("=")
        words.append(
            option + equals + (_short(Path(value)) if Path(value).is_absolute() else value)
        )
    return "python " + shlex.join(words)


def _short(path: Path) -> str:
    return str(path.relative_to(ROOT)) if path.is_relative_to(ROOT) else path.name


def versions() -> dict[str, str]:
    """Return the versions of what decides the numbers."""
    found = {"python": platform.python_version(), "machine": platform.machine()}
    for package in ("specsr", "torch", "numpy", "soxr", "noisereduce"):
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            continue
    return found


def publish(
    args: argparse.Namespace,
    title: str,
    protocol: str,
    tables: Mapping[str, Sequence[Row]],
    *,
    facts: Mapping[str, Any] | None = None,
    digits: int = 3,
) -> str:
    """Print the tables and write them as results/NAME.md and results/NAME.json.

    Args:
        args: what `parser` parsed.  With ``--limit`` and without ``--name`` nothing is written.
        title: first line of the file.
        protocol: paragraphs in Markdown that say what was done to get the numbers.
        tables: heading of each table -> its rows.
        facts: single values worth keeping beside the tables.
        digits: decimals in the Markdown; the JSON file holds all.

    Returns:
        The Markdown text.
    """
    facts = dict(facts or {})
    parts = [f"# {title}", protocol.strip(), f"Made by `{command()}`", _list(facts)]
    parts += [f"## {heading}\n\n{markdown(rows, digits)}" for heading, rows in tables.items()]
    parts.append("Versions: " + ", ".join(f"{k} {v}" for k, v in versions().items()))
    text = "\n\n".join(part for part in parts if part) + "\n"
    print(text)
    name = args.name or (None if args.limit else args.full_name)
    if name:
        content = {
            "title": title, "protocol": protocol.strip(), "command": command(),
            "versions": versions(), "facts": facts, "tables": tables,
        }  # fmt: skip
        target = RESULTS / f"{name}.md"
        with replacing(target, target.with_suffix(".json"), overwrite=True) as (page, numbers):
            page.write_text(text, encoding="utf-8")
            numbers.write_text(
                json.dumps(_plain(content), indent=1, ensure_ascii=False) + "\n", encoding="utf-8"
            )
        print(f"written: {_short(target)} and .json", file=sys.stderr)
    return text


def _list(facts: Mapping[str, Any]) -> str:
    return "\n".join(f"- {key}: {_text(value, 3)}" for key, value in facts.items())


def run(main: Any) -> None:
    """Run a benchmark's main function; a user's mistake is one line, not a traceback."""
    try:
        main()
    except SpecsrError as error:
        sys.exit(f"error: {error}")
