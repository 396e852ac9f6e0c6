"""How fast specsr is beside plain reference code, and where the time of whole jobs goes.

Ratios compare times of one run on one machine, each the least of several.
"""

from __future__ import annotations

import cProfile
import multiprocessing
import platform
import pstats
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from .infer import InferOptions, pick_device, run_tiled
from .models import EDSR, EDSRConfig
from .precision import pick_precision
from .signal import Signal

SCALE = (4, 4)
RATE = 48000.0
Row = dict[str, Any]
"""Column -> text or number."""


@dataclass(frozen=True)
class SpeedOptions:
    """What is measured.

    Attributes:
        side: rows and columns of the network's input.
        seconds: of the recordings of whole jobs; a sixth of it for the phase alone.
        repeats: runs of which the fastest counts.
        device: torch device of the networks.
    """

    side: int = 256
    seconds: float = 60.0
    repeats: int = 3
    device: str = "cpu"


class Reference(nn.Module):
    """The published EDSR baseline x4 for one channel, layer by layer (Lim et al. 2017)."""

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


def same_network(plain: Reference) -> EDSR:
    """Return specsr's EDSR with the weights of a `Reference`, whose layers come in its order."""
    blocks, feats = len(plain.blocks), plain.last.out_channels
    net = EDSR(EDSRConfig(SCALE, blocks, feats, in_channels=1, out_channels=1, mean=(0.0,)))
    pairs = zip(net.parameters(), plain.parameters(), strict=True)
    with torch.no_grad():
        for own, theirs in pairs:
            own.copy_(theirs)
    return net.eval()


def network(options: SpeedOptions) -> list[Row]:
    """Time the reference and specsr's ways through the same weights; GFLOP/s are of the published
    layers, so a way that needs less arithmetic shows more than the machine has."""
    torch.manual_seed(0)
    plain = Reference().eval().to(device := pick_device(options.device))
    image = torch.randn(1, options.side, options.side)
    with torch.inference_mode():
        truth = plain(image[None].to(device))[0].cpu()

    def eager() -> Tensor:
        with torch.inference_mode():
            return plain(image[None].to(device))[0].cpu()

    ways: dict[str, Callable[[], Tensor]] = {"reference, eager float32": eager}
    net = same_network(plain)
    for precision in ("float32", "bfloat16", "auto"):
        name = f"specsr, {precision}"
        if precision == "auto":
            name += f" ({pick_precision('auto', device)})"
        chosen = InferOptions(precision=precision, device=options.device)
        ways[name] = lambda chosen=chosen: run_tiled(net, image, SCALE, chosen)  # type: ignore
    work = 2 * options.side**2 * _multiplications(plain)
    rows: list[Row] = []
    for name, way in ways.items():
        seconds = fastest(way, options.repeats, device)
        error = float((way() - truth).square().mean() / truth.square().mean())
        rows.append({
            "way": name, "s": seconds, "GFLOP/s": work / seconds / 1e9,
            "times as fast": (rows[0]["s"] if rows else seconds) / seconds,
            "error, dB": 10 * np.log10(error) if error else None,
            "peak memory, MiB": None
            if device.type != "cpu" else peak_memory(name.split(" (")[0], options),
        })  # fmt: skip
    return rows


def _multiplications(plain: Reference) -> int:
    """Multiplications of the published layers a cell of input."""
    total, cells = 0, 1
    for layer in plain.modules():
        if isinstance(layer, nn.Conv2d):
            total += cells * layer.weight.numel()
        elif isinstance(layer, nn.PixelShuffle):
            cells *= layer.upscale_factor**2
    return total


def fastest(work: Callable[[], Any], repeats: int, device: torch.device | None = None) -> float:
    """Return the seconds of the fastest of some runs, after one that warms up."""
    times = []
    for _ in range(repeats + 1):
        began = time.perf_counter()
        work()
        if device is not None and device.type == "cuda":
            torch.cuda.synchronize(device)
        times.append(time.perf_counter() - began)
    return min(times[1:])


def peak_memory(way: str, options: SpeedOptions) -> float | None:
    """Return the MiB that one pass adds to the peak memory of a process of its own (Linux)."""
    context = multiprocessing.get_context("spawn")
    with context.Pool(1) as pool:
        peak = pool.apply(_peak, (way, options.side))
    return None if peak is None else peak / 2**20


def _peak(way: str, side: int) -> float | None:
    plain = Reference().eval()
    net = same_network(plain)
    image = torch.randn(1, side, side)
    with torch.inference_mode():  # what the first convolution loads is not of the pass
        plain(image[None, :, :16, :16])
        try:
            Path("/proc/self/clear_refs").write_text("5")  # the peak starts anew (Linux, proc(5))
            before = _high_water()
        except OSError:
            return None
        if way.startswith("reference"):
            plain(image[None])
        else:
            run_tiled(net, image, SCALE, InferOptions(precision=way.split(", ")[1], device="cpu"))
    return _high_water() - before


def _high_water() -> float:
    status = Path("/proc/self/status").read_text()
    return 1024.0 * int(status.split("VmHWM:")[1].split()[0])


def accuracy() -> list[Row]:
    """PSNR of the bundled x4 image model on a zone plate, by arithmetic, and its change."""
    from .image import run_image
    from .image_data import to_pixels
    from .image_metrics import psnr
    from .imresize import imresize
    from .weights import load_model

    side = 480
    y, x = np.mgrid[:side, :side] / side - 0.5
    waves = 127.5 + 120 * np.cos(np.pi * 0.15 * side * (x**2 + y**2))
    image = np.repeat(waves.round().astype(np.uint8)[..., None], 3, axis=2)
    low = imresize(image, 1 / 4)
    net = load_model("image-x4").net
    plain = torch.from_numpy(low.transpose(2, 0, 1).copy()).float()[None]
    with torch.inference_mode():
        exact = net(plain, SCALE)[0]
    ways = {"plain layers, float32": exact} | {
        f"specsr, {p}": run_image(net, low, 4, InferOptions(precision=p, device="cpu"))
        for p in ("float32", "bfloat16")
    }
    rows: list[Row] = []
    for name, fine in ways.items():
        value = psnr(to_pixels(fine)[4:-4, 4:-4], image[4:-4, 4:-4])
        first = rows[0]["PSNR, dB"] if rows else value
        rows.append({"way": name, "PSNR, dB": value, "change, dB": value - first})
    return rows


def jobs(options: SpeedOptions, models: dict[str, list[str]]) -> list[Row]:
    """Run whole commands on a recording and say how their time divides.

    ``models``: command -> names of models.  The parts are times within named functions; the rest
    is what no part covers.
    """
    from . import io
    from .cli import app

    rows = []
    with tempfile.TemporaryDirectory() as folder:
        for command, names in models.items():
            rate = RATE / 2 if command == "upscale" else RATE
            scale = ["--scale", "2"] if command == "upscale" else []
            source, short, out = (Path(folder) / f"{n}.wav" for n in ("in", "short", "out"))
            io.write(source, _recording(rate, options.seconds), overwrite=True)
            io.write(short, _recording(rate, 2.0), overwrite=True)
            for name in names:
                given = ["-o", str(out), "--model", name, "--overwrite", *scale]
                app([command, str(short), *given], standalone_mode=False)  # imports, compiles
                runs = []
                for _ in range(options.repeats):
                    profile = cProfile.Profile()
                    began = time.perf_counter()
                    profile.runcall(app, [command, str(source), *given], standalone_mode=False)
                    runs.append((time.perf_counter() - began, profile))
                seconds, profile = min(runs, key=lambda run: run[0])
                split = _split(profile)
                rows.append({
                    "job": f"{command}, {name}", "s": seconds,
                    "times real time": options.seconds / seconds,
                    **{f"{part}, %": 100 * value / seconds for part, value in split.items()},
                    "rest, %": 100 * (1 - sum(split.values()) / seconds),
                })  # fmt: skip
    return rows


def _split(profile: cProfile.Profile) -> dict[str, float]:
    """Seconds within the functions that make up a job."""
    import soundfile

    from . import consistency, spectrogram

    parts: dict[str, list[Callable[..., Any]]] = {
        "read": [soundfile.SoundFile.read],
        "analysis": [spectrogram.SpectrogramTransform.__call__],
        "network": [run_tiled],
        "phase": [spectrogram.SpecMap.to_signal, spectrogram.SpectrogramTransform.inverse],
        "own band": [consistency.put_band_back],
        "write": [soundfile.SoundFile.write],
    }
    stats = pstats.Stats(profile).stats  # type: ignore[attr-defined]
    keys = {
        part: [(f.__code__.co_filename, f.__code__.co_firstlineno, f.__code__.co_name) for f in fs]
        for part, fs in parts.items()
    }
    return {
        part: max((stats[k][3] for k in found if k in stats), default=0.0)
        for part, found in keys.items()
    }


def _recording(rate: float, seconds: float) -> Signal:
    """A run-up in noise, repeated to the length asked for, full scale 1."""
    from .scenes import random_run_up
    from .synth import synthesise

    samples = synthesise(random_run_up(1, rate, 6.0)).signal.samples[0]
    samples = np.resize(samples / np.abs(samples).max() / 2, round(seconds * rate))
    return Signal(samples[None].astype(np.float32), rate)


def phase(options: SpeedOptions) -> list[Row]:
    """Time PGHI with 32 iterations beside librosa's Griffin-Lim with 32, on the same map."""
    import librosa

    from .metrics import spectral_convergence

    recording = _recording(RATE, max(2.0, options.seconds / 6))
    spec = recording.spectrogram(n_fft=2048, hop_length=512)
    bare = spec.replace(phase=None)
    wanted = recording.samples[0]

    def magnitudes(samples: np.ndarray) -> np.ndarray:
        return np.abs(librosa.stft(samples, n_fft=2048, hop_length=512))

    magnitude = magnitudes(wanted)
    ways: dict[str, Callable[[], np.ndarray]] = {
        "librosa, Griffin-Lim, 32": lambda: librosa.griffinlim(
            magnitude, n_iter=32, hop_length=512, n_fft=2048, length=wanted.size, random_state=0
        ),
        "specsr, PGHI alone": lambda: bare.to_signal("pghi").samples[0],
        "specsr, PGHI and 32": lambda: bare.to_signal("auto", iterations=32).samples[0],
    }
    rows: list[Row] = []
    for name, way in ways.items():
        seconds = fastest(way, options.repeats)
        first = rows[0]["s"] if rows else seconds
        rows.append({
            "way": name, "s": seconds, "times as fast": first / seconds,
            "times real time": recording.duration / seconds,
            "spectral convergence, dB": float(spectral_convergence(magnitude, magnitudes(way()))),
        })  # fmt: skip
    return rows


def start_up(repeats: int) -> list[Row]:
    """Time commands that should answer at once, each in a process of its own."""
    from . import io

    rows = []
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "a.wav"
        io.write(path, _recording(8000.0, 1.0))
        for given in (["--help"], ["upscale", "--help"], ["info", str(path)], ["models"]):
            whole = [sys.executable, "-m", "specsr", *given]
            seconds = fastest(
                lambda whole=whole: subprocess.run(whole, check=True, capture_output=True),  # type: ignore
                repeats,
            )
            rows.append(
                {"command": f"specsr {' '.join(Path(g).name for g in given)}", "s": seconds}
            )
    return rows


def machine(device_name: str = "cpu") -> dict[str, Any]:
    """Return the facts that the times depend on, and what a matrix product reaches there."""
    device = pick_device(device_name)
    size = 1536
    speed = {}
    for dtype in (torch.float32, torch.bfloat16):
        a = torch.randn(size, size).to(device, dtype)
        seconds = fastest(lambda a=a: a @ a, 40, device)  # type: ignore[misc]
        speed[f"matrix product, {str(dtype)[6:]}, GFLOP/s"] = round(2 * size**3 / seconds / 1e9)
    return {
        "processor": _processor() if device.type == "cpu" else torch.cuda.get_device_name(device),
        "threads": torch.get_num_threads(), "torch": torch.__version__, **speed,
    }  # fmt: skip


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        return next(line.split(":")[1].strip() for line in lines if line.startswith("model name"))
    except (OSError, StopIteration):
        return platform.processor() or platform.machine()
