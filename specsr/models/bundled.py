"""Which model does a job: one that is named, or the bundled one for the pair."""

from __future__ import annotations

import functools
from pathlib import Path

from .errors import SpecsrError
from .weights import Model, bundled_for, load_model


@functools.lru_cache(maxsize=4)
def _load(source: str) -> Model:
    return load_model(source)


def find_model(model: str | Path | Model | None, pair: str, scale: tuple[int, int]) -> Model:
    """Return a model given by file, name or itself; None finds a bundled one for the pair.

    Raises:
        SpecsrError: none fits, or the one given was made for another pair or scale.
    """
    if isinstance(model, Model):
        found = model
    elif model is not None:
        found = _load(str(model))
    else:
        names = bundled_for(pair, scale)
        if not names:
            raise SpecsrError(
                f"no bundled model for the pair {pair!r}: train one (configs/ has {pair}.yaml) and "
                "name it with model=FILE (--model FILE)"
            )
        found = _load(names[0])
    if found.pair != pair:
        raise SpecsrError(
            f"model {found.name} was trained for the pair {found.pair!r}, not {pair!r}: choose "
            "another model or pair"
        )
    if tuple(scale) not in [tuple(s) for s in found.net.scales]:
        scales = ", ".join(f"{a}x{b}" if a != b else str(a) for a, b in found.net.scales)
        raise SpecsrError(f"model {found.name} has scale {scales}, not {scale[0]}x{scale[1]}")
    return found
