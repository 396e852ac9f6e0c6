"""The bundled networks on this CPU beside the least time of their arithmetic and memory traffic.

python benchmarks/cpu.py                              about a minute
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import torch
from backends import NETWORKS, SMALL
from common import parser, progress, publish, run, some
from roofline import counted, rates

from specsr.jobs.environment import processor
from specsr.models.bundled import load_model
from specsr.models.merged import Merged
from specsr.models.tiling import prepared

MODELS = {**{name: scale for name, (scale, _) in NETWORKS.items()}, "expected": (1, 1)}
PROTOCOL = """
One pass in float32 over {rows} x {columns} cells in memory, least of three. The least time is
that of the merged layers one after the other as direct convolutions, each bound by its arithmetic
(at the rate of a product of 2048 x 2048 matrices or of a convolution of 128 features, whichever
is faster) or its memory (each layer reads its inputs and writes its results once, at the rate of
a copy). *times the least* below 1: Winograd's filtering multiplies less often than the direct
sum.
"""


def timed(work: Callable[[], Any]) -> float:
    """Return the least time of three calls, s."""
    times = []
    for _ in range(3):
        began = time.perf_counter()
        work()
        times.append(time.perf_counter() - began)
    return min(times)


def convolution_rate() -> float:
    """Return the rate of a 3 x 3 convolution of 128 features in FLOP/s, channels last."""
    image = torch.randn(1, 128, 256, 256).to(memory_format=torch.channels_last)
    layer = torch.nn.Conv2d(128, 128, 3, padding=1).to(memory_format=torch.channels_last)
    with torch.inference_mode():
        return 2 * 9 * 128 * image.numel() / timed(lambda: layer(image))


def measure(name: str, speeds: dict[str, float]) -> dict[str, Any]:
    """Return the row of a model."""
    model = load_model(name)
    channels = model.net.config.in_channels
    low = torch.randn(channels, *SMALL)
    plain = Merged(model.net, MODELS[name])
    plain.quick = None
    with torch.no_grad():
        work = counted(lambda: plain(low[None].to(memory_format=torch.channels_last)))
    least = work.seconds(speeds["float32"], speeds["bytes"])
    with torch.inference_mode():
        direct = timed(lambda: plain(low[None].to(memory_format=torch.channels_last)))
    with prepared(model.net, MODELS[name]) as ours:
        seconds = timed(lambda: ours(low))
    return {
        "model": name, "GFLOP": work.flops / 1e9, "GB": work.nbytes / 1e9,
        "least, ms": 1e3 * least, "specsr, ms": 1e3 * seconds, "times the least": seconds / least,
        "plain convolutions, times the least": direct / least,
    }  # fmt: skip


def main() -> None:
    args = parser(__doc__.split("\n")[0], list(MODELS), "cpu").parse_args()
    speeds = rates(torch.device("cpu"), timed, 2048)
    speeds["convolution"] = convolution_rate()
    speeds["float32"] = max(speeds["float32"], speeds["convolution"])
    names = some(args.only, args.limit)
    rows = [measure(name, speeds) for name in progress(names, len(names), "network")]
    facts = {
        "processor": processor(torch.device("cpu")), "threads": torch.get_num_threads(),
        "float32, the faster of matrix product and convolution, GFLOP/s": speeds["float32"] / 1e9,
        "matrix product, bfloat16, GFLOP/s": speeds["bfloat16"] / 1e9,
        "copy, GB/s": speeds["bytes"] / 1e9,
    }  # fmt: skip
    publish(
        args,
        "Networks on a CPU",
        PROTOCOL.format(rows=SMALL[0], columns=SMALL[1]),
        {"Least and measured time": rows},
        facts=facts,
        digits=2,
    )


if __name__ == "__main__":
    run(main)
