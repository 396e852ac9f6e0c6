"""``specsr upscale`` for images."""

from __future__ import annotations

from pathlib import Path

from specsr.cli.output import files_read, run_job
from specsr.errors import SpecsrError
from specsr.jobs.options import Batch
from specsr.models.options import InferOptions


def all_images(inputs: list[Path]) -> bool:
    """Whether every input is an image, or a folder with images and without recordings."""
    from specsr import io
    from specsr.io.image import find_images, is_image

    def images_only(path: Path) -> bool:
        if not path.is_dir():
            return is_image(path)
        try:
            find_images([path])
        except SpecsrError:
            return False
        try:
            io.find_inputs([path])
        except SpecsrError:
            return True
        return False

    return all(images_only(path) for path in inputs)


def upscale_images(
    inputs: list[Path],
    out: list[Path],
    scale: int,
    model: str | None,
    suffix: str | None,
    network: InferOptions,
    batch: Batch,
) -> None:
    """Enlarge images ``scale`` times.

    Raises:
        SpecsrError: a model that does not exist or fit, or outputs that may not be written.
    """
    from specsr.jobs.plan import plan

    todo = plan(inputs, out, suffix, batch, images=True, read=files_read(model))
    from specsr.images.upscale import image_model  # imports torch, after the checks
    from specsr.jobs.images import Enlarge

    image_model(model, scale)  # an unknown model is one error of the command, not one per file
    run_job(todo, Enlarge(scale, model, network), batch)
