"""The job of ``denoise``: one recording or map without its noise."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

from specsr import io
from specsr.choices import MAX_ATTENUATION, DenoiseMethod
from specsr.enhance.denoise import denoise, denoise_pieces
from specsr.enhance.expected import PAIR
from specsr.enhance.orders import keep_orders
from specsr.errors import SpecsrError
from specsr.jobs.inputs import load, load_recording
from specsr.jobs.long_files import Panel, long_recording, write_pieces
from specsr.jobs.options import Figure, Reading, Speed
from specsr.jobs.plan import Result, has_figure
from specsr.jobs.task import Task, Work, absolute_model, absolute_speed, speed_tables
from specsr.maps.spec_map import SpecMap
from specsr.maps.transform import SpectrogramTransform, spectrogram
from specsr.models.bundled import model_file
from specsr.models.options import InferOptions
from specsr.signal import Signal

TITLES = ("denoised", "noisy")
"""Titles of the maps in a figure; their difference is shown too."""


@dataclass(frozen=True)
class Denoise(Work):
    """Noise reduction of recordings and maps.

    Attributes:
        reading: channels and calibration of recordings.
        method: see `specsr.denoise`.
        model: name or file of a model; None for the bundled one.
        attenuation: largest attenuation of a cell, dB.
        orders: keep only components that track the machine speed, without a model.
        speed: source of the machine speed, for ``orders``.
        figure: options of the figures.
        options: how the network is run; with ``orders`` only ``segment`` applies.
    """

    reading: Reading
    method: DenoiseMethod = "network"
    model: str | None = None
    attenuation: float = MAX_ATTENUATION
    orders: bool = False
    speed: Speed = Speed()
    figure: Figure = Figure()
    options: InferOptions = InferOptions()
    command: ClassVar[str] = "denoise"

    def __call__(self, task: Task) -> Result:
        """Return the denoised recording or map; a long recording is written by segments."""
        if self.orders:
            return self._orders(task)
        if self.speed.given:
            raise SpecsrError(
                "--rpm, --rpm-channel and --tacho-channel have no effect without --orders: add "
                "--orders, or leave them out"
            )
        path = task.file
        shared: dict[str, Any] = {
            "method": self.method, "model": self.model, "attenuation": self.attenuation,
            "options": self.options, "progress": task.progress,
        }  # fmt: skip
        with long_recording(path, task.targets, self.reading, self.options.segment) as long:
            if long is not None:
                transform = SpectrogramTransform()
                panels = [Panel("noisy", transform, of_input=True), Panel("denoised", transform)]
                pieces = denoise_pieces(long, **shared)
                result = write_pieces(long, pieces, task, transform, panels=panels)
                return dataclasses.replace(result, difference=TITLES, figure=self.figure)
        noisy: Any = load(path, self.reading)
        return self._result(task, noisy, denoise(noisy, **shared))

    def _orders(self, task: Task) -> Result:
        """Return the components of a recording that track the speed."""
        if io.is_map(task.file):
            raise SpecsrError("--orders needs a recording: the phase of a map is not tracked")
        if self.model is not None or self.method != "network":
            raise SpecsrError("--orders uses no model: leave out --model and --method")
        if self.attenuation != MAX_ATTENUATION or self.options.ensemble:
            raise SpecsrError(
                "--attenuation and --ensemble are for models: leave them out with --orders"
            )
        noisy = load_recording(task.file, self.reading, self.speed)
        return self._result(task, noisy, keep_orders(noisy, self.options.segment, task.progress))

    def _result(self, task: Task, noisy: Signal | SpecMap, clean: Signal | SpecMap) -> Result:
        maps = {}
        if has_figure(task.targets):
            maps = {
                title: spectrogram(x) if isinstance(x, Signal) else x
                for title, x in (("noisy", noisy), ("denoised", clean))
            }
        return Result(clean, maps, TITLES if maps else None, figure=self.figure)

    def model_file(self, file: Path) -> Path | None:
        """Return the file of the model; None with ``orders``."""
        pair = PAIR if self.method == "floor" else "denoise"
        return None if self.orders else model_file(self.model, pair, (1, 1))

    def tables(self) -> tuple[Path, ...]:
        """Return the table of the speed, if one is given."""
        return speed_tables(self.speed)

    def absolute(self) -> Denoise:
        """Return the work with absolute paths of model file and table."""
        return dataclasses.replace(
            self, model=absolute_model(self.model), speed=absolute_speed(self.speed)
        )
