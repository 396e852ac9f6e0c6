"""The commands that work on images: upscale (of pictures), benchmark images, convert."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import typer

from specsr.cli.options import bar, complain, say
from specsr.errors import SpecsrError
from specsr.jobs.options import Batch


def all_images(inputs: list[Path]) -> bool:
    """Whether every input is a picture, or a folder that holds pictures and no recordings."""
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
    inputs: list[Path], out: list[Path], scale: int, model: str | None, suffix: str | None,
    options: Any, batch: Batch, foreign: list[str],
) -> None:  # fmt: skip
    """Enlarge pictures; ``foreign`` names options given that have no meaning for them."""
    from specsr.images.upscale import image_model
    from specsr.jobs import plan as jobs
    from specsr.jobs.images import Enlarge
    from specsr.jobs.run import run

    if foreign:
        raise SpecsrError(f"{', '.join(foreign)}: for sound, not for pictures: leave it out")
    todo = jobs.plan(inputs, out, suffix, batch, images=True)
    image_model(model, scale)  # a wrong one is a mistake of the command, not of every file
    if run(todo, Enlarge(scale, model, options), batch, say, complain, bar):
        raise typer.Exit(1)
