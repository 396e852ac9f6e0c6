"""Environment of a job: versions, threads, precision and processor, on which rounding depends."""

from __future__ import annotations

import platform
from pathlib import Path

import numpy as np
import torch

from specsr.errors import SpecsrError
from specsr.maps.device import pick_device
from specsr.models.options import InferOptions
from specsr.version import __version__


def environment(options: InferOptions | None = None) -> dict[str, object]:
    """Return what the last digits of a result depend on besides inputs and options.

    Args:
        options: how the network is run; None for work without a network.

    Returns:
        ``specsr``, ``python``, ``numpy``, ``torch`` (versions), ``threads`` of PyTorch,
        ``precision`` (None without a network), ``device`` and ``processor``.
    """
    try:
        device = torch.device("cpu") if options is None else pick_device(options.device)
    except SpecsrError:  # the work itself raises it again, as the error of the file
        device = torch.device("cpu")
    return {
        "specsr": __version__, "python": platform.python_version(), "numpy": np.__version__,
        "torch": torch.__version__, "threads": torch.get_num_threads(),
        "precision": None if options is None else options.precision,
        "device": str(device), "processor": processor(device),
    }  # fmt: skip


def processor(device: torch.device) -> str:
    """Return the name of the CPU or GPU of a device."""
    if device.type == "cuda":
        return torch.cuda.get_device_name(device)
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        return next(line.split(":")[1].strip() for line in lines if line.startswith("model name"))
    except (OSError, StopIteration):
        return platform.processor() or platform.machine()
