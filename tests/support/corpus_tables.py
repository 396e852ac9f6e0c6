"""Tables of text for `support.corpus`: of samples, of a speed, and of a map."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from support.corpus_kinds import RATE, RPM, SINE, Kind, axis, speed


def csv(folder: Path, kind: Kind, name: str) -> Path | None:
    title, values, label = axis(kind, name)
    columns = [(f"{title} [{label}]" if label else title, values), ("mic [Pa]", SINE)]
    comments = []
    rpm = speed(kind)
    if rpm is not None:
        columns.append((f"engine speed [{kind.label}]", rpm))
    if kind.about == "rate":
        comments.append(f"# rate: {RATE / kind.factor:g} {kind.label}")
        columns = columns[1:]
    if kind.about == "clash":
        comments.append("# rate: 500")
    if kind.about == "scale":
        return None
    return _table(folder / "a.csv", columns, comments)


def speed_table(folder: Path, kind: Kind, name: str) -> Path | None:
    if kind.about in ("rate", "clash", "scale"):
        return None
    title, values, label = axis(kind, name)
    rpm, unit = speed(kind), kind.label
    if rpm is None:
        rpm, unit = RPM, "1/min"
    titles = f"{title} [{label}]" if label else title
    return _table(folder / "rpm.csv", [(titles, values), (f"speed [{unit}]", rpm)], [])


def map_table(folder: Path, kind: Kind, name: str) -> Path | None:
    if kind.about not in ("time", "axis") or name == "spectrum":
        return None
    title, values, label = axis(kind, name)
    values = values[: 64 * 10 : 64]
    freqs = np.arange(0, 65) * RATE / 128
    corner = f"freq [Hz] \\ {title} [{label}]" if label else f"freq [Hz] \\ {title}"
    lines = ["# unit: Pa, values: magnitude", ",".join([corner, *map(_text, values)])]
    lines += [",".join([_text(freq), *["0.5"] * len(values)]) for freq in freqs]
    (folder / "map.csv").write_text("\n".join(lines) + "\n")
    return folder / "map.csv"


def _table(path: Path, columns: list[tuple[str, np.ndarray]], comments: list[str]) -> Path:
    lines = [*comments, ",".join(title for title, _ in columns)]
    lines += [",".join(map(_text, row)) for row in zip(*(values for _, values in columns))]
    path.write_text("\n".join(lines) + "\n")
    return path


def _text(value: float) -> str:
    return f"{value:.17g}"
