"""What a step works on, in words of the command line and as Python lines."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Literal

from specsr.jobs.options import Reading, Speed

Kind = Literal["recording", "map"]


@dataclass(frozen=True)
class Source:
    """A recording or map that a step works on.

    Attributes:
        path: as the command line names it.
        kind: what it holds.
        reading: how a recording is read.
        speed: source of its speed; none where the file has it, or for a step without a speed.
    """

    path: str
    kind: Kind
    reading: Reading = Reading()
    speed: Speed = Speed()


def input_arguments(source: Source, speed: bool = False) -> list[str]:
    """Return the arguments of the input, with its speed where a step takes one."""
    found = [f"./{source.path}" if source.path.startswith("-") else source.path]
    if source.kind == "recording":
        found += reading_arguments(source.reading)
    return found + speed_arguments(source.speed) if speed else found


def reading_arguments(reading: Reading) -> list[str]:
    """Return the options of the command line for how a recording is read."""
    found = []
    for option, value in (("--unit", reading.unit), ("--calib", reading.calib)):
        if value is not None:
            found += [option, number(value)]
    for channel in reading.channels or ():
        found += ["--channel", str(channel)]
    return found + (["--file-rate", number(reading.rate)] if reading.rate is not None else [])


def speed_arguments(speed: Speed) -> list[str]:
    """Return the options of the command line for the source of a speed."""
    options = {
        "table": "--rpm", "channel": "--rpm-channel", "scale": "--rpm-scale",
        "tacho": "--tacho-channel", "pulses": "--pulses", "threshold": "--tacho-threshold",
    }  # fmt: skip
    found = []
    for field in fields(speed):
        value = getattr(speed, field.name)
        if value != field.default:
            found += [options[field.name], number(value)]
    return found


def read_lines(source: Source, speed: bool = False) -> list[str]:
    """Return the Python lines that read the input as ``x``."""
    path = repr(source.path)
    table = source.speed.table if speed else None
    from_signal = speed and (source.speed.from_channel or source.speed.is_auto)
    if source.kind == "recording" and from_signal:
        return [
            "from pathlib import Path",
            "from specsr.jobs.inputs import load_recording",
            "from specsr.jobs.options import Reading, Speed",
            "",
            f"x = load_recording(Path({path}), {constructor(source.reading)}, "
            f"{constructor(source.speed)})",
        ]
    if source.kind == "map":
        lines = [f"x = specsr.read_map({path})"]
    else:
        given = source.reading.arguments().items()
        named = [f"{name}={_literal(value)}" for name, value in given if value is not None]
        lines = [f"x = specsr.read({', '.join([path, *named])})"]
    if table is not None:
        axis = "x.grid" if source.kind == "map" else "x"
        lines.append(f"x = x.replace(rpm=specsr.read_rpm({str(table)!r}, {axis}))")
    return lines


def constructor(options: Reading | Speed) -> str:
    """Return a dataclass of options as Python, without the values that are defaults."""
    given = [
        f"{field.name}={_literal(getattr(options, field.name))}"
        for field in fields(options)
        if getattr(options, field.name) != field.default and field.name != "tone"
    ]
    return f"{type(options).__name__}({', '.join(given)})"


def _literal(value: object) -> str:
    return f"Path({str(value)!r})" if isinstance(value, Path) else repr(value)


def write_line(kind: Kind, path: str) -> str:
    """Return the Python line that writes ``result``."""
    return f"specsr.write{'_map' if kind == 'map' else ''}({path!r}, result)"


def python(lines: Sequence[str], head: Sequence[str] = ()) -> str:
    """Return lines of Python with the imports at their top."""
    imports = [line for line in (*lines, *head) if line.startswith("from ")]
    body = [line for line in lines if line and not line.startswith("from ")]
    standard = sorted({line for line in imports if "specsr" not in line})
    own = [line for line in imports if "specsr" in line]
    top = [*standard, "", "import specsr"] if standard else ["import specsr"]
    return "\n".join([*top, *sorted(set(own)), "", *body, ""])


def number(value: object) -> str:
    """Return a number as short as it is exact, or text, as an argument."""
    if isinstance(value, float) and value.is_integer() and abs(value) < 1e15:
        return str(int(value))
    return repr(float(value)) if isinstance(value, float) else str(value)
