"""Models by name: the files that come with the package, loading, and the default for a pair."""

from __future__ import annotations

import functools
from pathlib import Path
from typing import Any

from safetensors import SafetensorError, safe_open

from specsr.choices import BICUBIC, NOISE_FILL
from specsr.errors import SpecsrError
from specsr.models.description import (
    FLOATS,
    Analysis,
    check_tensors,
    check_values,
    checked_config,
)
from specsr.models.model import SUFFIXES, Model, read_info
from specsr.models.network import build
from specsr.models.record import plain

BUNDLED = Path(__file__).parent / "bundled"
"""Folder of the bundled model files."""


def bundled_models() -> list[str]:
    """Return the names of the bundled models.

    Example:
        >>> "map" in specsr.bundled_models()
        True
    """
    return sorted(path.stem for path in BUNDLED.glob("*.safetensors"))


def bundled_info() -> dict[str, dict[str, Any]]:
    """Return name -> description of every bundled model, as `read_info`; not to be changed."""
    return {name: _info(*_version(model_path(name))) for name in bundled_models()}


def bundled_for(pair: str, scale: tuple[int, int]) -> list[str]:
    """Return the names of the bundled models for a pair, best choice first.

    Models with the scale come before the others; models for one scale before those for several.
    """

    def rank(name: str) -> tuple[bool, int]:
        config = infos[name]["config"]
        scales = config.get("scales") or [config["scale"]]
        return list(scale) not in scales, len(scales)

    infos = bundled_info()
    return sorted((name for name in infos if infos[name]["pair"] == pair), key=rank)


def model_path(model: str | Path) -> Path:
    """Return the file of a model: a path with one of `SUFFIXES` as it is, else a bundled name.

    The file need not exist.
    """
    path = Path(model)
    return path if path.suffix.lower() in SUFFIXES else BUNDLED / f"{model}.safetensors"


def model_file(model: str | Path | None, pair: str, scale: tuple[int, int]) -> Path | None:
    """Return `model_path` of a model, or for None that of the bundled default for a pair.

    None where no bundled model is for the pair, and for methods without a network.
    """
    if model in (BICUBIC, NOISE_FILL):
        return None
    name = model or next(iter(bundled_for(pair, scale)), None)
    return None if name is None else model_path(name)


def find_model(model: str | Path | Model | None, pair: str, scale: tuple[int, int]) -> Model:
    """Return a model for a pair and scale.

    Args:
        model: file, bundled name or loaded model; None for the bundled default.
        pair: kind of pair, see `specsr.pairs.pair.Pair`.
        scale: (s_f, s_t).

    Raises:
        SpecsrError: no model for the pair, or the given one is for another pair or scale; see also
            `load_model`.
    """
    if isinstance(model, Model):
        found = model
    elif model == BICUBIC:
        raise SpecsrError(
            f"model {BICUBIC!r} is for maps of cell means (pair 'pool'), not for the pair "
            f"{pair!r}: leave it out, or name a model"
        )
    elif model == NOISE_FILL:
        raise SpecsrError(
            f"model {NOISE_FILL!r} is for recordings (pair 'band'), not for the pair {pair!r}: "
            "leave it out, or name a model"
        )
    else:
        path = model_file(model, pair, scale)
        if path is None:
            raise SpecsrError(
                f"no bundled model for the pair {pair!r}: train one (configs/ has {pair}.yaml) and "
                "name it with model=FILE (--model FILE)"
            )
        found = _cached(*_version(path)) if path.is_file() else load_model(str(model))
    if found.pair != pair:
        raise SpecsrError(
            f"model {found.name} was trained for the pair {found.pair!r}, not {pair!r}: choose "
            "another model or pair"
        )
    if tuple(scale) not in [tuple(s) for s in found.net.scales]:
        scales = ", ".join(f"{a}x{b}" if a != b else str(a) for a, b in found.net.scales)
        raise SpecsrError(f"model {found.name} has scale {scales}, not {scale[0]}x{scale[1]}")
    return found


def load_model(source: str | Path) -> Model:
    """Return the model in a file, or a bundled one by its name.

    All sizes are checked before the network is built, see `specsr.models.description`.

    Raises:
        SpecsrError: no such name or file, not a specsr model, sizes beyond their limits, or
            weights that are not finite or do not fit the network that the file describes.

    Example:
        >>> model = specsr.load_model("map")
        >>> model.pair, model.net.scales
        ('pool', ((2, 2), (3, 3), (4, 4)))
    """
    path = Path(source)
    if path.suffix != ".safetensors":
        path = BUNDLED / f"{source}.safetensors"
        if not path.is_file():
            names = ", ".join(bundled_models()) or "none"
            raise SpecsrError(
                f"{source}: no bundled model of this name (available: {names}) "
                "and not a .safetensors file"
            )
    info = read_info(path)
    try:
        config = checked_config(info["architecture"], info["config"])
        with safe_open(path, framework="pt") as file:
            heads = {name: file.get_slice(name) for name in file.keys()}  # noqa: SIM118
            check_tensors(config, {k: tuple(v.get_shape()) for k, v in heads.items()})
            for name, head in heads.items():
                counts = name.endswith(".num_batches_tracked")
                if head.get_dtype() not in ((*FLOATS, "I64") if counts else FLOATS):
                    raise SpecsrError(
                        f"{plain(name)[:200]} is {head.get_dtype()}: expected {', '.join(FLOATS)}"
                    )
            tensors = {name: file.get_tensor(name) for name in heads}
        check_values(tensors)
        net = build(config)
        net.load_state_dict(tensors)
    except SpecsrError as error:
        raise SpecsrError(f"{path}: {error}") from None
    except (OSError, RuntimeError, SafetensorError) as error:
        raise SpecsrError(f"{path}: the model file is damaged ({error})") from None
    grids = tuple(Analysis(**grid) for grid in info["grids"])
    return Model(
        info["name"], net.eval(), info["pair"], grids, tuple(info["rates"]), info["db_range"],
        info["record"],
    )  # fmt: skip


def _version(path: Path) -> tuple[Path, int, int]:
    """Return a file's path, modification time in ns and size in bytes: the key of the caches."""
    state = path.stat()
    return path, state.st_mtime_ns, state.st_size


@functools.lru_cache(maxsize=64)
def _info(path: Path, mtime_ns: int, size: int) -> dict[str, Any]:
    return read_info(path)


@functools.lru_cache(maxsize=4)
def _cached(path: Path, mtime_ns: int, size: int) -> Model:
    return load_model(path)
