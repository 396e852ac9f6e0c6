"""The network of a config: built, and checked against the memory before data is prepared."""

from __future__ import annotations

from dataclasses import fields
from typing import Any

import torch

from specsr.errors import SpecsrError
from specsr.io.limits import memory_limit
from specsr.models.config import DIV2K_MEAN, EDSRConfig, MDSRConfig
from specsr.models.network import Network, build
from specsr.pairs import band_input, noise_input, order_input, speckle_input, windows_input
from specsr.train.config import Config

DIV2K_LUMA = 111.7
"""Luma of `specsr.models.config.DIV2K_MEAN`."""
_COPIES = 6
"""Copies of the weights in a run: they, gradient, two moments, average, and one while saving."""
_KEPT = 2
"""Activations of a residual block that the backward pass needs."""


def build_net(config: Config) -> Network:
    """Return the untrained network of a config, initialised from its seed."""
    torch.manual_seed(config.train.seed)
    options, pair = config.model, config.pair
    kind: type[EDSRConfig] | type[MDSRConfig] = EDSRConfig
    values: dict[str, Any] = {"scale": pair.scales[0]}
    if options.name == "mdsr":
        kind, values = MDSRConfig, {"scales": tuple(pair.scales)}
    # options of the same name are passed on, the others follow from the pair
    shared = {f.name for f in fields(kind)} & type(options).model_fields.keys()
    values |= {name: getattr(options, name) for name in shared} | {"std": options.input_scale}
    if pair.kind == "image":
        values["in_channels"] = values["out_channels"] = options.channels
        values["mean"] = DIV2K_MEAN if options.channels == 3 else (DIV2K_LUMA,)
    else:
        extra = order_input.CHANNELS if options.order_input else 0
        inputs = {
            "band": band_input, "noise": noise_input, "speckle": speckle_input,
            "windows": windows_input,
        }  # fmt: skip
        own = inputs.get(pair.kind)
        values["in_channels"] = own.CHANNELS if own else 1 + extra
        values |= {"out_channels": 1, "mean": (0.0,)}
    return build(kind(**values))


def check_memory(config: Config, on_cpu: bool) -> None:
    """Raise `SpecsrError` for weights, or a step on a CPU, that need more memory than is free.

    The activations are estimated from below: those of the residual blocks.
    """
    with torch.device("meta"):
        net = build_net(config)
    weights = 4 * _COPIES * sum(parameter.numel() for parameter in net.parameters())
    model, options = config.model, config.train
    rows, columns = max(options.patches or [options.patch], key=lambda patch: patch[0] * patch[1])
    cells = options.batch // options.accumulate * rows * columns
    folded = cells // (model.fold[0] * model.fold[1])
    size = 2 if options.precision == "bfloat16" else 4
    step = size * (folded * _KEPT * model.n_resblocks * model.n_feats + cells)
    free = 2 * memory_limit()  # the limit is half of it
    for needed, what in (
        (weights, f"model.n_feats {model.n_feats} and model.n_resblocks {model.n_resblocks}"),
        (weights + step, f"train.batch {options.batch} and train.patch [{rows}, {columns}]"),
    ):
        if needed > free and (on_cpu or needed == weights):
            raise SpecsrError(
                f"{config.name}: {what} need {needed / 1e9:.3g} GB or more, {free / 1e9:.3g} GB "
                "are free: lower them"
            )
