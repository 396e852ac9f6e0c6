# Public names, in the order of the data: file, signal, map, orders and levels, pairs and machines,
# models, enhancement, images, scores, figures, reports.  Read by lazy_loader and by editors.

__version__: str

from .enhance.band import upscale_band as upscale_band
from .enhance.band_options import BandOptions as BandOptions
from .enhance.denoise import denoise as denoise
from .enhance.expected import expected as expected
from .enhance.expected_recording import expected_spectrogram as expected_spectrogram
from .enhance.found_noise import find_noise as find_noise
from .enhance.impacts import keep_impacts as keep_impacts
from .enhance.maps import upscale_map as upscale_map
from .enhance.orders import keep_orders as keep_orders
from .enhance.resolution import low_map as low_map
from .enhance.sharp import sharp_map as sharp_map
from .enhance.upscale import upscale as upscale
from .errors import SpecsrError as SpecsrError
from .images.upscale import upscale_image as upscale_image
from .io import read as read
from .io import read_map as read_map
from .io import write as write
from .io import write_map as write_map
from .io.image import read_image as read_image
from .io.image import write_image as write_image
from .maps.grid import Grid as Grid
from .maps.phase import to_signal as to_signal
from .maps.spec_map import SpecMap as SpecMap
from .maps.transform import SpectrogramTransform as SpectrogramTransform
from .maps.transform import spectrogram as spectrogram
from .models.bundled import bundled_models as bundled_models
from .models.model import Model as Model
from .models.bundled import load_model as load_model
from .models.model import save_model as save_model
from .models.options import InferOptions as InferOptions
from .nvh.cepstrum import cepstrum as cepstrum
from .nvh.compare import compare_runs as compare_runs
from .nvh.envelope import envelope as envelope
from .nvh.export import to_xarray as to_xarray
from .nvh.kurtosis import kurtogram as kurtogram
from .nvh.integration import detrended as detrended
from .nvh.integration import to_quantity as to_quantity
from .nvh.level_curve import CurveOptions as CurveOptions
from .nvh.level_curve import level_curve as level_curve
from .nvh.levels import overall_level as overall_level
from .nvh.levels import psd as psd
from .nvh.levels import third_octave_levels as third_octave_levels
from .nvh.order_cut import order_cut as order_cut
from .nvh.order_map import order_map as order_map
from .nvh.order_waveforms import extract_orders as extract_orders
from .nvh.order_waveforms import remove_orders as remove_orders
from .nvh.runs import find_runs as find_runs
from .nvh.sound_quality import loudness as loudness
from .nvh.sound_quality import sharpness as sharpness
from .nvh.sound_quality_curves import sound_quality_curves as sound_quality_curves
from .nvh.speed import read_rpm as read_rpm
from .nvh.speed_options import SpeedOptions as SpeedOptions
from .nvh.synchronous_average import synchronous_average as synchronous_average
from .nvh.tacholess import SpeedSearch as SpeedSearch
from .nvh.tacholess import find_speed as find_speed
from .nvh.tonality import tones as tones
from .nvh.tone_blocks import tone_blocks as tone_blocks
from .nvh.view import View as View
from .nvh.view import view as view
from .nvh.vold_kalman import VoldKalman as VoldKalman
from .nvh.weighted import weighted as weighted
from .pairs.pair import Pair as Pair
from .plots.comparison import plot_comparison as plot_comparison
from .plots.maps import plot_uncertainty as plot_uncertainty
from .plots.plot import plot as plot
from .plots.save import save_figure as save_figure
from .plots.cuts import plot_cuts as plot_cuts
from .report.page import ReportOptions as ReportOptions
from .report.report import make_report as make_report
from .scores.evaluate import EvaluateOptions as EvaluateOptions
from .scores.evaluate import evaluate as evaluate
from .signal import Signal as Signal
from .synth.draws import random_run_up as random_run_up
from .synth.machine import RunUp as RunUp
from .synth.synthesis import synthesise as synthesise

__all__ = [
    "__version__",
    "SpecsrError",
    "Signal",
    "read",
    "write",
    "Grid",
    "SpecMap",
    "SpectrogramTransform",
    "spectrogram",
    "to_signal",
    "read_map",
    "write_map",
    "read_rpm",
    "find_speed",
    "SpeedSearch",
    "find_runs",
    "View",
    "view",
    "order_map",
    "order_cut",
    "VoldKalman",
    "extract_orders",
    "remove_orders",
    "compare_runs",
    "envelope",
    "kurtogram",
    "cepstrum",
    "synchronous_average",
    "overall_level",
    "level_curve",
    "CurveOptions",
    "weighted",
    "to_quantity",
    "detrended",
    "third_octave_levels",
    "psd",
    "loudness",
    "sharpness",
    "sound_quality_curves",
    "tone_blocks",
    "tones",
    "to_xarray",
    "Pair",
    "low_map",
    "SpeedOptions",
    "RunUp",
    "random_run_up",
    "synthesise",
    "Model",
    "load_model",
    "save_model",
    "bundled_models",
    "InferOptions",
    "upscale",
    "upscale_map",
    "upscale_band",
    "BandOptions",
    "denoise",
    "expected",
    "expected_spectrogram",
    "sharp_map",
    "keep_orders",
    "read_image",
    "write_image",
    "upscale_image",
    "evaluate",
    "EvaluateOptions",
    "plot",
    "plot_uncertainty",
    "plot_cuts",
    "plot_comparison",
    "save_figure",
    "make_report",
    "ReportOptions",
]
