"""Denoise."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

from specsr import io
from specsr.choices import MAX_ATTENUATION, Phase
from specsr.enhance.denoise import denoise, denoise_pieces
from specsr.enhance.orders import keep_orders
from specsr.errors import SpecsrError
from specsr.jobs.long_files import Panel, long_recording, write_pieces
from specsr.jobs.options import Reading
from specsr.jobs.plan import Result, has_picture
from specsr.jobs.task import Task, _absolute, _absolute_path, _with_rpm
from specsr.maps.transform import SpectrogramTransform, spectrogram
from specsr.models.bundled import model_file
from specsr.models.options import InferOptions


@dataclass(frozen=True)
class Denoise:
    """Noise taken out of recordings and maps; the fields are the options of the command."""

    reading: Reading
    model: str | None = None
    attenuation: float = MAX_ATTENUATION
    max_freq: float | None = None
    options: InferOptions = InferOptions()
    orders: bool = False
    rpm: Path | None = None
    phase: Phase = "auto"
    command: ClassVar[str] = "denoise"

    def __call__(self, task: Task) -> Result:
        """Return the denoised recording or map; a long recording is written as it is made."""
        path, titles = task.file, ("denoised", "noisy")
        if self.rpm is not None and not self.orders:
            raise SpecsrError("--rpm is the speed that --orders keeps lines by: give both")
        if self.orders:
            return self._orders(task, titles)
        shared: dict[str, Any] = {
            "model": self.model, "attenuation": self.attenuation, "options": self.options,
            "progress": task.progress,
        }  # fmt: skip
        with long_recording(path, task.targets, self.reading, self.options.segment) as long:
            if long is not None:
                transform = SpectrogramTransform()
                panels = [Panel("noisy", transform, of_input=True), Panel("denoised", transform)]
                result = write_pieces(
                    long, denoise_pieces(long, **shared), task.targets, transform,
                    task.overwrite, panels=panels,
                )  # fmt: skip
                return dataclasses.replace(result, difference=titles, max_freq=self.max_freq)
        noisy: Any = io.read_map(path) if io.is_map(path) else self.reading.read(path)
        clean = denoise(noisy, **shared)
        if not has_picture(task.targets):
            return Result(clean)
        noisy, shown = (x if io.is_map(path) else spectrogram(x) for x in (noisy, clean))
        return Result(clean, {"noisy": noisy, "denoised": shown}, titles, max_freq=self.max_freq)

    def _orders(self, task: Task, titles: tuple[str, str]) -> Result:
        """Return what of a recording follows the speed."""
        path = task.file
        if io.is_map(path):
            raise SpecsrError("--orders works on a recording: a map has no phase to follow")
        if self.model is not None:
            raise SpecsrError("--orders goes by the speed and uses no model: leave --model out")
        if self.attenuation != MAX_ATTENUATION or self.options.ensemble:
            raise SpecsrError(
                "--attenuation and --ensemble are for models: leave out with --orders"
            )
        noisy = _with_rpm(self.reading.read(path), self.rpm)
        clean = keep_orders(noisy, self.options.segment, task.progress)
        if not has_picture(task.targets):
            return Result(clean)
        shown = [spectrogram(x) for x in (noisy, clean)]
        return Result(clean, {"noisy": shown[0], "denoised": shown[1]}, titles,
                      max_freq=self.max_freq)  # fmt: skip

    def model_file(self, file: Path) -> Path | None:
        """Return the file of the model, if one is used."""
        return None if self.orders else model_file(self.model, "denoise", (1, 1))

    def absolute(self) -> Denoise:
        """The same with files named from the root."""
        return dataclasses.replace(self, model=_absolute(self.model), rpm=_absolute_path(self.rpm))
