"""specsr: super-resolution and denoising of spectrograms, from recording to recording.

The names below are loaded when first used, so that ``import specsr`` stays quick.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from specsr.enhance.band import upscale_band as upscale_band
    from specsr.enhance.denoise import denoise as denoise
    from specsr.enhance.maps import upscale_map as upscale_map
    from specsr.enhance.orders import keep_orders as keep_orders
    from specsr.enhance.upscale import upscale as upscale
    from specsr.errors import SpecsrError as SpecsrError
    from specsr.images.upscale import upscale_image as upscale_image
    from specsr.io import read as read
    from specsr.io import read_map as read_map
    from specsr.io import write as write
    from specsr.io import write_map as write_map
    from specsr.io.image import read_image as read_image
    from specsr.io.image import write_image as write_image
    from specsr.maps.grid import Grid as Grid
    from specsr.maps.spec_map import SpecMap as SpecMap
    from specsr.maps.transform import SpectrogramTransform as SpectrogramTransform
    from specsr.models.bundled import bundled_models as bundled_models
    from specsr.models.bundled import load_model as load_model
    from specsr.models.model import Model as Model
    from specsr.models.model import save_model as save_model
    from specsr.models.tiling import InferOptions as InferOptions
    from specsr.nvh.levels import overall_level as overall_level
    from specsr.nvh.levels import psd as psd
    from specsr.nvh.levels import third_octave_levels as third_octave_levels
    from specsr.nvh.order_cut import order_cut as order_cut
    from specsr.nvh.order_map import order_map as order_map
    from specsr.nvh.runs import find_runs as find_runs
    from specsr.nvh.sound_quality import loudness as loudness
    from specsr.nvh.sound_quality import sharpness as sharpness
    from specsr.pairs.pair import Pair as Pair
    from specsr.report.report import make_report as make_report
    from specsr.scores.evaluate import evaluate as evaluate
    from specsr.signal import Signal as Signal
    from specsr.synth.draws import random_run_up as random_run_up
    from specsr.synth.machine import RunUp as RunUp
    from specsr.synth.synthesis import synthesise as synthesise
from specsr.version import __version__

_HOMES = {
    "SpecsrError": "errors",
    "Signal": "signal",
    "Grid": "maps.grid",
    "SpecMap": "maps.spec_map",
    "SpectrogramTransform": "maps.transform",
    "read": "io",
    "write": "io",
    "read_map": "io",
    "write_map": "io",
    "Pair": "pairs.pair",
    "RunUp": "synth.machine",
    "random_run_up": "synth.draws",
    "synthesise": "synth.synthesis",
    "InferOptions": "models.tiling",
    "find_runs": "nvh.runs",
    "order_map": "nvh.order_map",
    "order_cut": "nvh.order_cut",
    "overall_level": "nvh.levels",
    "third_octave_levels": "nvh.levels",
    "psd": "nvh.levels",
    "loudness": "nvh.sound_quality",
    "sharpness": "nvh.sound_quality",
    "make_report": "report.report",
    "upscale": "enhance.upscale",
    "upscale_map": "enhance.maps",
    "upscale_band": "enhance.band",
    "denoise": "enhance.denoise",
    "keep_orders": "enhance.orders",
    "upscale_image": "images.upscale",
    "read_image": "io.image",
    "write_image": "io.image",
    "evaluate": "scores.evaluate",
    "Model": "models.model",
    "load_model": "models.bundled",
    "save_model": "models.model",
    "bundled_models": "models.bundled",
}

__all__ = ["__version__", *_HOMES]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'specsr' has no attribute {name!r}")
    value = getattr(importlib.import_module(f".{_HOMES[name]}", __name__), name)
    globals()[name] = value  # a function of the same name as its module must win over the module
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
