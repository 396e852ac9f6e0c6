"""Numerical check of an ONNX file: the same inputs in onnxruntime and in PyTorch."""

from __future__ import annotations

import copy
from typing import Any

import numpy as np
import torch

from specsr.extras import need
from specsr.models.blocks import Scale
from specsr.models.edsr import outputs
from specsr.models.model import Model
from specsr.pairs import band_input, order_input, windows_input

INPUT = "input"
"""Name of the graph's input."""


def largest_difference(graph: bytes, model: Model, scale: Scale, seed: int = 0) -> float:
    """Return the largest difference between a graph in onnxruntime and the network in PyTorch.

    The network runs with its published layers in float64.  The inputs are those of its pair, made
    of noise of 5.6 dB, as the cells of a periodogram have it, on a curve of ± 30 dB (images: of
    grey values), in two shapes: a batch of two, and sizes that are no multiples of the fold.

    Args:
        graph: bytes of an ONNX file, from `specsr.models.onnx_export.onnx_graph`.
        model: its model.
        scale: (s_f, s_t) of the graph.
        seed: of the noise.

    Returns:
        The difference in dB, of levels and uncertainty (above 1 dB in parts of it); of images in
        grey values of 255.

    Raises:
        SpecsrError: onnxruntime is not installed.
    """
    config = model.net.config
    net = copy.deepcopy(model.net).cpu().eval().double()
    session = onnx_session(graph)
    rng = np.random.default_rng(seed)
    worst = 0.0
    for batch, rows, columns in ((2, 24, 32), (1, 16 * config.fold[0] + 3, 23)):
        low = np.stack([example_input(model, rng, rows, columns) for _ in range(batch)])
        fill = [(0, 0), (0, 0), (0, -rows % config.fold[0]), (0, -columns % config.fold[1])]
        whole = np.pad(low.astype(np.float64), fill, mode="edge")
        with torch.inference_mode():
            truth = net(torch.from_numpy(whole), scale).numpy()
        truth = truth[..., : rows * scale[0], : columns * scale[1]]
        own = outputs(config) // config.out_channels
        expected = [truth[:, : config.out_channels], np.exp(truth[:, config.out_channels :])]
        found = session.run(None, {INPUT: low})
        units = [1.0, np.maximum(1, expected[1])]
        for values, right, unit in zip(found, expected[:own], units[:own], strict=True):
            worst = max(worst, float((np.abs(values - right) / unit).max()))
    return worst


def onnx_session(graph: bytes, threads: int | None = None) -> Any:
    """Return an ``onnxruntime.InferenceSession`` on the CPU.

    Args:
        graph: bytes of an ONNX file.
        threads: number of threads; None for that of PyTorch.

    Raises:
        SpecsrError: onnxruntime is not installed.
    """
    runtime = need("onnxruntime", "onnx", "checks of ONNX files")
    options = runtime.SessionOptions()
    options.intra_op_num_threads = threads or torch.get_num_threads()
    return runtime.InferenceSession(graph, options, providers=["CPUExecutionProvider"])


def example_input(model: Model, rng: np.random.Generator, rows: int, columns: int) -> np.ndarray:
    """Return an input of a model, [in_channels, rows, columns], float32."""
    count = model.net.config.in_channels
    curve = 30 * np.cos(np.linspace(0, 3 * np.pi, rows))[:, None]
    if model.pair == "image":
        grey = 127.5 + 2 * curve + 12 * rng.standard_normal((count, rows, columns))
        return np.clip(grey, 0, 255).astype(np.float32)
    if model.pair == "windows":
        noise = 5.6 * rng.standard_normal((len(windows_input.RATIOS), rows, columns))
        return windows_input.windows_image((curve + noise).astype(np.float32))
    level = (curve + 5.6 * rng.standard_normal((rows, columns))).astype(np.float32)
    if model.pair == "band":
        return band_input.band_image(level, max(band_input.PARTS, rows // 2), 24000 / rows)
    further = np.full((count - 1, rows, columns), 20, dtype=np.float32)
    if count == 1 + order_input.CHANNELS:
        speed = np.linspace(10, 60, columns)
        further = order_input.order_channels(100 * np.arange(rows), 100, speed)
    return np.concatenate([level[None], further])
