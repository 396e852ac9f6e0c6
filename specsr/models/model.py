"""Model files: safetensors that carry everything needed to use them.

The header's metadata holds one JSON text under ``specsr``: format version, architecture and its
config, pair, analysis grids, level range and training record.  Loading never runs code.
"""

from __future__ import annotations

import dataclasses
import functools
import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file

from .errors import SpecsrError
from .model_file import FLOATS, FORMAT, check_tensors, check_values, checked_config, describe
from .models import EDSR, MDSR, build

BUNDLED = Path(__file__).parent / "bundled"


@dataclass(frozen=True, eq=False)
class Model:
    """A network with what it was made for.

    Attributes:
        name: short name.
        net: the module, in evaluation mode.
        pair: kind of pair it undoes.
        grids: analyses it was trained on: dicts of n_fft, hop_length, window.
        rates: lowest and highest sampling rate of its training data, Hz.
        db_range: range of levels about the own level that it was trained on, dB.  Models for the
            pair ``image`` have no grids, and zeros for rates and range.
        record: how it was trained: steps, seconds, seed, data, loss, scores.
    """

    name: str
    net: EDSR | MDSR
    pair: str
    grids: tuple[dict[str, Any], ...]
    rates: tuple[float, float]
    db_range: float
    record: dict[str, Any] = field(default_factory=dict)

    @property
    def parameters(self) -> int:
        """Number of trained parameters."""
        return sum(p.numel() for p in self.net.parameters())


def save_model(path: str | Path, model: Model, overwrite: bool = False, half: bool = False) -> None:
    """Write a model file, whole or not at all; weights in float32, or float16 with ``half``."""
    from .io.atomic import replacing

    info = {
        "format": FORMAT,
        "name": model.name,
        "architecture": "edsr" if isinstance(model.net, EDSR) else "mdsr",
        "config": dataclasses.asdict(model.net.config),
        "pair": model.pair,
        "grids": list(model.grids),
        "rates": list(model.rates),
        "db_range": model.db_range,
        "record": model.record,
    }
    dtype = torch.float16 if half else torch.float32
    state = model.net.state_dict()
    tensors = {
        # mean and std belong to the range of the data: they stay exact
        k: v.detach().to("cpu", torch.float32 if "_mean." in k else dtype).contiguous()
        for k, v in state.items()
    }
    with replacing(path, overwrite=overwrite) as [partial]:
        save_file(tensors, partial, metadata={"specsr": json.dumps(info)})
        partial.chmod(0o644)  # safetensors makes files for their owner's eyes only


def is_model_file(path: str | Path) -> bool:
    """Whether a file is a safetensors file with specsr's description."""
    try:
        with safe_open(Path(path), framework="pt") as file:
            return "specsr" in (file.metadata() or {})
    except (SafetensorError, OSError):
        return False


def read_info(path: str | Path) -> dict[str, Any]:
    """Return the JSON description in a model file without loading its weights."""
    path = Path(path)
    if not path.is_file():
        raise SpecsrError(f"{path}: no such model file; `specsr models` lists the bundled ones")
    try:
        with safe_open(path, framework="pt") as file:
            metadata = file.metadata() or {}
    except (SafetensorError, OSError) as error:
        raise SpecsrError(f"{path}: not a safetensors file ({error})") from None
    try:
        return describe(metadata.get("specsr", "{}"))
    except SpecsrError as error:
        raise SpecsrError(f"{path}: {error}") from None


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


@dataclass(frozen=True)
class Transfer:
    """What became of each tensor of a network that took over another's weights.

    Attributes:
        carried: taken over.
        widened: taken over by the first channels of a layer that takes in or puts out more of
            them: further inputs weigh nothing at first, further outputs are left as initialised.
        new: the other has none of this name; left as initialised.
        refused: name, own shape and the other's, where these differ; left as initialised.
    """

    carried: tuple[str, ...]
    widened: tuple[str, ...]
    new: tuple[str, ...]
    refused: tuple[tuple[str, tuple[int, ...], tuple[int, ...]], ...]

    def summary(self) -> str:
        """One line: how many were carried, which were not."""
        parts = [f"{len(self.carried)} tensors carried over"]
        if self.widened:
            parts.append(f"{len(self.widened)} widened ({', '.join(self.widened)})")
        if self.new:
            parts.append(f"{len(self.new)} new ({', '.join(self.new)})")
        if self.refused:
            shapes = ", ".join(f"{name} {_by(there)} for {_by(own)}" for name, own, there in
                               self.refused)  # fmt: skip
            parts.append(f"{len(self.refused)} refused for their shape ({shapes})")
        return "; ".join(parts)


def transfer(net: EDSR | MDSR, other: EDSR | MDSR) -> Transfer:
    """Copy weights by name and shape, and say which; mean and std are each network's own.

    An EDSR's upsampler and last convolution go to those of an MDSR of the same scale.

    Raises:
        SpecsrError: nothing fits.
    """
    theirs = other.state_dict()
    if isinstance(net, MDSR) and isinstance(other, EDSR):
        theirs = _as_mdsr(theirs, net, other)
    own = net.state_dict()
    carried, widened, new, refused = [], [], [], []
    for name, tensor in own.items():
        if name.startswith(("sub_mean.", "add_mean.")):
            continue
        if name not in theirs:
            new.append(name)
        elif _widens(name, tensor, theirs[name], net, other):
            first = theirs[name]
            if name.startswith("head."):
                tensor.zero_()
                tensor[:, : first.shape[1]] = first
            else:
                tensor[: first.shape[0]] = first
            widened.append(name)
        elif theirs[name].shape != tensor.shape:
            refused.append((name, tuple(tensor.shape), tuple(theirs[name].shape)))
        else:
            tensor.copy_(theirs[name])
            carried.append(name)
    if not any(own[name].dim() > 1 for name in carried):  # biases alone carry nothing
        raise SpecsrError(
            "no weight of the model to start from fits this network: choose one of its kind and "
            "width (model.n_feats), or leave train.start out"
        )
    return Transfer(tuple(carried), tuple(widened), tuple(new), tuple(refused))


def _widens(
    name: str, own: torch.Tensor, theirs: torch.Tensor, net: EDSR | MDSR, other: EDSR | MDSR
) -> bool:
    """Whether a first or last layer differs by guiding inputs or the doubt's outputs alone."""
    last = f"tail.{1 if isinstance(net, EDSR) else 0}."
    axis = {"head.0.weight": 1, f"{last}weight": 0, f"{last}bias": 0}.get(name)
    if axis is None or net.config.out_channels != other.config.out_channels:
        return False
    a, b = list(own.shape), list(theirs.shape)
    return len(a) == len(b) and a.pop(axis) > b.pop(axis) and a == b


def _as_mdsr(tensors: dict[str, torch.Tensor], net: MDSR, other: EDSR) -> dict[str, torch.Tensor]:
    """Rename an EDSR's tail to the parts of an MDSR that do the same."""
    branch = net.scales.index(other.scales[0]) if other.scales[0] in net.scales else -1
    renamed = {}
    for name, tensor in tensors.items():
        if name.startswith("tail.1."):
            name = name.replace("tail.1.", "tail.0.")
        elif name.startswith("tail.0."):
            name = name.replace("tail.0.", f"upsample.{branch}.")
        renamed[name] = tensor
    return renamed


def _by(shape: tuple[int, ...]) -> str:
    return "x".join(map(str, shape))


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
