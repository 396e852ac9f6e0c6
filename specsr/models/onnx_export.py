"""ONNX files: a network at one scale as a graph that other programs run, checked against PyTorch.

The graph is that of `specsr.models.merged`: head, fold and tail are merged, which makes it 1.4 to
2.3 times as fast at x4 as the published layers in the same runtime (benchmarks/backends.py); the
body keeps its plain convolutions.  It takes any batch and any number of rows and columns from 1 up:
the last cells are repeated up to whole folds within the graph, and cut off the result.

The exporter is PyTorch's own of the TorchScript line (``dynamo=False``), deprecated and within the
range of versions that specsr takes.  It needs `onnx` alone.  The newer one (``dynamo=True``) gives
a graph of the same operators, needs onnxscript and onnx-ir besides, and takes several times as
long.
"""

from __future__ import annotations

import copy
import io
import json
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from specsr.choices import OPSET
from specsr.errors import SpecsrError
from specsr.extras import installed, need, require
from specsr.io.atomic import replacing
from specsr.maps.levels import FIRST_SECONDS, LEVEL_RANGE_DB, USABLE_DB
from specsr.models.blocks import Scale
from specsr.models.merged import REACH, Merged, MergedTail
from specsr.models.model import Model, description
from specsr.models.network import Network
from specsr.models.onnx_check import INPUT, largest_difference
from specsr.pairs import band_input, order_input
from specsr.version import __version__

SUFFIX = ".onnx"
LAST_OPSET = 20
"""Highest version that PyTorch's exporter of the TorchScript line writes; `OPSET` is the lowest."""
OUTPUT, UNCERTAINTY = "output", "uncertainty_db"
"""Names of the graph's outputs."""
MAX_DIFFERENCE = 0.01
"""Largest difference to PyTorch that is rounding, dB (images: of 255); float32 gives 1e-4."""


@dataclass(frozen=True)
class Exported:
    """An ONNX file that was written.

    Attributes:
        path: the file.
        scale: (s_f, s_t) of its graph.
        difference: largest absolute difference to the network in PyTorch with float64, dB (images:
            grey values of 255), as `largest_difference`; None without onnxruntime.
    """

    path: Path
    scale: Scale
    difference: float | None


def save_onnx(
    path: str | Path,
    model: Model,
    scale: Scale | None = None,
    opset: int = OPSET,
    overwrite: bool = False,
) -> list[Exported]:
    """Write a model as ONNX, one file for each scale, all of them or none.

    Args:
        path: file to write, ``.onnx``; for several scales their names are added, see `onnx_paths`.
        model: model to write; left unchanged.
        scale: (s_f, s_t), one of the network's scales; None for all of them.
        opset: version of ONNX's operator set, `OPSET` to `LAST_OPSET`.
        overwrite: replace existing files.

    Raises:
        SpecsrError: as `onnx_paths` and `onnx_graph`; a file exists and ``overwrite`` is not set,
            or cannot be written; a graph whose results differ from PyTorch's by more than
            `MAX_DIFFERENCE`.
    """
    paths = onnx_paths(path, model, scale)
    require("onnx", "onnx", "ONNX files")
    written = []
    with replacing(*paths, overwrite=overwrite) as partials:
        for (final, own), partial in zip(paths.items(), partials, strict=True):
            graph = onnx_graph(model, own, opset)
            found = largest_difference(graph, model, own) if installed("onnxruntime") else None
            if found is not None and not found <= MAX_DIFFERENCE:
                raise SpecsrError(
                    f"{final}: its results differ from those of PyTorch by up to {found:.3g} dB: "
                    f"expected at most {MAX_DIFFERENCE:g}; try another opset (--opset)"
                )
            partial.write_bytes(graph)
            written.append(Exported(final, own, found))
    return written


def onnx_paths(path: str | Path, model: Model, scale: Scale | None = None) -> dict[Path, Scale]:
    """Return the files that `save_onnx` writes, with the scale of each.

    One scale: the path itself; all scales of a network with several: ``map.onnx`` becomes
    ``map-x2.onnx``, ``map-x3.onnx``, ``map-x4.onnx``.

    Raises:
        SpecsrError: another suffix than ``.onnx``, or the network has no such scale.
    """
    path = Path(path)
    if path.suffix.lower() != SUFFIX:
        raise SpecsrError(f"{path}: expected a name that ends in {SUFFIX}")
    scales = [(rows, columns) for rows, columns in model.net.scales]
    if scale is not None and scale not in scales:
        known = ", ".join(map(scale_name, scales))
        raise SpecsrError(f"model {model.name} has no scale {scale_name(scale)}: expected {known}")
    wanted = scales if scale is None else [scale]
    if len(wanted) == 1:
        return {path: wanted[0]}
    return {path.with_name(f"{path.stem}-{scale_name(s)}{path.suffix}"): s for s in wanted}


def scale_name(scale: Sequence[int]) -> str:
    """Return ``x4``, or ``x4x1`` where the axes differ."""
    return f"x{scale[0]}" if scale[0] == scale[1] else f"x{scale[0]}x{scale[1]}"


def onnx_graph(model: Model, scale: Scale, opset: int = OPSET) -> bytes:
    """Return a network at one scale as the bytes of an ONNX file.

    Input ``input`` is [batch, in_channels, rows, columns], float32.  Output ``output`` is [batch,
    out_channels, rows s_f, columns s_t]; ``uncertainty_db``, of models that have it, is of the same
    shape: the half-width of the 68 % interval in dB.  Mean and range (``mean``, ``std`` of the
    config) are applied within the graph.  The file's metadata is that of `onnx_metadata`.

    Args:
        model: model to write; left unchanged.
        scale: (s_f, s_t), one of ``model.net.scales``.
        opset: version of ONNX's operator set.

    Raises:
        SpecsrError: the extra ``onnx`` is not installed, or an opset out of range.
    """
    onnx = need("onnx", "onnx", "ONNX files")
    if not OPSET <= opset <= LAST_OPSET:
        raise SpecsrError(f"opset is {opset}: expected {OPSET} to {LAST_OPSET}")
    names = [OUTPUT, UNCERTAINTY] if model.net.config.uncertainty else [OUTPUT]
    axes = {0: "batch", 2: "rows", 3: "columns"}
    fine = axes if max(scale) == 1 else {0: "batch", 2: "fine_rows", 3: "fine_columns"}
    graph = _Graph(copy.deepcopy(model.net).cpu().eval(), scale)
    channels, fold = model.net.config.in_channels, model.net.config.fold
    # sizes that no network treats as a special case: the trace holds for all others
    example = torch.zeros(2, channels, 16 * fold[0] + 1, 17 * fold[1] + 1)
    file = io.BytesIO()
    with torch.no_grad(), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the line is deprecated; slices of traced sizes are meant
        torch.onnx.export(
            graph, (example,), file,  # type: ignore[arg-type]  # it takes files too
            dynamo=False, opset_version=opset, input_names=[INPUT], output_names=names,
            dynamic_axes={INPUT: axes, **dict.fromkeys(names, fine)},
        )  # fmt: skip
    made = onnx.load_model_from_string(file.getvalue())
    made.producer_name, made.producer_version = "specsr", __version__
    made.doc_string = f"specsr model {model.name}, {scale_name(scale)}"
    for value in made.graph.output:  # known, but not to the exporter
        value.type.tensor_type.shape.dim[1].dim_value = model.net.config.out_channels
    onnx.helper.set_model_props(made, onnx_metadata(model, scale))
    onnx.checker.check_model(made, full_check=True)
    data: bytes = made.SerializeToString(deterministic=True)
    return data


def onnx_metadata(model: Model, scale: Scale) -> dict[str, str]:
    """Return what the user of an ONNX file has to know, name -> text (JSON where not plain text).

    ``specsr`` is the description of the model's own file (`specsr.models.model.description`) with
    all of the network's options, grids and the training record; the others are for direct use.
    """
    config = model.net.config
    image = model.pair == "image"
    quantity = "grey values, 0 to 255" if image else "dB relative to the level of the map"
    about: dict[str, Any] = {
        "name": model.name,
        "pair": model.pair,
        "scale": list(scale),
        "input": quantity,
        "input_channels": channel_names(model),
        "output": quantity,
        "mean": list(config.means(config.in_channels)),
        "std": config.std,
        "specsr": json.loads(description(model)),
        "specsr_version": __version__,
    }
    if not image:
        about |= {
            "level": f"median of the cells in dB of the first {FIRST_SECONDS:g} s that are less "
            f"than {USABLE_DB:g} dB below their maximum",
            "level_range_db": LEVEL_RANGE_DB,
            "grids": json.loads(description(model))["grids"],
            "rates_hz": list(model.rates),
        }
    return {k: v if isinstance(v, str) else json.dumps(v) for k, v in about.items()}


def channel_names(model: Model) -> list[str]:
    """Return what each input channel of a model holds, one text each."""
    count = model.net.config.in_channels
    if model.pair == "image":
        return ["red", "green", "blue"] if count == 3 else ["gray"]
    further: list[str] = []
    if model.pair in ("pool", "stft"):  # `specsr.pairs.order_input`; zeros without a speed
        further = [
            f"orders in steps of {step:g}, quarter {part + 1} of the row"
            for step in order_input.COMBS
            for part in range(order_input.PARTS)
        ] + ["speed known"]
    elif model.pair == "speckle":  # `specsr.pairs.speckle_input`
        further = ["overlap of the windows"]
    elif model.pair == "windows":  # `specsr.pairs.windows_input`; the first is the long window
        further = ["level, short window", "level, middle window", "least of the levels"]
    elif model.pair == "band":  # `specsr.pairs.band_input`
        further = ["measured row", "frequency"] + [
            f"mean level of part {part + 1} of the measured band"
            for part in range(band_input.PARTS)
        ]
    names = ["level", *further, *(f"channel {i + 1}" for i in range(1 + len(further), count))]
    return names[:count]


class _Graph(nn.Module):
    """A network at one scale as it is exported: merged, any size, one output for each quantity."""

    def __init__(self, net: Network, scale: Scale) -> None:
        super().__init__()
        self.config, self.scale = net.config, scale
        self.merged = Merged(net, scale)
        self.merged.quick = None  # compiled code, no graph
        if isinstance(self.merged.tail, MergedTail):
            self.merged.tail = _Tail(self.merged.tail)

    def forward(self, x: Tensor) -> tuple[Tensor, ...]:
        rows, columns = x.shape[-2:]
        fold = self.config.fold
        if max(fold) > 1:
            pad = (0, -columns % fold[1], 0, -rows % fold[0])
            x = nn.functional.pad(x, pad, mode="replicate")
        out = self.merged(x)
        if max(fold) > 1:
            out = out[..., : rows * self.scale[0], : columns * self.scale[1]]
        if not self.config.uncertainty:
            return (out,)
        count = self.config.out_channels
        return (out[:, :count], out[:, count:].exp())


class _Tail(nn.Module):
    """`MergedTail` without writes in place and branches; slices end at the border of any size."""

    def __init__(self, tail: MergedTail) -> None:
        super().__init__()
        self.tail = tail

    def forward(self, features: Tensor) -> Tensor:
        exact = self.tail.exact
        out = self.tail.shuffle(self.tail.conv(features))
        for axis, s in zip((-2, -1), self.tail.scale):
            edge = REACH * s
            first = exact(_cut(features, axis, 0, 2 * REACH))
            last = exact(_cut(features, axis, -2 * REACH, None))
            parts = [
                _cut(first, axis, 0, edge), _cut(out, axis, edge, -edge),
                _cut(last, axis, edge, None),
            ]  # fmt: skip
            out = torch.cat(parts, axis)
        return out


def _cut(x: Tensor, axis: int, first: int, last: int | None) -> Tensor:
    return x[..., first:last, :] if axis == -2 else x[..., first:last]
