"""PSNR and SSIM of image models on benchmark sets, with published values."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from specsr.benchmark.options import BenchmarkOptions
from specsr.benchmark.published import METHODS, PUBLISHED
from specsr.errors import SpecsrError
from specsr.images.imresize import imresize
from specsr.images.metrics import PROTOCOLS, RGB, Protocol, luma, score
from specsr.images.pixels import to_pixels
from specsr.images.sets import ImagePair, find_pairs, load_pair
from specsr.images.upscale import image_model, run_image
from specsr.io.image import write_image
from specsr.models.bundled import bundled_info
from specsr.models.model import Model
from specsr.models.record import training_words
from specsr.progress import Progress
from specsr.scores.markdown import markdown_table

HEADINGS = {
    "paper": "paper protocol: luma (MATLAB rgb2ycbcr) rounded, gray unchanged, border = scale",
    "float": "float protocol: luma in floating point, gray as RGB, border = scale",
    "rgb": "RGB protocol: all channels, border = scale + 6",
}


@dataclass(frozen=True)
class Row:
    """Mean PSNR in dB and mean SSIM over the images of one set."""

    set: str
    scale: int
    protocol: str
    method: str
    psnr: float
    ssim: float
    images: int


@dataclass(frozen=True)
class BenchmarkReport:
    """Scores of all sets, scales, protocols and methods, and a description of the models."""

    rows: tuple[Row, ...]
    models: dict[str, dict[str, Any]] = field(default_factory=dict)

    def to_dict(self) -> dict[str, Any]:
        """Return protocols, models and all numbers as a dict for JSON."""
        return {
            "protocols": HEADINGS,
            "models": self.models,
            "rows": [vars(row) for row in self.rows],
        }

    def markdown(self) -> str:
        """Return one table per protocol, with the published values in italics, and the models."""
        parts = ["# Image models"]
        for protocol in dict.fromkeys(row.protocol for row in self.rows):
            parts += [f"## PSNR in dB / SSIM, {HEADINGS[protocol]}", self._table(protocol)]
        parts.append(
            "Columns in italics: published values. The others were measured; means of\n"
            "per-image values, uint8 outputs."
        )
        if self.models:
            models = [
                {"model": name} | info | {"parameters": f"{info['parameters']:,}"}
                for name, info in self.models.items()
            ]
            parts.append(markdown_table(models, text=("model", "network", "training")))
        return "\n\n".join(parts) + "\n"

    def _table(self, protocol: str) -> str:
        """Table of one protocol: one row per set and scale, one column per method."""
        rows = [row for row in self.rows if row.protocol == protocol]
        methods = list(dict.fromkeys(row.method for row in rows))
        keys = list(dict.fromkeys((row.set, row.scale) for row in rows))
        values = PUBLISHED[protocol]
        known = {m for key in keys for m in values.get(key, {})} - {"Bicubic"}
        published = sorted(known, key=[*METHODS, "EDSR baseline"].index)
        lines = []
        for key in keys:
            own = {r.method: (r.psnr, r.ssim) for r in rows if (r.set, r.scale) == key}
            line: dict[str, Any] = {"set": key[0], "x": key[1]}
            line |= {m: _cell(own.get(m)) for m in methods}
            line |= {f"*{m}*": _cell(values.get(key, {}).get(m)) for m in published}
            lines.append(line)
        return markdown_table(lines, text=("set",))


def _cell(values: tuple[float, float | None] | None) -> str:
    """PSNR/SSIM as published tables print them."""
    if values is None:
        return "-"
    psnr, ssim = values
    return f"{psnr:.2f}" if ssim is None else f"{psnr:.2f}/{ssim:.4f}".replace("/0.", "/.")


def find_sets(folder: Path, names: Sequence[str] = ()) -> dict[str, Path]:
    """Return name -> folder of the benchmark sets in a folder (or the folder itself).

    A set has a subfolder HR, or DIV2K_valid_HR.

    Args:
        folder: where to look.
        names: sets to return; empty for all.

    Raises:
        SpecsrError: no such folder, or a set that it does not contain.
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
            f"or DIV2K_valid_HR (found: {', '.join(found) or 'none'})"
        )
    known = list(dict.fromkeys(name for name, _ in PUBLISHED["paper"]))
    order = sorted(found, key=lambda n: (known.index(n) if n in known else len(known), n))
    return {name: found[name] for name in (names or order)}


def bicubic(pair: ImagePair, scale: int, protocol: Protocol) -> tuple[float, float]:
    """Return PSNR and SSIM of bicubic interpolation, computed as in published tables.

    For rounded luma: luma first, reduced and enlarged in double precision, rounded once (as in the
    code of SRCNN and later work).  Otherwise: the low image enlarged.
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
    progress: Progress = lambda steps: steps,
) -> BenchmarkReport:
    """Score models and bicubic interpolation on every set and scale.

    Models whose names differ only in the scale (``image-x2``, ``image-x3``) share a column.

    Args:
        folder: folder of the sets, see `find_sets`.
        models: names, files or models; None for all bundled image models.
        options: sets, scales, protocols and computation.
        progress: wraps the list of jobs, such as a progress bar.

    Raises:
        SpecsrError: an unknown set, protocol or model, a scale that no model has, or an image that
            is damaged, of 16 bits or too small.
    """
    unknown = [name for name in options.protocols if name not in PROTOCOLS]
    if unknown or not options.protocols:
        raise SpecsrError(
            f"protocol is {', '.join(unknown) or 'empty'}: expected some of {', '.join(PROTOCOLS)}"
        )
    sets = find_sets(folder, options.sets)
    if models is None:
        models = [name for name, info in bundled_info().items() if info["pair"] == "image"]
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
            ensembles = (False, True) if {name, "all"} & set(options.plus) else (False,)
            for model, plus in [(m, p) for m in found for p in ensembles]:
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
    """Return network, number of parameters and training of a model as a row of a table."""
    config, record = model.net.config, model.record
    network = record.get("architecture") or (
        f"{type(model.net).__name__} {config.n_resblocks} x {config.n_feats}"
    )
    trained = training_words(record) or record.get("source", "")
    return {"network": network, "parameters": model.parameters, "training": trained}
