"""specsr: super-resolution and denoising of spectrograms, from recording to recording.

The names below are loaded when first used, so that ``import specsr`` stays quick.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

_HOMES = {
    "SpecsrError": "errors",
    "Signal": "signal",
    "Grid": "grid",
    "SpecMap": "spectrogram",
    "SpectrogramTransform": "spectrogram",
    "read": "io",
    "write": "io",
    "read_map": "io",
    "write_map": "io",
    "Pair": "degrade",
    "RunUp": "synth",
    "random_run_up": "scenes",
    "synthesise": "synth",
    "InferOptions": "infer",
    "find_runs": "speed",
    "order_map": "angular",
    "order_cut": "orders",
    "overall_level": "nvh",
    "third_octave_levels": "nvh",
    "psd": "nvh",
    "loudness": "sound_quality",
    "sharpness": "sound_quality",
    "make_report": "report",
    "upscale": "enhance",
    "upscale_map": "finer",
    "upscale_band": "enhance",
    "denoise": "enhance",
    "keep_orders": "follow",
    "upscale_image": "image",
    "read_image": "io.image",
    "write_image": "io.image",
    "evaluate": "evaluation",
    "Model": "weights",
    "load_model": "weights",
    "save_model": "weights",
    "bundled_models": "weights",
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


if TYPE_CHECKING:
    from .angular import order_map as order_map
    from .degrade import Pair as Pair
    from .enhance import denoise as denoise
    from .enhance import upscale as upscale
    from .enhance import upscale_band as upscale_band
    from .errors import SpecsrError as SpecsrError
    from .evaluation import evaluate as evaluate
    from .finer import upscale_map as upscale_map
    from .follow import keep_orders as keep_orders
    from .grid import Grid as Grid
    from .image import upscale_image as upscale_image
    from .infer import InferOptions as InferOptions
    from .io import read as read
    from .io import read_map as read_map
    from .io import write as write
    from .io import write_map as write_map
    from .io.image import read_image as read_image
    from .io.image import write_image as write_image
    from .nvh import overall_level as overall_level
    from .nvh import psd as psd
    from .nvh import third_octave_levels as third_octave_levels
    from .orders import order_cut as order_cut
    from .report import make_report as make_report
    from .scenes import random_run_up as random_run_up
    from .signal import Signal as Signal
    from .sound_quality import loudness as loudness
    from .sound_quality import sharpness as sharpness
    from .spectrogram import SpecMap as SpecMap
    from .spectrogram import SpectrogramTransform as SpectrogramTransform
    from .speed import find_runs as find_runs
    from .synth import RunUp as RunUp
    from .synth import synthesise as synthesise
    from .weights import Model as Model
    from .weights import bundled_models as bundled_models
    from .weights import load_model as load_model
    from .weights import save_model as save_model
