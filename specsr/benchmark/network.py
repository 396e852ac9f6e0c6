"""Run time, memory and accuracy of a network, compared with the published layers."""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, get_args

import numpy as np
import torch
from torch import Tensor, nn

from specsr.benchmark.options import SpeedOptions
from specsr.benchmark.timing import Row, fastest
from specsr.choices import Precision
from specsr.maps.device import pick_device
from specsr.models.config import EDSRConfig
from specsr.models.edsr import EDSR
from specsr.models.merged import Merged
from specsr.models.options import InferOptions
from specsr.models.tiling import run_tiled
from specsr.progress import Progress

SCALE = (4, 4)


class Reference(nn.Module):
    """The published EDSR baseline x4 for one channel, layer by layer.

    Source: Lim et al., Enhanced deep residual networks for single image super-resolution, CVPRW
    2017.
    """

    def __init__(self, n_resblocks: int = 16, n_feats: int = 64) -> None:
        super().__init__()
        n = n_feats

        def conv(a: int, b: int) -> nn.Conv2d:
            return nn.Conv2d(a, b, 3, padding=1)

        self.head = conv(1, n)
        self.blocks = nn.ModuleList(
            nn.Sequential(conv(n, n), nn.ReLU(True), conv(n, n)) for _ in range(n_resblocks)
        )
        self.last = conv(n, n)
        self.tail = nn.Sequential(
            conv(n, 4 * n), nn.PixelShuffle(2), conv(n, 4 * n), nn.PixelShuffle(2), conv(n, 1)
        )

    def forward(self, x: Tensor) -> Tensor:
        """[B, 1, H, W] -> [B, 1, 4 H, 4 W]."""
        start = x = self.head(x)
        for block in self.blocks:
            x = x + block(x)
        return self.tail(start + self.last(x))


def direct(merged: Merged, image: Tensor) -> Tensor:
    """Run a merged network on one image [1, H, W], without tiles."""
    with torch.inference_mode():
        return merged(image[None].to(memory_format=torch.channels_last))[0].cpu()


def same_network(plain: Reference) -> EDSR:
    """Return specsr's EDSR with the weights of a `Reference`; the order of layers is the same."""
    blocks, feats = len(plain.blocks), plain.last.out_channels
    config = EDSRConfig(
        scale=SCALE, n_resblocks=blocks, n_feats=feats, in_channels=1, out_channels=1, mean=(0.0,)
    )
    net = EDSR(config)
    pairs = zip(net.parameters(), plain.parameters(), strict=True)
    with torch.no_grad():
        for own, theirs in pairs:
            own.copy_(theirs)
    return net.eval()


def network(
    options: SpeedOptions,
    slow: Mapping[str, float] = {},
    progress: Progress = lambda steps: steps,
) -> list[Row]:
    """Time the reference and specsr's implementations with the same weights.

    GFLOP/s count the arithmetic of the published layers, so an implementation with less arithmetic
    can exceed the speed of the machine.

    Args:
        options: size of the input, number of runs, device.
        slow: kinds of arithmetic that are not measured, see `specsr.benchmark.timing.slow_kinds`.
        progress: wraps the list of implementations, such as a progress bar.

    Returns:
        One row per implementation, the first being the reference of ratios and errors; one without
        numbers for each kind of ``slow``.
    """
    torch.manual_seed(0)
    plain = Reference().eval().to(device := pick_device(options.device))
    image = torch.randn(1, options.side, options.side)
    with torch.inference_mode():
        truth = plain(image[None].to(device))[0].cpu()

    def eager() -> Tensor:
        with torch.inference_mode():
            return plain(image[None].to(device))[0].cpu()

    methods: dict[str, Callable[[], Tensor]] = {"reference, eager float32": eager}
    net = same_network(plain)
    merged = Merged(net, SCALE).to(device)
    if merged.quick is not None:  # without the convolutions of `specsr.models.winograd`
        merged.quick = None
        methods["specsr, float32, plain convolutions"] = lambda: direct(merged, image.to(device))
    for precision in precisions(device, slow):
        chosen = InferOptions(precision=precision, device=options.device)
        methods[f"specsr, {precision}"] = lambda chosen=chosen: run_tiled(net, image, SCALE, chosen)  # type: ignore
    work = 2 * options.side**2 * multiplications(plain)
    rows: list[Row] = []
    for name, method in progress(list(methods.items())):
        seconds = fastest(method, options.repeats, device)
        error = float((method() - truth).square().mean() / truth.square().mean())
        own = device.type == "cpu" and "plain" not in name
        rows.append({
            "method": name, "s": seconds, "GFLOP/s": work / seconds / 1e9,
            "times as fast": (rows[0]["s"] if rows else seconds) / seconds,
            "error, dB": 10 * np.log10(error) if error else None,
            "peak memory, MiB": peak_memory(name, options) if own else None,
        })  # fmt: skip
    return rows + _left_out(rows, slow)


def _left_out(rows: list[Row], slow: Mapping[str, float]) -> list[Row]:
    """Return a row without numbers for each kind of arithmetic that is not measured."""
    return [
        dict.fromkeys(rows[0])
        | {"method": f"specsr, {kind}: not measured, {ratio:.0f} times slower than float32 here"}
        for kind, ratio in slow.items()
    ]


def precisions(device: torch.device, slow: Mapping[str, float] = {}) -> list[Precision]:
    """Return the kinds of arithmetic to measure: tf32 on CUDA alone, none that is slow."""
    kinds = [p for p in get_args(Precision) if p != "tf32" or device.type == "cuda"]
    return [p for p in kinds if p not in slow]


def multiplications(plain: Reference) -> int:
    """Return the multiplications of the published layers per cell of input."""
    total, cells = 0, 1
    for layer in plain.modules():
        if isinstance(layer, nn.Conv2d):
            total += cells * layer.weight.numel()
        elif isinstance(layer, nn.PixelShuffle):
            cells *= layer.upscale_factor**2
    return total


def peak_memory(method: str, options: SpeedOptions) -> float | None:
    """Return the MiB that one pass adds to the peak memory of a new process.

    ``method`` is one of those of `network`.  None where the system does not report it (Linux
    does).
    """
    context = multiprocessing.get_context("spawn")
    with context.Pool(1) as pool:
        peak = pool.apply(_peak, (method, options.side))
    return None if peak is None else peak / 2**20


def _peak(method: str, side: int) -> float | None:
    plain = Reference().eval()
    net = same_network(plain)
    image = torch.randn(1, side, side)
    with torch.inference_mode():  # exclude the memory of libraries loaded by the first pass
        plain(image[None, :, :16, :16])
        try:
            Path("/proc/self/clear_refs").write_text("5")  # reset the peak, see proc(5)
            before = _high_water()
        except OSError:
            return None
        if method.startswith("reference"):
            plain(image[None])
        else:
            precision: Any = method.split(", ")[1]
            run_tiled(net, image, SCALE, InferOptions(precision=precision, device="cpu"))
    return _high_water() - before


def _high_water() -> float:
    status = Path("/proc/self/status").read_text()
    return 1024.0 * int(status.split("VmHWM:")[1].split()[0])


def accuracy(slow: Mapping[str, float] = {}) -> list[Row]:
    """Return the PSNR of the bundled x4 image model on a zone plate for every arithmetic.

    Args:
        slow: kinds of arithmetic that are left out, as in `network`.

    Returns:
        One row per arithmetic, with its change against the first one.
    """
    from specsr.images.imresize import imresize
    from specsr.images.metrics import PEAK
    from specsr.images.pixels import to_pixels
    from specsr.images.upscale import run_image
    from specsr.models.bundled import load_model
    from specsr.scores.similarity import psnr

    side = 480
    y, x = np.mgrid[:side, :side] / side - 0.5
    waves = 127.5 + 120 * np.cos(np.pi * 0.15 * side * (x**2 + y**2))
    image = np.repeat(waves.round().astype(np.uint8)[..., None], 3, axis=2)
    low = imresize(image, 1 / 4)
    net = load_model("image-x4").net
    plain = torch.from_numpy(low.transpose(2, 0, 1).copy()).float()[None]
    with torch.inference_mode():
        exact = net(plain, SCALE)[0]
    methods = {"plain layers, float32": exact} | {
        f"specsr, {p}": run_image(net, low, 4, InferOptions(precision=p, device="cpu"))
        for p in precisions(torch.device("cpu"), slow)
    }
    rows: list[Row] = []
    for name, fine in methods.items():
        value = psnr(image[4:-4, 4:-4], to_pixels(fine)[4:-4, 4:-4], PEAK)
        first = rows[0]["PSNR, dB"] if rows else value
        rows.append({"method": name, "PSNR, dB": value, "change, dB": value - first})
    return rows + _left_out(rows, slow)
