"""Images."""

from __future__ import annotations

import dataclasses
import functools
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from specsr.choices import Phase
from specsr.images.upscale import image_model, upscale_image
from specsr.io.image import read_image
from specsr.jobs.plan import Result
from specsr.jobs.task import Task, _absolute
from specsr.models.bundled import model_file
from specsr.models.model import Model
from specsr.models.options import InferOptions


@dataclass(frozen=True)
class Enlarge:
    """Pictures super-resolved; the fields are the options of ``upscale``."""

    scale: int = 2
    model: str | None = None
    options: InferOptions = InferOptions()
    phase: Phase = "auto"
    command: ClassVar[str] = "upscale"

    def __call__(self, task: Task) -> Result:
        """Return the larger picture."""
        fine = upscale_image(
            read_image(task.file), self.scale, model=_image_model(self.model, self.scale),
            options=self.options, progress=task.progress,
        )  # fmt: skip
        return Result(fine, notes=(f"{fine.shape[1]} x {fine.shape[0]} pixels",))

    def model_file(self, file: Path) -> Path | None:
        """Return the file of the model."""
        return model_file(self.model, "image", (self.scale, self.scale))

    def absolute(self) -> Enlarge:
        """The same with a model file named from the root."""
        return dataclasses.replace(self, model=_absolute(self.model))


@functools.lru_cache(maxsize=4)
def _image_model(model: str | None, scale: int) -> Model:
    """A model for images; those of other programs take a while to be turned into specsr's."""
    return image_model(model, scale)
