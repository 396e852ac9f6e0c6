"""Fuzz targets: each takes untrusted bytes and may raise `SpecsrError` only.

`tests/io/test_fuzz.py` feeds them for seconds with hypothesis; `tests/support/fuzz.py` feeds them
with atheris, guided by coverage, for any length of time.
"""

from __future__ import annotations

import functools
import io
import tempfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch

import specsr.io as files
from specsr.errors import SpecsrError
from specsr.maps.transform import SpectrogramTransform
from specsr.models.bundled import load_model
from specsr.models.config import EDSRConfig
from specsr.models.description import Analysis
from specsr.models.model import Model, save_model
from specsr.models.network import build
from specsr.signal import Signal
from specsr.train.config_file import load_config

CONFIG = b"""\
name: small
pair: {kind: pool, scales: [2]}
model: {n_resblocks: 1, n_feats: 4, fold: [2, 2]}
data: {synth: {count: 2, rates: [8000.0]}, folders: [a, b]}
train: {steps: 10, batch: 2, patch: [8, 8], lr: 1.0e-3, start: null}
"""


def _signal() -> Signal:
    rng = np.random.default_rng(0)
    samples = 0.1 * rng.standard_normal((2, 256)).astype(np.float32)
    rpm = np.linspace(1000.0, 2000.0, 256)
    return Signal(samples, 8000.0, "Pa", ("left", "right"), rpm=rpm)


@functools.cache
def seeds() -> dict[str, bytes]:
    """Return a small valid file of every format: name of the target -> bytes."""
    found = {"config": CONFIG}
    with tempfile.TemporaryDirectory() as folder:
        signal = _signal()
        spec = SpectrogramTransform(32, 16)(signal)
        for suffix in files.WRITERS:
            path = Path(folder, f"signal{suffix}")
            try:
                files.write(path, signal)
                found[f"signal{suffix}"] = path.read_bytes()
            except SpecsrError:  # a format of one channel, or an extra is not installed
                files.write(path, signal.replace(samples=signal.samples[:1], channels=("left",)))
                found[f"signal{suffix}"] = path.read_bytes()
        for suffix in files.MAPS:
            path = Path(folder, f"map{suffix}")
            try:
                files.write_map(path, spec.replace(magnitude=spec.magnitude[:1], phase=None,
                                                   channels=("left",)))  # fmt: skip
                found[f"map{suffix}"] = path.read_bytes()
            except SpecsrError:  # an array alone has no axes
                continue
        small = EDSRConfig(n_resblocks=1, n_feats=2, in_channels=1, out_channels=1, mean=(0.0,))
        net = build(small).eval()
        path = Path(folder, "model.safetensors")
        grid = Analysis(512, 128)
        save_model(path, Model("small", net, "pool", (grid,), (8e3, 48e3), 100.0, {}))
        found["model.safetensors"] = path.read_bytes()
        memory = io.BytesIO()
        torch.save({k: v for k, v in net.state_dict().items() if "_mean" not in k}, memory)
        found["model.pth"] = memory.getvalue()
    return found


def targets(folder: Path) -> dict[str, Callable[[bytes], None]]:
    """Return name -> function that reads bytes as a file of that kind, written to ``folder``."""
    return {name: functools.partial(_read, folder, name) for name in seeds()}


def _read(folder: Path, name: str, data: bytes) -> None:
    kind, _, suffix = name.partition(".")
    path = folder / f"fuzzed.{suffix or 'yaml'}"
    path.write_bytes(data)
    try:
        if kind == "config":
            load_config(path)
        elif kind == "map":
            spec = files.read_map(path)
            assert np.isfinite(spec.magnitude).all()
        elif kind == "signal":
            files.is_map(path)
            signal = files.read(path)
            assert np.isfinite(signal.samples).all() and signal.rate > 0
        elif suffix == "pth":
            from specsr.models.edsr_pytorch import convert

            convert(path)
        else:
            load_model(path)
    except SpecsrError as error:
        assert path.name in str(error), error
