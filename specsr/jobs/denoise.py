"""The job of ``denoise``: one recording or map without its noise."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Callable, Generator
from contextlib import ExitStack, nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from specsr import io
from specsr.choices import MAX_ATTENUATION, DenoiseMethod, Keep, check
from specsr.enhance.denoise import denoise, denoise_pieces
from specsr.enhance.denoised_uncertainty import ColumnUncertainty, with_uncertainty
from specsr.enhance.expected import PAIR as EXPECTED
from specsr.enhance.impacts import impact_pieces, keep_impacts
from specsr.enhance.known_noise import PAIR as NOISE
from specsr.enhance.known_noise import KnownNoise
from specsr.enhance.low_lines import restrained_orders
from specsr.enhance.measured_columns import whole_grid
from specsr.enhance.noise_pieces import noise_pieces
from specsr.enhance.noise_profile import Noise
from specsr.enhance.orders import keep_orders
from specsr.enhance.segments import join
from specsr.errors import SpecsrError
from specsr.io import stream
from specsr.jobs.denoise_inputs import known_noise, opened, with_carrier
from specsr.jobs.inputs import check_turning, load, load_recording
from specsr.jobs.long_files import Panel, long_recording, write_pieces
from specsr.jobs.options import Figure, NoiseSource, Reading, Speed, carrier_hz
from specsr.jobs.plan import Result, has_figure, kind_of
from specsr.jobs.task import Task, Work, absolute_model, absolute_speed, speed_tables
from specsr.maps.device import pick_device
from specsr.maps.phase import to_signal
from specsr.maps.spec_map import SpecMap
from specsr.maps.transform import SpectrogramTransform, spectrogram
from specsr.models.bundled import find_model, model_file
from specsr.models.options import InferOptions
from specsr.signal import Signal, Source

TITLES = ("denoised", "noisy")
"""Titles of the maps in a figure; their difference is shown too."""


@dataclass(frozen=True)
class Denoise(Work):
    """Noise reduction of recordings and maps.

    Attributes:
        reading: channels and calibration of recordings, also of the noise.
        method: see `specsr.denoise`.
        model: name or file of a model; None for the bundled one.
        attenuation: largest attenuation of a cell, dB.
        orders: keep components that track the machine speed, without a model.
        strict: also remove what is no noise by its distribution (`specsr.enhance.restraint`).
        speed: source of the machine speed, for ``orders``.
        noise: where the noise is recorded alone; replaces ``method``.
        removed: audio file of what was taken, of one recording; None for no such file.
        figure: options of the figures.
        options: how the network is run; with ``orders`` only ``segment`` applies.
        carrier: frequency in Hz of a carrier, or the channel that holds it: with ``orders``, lines
            at it +- k orders are kept; None for none.
        keep: what of a recording is left as measured; None for nothing.
    """

    reading: Reading
    method: DenoiseMethod = "network"
    model: str | None = None
    attenuation: float = MAX_ATTENUATION
    orders: bool = False
    strict: bool = False
    speed: Speed = Speed()
    noise: NoiseSource = NoiseSource()
    removed: Path | None = field(default=None, metadata={"recorded": False})
    figure: Figure = Figure()
    options: InferOptions = InferOptions()
    carrier: str | None = None
    keep: Keep | None = None
    command: ClassVar[str] = "denoise"

    def check(self) -> None:
        """Check the options before any file is read."""
        check(self.method, DenoiseMethod, "method")
        if not self.attenuation >= 0:
            raise SpecsrError(f"attenuation is {self.attenuation} dB: expected zero or more")
        if self.keep is not None:
            check(self.keep, Keep, "keep")
        if self.orders:
            self._check_orders()
            return
        if self.carrier is not None:
            raise SpecsrError("--carrier has no effect without --orders: add it, or leave it out")
        if self.strict and self.noise.given:
            raise SpecsrError(
                "--strict: for methods without --noise and --noise-from: leave it out"
            )
        if self.speed.given:
            raise SpecsrError(
                "--rpm, --rpm-channel and --tacho-channel have no effect without --orders: add "
                "--orders, or leave them out"
            )
        if self.noise.given and self.method != "network":
            raise SpecsrError(
                "--noise and --noise-from have a method of their own: leave out --method"
            )
        pick_device(self.options.device)
        find_model(self.model, self._pair, (1, 1))

    def _check_orders(self) -> None:
        """Raise `SpecsrError` for options that have no effect with ``orders``."""
        if self.model is not None or self.method != "network":
            raise SpecsrError("--orders uses no model: leave out --model and --method")
        if self.carrier is not None:
            carrier_hz(self.carrier)
        if self.noise.given:
            raise SpecsrError("--orders needs no noise: leave out --noise and --noise-from")
        if self.attenuation != MAX_ATTENUATION or self.options.ensemble:
            raise SpecsrError(
                "--attenuation and --ensemble are for models: leave them out with --orders"
            )

    @property
    def _pair(self) -> str:
        if self.noise.given:
            return NOISE
        return EXPECTED if self.method == "floor" else "denoise"

    def __call__(self, task: Task) -> Result:
        """Return the denoised recording or map; a long recording is written by segments."""
        self.check()
        if self.orders:
            return self._orders(task)
        path = task.file
        if self.keep is not None and io.is_map(path):
            raise SpecsrError(f"{path}: is a map: --keep needs a recording, leave it out")
        noise = known_noise(path, self.reading, self.noise)
        segmented = long_recording(path, task.targets, self.reading, self.options.segment)
        with segmented if self.removed is None else nullcontext() as long:
            if long is not None:
                return self._long(task, long, noise)
        noisy: Any = load(path, self.reading)
        if isinstance(noisy, SpecMap):
            return self._result(task, noisy, denoise(noisy, noise=noise, **self._shared(task)))
        known = None if noise is None else KnownNoise.of(noise, noisy, self.model)
        clean = join(self._pieces(task, noisy, known))
        if self.keep is not None:
            clean = keep_impacts(noisy, clean, self.options.device)
        result = self._result(task, noisy, clean)
        if known is None or not _has_map(task):
            return result
        maps = spectrogram(clean), spectrogram(noisy)
        spec = with_uncertainty(*maps, known, self.options, task.progress)
        return dataclasses.replace(result, spec=spec)

    def _shared(self, task: Task) -> dict[str, Any]:
        """Return the arguments of `specsr.denoise` but for the noise."""
        return {
            "method": self.method, "model": self.model, "attenuation": self.attenuation,
            "options": self.options, "progress": task.progress, "strict": self.strict,
        }  # fmt: skip

    def _pieces(
        self,
        task: Task,
        noisy: Source,
        known: KnownNoise | None,
        again: Callable[[], Source] | None = None,
    ) -> Generator[Signal, None, None]:
        """Yield the result of a recording in pieces; ``again`` opens it once more."""
        if known is None:
            return denoise_pieces(noisy, **self._shared(task))
        return noise_pieces(noisy, known, self.attenuation, self.options, task.progress, again)

    def _long(self, task: Task, long: stream.Recording, noise: Noise | None) -> Result:
        """Write the result of a recording that is read in pieces."""
        transform = SpectrogramTransform()
        panels = [
            Panel("noisy", transform, "input"),
            Panel("removed", transform, "removed"),
            Panel("denoised", transform),
        ]
        with ExitStack() as stack:

            def once_more() -> Source:  # files are read from their start to their end
                return stack.enter_context(opened(task.file, self.reading))

            known = None if noise is None else KnownNoise.of(noise, long, self.model, once_more)
            follow = known is not None and bool(known.follow.any())
            pieces = self._pieces(task, long, known, once_more if follow else None)
            if self.keep is not None:
                pieces = impact_pieces(once_more(), pieces, self.options.device)
            uncertainty = None
            if known is not None and _has_map(task):
                uncertainty = ColumnUncertainty(
                    once_more(), whole_grid(transform, long), known, self.options,
                    once_more if follow else None,
                )  # fmt: skip
            result = write_pieces(
                once_more(), pieces, task, transform, panels=panels, uncertainty=uncertainty
            )
        return dataclasses.replace(result, difference=TITLES, figure=self.figure)

    def _orders(self, task: Task) -> Result:
        """Return the components of a recording that track the speed."""
        if io.is_map(task.file):
            raise SpecsrError("--orders needs a recording: the phase of a map is not tracked")
        noisy = load_recording(task.file, self.reading, self.speed)
        if noisy.rpm is not None:
            check_turning(task.file, noisy.rpm, self.speed)
        carrier: float | np.ndarray | None = None
        if self.carrier is not None:
            noisy, carrier = with_carrier(task.file, self.reading, noisy, self.carrier)
        clean = keep_orders(noisy, self.options.segment, task.progress, carrier)
        if not self.strict:
            clean = restrained_orders(noisy, clean, self.options.device)
        if self.keep is not None:
            clean = keep_impacts(noisy, clean, self.options.device)
        return self._result(task, noisy, clean)

    def _result(self, task: Task, noisy: Signal | SpecMap, clean: Signal | SpecMap) -> Result:
        maps = {}
        figure = has_figure(task.targets)
        removed = _removed(noisy, clean) if figure or self.removed is not None else None
        if figure:
            shown = {"noisy": noisy, "removed": removed, "denoised": clean}
            maps = {
                title: spectrogram(x) if isinstance(x, Signal) else x
                for title, x in shown.items()
                if x is not None
            }
        if self.removed is not None and removed is not None:
            if isinstance(removed, SpecMap):
                removed = to_signal(removed, "known")
            io.write(self.removed, removed, overwrite=task.overwrite)
        return Result(clean, maps, TITLES if maps else None, figure=self.figure)

    def model_file(self, file: Path) -> Path | None:
        """Return the file of the model; None with ``orders``."""
        return None if self.orders else model_file(self.model, self._pair, (1, 1))

    def tables(self) -> tuple[Path, ...]:
        """Return the table of the speed and the recording of the noise, if they are given."""
        return (*speed_tables(self.speed), *self.noise.files)

    def absolute(self) -> Denoise:
        """Return the work with absolute paths of model file, table and noise."""
        noise = self.noise
        for file in noise.files:
            noise = dataclasses.replace(noise, file=Path(os.path.abspath(file)))
        return dataclasses.replace(
            self, model=absolute_model(self.model), speed=absolute_speed(self.speed), noise=noise
        )


def _has_map(task: Task) -> bool:
    return any(kind_of(target) == "map" for target in task.targets)


def _removed(noisy: Signal | SpecMap, clean: Signal | SpecMap) -> Signal | SpecMap | None:
    """Return what was taken, as a recording or map; None for a map without a phase."""
    if isinstance(noisy, Signal) and isinstance(clean, Signal):
        return noisy.replace(samples=noisy.samples - clean.samples)
    if isinstance(noisy, SpecMap) and isinstance(clean, SpecMap):
        # the gains are real: magnitudes subtract
        taken = np.maximum(noisy.magnitude - clean.magnitude, 0)
        return clean.replace(magnitude=taken, uncertainty_db=None)
    return None
