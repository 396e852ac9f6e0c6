"""Run time and accuracy of the bundled networks in specsr, PyTorch, onnxruntime and OpenVINO.

python benchmarks/backends.py                          all, about two minutes of a core
python benchmarks/backends.py --limit 2 --name quick   two of the models

OpenVINO is left out where it is not installed (pip install openvino); specsr does not use it.
"""

from __future__ import annotations

import io
import sys
import time
import warnings
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from importlib.metadata import version
from typing import Any

import numpy as np
import torch
from common import parser, progress, publish, run, some

from specsr.extras import installed
from specsr.jobs.environment import processor
from specsr.models.bundled import load_model
from specsr.models.merged import Merged
from specsr.models.model import Model
from specsr.models.onnx_check import INPUT, example_input, onnx_session
from specsr.models.onnx_export import onnx_graph
from specsr.models.tiling import prepared

SMALL, LARGE = (256, 256), (1024, 512)
NETWORKS = {
    "denoise": ((1, 1), (SMALL, LARGE)),
    "map-small": ((4, 4), (SMALL,)),
    "map": ((4, 4), (SMALL,)),
    "band": ((1, 1), (SMALL, LARGE)),
    "image-x2": ((2, 2), (SMALL,)),
}
"""Model -> scale, and rows and columns of the inputs."""
TWO_THREADS = ("denoise", "map-small")
"""Models that are measured with two threads too, at the first size."""
OWN = "specsr"
ROUNDS = 2

PROTOCOL = """
One forward pass in float32 on a CPU, of one input that is in memory, to an array; runtimes and
weights are prepared before. The methods take turns, {rounds} rounds, and the least time of each
counts. With one thread it is the time of the processor, which other work on the machine changes
little; with two it is the time of the clock, on a machine that others load: read those ratios with
caution. **times specsr** is the time over that of specsr in the same run: below 1 is faster.

- *PyTorch, eager*: the published layers, channels_last.
- *specsr*: tail merged, Winograd convolutions in the body, tiles; *plain convolutions*: without
  Winograd.
- *onnxruntime*, *OpenVINO*: the graph that `specsr export` writes (tail merged); *published
  layers*: the same network as written, exported by PyTorch. OpenVINO with the hint `f32`.

The error is the largest difference to the published layers in float64, dB (images: of 255), on
96 x 96 cells.
"""

Method = Callable[[np.ndarray], np.ndarray]


def published_graph(model: Model, scale: tuple[int, int]) -> bytes:
    """Return the network as written, as an ONNX file for any number of whole folds."""
    file = io.BytesIO()
    low = torch.zeros(1, model.net.config.in_channels, 32, 48)
    with torch.no_grad(), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.onnx.export(
            model.net, (low, scale), file, dynamo=False, opset_version=13,
            input_names=[INPUT], output_names=["output"],
            dynamic_axes={INPUT: {2: "rows", 3: "columns"}, "output": {2: "high", 3: "wide"}},
        )  # fmt: skip
    return file.getvalue()


def openvino(graph: bytes, threads: int) -> Method:
    """Return a function that runs an ONNX file in OpenVINO on the CPU."""
    import openvino as ov

    core = ov.Core()
    options = {"INFERENCE_NUM_THREADS": threads, "INFERENCE_PRECISION_HINT": "f32"}
    compiled = core.compile_model(core.read_model(graph), "CPU", options)
    return lambda low: compiled(low)[0]


def onnxruntime(graph: bytes, threads: int) -> Method:
    """Return a function that runs an ONNX file in onnxruntime on the CPU."""
    session = onnx_session(graph, threads)
    return lambda low: session.run(None, {INPUT: low})[0]


def methods(
    model: Model, scale: tuple[int, int], threads: int, held: ExitStack
) -> dict[str, Method]:
    """Return name -> function of an input [1, C, H, W] that returns the output."""
    net = model.net
    ours = held.enter_context(prepared(net, scale))
    plain = Merged(net, scale)
    plain.quick = None

    def eager(low: np.ndarray) -> np.ndarray:
        with torch.inference_mode():
            x = torch.from_numpy(low).to(memory_format=torch.channels_last)
            return np.asarray(net(x, scale).numpy())

    def direct(low: np.ndarray) -> np.ndarray:
        with torch.inference_mode():
            x = torch.from_numpy(low).to(memory_format=torch.channels_last)
            return np.asarray(plain(x).numpy())

    graphs = {"": onnx_graph(model, scale), ", published layers": published_graph(model, scale)}
    runtimes = {"onnxruntime": onnxruntime}
    if installed("openvino"):
        runtimes["OpenVINO"] = openvino
    return {
        OWN: lambda low: ours(torch.from_numpy(low[0])).numpy()[None],
        f"{OWN}, plain convolutions": direct,
        "PyTorch, eager": eager,
    } | {
        name + layers: start(graph, threads)
        for name, start in runtimes.items()
        for layers, graph in graphs.items()
    }


def least(
    work: Mapping[str, Method], low: np.ndarray, clock: Callable[[], float]
) -> dict[str, float]:
    """Return the least time in s of each method; the methods take turns."""
    times: dict[str, list[float]] = {name: [] for name in work}
    for _ in range(ROUNDS):
        for name, method in work.items():
            began = clock()
            method(low)
            times[name].append(clock() - began)
    return {name: min(taken) for name, taken in times.items()}


def errors(model: Model, scale: tuple[int, int], work: Mapping[str, Method]) -> dict[str, float]:
    """Return the largest difference of the values of each method to float64."""
    low = example_input(model, np.random.default_rng(1), 96, 96)[None]
    net = load_model(model.name).net.double()
    with torch.inference_mode():
        truth = net(torch.from_numpy(low.astype(np.float64)), scale).numpy()
    count = net.config.out_channels
    return {
        name: float(np.abs(method(low)[:, :count] - truth[:, :count]).max())
        for name, method in work.items()
    }


def measure(name: str, threads: int) -> list[dict[str, Any]]:
    """Return the rows of a model with a number of threads."""
    scale, sizes = NETWORKS[name]
    model = load_model(name)
    torch.set_num_threads(threads)
    rows = []
    with ExitStack() as held:
        work = methods(model, scale, threads, held)
        off = errors(model, scale, work)
        for size in sizes if threads == 1 else sizes[:1]:
            low = example_input(model, np.random.default_rng(0), *size)[None]
            clock = time.process_time if threads == 1 else time.perf_counter
            taken = least(work, low, clock)
            print(name, size, taken, file=sys.stderr, flush=True)
            rows += [
                {
                    "model": f"{name}, x{scale[0]}", "input": f"{size[0]} x {size[1]}",
                    "method": method, "s": seconds, "times specsr": seconds / taken[OWN],
                    "error, 1e-6 dB": off[method] * 1e6,
                }
                for method, seconds in taken.items()
            ]  # fmt: skip
    return rows


def main() -> None:
    """Measure and publish."""
    args = parser(__doc__.splitlines()[0], ["1", "2"], "backends").parse_args()
    tables = {}
    for count in map(int, args.only):
        names = some(list(NETWORKS if count == 1 else TWO_THREADS), args.limit)
        tables[f"{count} thread{'s' if count > 1 else ''}"] = [
            row
            for name in progress(names, len(names), f"threads {count}")
            for row in measure(name, count)
        ]
    facts = {"processor": processor(torch.device("cpu"))}
    for package in ("onnx", "onnxruntime", "openvino"):
        if installed(package):
            facts[package] = version(package)
    publish(args, "Other runtimes", PROTOCOL.format(rounds=ROUNDS), tables, facts=facts)


if __name__ == "__main__":
    run(main)
