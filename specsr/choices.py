"""Values that options take, and the defaults that library and command line share.

Light on purpose: the command line lists these values without loading numpy or torch.
"""

from __future__ import annotations

from typing import Any, Literal, get_args

from specsr.errors import SpecsrError

Precision = Literal["float32", "tf32", "bfloat16"]
"""Arithmetic of the convolutions.  tf32 is faster on NVIDIA GPUs with units for it and rounds the
factors to 10 bits; on other devices it is the same as float32.  bfloat16 is faster on processors
with units for it and changes single cells by up to 0.7 dB."""

Phase = Literal["auto", "known", "pghi", "admm", "gl"]
"""How a waveform gets its phase.  ``auto``: the known phase, the rest as ``admm``; ``known``:
exact inverse; ``pghi``: gradient integration alone; ``admm``: PGHI, then ADMM; ``gl``: fast
Griffin-Lim from a random phase."""

Consistency = Literal["measured", "expected", "off"]
"""What of a coarse map the finer one reproduces.  ``measured``: the power of every cell;
``expected``: the same without its speckle, the random scatter of noise; ``off``: nothing."""

SpeedSource = Literal["given", "corrected", "found"]
"""Where the speed of a finer map comes from: given, given and then corrected by the lines of the
map, or found in the map."""

SignalPair = Literal["band", "pool", "stft"]
"""How a low resolution came about: a lower rate, mean power over the cells of a map, or an STFT
with a shorter window or a longer hop.  A map has one of the last two.  ``stft`` has no bundled
model: it needs one of your own."""

UpscalePair = Literal["band", "pool", "image"]
"""Pairs that the command ``upscale`` offers: those with a bundled model."""

Scaling = Literal["rms", "psd"]
"""Magnitudes of a map: a sine of 1 unit rms reads 1, or a density in unit/sqrt(Hz)."""

Weighting = Literal["A", "C", "Z"]
"""Frequency weighting of IEC 61672-1."""

TimeWeighting = Literal["fast", "slow", "rms", "peak"]
"""Readings of a level over time: exponential averages of IEC 61672-1 with 0.125 s (``fast``) and
1 s (``slow``), the mean square of each step (``rms``) or its largest magnitude (``peak``)."""

LevelScale = Literal["db", "linear"]
"""Scale of levels in tables and figures: dB, or the unit of the samples."""

OrderScale = Literal["db", "rms", "peak"]
"""Scale of order levels in tables and figures: dB, or rms or peak values in the unit."""

Quantity = Literal["acceleration", "velocity", "displacement"]
"""Quantities of a vibration."""

Detrend = Literal["mean", "linear"]
"""What is subtracted from a recording: its mean, or the straight line of least squares."""

HIGHPASS = 2.0
"""Cut-off (-3 dB) of the high-pass of an integration, Hz: lower limit of ISO 20816-1 for machines
below 600 rpm."""

OrderMethod = Literal["resample", "vold-kalman"]
"""Methods of order cuts of recordings: angular resampling, or the Vold-Kalman filter."""

BandwidthUnit = Literal["Hz", "orders"]
"""Units of the bandwidth of a Vold-Kalman filter."""

ORDER_PLACE = "{order}"
"""Part of the name of a file of waveforms that stands for an order: each has a file of its own."""

DenoiseMethod = Literal["network", "floor"]
"""Noise reduction: gains of a network that was trained on clean recordings, or the share of the
noise floor in the expected power of every cell."""

Keep = Literal["impacts"]
"""Parts of a recording that noise reduction leaves as measured.  ``impacts``: knocks, clicks and
pulses that raise whole octaves for less than 0.1 s."""

XAxis = Literal["time", "rpm"]
"""Horizontal axis of a view."""

YAxis = Literal["freq", "order"]
"""Vertical axis of a view."""

SEGMENT = 20.0
"""Length in s of the segments that a long recording is processed in."""

DB_RANGE = 80.0
"""dB from the top of a colour scale to its bottom."""

MAX_ATTENUATION = 40.0
"""Largest attenuation of a cell in dB when denoising."""

BICUBIC = "bicubic"
"""Stands for bicubic interpolation where a map model is named."""

NOISE_FILL = "noise-fill"
"""Stands for noise of a typical spectrum where a band model is named."""

SCALE = 2
"""Factor of `specsr.upscale`: of the rate, of both axes of a map, or of the size of an image."""

WINDOW = "hann"
"""Analysis window, a name that scipy knows."""

FIGURES = (".png", ".pdf", ".svg")
"""Suffixes of the figures that are written."""

IMAGE_SUFFIXES = (".png", ".jpg", ".jpeg", ".tif", ".tiff", ".bmp", ".webp")
"""Suffixes of the images that are read and written."""

OPSET = 13
"""Version of the operator set of ONNX files: of 2020, so that older programs read them too."""

ORDER_RESOLUTION = 0.1
"""Distance of the rows of an order map, orders."""

MAX_ORDER = 20.0
"""Highest order of an order map."""

AUDIO_SECONDS = 30.0
"""Length of the audio players of a report, s."""


def check(value: Any, choices: Any, name: str) -> None:
    """Raise `SpecsrError` unless ``value`` is one of a ``Literal``; ``name`` names the option."""
    if value not in get_args(choices):
        raise SpecsrError(f"{name} is {value!r}: expected one of {', '.join(get_args(choices))}")
