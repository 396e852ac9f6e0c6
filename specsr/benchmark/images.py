"""Image models scored on benchmark sets, beside what was published."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from specsr.benchmark.published import METHODS, PUBLISHED
from specsr.errors import SpecsrError
from specsr.images.imresize import imresize
from specsr.images.metrics import PROTOCOLS, RGB, Protocol, luma, score
from specsr.images.pixels import to_pixels
from specsr.images.sets import ImagePair, find_pairs, load_pair
from specsr.images.upscale import image_model, run_image
from specsr.io.image import write_image
from specsr.models.bundled import BUNDLED, bundled_models
from specsr.models.model import Model, read_info
from specsr.models.options import InferOptions

HEADINGS = {
    "paper": "paper protocol: luma (MATLAB rgb2ycbcr) rounded, gray as it is, border = scale",
    "float": "float protocol: luma in floating point, gray as RGB, border = scale",
    "rgb": "RGB protocol: all channels, border = scale + 6",
}


@dataclass(frozen=True)
class BenchmarkOptions:
    """What is scored: sets (none: all found), scales, protocols of luma, sets with "+" as well."""

    sets: tuple[str, ...] = ()
    scales: tuple[int, ...] = (2, 3, 4)
    protocols: tuple[str, ...] = ("paper", "float")
    plus: tuple[str, ...] = ()
    limit: int | None = None
    save_images: Path | None = None
    infer: InferOptions = InferOptions()


@dataclass(frozen=True)
class Row:
    """Mean over the images of one set of each image's PSNR (dB) and SSIM."""

    set: str
    scale: int
    protocol: str
    method: str
    psnr: float
    ssim: float
    images: int


@dataclass(frozen=True)
class BenchmarkReport:
    """All rows, and what was known of the models."""

    rows: tuple[Row, ...]
    models: dict[str, dict[str, Any]] = field(default_factory=dict)

    def json(self) -> str:
        """Every number, the protocols and the models."""
        tree = {
            "protocols": HEADINGS,
            "models": self.models,
            "rows": [vars(row) for row in self.rows],
        }
        return json.dumps(tree, indent=1) + "\n"

    def markdown(self) -> str:
        """One table a protocol: PSNR/SSIM, our methods bold, the published ones behind them."""
        lines = ["# Image models", ""]
        for protocol in dict.fromkeys(row.protocol for row in self.rows):
            rows = [row for row in self.rows if row.protocol == protocol]
            ours = list(dict.fromkeys(row.method for row in rows))
            keys = list(dict.fromkeys((row.set, row.scale) for row in rows))
            published = PUBLISHED[protocol]
            known = {m for key in keys for m in published.get(key, {})} - {"Bicubic"}
            theirs = sorted(known, key=[*METHODS, "EDSR baseline"].index)
            lines += [f"## PSNR in dB / SSIM, {HEADINGS[protocol]}", ""]
            lines += ["| " + " | ".join(["set", "x", *ours, *(f"*{m}*" for m in theirs)]) + " |"]
            lines += ["| --- | ---: |" + " ---: |" * (len(ours) + len(theirs))]
            for key in keys:
                cells = {r.method: (r.psnr, r.ssim) for r in rows if (r.set, r.scale) == key}
                values = [_cell(cells.get(method)) for method in ours]
                values += [_cell(published.get(key, {}).get(method)) for method in theirs]
                lines.append("| " + " | ".join([key[0], str(key[1]), *values]) + " |")
            lines.append("")
        lines.append("Columns in italics: published figures. The others were measured; means of")
        lines.append("per-image values, uint8 outputs.")
        if self.models:
            lines += [
                "",
                "| model | network | parameters | training |",
                "| --- | --- | ---: | --- |",
            ]
            lines += [
                f"| {name} | {info['network']} | {info['parameters']:,} | {info['training']} |"
                for name, info in self.models.items()
            ]
        return "\n".join(lines) + "\n"


def _cell(values: tuple[float, float | None] | None) -> str:
    if values is None:
        return "-"
    psnr, ssim = values
    return f"{psnr:.2f}" if ssim is None else f"{psnr:.2f}/{ssim:.4f}".replace("/0.", "/.")


def find_sets(folder: Path, names: Sequence[str] = ()) -> dict[str, Path]:
    """Return the sets of a folder by name: subfolders in benchmark or DIV2K layout.

    Raises:
        SpecsrError: no such folder, no set in it, or none of a name that was asked for.
    """
    if not folder.is_dir():
        raise SpecsrError(f"{folder}: no such folder of benchmark sets")
    places = [folder, *sorted(path for path in folder.iterdir() if path.is_dir())]
    found = {}
    for path in places:
        if (path / "DIV2K_valid_HR").is_dir():
            found["DIV2K"] = path
        elif (path / "HR").is_dir():
            found[path.resolve().name] = path
    missing = [name for name in names if name not in found]
    if missing or not found:
        raise SpecsrError(
            f"{folder}: no set {', '.join(missing) or 'at all'}: expected folders such as Set5/HR "
            f"or DIV2K_valid_HR (there are: {', '.join(found) or 'none'})"
        )
    known = list(dict.fromkeys(name for name, _ in PUBLISHED["paper"]))
    order = sorted(found, key=lambda n: (known.index(n) if n in known else len(known), n))
    return {name: found[name] for name in (names or order)}


def bicubic(pair: ImagePair, scale: int, protocol: Protocol) -> tuple[float, float]:
    """Score bicubic interpolation as published tables did.

    For rounded luma that is luma first, reduced and enlarged in double precision and rounded once
    (as SRCNN's and later code has it); otherwise the low image enlarged as it is.
    """
    low, high = pair.low[scale], _target(pair, scale)
    if protocol.channels != "y-rounded":
        return score(imresize(low, scale), high, scale, protocol)
    plane = luma(high, rounded=True) if high.ndim == 3 else high.astype(np.float64)
    fine = to_pixels(imresize(imresize(plane, 1 / scale), scale)[None])
    return score(fine, plane.astype(np.uint8), scale, protocol)


def _target(pair: ImagePair, scale: int) -> np.ndarray:
    rows, columns = pair.low[scale].shape[:2]
    return np.asarray(pair.high[: rows * scale, : columns * scale])


def run_benchmark(
    folder: Path,
    models: Sequence[str | Path | Model] | None = None,
    options: BenchmarkOptions = BenchmarkOptions(),
    progress: Callable[[Any], Any] = lambda steps: steps,
) -> BenchmarkReport:
    """Score models on every set and scale that they have, and bicubic interpolation.

    Models named alike but for their scale (``image-x2``, ``image-x3``) share a column.

    Raises:
        SpecsrError: no such set, protocol or model, a scale that no model has, or an image that is
            damaged, of 16 bits, or too small.
    """
    unknown = [name for name in options.protocols if name not in PROTOCOLS]
    if unknown or not options.protocols:
        raise SpecsrError(
            f"protocol is {', '.join(unknown) or 'empty'}: expected some of {', '.join(PROTOCOLS)}"
        )
    sets = find_sets(folder, options.sets)
    if models is None:
        names = bundled_models()
        models = [n for n in names if read_info(BUNDLED / f"{n}.safetensors")["pair"] == "image"]
    found = [_load(model) for model in models]
    for scale in options.scales:
        if found and not any((scale, scale) in model.net.scales for model in found):
            raise SpecsrError(f"none of the models has x{scale}: change --scales or --model")
    jobs = [
        (name, files, scale)
        for name, path in sets.items()
        for scale in options.scales
        for files in find_pairs(path, [scale], "valid")[: options.limit]
    ]
    values: dict[tuple[str, int, str, str], list[tuple[float, float]]] = {}
    for name, files, scale in progress(jobs):
        pair = load_pair(files, [scale])
        target = _target(pair, scale)
        protocols = [RGB] if name == "DIV2K" else [PROTOCOLS[p] for p in options.protocols]
        try:
            for protocol in protocols:
                scores = bicubic(pair, scale, protocol)
                values.setdefault((name, scale, protocol.name, "bicubic"), []).append(scores)
            ways = (False, True) if name in options.plus or "all" in options.plus else (False,)
            for model, plus in [(m, p) for m in found for p in ways]:
                if (scale, scale) not in model.net.scales:
                    continue
                method = re.sub(r"-x\d$", "", model.name) + "+" * plus
                fine = to_pixels(run_image(model.net, pair.low[scale], scale, options.infer, plus))
                for protocol in protocols:
                    key = (name, scale, protocol.name, method)
                    values.setdefault(key, []).append(score(fine, target, scale, protocol))
                if options.save_images is not None:
                    place = options.save_images / method / name / f"X{scale}"
                    write_image(place / f"{pair.name}x{scale}.png", fine, overwrite=True)
        except SpecsrError as error:
            raise SpecsrError(f"{files.high}: {error}") from None
    order = list(dict.fromkeys(key[2] for key in values))
    rows = [
        Row(*key, psnr=psnr, ssim=ssim, images=len(scores))
        for key, scores in sorted(values.items(), key=lambda item: order.index(item[0][2]))
        for psnr, ssim in [np.mean(scores, axis=0).round(4).tolist()]
    ]
    return BenchmarkReport(tuple(rows), {model.name: describe(model) for model in found})


def _load(model: str | Path | Model) -> Model:
    if isinstance(model, Model):
        return model
    return image_model(model, None)


def describe(model: Model) -> dict[str, Any]:
    """Name a model's network, size and training for a table."""
    config, record = model.net.config, model.record
    network = record.get("architecture") or (
        f"{type(model.net).__name__} {config.n_resblocks} x {config.n_feats}"
    )
    trained = record.get("source", "")
    if "steps" in record:
        trained = f"{record['steps']} steps, {record['seconds'] / 60:.0f} min, {record['device']}"
    return {"network": network, "parameters": model.parameters, "training": trained}
