"""Plan of a job: the outputs of every input, checked before any work; and how they are saved."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import numpy as np

from specsr import io
from specsr.choices import FIGURES, IMAGE_SUFFIXES, Phase
from specsr.errors import SpecsrError
from specsr.io.atomic import check_outputs
from specsr.io.image import find_images, image_suffix, write_image
from specsr.jobs.options import Batch, Figure
from specsr.maps.spec_map import SpecMap
from specsr.maps.transform import spectrogram
from specsr.signal import Signal
from specsr.units import reference_label

_KNOWN = tuple(dict.fromkeys([*io.WRITERS, *io.MAP_SUFFIXES, *FIGURES]))
"""Suffixes of all outputs but images."""


@dataclass(frozen=True)
class Written:
    """Stands for a recording or map that is already written.

    Attributes:
        levels: note on its levels.
    """

    levels: str


@dataclass(frozen=True, eq=False)
class Result:
    """Result of a job for one input.

    Attributes:
        output: recording, map or image (pixels), or that it is already written.
        maps: maps shown side by side in a figure, by title.
        difference: titles of two of them whose difference is shown too.
        notes: lines for the user: which parts are measured, which are estimated.
        figure: options of a figure.
        profile: ICC colour profile of an image.
        channel: name of the channel in a figure, if the maps hold one of several.
        spec: map of a recording, for outputs that are maps; None to compute it by the defaults.
    """

    output: Signal | SpecMap | np.ndarray | Written
    maps: dict[str, SpecMap] = field(default_factory=dict)
    difference: tuple[str, str] | None = None
    notes: tuple[str, ...] = ()
    figure: Figure = Figure()
    profile: bytes | None = None
    channel: str = ""
    spec: SpecMap | None = None


@dataclass(frozen=True)
class Plan:
    """Inputs and outputs of a job.

    Attributes:
        files: every input with its outputs.
        folder: output folder, which holds the manifest; None if the outputs are named files.
    """

    files: tuple[tuple[Path, tuple[Path, ...]], ...]
    folder: Path | None


def plan(
    inputs: Sequence[Path],
    outputs: Sequence[Path],
    suffix: str | None,
    batch: Batch,
    images: bool = False,
    read: Sequence[Path] = (),
) -> Plan:
    """Return the outputs of every input file, after a check that they may be written.

    One input file is written to the outputs as they are named.  Folders, or several inputs, need
    one output folder; every file keeps its relative path there.  An output folder inside an input
    folder is left out of the inputs.

    Args:
        inputs: files and folders.
        outputs: files, or one folder.
        suffix: of the files in an output folder, with or without its dot; None keeps that of the
            input.
        batch: with ``resume`` existing outputs are checked later, by `specsr.jobs.run.run`.
        images: whether inputs and outputs are images rather than recordings and maps.
        read: other files that the job reads: tables, models, a calibrator tone.

    Raises:
        SpecsrError: nothing to read, several outputs for several inputs, an unknown suffix, an
            output that exists (without ``overwrite``), that is named twice, that two inputs share
            or that the job reads, or ``resume`` or ``cluster`` without an output folder.
    """
    suffix = None if suffix is None else _suffix(suffix, images)
    single = len(inputs) == 1 and inputs[0].is_file()
    into_folder = len(outputs) == 1 and (outputs[0].is_dir() or not outputs[0].suffix)
    without = outputs[0] if into_folder else None
    files = find_images(inputs, without) if images else io.find_inputs(inputs, without)
    if single and not into_folder:
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
    _check(jobs, batch, images, read)
    return Plan(tuple(jobs), outputs[0] if into_folder else None)


def _check(
    jobs: Sequence[tuple[Path, tuple[Path, ...]]], batch: Batch, images: bool, read: Sequence[Path]
) -> None:
    """Raise `SpecsrError` for an output that may not be written."""
    taken: dict[str, Path] = {}
    for file, targets in jobs:
        for target in targets:
            (image_suffix if images else kind_of)(target)
            other = taken.setdefault(os.path.realpath(target), file)
            if other != file:
                raise SpecsrError(f"{target}: both {other} and {file} would be written there")
    check_outputs(
        [target for _, targets in jobs for target in targets],
        [*(file for file, _ in jobs), *read],
        batch.overwrite or batch.resume,
    )


def _suffix(text: str, images: bool) -> str:
    """Return the suffix of a writable format with its dot, which the text may leave out.

    Raises:
        SpecsrError: the text names no such format.
    """
    known = IMAGE_SUFFIXES if images else _KNOWN
    found = text if text.startswith(".") else f".{text}"
    if found.lower() not in known:
        raise SpecsrError(f"--suffix is {text!r}: expected one of {', '.join(known)}")
    return found


def kind_of(path: Path) -> Literal["figure", "map", "recording", "either"]:
    """Return the kind of file that a suffix stands for.

    ``either`` is a map or a recording, whichever the result is; the suffixes ``.npz`` and ``.h5``
    always mean a map.

    Raises:
        SpecsrError: an unknown suffix.
    """
    suffix = path.suffix.lower()
    if suffix in FIGURES:
        return "figure"
    if suffix in io.MAP_SUFFIXES:
        return "map"
    if suffix in io.WRITERS:
        return "either" if suffix in io.MAPS else "recording"
    raise SpecsrError(
        f"{path}: cannot write {suffix or 'a file without a suffix'}: expected {', '.join(_KNOWN)}"
    )


def has_figure(targets: Sequence[Path]) -> bool:
    """Whether one of the outputs is a figure, for which maps are needed."""
    return any(kind_of(target) == "figure" for target in targets)


def save(path: Path, result: Result, overwrite: bool, phase: Phase, device: str) -> None:
    """Write a result as the kind of file that the suffix stands for: recording, map or figure.

    ``phase`` and ``device`` are those of `to_signal`, for a recording that is written from a map.
    """
    output = result.output
    if isinstance(output, np.ndarray):
        write_image(path, output, profile=result.profile, overwrite=overwrite)
        return
    kind = kind_of(path)
    if kind == "figure":
        _draw(path, result, overwrite)
    elif isinstance(output, Written):
        return
    elif kind == "map" or (kind == "either" and isinstance(output, SpecMap)):
        io.write_map(path, result.spec or _as_map(output), overwrite=overwrite)
    else:
        from specsr.maps.phase import to_signal  # imports torch: a refusal of a plan does not

        signal = output if isinstance(output, Signal) else to_signal(output, phase, device=device)
        io.write(path, signal, overwrite=overwrite)


def _draw(path: Path, result: Result, overwrite: bool) -> None:
    from specsr.plots.comparison import plot_comparison
    from specsr.plots.maps import plot_map
    from specsr.plots.save import save_figure

    maps, figure = result.maps, result.figure
    if not maps and isinstance(result.output, (Signal, SpecMap)):
        maps = {"": _as_map(result.output)}
    several = [one_of_several(spec.channels) for spec in maps.values()]
    channel = result.channel or next(filter(None, several), "")
    if len(maps) == 1:
        [(title, spec)] = maps.items()
        title = ", ".join(filter(None, (title, channel)))
        axes = plot_map(spec, title=title, max_freq=figure.max_freq, db_range=figure.db_range)
        save_figure(axes, path, overwrite=overwrite)
        return
    estimated = [title for title, spec in maps.items() if spec.uncertainty_db is not None]
    drawn = plot_comparison(
        maps, difference=result.difference, max_freq=figure.max_freq, db_range=figure.db_range,
        uncertainty=estimated[-1] if estimated and not result.difference else None,
        suptitle=channel or None,
    )  # fmt: skip
    save_figure(drawn, path, overwrite=overwrite)


def one_of_several(channels: Sequence[str]) -> str:
    """Return the name of the first of several channels, which a figure shows; empty for one."""
    return channels[0] if len(channels) > 1 else ""


def _as_map(output: Signal | SpecMap) -> SpecMap:
    return spectrogram(output) if isinstance(output, Signal) else output


def levels_line(output: Signal | SpecMap | np.ndarray | Written) -> tuple[str, ...]:
    """Return a note on the levels of a result and their reference; none for an image."""
    if isinstance(output, Written):
        return (output.levels,)
    if isinstance(output, np.ndarray):
        return ()
    if isinstance(output, SpecMap):
        return (f"levels in {output.grid.level_label}",)
    levels = ", ".join(f"{level:.1f}" for level in output.level())
    return (f"overall {levels} dB {reference_label(output.unit)}",)
