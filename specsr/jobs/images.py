"""The job of ``upscale`` on images: one image file made larger."""

from __future__ import annotations

import dataclasses
import functools
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from specsr.choices import SCALE
from specsr.images.upscale import image_model, upscale_image
from specsr.io.image import read_image
from specsr.io.image_tags import PROFILE_SUFFIXES, read_tags
from specsr.jobs.manifest import stamp
from specsr.jobs.plan import Result
from specsr.jobs.task import Task, Work, absolute_model
from specsr.models.bundled import model_file
from specsr.models.model import Model
from specsr.models.options import InferOptions


@dataclass(frozen=True)
class Enlarge(Work):
    """Super-resolution of images.

    Attributes:
        scale: factor of width and height.
        model: name or file of an image model; None for the bundled one.
        options: how the network is run.
    """

    scale: int = SCALE
    model: str | None = None
    options: InferOptions = InferOptions()
    command: ClassVar[str] = "upscale"

    def __call__(self, task: Task) -> Result:
        """Return the larger image."""
        file = self.model_file(task.file)
        version = None if file is None else tuple(stamp(file) or ())
        model = _cached_model(self.model, self.scale, version)
        fine = upscale_image(
            read_image(task.file), self.scale, model=model, options=self.options,
            progress=task.progress,
        )  # fmt: skip
        tags = read_tags(task.file)
        notes = [f"{fine.shape[1]} x {fine.shape[0]} pixels", *tags.notes]
        if tags.profile and any(t.suffix.lower() not in PROFILE_SUFFIXES for t in task.targets):
            notes.append("BMP holds no colour profile: use .png to keep it")
        return Result(fine, notes=tuple(notes), profile=tags.profile)

    def model_file(self, file: Path) -> Path | None:
        """Return the file of the model."""
        return model_file(self.model, "image", (self.scale, self.scale))

    def absolute(self) -> Enlarge:
        """Return the work with the absolute path of a model file."""
        return dataclasses.replace(self, model=absolute_model(self.model))


@functools.lru_cache(maxsize=4)
def _cached_model(model: str | None, scale: int, version: tuple[int, ...] | None) -> Model:
    """Return a model for images; converting one of another program takes seconds.

    ``version`` is the stamp of its file: a worker of a cluster outlives a job, and a model file
    may be replaced meanwhile.
    """
    return image_model(model, scale)
