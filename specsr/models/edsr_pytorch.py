"""Checkpoints of EDSR-PyTorch (the authors' code) as specsr models.

Their state dicts define a network but for its residual scaling: blocks, features, channels and
scales follow from names and shapes, range and mean from the MeanShift layers.
"""

from __future__ import annotations

import dataclasses
import pickle
import re
import warnings
import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file
from torch import Tensor

from specsr.errors import SpecsrError
from specsr.models.bundled import load_model
from specsr.models.config import DIV2K_MEAN, EDSRConfig, MDSRConfig
from specsr.models.description import check_tensors, checked_config
from specsr.models.mdsr import MDSR
from specsr.models.model import SUFFIXES, Model, is_model_file
from specsr.models.network import Network, NetworkConfig, build

_STATES = ("params_ema", "state_dict", "model_state_dict", "params", "generator", "model", "net")
"""Keys under which checkpoints hold the network's state dict; averaged weights first."""
_WRAPPERS = ("module.", "_orig_mod.", "model.", "net.", "net_g.", "generator.")
"""Prefixes by data parallelism, `torch.compile` and training programs."""


def read_state_dict(path: str | Path) -> dict[str, Tensor]:
    """Return name -> tensor of a file with one of `SUFFIXES`; code in the file is never run.

    Raises:
        SpecsrError: no such file, damaged, not a state dict, or a pickle that holds more than
            tensors (refused: loading it could run arbitrary code).
    """
    path = Path(path)
    if path.suffix.lower() not in SUFFIXES:
        raise SpecsrError(f"{path}: expected a checkpoint: {', '.join(SUFFIXES)}")
    if not path.is_file():
        raise SpecsrError(f"{path}: no such checkpoint: check the name")
    try:
        if path.suffix.lower() == ".safetensors":
            found: Any = load_file(path)
        else:
            found = load_tensors(path)
    except pickle.UnpicklingError as error:
        # what follows in PyTorch's message is advice to run the code in the file
        reason = re.split(r"\s*(?:\n|In PyTorch|Re-running|\(1\))", str(error))[0]
        raise SpecsrError(
            f"{path}: refused: damaged, or a pickle with more than tensors, which could run code "
            f"({reason}): ask its author for a state dict or a safetensors file"
        ) from None
    except Exception as error:  # torch raises errors of any type for damaged files
        reason = str(error).split("\n")[0]
        raise SpecsrError(
            f"{path}: damaged, or not a checkpoint ({reason}): download it again"
        ) from None
    if isinstance(found, Mapping):
        for key in _STATES:
            if isinstance(found.get(key), Mapping):
                found = found[key]
                break
    if not isinstance(found, Mapping) or not found or not all(
        isinstance(value, Tensor) for value in found.values()
    ):  # fmt: skip
        raise SpecsrError(f"{path}: no state dict in it: expected tensors by name")
    return unwrapped(found)


def unwrapped(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Return a state dict without the prefixes of modules around the network (`_WRAPPERS`).

    Of a checkpoint with several networks, such as a generator and a discriminator, the tensors of
    the one with such a prefix.
    """
    found = {str(name): value for name, value in tensors.items()}
    while True:
        for prefix in _WRAPPERS:
            inside = {
                name[len(prefix) :]: value
                for name, value in found.items()
                if name.startswith(prefix) and len(name) > len(prefix)
            }
            if inside:
                found = inside
                break
        else:
            return found


def load_tensors(path: str | Path, device: Any = "cpu") -> Any:
    """Return the tensors and plain values in a checkpoint of PyTorch; code is never run.

    Raises:
        pickle.UnpicklingError: other objects, compressed parts, or tensors with more values than
            are stored.
        Exception: any other error of `torch.load` for a damaged file.
    """
    if zipfile.is_zipfile(path):
        with zipfile.ZipFile(path) as archive:
            if any(entry.compress_type != zipfile.ZIP_STORED for entry in archive.infolist()):
                raise pickle.UnpicklingError("compressed parts, which PyTorch never writes")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # what is wrong is raised
        found = torch.load(path, map_location=device, weights_only=True)
    for tensor in _all_tensors(found):
        if tensor.layout != torch.strided or tensor.is_quantized:
            raise pickle.UnpicklingError("a sparse or quantised tensor")
        if tensor.numel() * tensor.element_size() > tensor.untyped_storage().nbytes():
            raise pickle.UnpicklingError("a tensor with more values than are stored")
    return found


def _all_tensors(value: Any) -> Iterator[Tensor]:
    if isinstance(value, Tensor):
        yield value
    elif isinstance(value, Mapping):
        for one in value.values():
            yield from _all_tensors(one)
    elif isinstance(value, (list, tuple)):
        for one in value:
            yield from _all_tensors(one)


def from_state_dict(tensors: Mapping[str, Tensor], res_scale: float | None = None) -> Network:
    """Return the network of an EDSR-PyTorch state dict, with its weights.

    Input and output of the network are in 0..255, also if the checkpoint was trained for 0..1.

    Args:
        tensors: state dict of an EDSR or MDSR of any size, RGB or gray.
        res_scale: residual scaling, which a state dict does not contain; None: as published, 0.1
            for EDSR with 256 features, otherwise 1.

    Raises:
        SpecsrError: the tensors are not those of an EDSR or MDSR.
    """
    odd = [k for k, v in tensors.items() if not (v.is_floating_point() or v.dtype == torch.int64)]
    if odd:
        raise SpecsrError(f"{odd[0]} is {tensors[odd[0]].dtype}: expected floating-point numbers")
    try:
        config = _config(tensors, res_scale)
    except (LookupError, ValueError, ArithmeticError, RuntimeError, TypeError) as error:
        raise SpecsrError(
            f"not an EDSR or MDSR of EDSR-PyTorch (no {error} among {len(tensors)} tensors such as "
            f"{', '.join(list(tensors)[:3])}): other architectures run through spandrel "
            "(pip install 'specsr[spandrel]')"
        ) from None
    try:
        checked_config(
            "mdsr" if isinstance(config, MDSRConfig) else "edsr", dataclasses.asdict(config)
        )
        own_shift = {f"{part}_mean.{key}" for part in ("sub", "add") for key in ("mean", "std")}
        shapes = {k: tuple(v.shape) for k, v in tensors.items() if not _of_mean_shift(k)}
        check_tensors(config, shapes, given=own_shift)
    except SpecsrError as error:
        raise SpecsrError(f"not an EDSR or MDSR as published: {error}") from None
    net = build(config)
    weights = {k: v.float() for k, v in tensors.items() if not _of_mean_shift(k)}
    own = {k: v for k, v in net.state_dict().items() if _of_mean_shift(k)}
    net.load_state_dict({**weights, **own})
    if not all(torch.isfinite(value).all() for value in weights.values()):
        raise SpecsrError("the weights hold NaN or infinity: download the checkpoint again")
    return net.eval()


def _of_mean_shift(name: str) -> bool:
    return name.startswith(("sub_mean.", "add_mean."))


def _config(tensors: Mapping[str, Tensor], res_scale: float | None) -> NetworkConfig:
    n_feats, in_channels = tensors["head.0.weight"].shape[:2]
    multi = "tail.0.weight" in tensors  # in MDSR the tail is one convolution
    last = tensors["tail.0.weight" if multi else "tail.1.weight"]
    body = {int(name.split(".")[1]) for name in tensors if name.startswith("body.")}
    if res_scale is None:
        res_scale = 0.1 if not multi and n_feats == 256 else 1.0
    mean, std = _range(tensors, in_channels)
    options: dict[str, Any] = {
        "n_resblocks": len(body) - 1, "n_feats": n_feats, "res_scale": res_scale,
        "in_channels": in_channels, "out_channels": last.shape[0], "mean": mean, "std": std,
    }  # fmt: skip
    if multi:
        branches = sorted({int(n.split(".")[1]) for n in tensors if n.startswith("upsample.")})
        if not branches:
            raise KeyError("upsample.0.0.weight")
        scales = tuple(_scale(tensors, f"upsample.{i}.", n_feats) for i in branches)
        return MDSRConfig(scales=scales, **options)
    return EDSRConfig(
        scale=_scale(tensors, "tail.0.", n_feats), batch_norm="body.0.body.1.weight" in tensors,
        **options,
    )  # fmt: skip


def _scale(tensors: Mapping[str, Tensor], prefix: str, n_feats: int) -> tuple[int, int]:
    """Return the scale of an upsampler: a step s has a convolution to s² x n_feats channels."""
    steps = [
        round((tensor.shape[0] / n_feats) ** 0.5)
        for name, tensor in tensors.items()
        if name.startswith(prefix) and name.endswith(".weight")
    ]
    scale = 1
    for step in steps:
        scale *= step
    if not steps or scale < 2:
        raise KeyError(f"{prefix}0.weight")
    return scale, scale


def _range(tensors: Mapping[str, Tensor], channels: int) -> tuple[tuple[float, ...], float]:
    """Return the mean in 0..255, and ``std``: 255 for a network trained for 0..1, else 1."""
    shift = tensors.get("add_mean.bias")
    if shift is None:
        return (DIV2K_MEAN if channels == 3 else (0.0,)), 1.0
    std = 255.0 if 0 < float(shift.abs().max()) <= 1 else 1.0
    return tuple(float(value) * std for value in shift), std


def to_gray(net: Network) -> Network:
    """Return a network for one channel that treats gray images as an RGB network does.

    The weights of the three input channels are added; the output is the mean of the three.  Except
    within one pixel of the border, where the zero padding acts on different channel means, the
    result equals the mean over the RGB network's output for gray.

    Raises:
        SpecsrError: the network has not three input and output channels, or it folds cells.
    """
    config = net.config
    if (config.in_channels, config.out_channels) != (3, 3):
        raise SpecsrError(
            f"the network has {config.in_channels} input and {config.out_channels} output "
            "channels: expected 3 and 3"
        )
    if config.fold != (1, 1):
        raise SpecsrError(f"the network folds cells {config.fold}: expected (1, 1) for gray")
    means = net.sub_mean.mean.flatten()
    mean = float(means.mean())
    gray = build(
        dataclasses.replace(config, in_channels=1, out_channels=1, mean=(mean,))  # type: ignore
    )
    tensors = {k: v.clone() for k, v in net.state_dict().items()}
    head = tensors["head.0.weight"]
    offset = ((mean - means) / net.sub_mean.std).reshape(1, 3, 1, 1)
    tensors["head.0.bias"] += (head * offset).sum((1, 2, 3))
    tensors["head.0.weight"] = head.sum(1, keepdim=True)
    last = "tail.0" if isinstance(net, MDSR) else "tail.1"
    tensors[f"{last}.weight"] = tensors[f"{last}.weight"].mean(0, keepdim=True)
    tensors[f"{last}.bias"] = tensors[f"{last}.bias"].mean(0, keepdim=True)
    own = {k: v for k, v in gray.state_dict().items() if _of_mean_shift(k)}
    gray.load_state_dict({**tensors, **own})
    return gray.eval()


def convert(
    path: str | Path, *, name: str | None = None, res_scale: float | None = None,
    gray: bool = False,
) -> Model:  # fmt: skip
    """Return the image model of a checkpoint file.

    Args:
        path: checkpoint of EDSR-PyTorch, or a model file of specsr (to rename or turn into gray).
        name: name of the model; None for that of the file.
        res_scale: see `from_state_dict`.
        gray: turn an RGB network into one for gray, see `to_gray`.

    Raises:
        SpecsrError: as `read_state_dict`, `from_state_dict` and `to_gray`; it names the file.
    """
    try:
        if is_model_file(path):
            own = load_model(path)
            net = to_gray(own.net) if gray else own.net
            return dataclasses.replace(own, net=net, name=name or own.name)
        net = from_state_dict(read_state_dict(path), res_scale)
        net = to_gray(net) if gray else net
    except SpecsrError as error:
        text = str(error)
        raise SpecsrError(text if str(path) in text else f"{path}: {text}") from None
    record = {"source": Path(path).name, "gray": gray}
    return Model(name or Path(path).stem, net, "image", (), (0.0, 0.0), 0.0, record)
