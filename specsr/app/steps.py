"""Steps of the work: the command line of each, the Python lines that do the same, their outputs."""

from __future__ import annotations

import itertools
import os
import re
import shlex
import subprocess
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from specsr.app.source import (
    Kind,
    Source,
    constructor,
    input_arguments,
    number,
    python,
    read_lines,
    write_line,
)
from specsr.app.step_options import Denoise, Levels, Map, Options, Orders, Upscale
from specsr.choices import MAX_ATTENUATION, MAX_ORDER
from specsr.jobs.options import AUTO, carrier_hz

ABOVE_CUTS = 1.25
"""Highest order of an order map as a multiple of the highest cut, as in ``specsr orders``."""

_SUFFIX: dict[Kind, str] = {"recording": ".wav", "map": ".npz"}


@dataclass(frozen=True)
class Step:
    """One step.

    Attributes:
        title: for the list of results.
        arguments: of the command line, without the name of the program.
        python: lines that do the same.
        outputs: files that it writes, in the working folder.
        kind: of the first output.
    """

    title: str
    arguments: tuple[str, ...]
    python: str
    outputs: tuple[str, ...]
    kind: Literal["recording", "map", "table"]

    @property
    def command(self) -> str:
        """The command line, to copy into a terminal."""
        return command_text(self.arguments)


def command_text(arguments: Sequence[str]) -> str:
    """Return a command line of specsr as text for the shell of this system."""
    line = ["specsr", *arguments]
    return subprocess.list2cmdline(line) if os.name == "nt" else shlex.join(line)


def step(
    source: Source,
    options: Options,
    taken: Collection[str] = (),
) -> Step:
    """Return the step with the options of a form.

    Args:
        source: what it works on.
        options: of the form.
        taken: names in the working folder, which no output gets.
    """
    if isinstance(options, Upscale):
        return _upscale(source, options, taken)
    if isinstance(options, Denoise):
        return _denoise(source, options, taken)
    if isinstance(options, Map):
        return _map(source, options, taken)
    if isinstance(options, Orders):
        return _orders(source, options, taken)
    return _levels(source, options, taken)


def _upscale(source: Source, options: Upscale, taken: Collection[str]) -> Step:
    kind: Kind = "map" if source.kind == "map" or options.as_map else "recording"
    orders = options.orders.strip()
    speed = kind == "map" or bool(orders)
    outputs = _names(source, f"x{options.scale}", (_SUFFIX[kind],), taken)
    arguments = ["upscale", *input_arguments(source, speed=speed), "-o", outputs[0]]
    arguments += ["--scale", str(options.scale)]
    call = ["x", str(options.scale)]
    if kind == "map" and source.kind == "recording":
        arguments += ["--pair", "pool"]
        call.append("'pool'")
    if model := options.model if kind == "map" else options.band_model:
        arguments += ["--model", model]
        call.append(f"model={model!r}")
    if kind == "map" and options.consistency is not None:
        arguments += ["--consistency", options.consistency]
        call.append(f"consistency={options.consistency!r}")
    head, function = [], "upscale"
    if orders:
        arguments += ["--orders", orders]
        head.append("from specsr.nvh.known_orders import parse_orders")
        found = f"orders=parse_orders({orders!r})"
        if kind == "map":
            call.append(f"speed=specsr.SpeedOptions({found})")
        else:
            function = "upscale_band"
            call.append(f"band=specsr.BandOptions({found})")
    lines = [
        *read_lines(source, speed=speed),
        f"result = specsr.{function}({', '.join(call)})",
        write_line(kind, outputs[0]),
    ]
    return Step(f"upscaled x{options.scale}", tuple(arguments), python(lines, head), outputs, kind)


def _denoise(source: Source, options: Denoise, taken: Collection[str]) -> Step:
    outputs = _names(source, "denoised", (_SUFFIX[source.kind],), taken)
    arguments = ["denoise", *input_arguments(source, speed=options.orders), "-o", outputs[0]]
    if options.removed:
        outputs += _names(source, "removed", (_SUFFIX[source.kind],), taken)
        arguments += ["--removed", outputs[1]]
    if options.strict:
        arguments.append("--strict")
    read, head, call = read_lines(source, speed=options.orders), [], ["x"]
    if options.orders:
        arguments.append("--orders")
        head = [] if options.strict else ["from specsr.enhance.low_lines import restrained_orders"]
        carrier = ""
        if options.carrier:
            arguments += ["--carrier", options.carrier]
            hz = carrier_hz(options.carrier)
            carrier = f", carrier_hz={'hz' if hz is None else number(hz)}"
            if hz is None:
                head += [
                    "from pathlib import Path",
                    "from specsr.jobs.denoise_inputs import with_carrier",
                    "from specsr.jobs.options import Reading",
                ]
                given = f"Path({source.path!r}), {constructor(source.reading)}"
                read.append(f"x, hz = with_carrier({given}, x, {options.carrier!r})")
        line = f"specsr.keep_orders(x{carrier})"
        line = f"result = {line if options.strict else f'restrained_orders(x, {line})'}"
    else:
        if options.noise == str(AUTO):
            arguments += ["--noise", options.noise]
            read.append("noise = specsr.find_noise(x)")
            call.append("noise=noise")
        elif options.noise:
            arguments += ["--noise", options.noise]
            of_noise = read_lines(Source(options.noise, "recording", source.reading))[0]
            read.append(of_noise.replace("x = ", "noise = ", 1))
            call.append("noise=noise")
        elif options.noise_from is not None:
            first, last = map(number, options.noise_from)
            arguments += ["--noise-from", f"{first}:{last}"]
            read.append(f"noise = x.cut(round({first} * x.rate), round({last} * x.rate))")
            call.append("noise=noise")
        elif options.method != Denoise.method:
            arguments += ["--method", options.method]
            call.append(f"method={options.method!r}")
        if options.strict:
            call.append("strict=True")
        if options.follow:
            arguments.append("--follow-noise")
            if options.noise == str(AUTO):
                head.append("from dataclasses import replace")
                read.append("noise = replace(noise, follow=True)")
            else:
                head.append("from specsr.enhance.noise_profile import Noise")
                read.append("noise = Noise(noise, follow=True)")
        if options.attenuation != MAX_ATTENUATION:
            arguments += ["--attenuation", number(options.attenuation)]
            call.append(f"attenuation={number(options.attenuation)}")
        line = f"result = specsr.denoise({', '.join(call)})"
    lines = [*read, line]
    if options.keep is not None:
        arguments += ["--keep", options.keep]
        lines.append("result = specsr.keep_impacts(x, result)")
    lines.append(write_line(source.kind, outputs[0]))
    if options.removed:
        lines += [
            "removed = x.replace(samples=x.samples - result.samples)",
            f"specsr.write({outputs[1]!r}, removed)",
        ]
    title = "orders" if options.orders else "denoised"
    return Step(title, tuple(arguments), python(lines, head), outputs, source.kind)


def _map(source: Source, options: Map, taken: Collection[str]) -> Step:
    title = "expected" if options.expected else "map"
    outputs = _names(source, title, (".npz",), taken)
    arguments = ["spectrogram", *input_arguments(source), "-o", outputs[0]]
    call = ["x"]
    for name, value in (("df", options.df), ("overlap", options.overlap)):
        if value is not None:
            arguments += [f"--{name}", number(value)]
            call.append(f"{name}={number(value)}")
    verb = "spectrogram"
    if options.expected:
        arguments.append("--expected")
        verb = "expected_spectrogram"
    line = f"specsr.{verb}({', '.join(call)})"
    lines = [*read_lines(source), f"result = {line}", write_line("map", outputs[0])]
    return Step(title, tuple(arguments), python(lines), outputs, "map")


def _orders(source: Source, options: Orders, taken: Collection[str]) -> Step:
    outputs = _names(source, "orders", (".csv", ".png"), taken)
    wanted = ",".join(map(number, options.cut))
    arguments = ["orders", *input_arguments(source, speed=True), "--cut", wanted, *_outs(outputs)]
    x = "x"
    if options.weighting != "Z":
        arguments += ["--weighting", options.weighting]
        x = f"specsr.weighted(x, {options.weighting!r})"
    cuts = f"[{wanted.replace(',', ', ')}]"
    lines = read_lines(source, speed=True)
    head = []
    if source.kind == "map":
        lines += [f"weighted = {x}"] * (x != "x")
        name = "x" if x == "x" else "weighted"
        lines.append(f"cuts = [specsr.order_cut({name}, None, order) for order in {cuts}]")
    else:
        head = ["from specsr.nvh.runs import turning, widest_run"]
        lines += [f"x = {x}"] * (x != "x")
        if options.whole:
            arguments += ["--run", "all"]
            head = ["from specsr.nvh.runs import turning"]
            lines.append("run = turning(x)")
        else:
            lines += [
                "widest = widest_run(specsr.find_runs(x.rpm, x.rate, x.start), x, 10.0)",
                "run = turning(x if widest is None else widest.of(x))",
            ]
        top = max(MAX_ORDER, ABOVE_CUTS * max(options.cut, default=0))
        lines += [
            f"orders = specsr.order_map(run, max_order={number(top)})",
            f"cuts = [orders.cut(order) for order in {cuts}]",
        ]
    return Step(f"orders {wanted}", tuple(arguments), python(lines, head), outputs, "table")


def _levels(source: Source, options: Levels, taken: Collection[str]) -> Step:
    outputs = _names(source, "levels", (".csv", ".png"), taken)
    arguments = ["levels", *input_arguments(source), *_outs(outputs)]
    call = ["x"]
    if options.weighting != "Z":
        arguments += ["--weighting", options.weighting]
        call.append(f"weighting={options.weighting!r}")
    line = f"third_octaves = specsr.third_octave_levels({', '.join(call)})"
    return Step("levels", tuple(arguments), python([*read_lines(source), line]), outputs, "table")


def _names(
    source: Source, what: str, suffixes: Sequence[str], taken: Collection[str]
) -> tuple[str, ...]:
    """Return names of outputs that are not taken; no name begins with a dash."""
    used = {name.casefold() for name in taken}
    start = safe_name(Path(source.path).stem)
    for count in itertools.count(1):
        more = f"-{count}" if count > 1 else ""
        names = tuple(f"{start}-{what}{more}{suffix}" for suffix in suffixes)
        if not used & {name.casefold() for name in names}:
            return names
    raise AssertionError("itertools.count has no end")


def safe_name(text: str) -> str:
    """Return text as a part of a file name: other characters than letters and digits become _."""
    return re.sub(r"[^\w ().,+=-]", "_", text).strip("-. ") or "result"


def _outs(outputs: Sequence[str]) -> list[str]:
    return [text for output in outputs for text in ("-o", output)]
