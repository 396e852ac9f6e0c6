"""Which model does a job: one that is named, or the bundled one for the pair."""

from __future__ import annotations

import functools
from pathlib import Path

from safetensors import SafetensorError, safe_open

from specsr.errors import SpecsrError
from specsr.models.description import (
    FLOATS,
    check_tensors,
    check_values,
    checked_config,
)
from specsr.models.model import Model, read_info
from specsr.models.network import build


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


BUNDLED = Path(__file__).parent / "bundled"


def load_model(source: str | Path) -> Model:
    """Return the model in a file, or a bundled one by its name.

    Raises:
        SpecsrError: no such name or file, not a specsr model, sizes beyond any that make sense, or
            weights that are not finite or not those of the network the file describes (which is
            found out before it is built).
    """
    path = Path(source)
    if path.suffix != ".safetensors":
        path = BUNDLED / f"{source}.safetensors"
        if not path.is_file():
            names = ", ".join(bundled_models()) or "none"
            raise SpecsrError(
                f"{source}: no bundled model of this name (there are: {names}) "
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
                    raise SpecsrError(f"{name} is {head.get_dtype()}: expected {FLOATS}")
            tensors = {name: file.get_tensor(name) for name in heads}
        check_values(tensors)
        net = build(config)
        net.load_state_dict(tensors)
    except SpecsrError as error:
        raise SpecsrError(f"{path}: {error}") from None
    except (OSError, RuntimeError, SafetensorError) as error:
        raise SpecsrError(f"{path}: the model file is damaged ({error})") from None
    return Model(
        info["name"], net.eval(), info["pair"], tuple(info["grids"]),
        tuple(info["rates"]), info["db_range"], info["record"],
    )  # fmt: skip


def bundled_models() -> list[str]:
    """Names of the models that come with the package."""
    return sorted(path.stem for path in BUNDLED.glob("*.safetensors"))


def bundled_for(pair: str, scale: tuple[int, int]) -> list[str]:
    """Names of the bundled models for a pair, best choice first.

    Those that have the scale come before the others, and those for one scale before those for
    several.
    """

    def rank(name: str) -> tuple[bool, int]:
        config = infos[name]["config"]
        scales = config.get("scales") or [config["scale"]]
        return list(scale) not in scales, len(scales)

    infos = {name: read_info(BUNDLED / f"{name}.safetensors") for name in bundled_models()}
    return sorted((name for name in infos if infos[name]["pair"] == pair), key=rank)


def model_file(model: str | None, pair: str, scale: tuple[int, int]) -> Path | None:
    """Return the file that a model's name stands for; with None, of the bundled one for a pair.

    The file need not exist; None where no bundled model is for the pair.
    """
    name = model or _best_bundled(pair, scale)
    if name is None or Path(name).suffix:
        return None if name is None else Path(name)
    return BUNDLED / f"{name}.safetensors"


@functools.lru_cache(maxsize=32)
def _best_bundled(pair: str, scale: tuple[int, int]) -> str | None:
    return next(iter(bundled_for(pair, scale)), None)
