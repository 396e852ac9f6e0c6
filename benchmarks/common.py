"""Shared parts of the benchmarks: options, data folder, progress, stored tables.

A benchmark writes a Markdown file for readers and a JSON file with the same numbers for programs
into ``benchmarks/results``: both complete, or none.
"""

from __future__ import annotations

import argparse
import json
import math
import multiprocessing
import platform
import shlex
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from specsr.errors import SpecsrError
from specsr.io import replacing
from specsr.scores.markdown import markdown_table

ROOT = Path(__file__).resolve().parents[1]
RESULTS = ROOT / "benchmarks" / "results"
CACHE = ROOT / "cache"
DATA = ROOT.parent / "shared" / "data"

Row = Mapping[str, Any]
"""Row of a table: column -> text, number, (mean, standard error), or None for an empty cell."""

T, R = TypeVar("T"), TypeVar("R")


def parser(description: str, methods: Sequence[str], name: str) -> argparse.ArgumentParser:
    """Return a parser with the common options of the benchmarks."""
    made = argparse.ArgumentParser(description=description)
    made.add_argument(
        "--only", nargs="+", metavar="METHOD", choices=methods, default=list(methods),
        help=f"methods to run, of {', '.join(methods)} (default: all)".replace("%", "%%"),
    )  # fmt: skip
    made.add_argument(
        "--model", metavar="FILE|NAME", help="model file or name (default: the bundled one)"
    )
    made.add_argument(
        "--limit", type=int, metavar="N",
        help="use only N recordings or run-ups of each set, spread over the set; the result of "
        "such a run is printed, and written only with --name",
    )  # fmt: skip
    made.add_argument(
        "--name", help=f"write results/NAME.md and .json (default: {name} for a full run)"
    )
    made.add_argument(
        "--data", type=Path, default=DATA, metavar="FOLDER",
        help="folder with audio/train and audio/val (default: shared/data beside the project)",
    )  # fmt: skip
    made.set_defaults(full_name=name)
    return made


def jobs_option(made: argparse.ArgumentParser) -> None:
    """Add the number of processes of `in_processes` to a parser."""
    made.add_argument("--jobs", type=int, default=2, metavar="N", help="processes (default: 2)")


def data_folder(folder: Path, *parts: str) -> Path:
    """Return a folder of the data.

    Raises:
        SpecsrError: no such folder.
    """
    path = folder.joinpath(*parts)
    if not path.is_dir():
        raise SpecsrError(
            f"{path}: no such folder: this benchmark needs the recordings, give their folder by "
            "--data"
        )
    return path


def some(items: Sequence[T], limit: int | None) -> list[T]:
    """Return ``limit`` items, evenly spread over all; all of them if limit is None.

    Raises:
        SpecsrError: a limit below 1.
    """
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
    """Yield the items and print the progress to stderr."""
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


def in_processes(work: Callable[[T], R], items: Sequence[T], jobs: int, label: str) -> Iterator[R]:
    """Yield the result of each item in order, found in processes of one thread, with progress."""
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(jobs, context, initializer=_one_thread) as workers:
        yield from progress(workers.map(work, items), len(items), label)


def _one_thread() -> None:
    import torch  # not loaded by the benchmarks without a network

    torch.set_num_threads(1)


def mean_error(values: Iterable[float]) -> tuple[float, float]:
    """Return the mean and its standard error; nan values are ignored."""
    kept = np.array([v for v in values if not math.isnan(v)])
    if not kept.size:
        return math.nan, math.nan
    error = kept.std(ddof=1) / math.sqrt(kept.size) if kept.size > 1 else math.nan
    return float(kept.mean()), float(error)


def _plain(value: Any) -> Any:
    """Replace numbers that JSON cannot represent by null."""
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    if isinstance(value, (float, np.floating)):
        return float(value) if math.isfinite(value) else None
    return value.item() if isinstance(value, np.generic) else value


def command() -> str:
    """Return the command of this run, without absolute paths."""
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
    """Return the versions of the software that affects the numbers."""
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
        args: arguments from `parser`; with ``--limit`` and without ``--name`` nothing is written.
        title: first line of the file.
        protocol: description of the measurement, paragraphs in Markdown.
        tables: heading of each table -> its rows.
        facts: single values in addition to the tables.
        digits: decimals in the Markdown; the JSON file has all.

    Returns:
        The Markdown text.
    """
    facts = dict(facts or {})
    parts = [f"# {title}", protocol.strip(), f"Command: `{command()}`", _list(facts)]
    parts += [
        f"## {heading}\n\n{markdown_table(rows, decimals=digits)}"
        for heading, rows in tables.items()
    ]
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
    return "\n".join(
        f"- {key}: {f'{value:.3f}' if isinstance(value, float) else value}"
        for key, value in facts.items()
    )


def run(main: Any) -> None:
    """Run the main function of a benchmark; a `SpecsrError` becomes one line on stderr."""
    try:
        main()
    except SpecsrError as error:
        sys.exit(f"error: {error}")
