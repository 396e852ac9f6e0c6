"""Files in, files out: which result goes where, decided and checked before any work."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from specsr import io
from specsr.choices import Phase
from specsr.errors import SpecsrError
from specsr.io.image import find_images, image_suffix, write_image
from specsr.jobs.options import Batch
from specsr.maps.phase import to_signal
from specsr.maps.spec_map import SpecMap
from specsr.maps.transform import spectrogram
from specsr.signal import Signal
from specsr.units import reference_label

PICTURES = (".png", ".pdf", ".svg")


@dataclass(frozen=True)
class Written:
    """A recording or map that was written while it was made.

    Attributes:
        levels: what its levels are, for the user.
    """

    levels: str


@dataclass(frozen=True, eq=False)
class Result:
    """What a job made of one input.

    Attributes:
        output: the recording, map or image (pixels), or that it is written already.
        maps: maps to be shown side by side in a picture, by title.
        difference: titles of two of them whose difference is shown too.
        notes: lines for the user: what is measured, what is estimated.
        max_freq: highest frequency of a picture, Hz; None for all.
    """

    output: Signal | SpecMap | np.ndarray | Written
    maps: dict[str, SpecMap] = field(default_factory=dict)
    difference: tuple[str, str] | None = None
    notes: tuple[str, ...] = ()
    max_freq: float | None = None


@dataclass(frozen=True)
class Plan:
    """Which file goes where.

    Attributes:
        files: every input with its outputs.
        folder: the output folder, which holds the manifest; None where one file was named.
    """

    files: tuple[tuple[Path, tuple[Path, ...]], ...]
    folder: Path | None


def plan(
    inputs: Sequence[Path],
    outputs: Sequence[Path],
    suffix: str | None,
    batch: Batch,
    images: bool = False,
) -> Plan:
    """Pair every input file with its output files and check that these may be written.

    One input file goes to the outputs as they are named.  Folders, or several inputs, need one
    output folder; every file keeps its place in the folder and its name, with ``suffix`` (None:
    its own).  With ``batch.resume`` existing outputs are looked at later, by `specsr.jobs.run.run`.
    ``images``: inputs and outputs are images rather than recordings and maps.

    Raises:
        SpecsrError: nothing to read, several outputs for several inputs, an unknown suffix, an
            output that exists (without ``overwrite``) or one that two inputs would share, or
            ``resume`` or ``cluster`` without an output folder.
    """
    files = find_images(inputs) if images else io.find_inputs(inputs)
    whole = len(inputs) == 1 and inputs[0].is_file()
    into_folder = len(outputs) == 1 and (outputs[0].is_dir() or not outputs[0].suffix)
    if whole and not into_folder:
        for option, given in (("--resume", batch.resume), ("--cluster", batch.cluster)):
            if given:
                raise SpecsrError(
                    f"{option} is for jobs into a folder: give a folder name to -o, "
                    f"not {', '.join(map(str, outputs))}"
                )
        jobs = [(files[0], tuple(outputs))]
    else:
        if not into_folder:
            raise SpecsrError(
                f"{', '.join(map(str, outputs))}: several inputs need one folder as output: "
                "give a folder name to -o"
            )
        folders = [path for path in inputs if path.is_dir()]
        jobs = []
        for file in files:
            root = next((f for f in folders if f in file.parents), file.parent)
            name = file.relative_to(root).with_suffix(suffix or file.suffix)
            jobs.append((file, (outputs[0] / name,)))
    taken: dict[Path, Path] = {}
    for file, targets in jobs:
        for target in targets:
            (image_suffix if images else kind_of)(target)
            io.check_output(target, batch.overwrite or batch.resume)
            other = taken.setdefault(target.resolve(), file)
            if other != file:
                raise SpecsrError(f"{target}: both {other} and {file} would be written there")
            if target.resolve() == file.resolve():
                raise SpecsrError(f"{target}: is the input itself: choose another output")
    return Plan(tuple(jobs), outputs[0] if into_folder else None)


def kind_of(path: Path) -> str:
    """Return what a suffix stands for: ``picture``, ``map``, ``recording`` or ``either``.

    Either means what the result is; the suffixes of maps (``.npz``, ``.h5``) always mean a map.
    """
    suffix = path.suffix.lower()
    if suffix in PICTURES:
        return "picture"
    if suffix in io.MAP_SUFFIXES:
        return "map"
    if suffix in io.WRITERS:
        return "either" if suffix in io.MAPS else "recording"
    known = ", ".join(dict.fromkeys([*io.WRITERS, *io.MAP_SUFFIXES, *PICTURES]))
    raise SpecsrError(
        f"{path}: cannot write {suffix or 'a file without a suffix'}: expected {known}"
    )


def has_picture(targets: Sequence[Path]) -> bool:
    """Whether one of the outputs is a picture, for which maps are needed."""
    return any(kind_of(target) == "picture" for target in targets)


def save(path: Path, result: Result, phase: Phase, overwrite: bool) -> None:
    """Write a result as what the suffix asks for: recording, map or picture."""
    output = result.output
    if isinstance(output, np.ndarray):
        write_image(path, output, overwrite=overwrite)
        return
    kind = kind_of(path)
    if kind == "picture":
        _draw(path, result, overwrite)
    elif isinstance(output, Written):
        return
    elif kind == "map" or (kind == "either" and isinstance(output, SpecMap)):
        io.write_map(path, _as_map(output), overwrite=overwrite)
    else:
        signal = output if isinstance(output, Signal) else to_signal(output, phase)
        io.write(path, signal, overwrite=overwrite)


def _draw(path: Path, result: Result, overwrite: bool) -> None:
    from specsr.plots.comparison import plot_comparison
    from specsr.plots.maps import plot_map
    from specsr.plots.save import save_figure

    maps = result.maps
    if not maps and isinstance(result.output, (Signal, SpecMap)):
        maps = {"": _as_map(result.output)}
    if len(maps) == 1:
        [(title, spec)] = maps.items()
        drawn: Any = plot_map(spec, title=title, max_freq=result.max_freq)
    else:
        doubtful = [title for title, spec in maps.items() if spec.uncertainty_db is not None]
        drawn = plot_comparison(
            maps, difference=result.difference, max_freq=result.max_freq,
            uncertainty=doubtful[0] if doubtful and not result.difference else None,
        )  # fmt: skip
    save_figure(drawn, path, overwrite=overwrite)


def _as_map(output: Signal | SpecMap) -> SpecMap:
    return spectrogram(output) if isinstance(output, Signal) else output


def levels_line(output: Signal | SpecMap | np.ndarray | Written) -> tuple[str, ...]:
    """Say what the levels of a result are and refer to; an image has none."""
    if isinstance(output, Written):
        return (output.levels,)
    if isinstance(output, np.ndarray):
        return ()
    if isinstance(output, SpecMap):
        return (f"levels in {output.grid.level_label}",)
    levels = ", ".join(f"{level:.1f}" for level in output.level())
    return (f"overall {levels} dB {reference_label(output.unit)}",)
