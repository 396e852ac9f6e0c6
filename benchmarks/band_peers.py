"""Other programs in the benchmark of bands: run here, read from files, and published.

Their weights are in no package registry, so each is given by a file that was downloaded before.

N-GAN (``pip install ngan``): https://zenodo.org/records/22045442/files/n8.ckpt

    python benchmarks/band.py --ngan n8.ckpt --only noise specsr noise-fill --name band_peers

FlashSR as ONNX (``pip install onnxruntime``): the file ``onnx/model.onnx`` of
https://huggingface.co/YatharthS/FlashSR; it takes 16 kHz, so recordings at other rates are
resampled to that first, as in its own example:

    python benchmarks/band.py --flashsr model.onnx --only noise specsr noise-fill --name band_peers

Any other program: the first command writes the recordings that it gets (INPUTS/16/drone/NAME.wav,
32-bit float), the second scores what it made of them at 48 kHz (RESULTS/16/drone/NAME.wav or
.flac). Its run time is not known then.

    python benchmarks/band.py --peer-input INPUTS
    python benchmarks/band.py --peer-output RESULTS --only noise specsr noise-fill --name band_peers

Each has two rows: as it is, and with the measured band put back as `specsr.upscale_band` does,
since the error below the cut of many programs is that of their resampling.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterable
from pathlib import Path

import numpy as np
from band_cases import RATE, Case, Recording
from common import read_first

from specsr import Signal, write
from specsr.errors import SpecsrError
from specsr.pairs.measured_band import put_band_back
from specsr.signal import fit_length

PUBLISHED = [
    {"method": "NU-Wave2", "24 kHz": 0.72, "16 kHz": 0.86, "8 kHz": 1.09},
    {"method": "UDM+", "24 kHz": 0.64, "16 kHz": 0.79, "8 kHz": 1.03},
    {"method": "mdctGAN", "24 kHz": 0.71, "16 kHz": 0.83, "8 kHz": 0.93},
    {"method": "AP-BWE", "24 kHz": 0.61, "16 kHz": 0.72, "8 kHz": 0.84},
    {"method": "LavaSR v2 (its own table)", "24 kHz": 0.63, "16 kHz": 0.72, "8 kHz": 0.85},
]
"""LSD that others publish for speech of VCTK, by the rate it is estimated from."""

FLASHSR_RATE = 16000.0
"""Rate that FlashSR takes, Hz."""

Method = Callable[[Case], np.ndarray]


def peer_options(options: argparse.ArgumentParser) -> None:
    """Add the options for other programs to a parser."""
    where = "see benchmarks/band_peers.py"
    options.add_argument(
        "--ngan", type=Path, metavar="FILE", help=f"score N-GAN with its weights (n8.ckpt), {where}"
    )
    options.add_argument(
        "--flashsr", type=Path, metavar="FILE", help=f"score FlashSR, its ONNX file, {where}"
    )
    options.add_argument(
        "--peer-input", type=Path, metavar="FOLDER",
        help="write the recordings at their low rates, FOLDER/KHZ/PATH.wav, and end",
    )  # fmt: skip
    options.add_argument(
        "--peer-output", type=Path, metavar="FOLDER",
        help="score what another program made of them, FOLDER/KHZ/PATH at 48 kHz",
    )  # fmt: skip


def peers_of(args: argparse.Namespace) -> dict[str, Method]:
    """Return the programs that the options name."""
    found: dict[str, Method] = {}
    if args.ngan:
        found["N-GAN"] = ngan(args.ngan)
    if args.flashsr:
        found["FlashSR"] = flashsr(args.flashsr)
    if args.peer_output:
        found[args.peer_output.name] = from_files(args.peer_output)
    return found


def with_band(method: Method) -> Method:
    """Return a method with the measured band put back into its result."""

    def both(case: Case) -> np.ndarray:
        estimate = Signal(method(case), RATE)
        return put_band_back(estimate, case.low).samples[0]

    return both


def ngan(checkpoint: Path) -> Method:
    """Return N-GAN with weights of a file, of any of its sizes."""
    import torch

    _given(checkpoint)
    weights = torch.load(checkpoint, map_location="cpu", weights_only=True)
    try:
        from ngan import NGANSuperResolver
    except ImportError:
        raise SpecsrError("--ngan needs the package ngan: pip install ngan") from None
    network = NGANSuperResolver(n_channels=weights["resolve.0.weight"].shape[0])
    network.model.load_state_dict(weights)

    def method(case: Case) -> np.ndarray:
        samples = network.upsample(case.low.samples[0], int(case.low.rate), int(RATE))
        return fit_length(samples.astype(np.float64), case.high.size)

    return method


def flashsr(model: Path) -> Method:
    """Return FlashSR as ONNX."""
    _given(model)
    try:
        from onnxruntime import InferenceSession
    except ImportError:
        raise SpecsrError("--flashsr needs onnxruntime: pip install onnxruntime") from None
    session = InferenceSession(str(model), providers=["CPUExecutionProvider"])

    def method(case: Case) -> np.ndarray:
        low = case.low.resample(FLASHSR_RATE).samples.astype(np.float32)
        made = session.run(["reconstruction"], {"audio_values": low})[0]
        return fit_length(np.asarray(made, dtype=np.float64).reshape(-1), case.high.size)

    return method


def from_files(folder: Path) -> Method:
    """Return another program by its results in a folder."""

    def method(case: Case) -> np.ndarray:
        path = folder / f"{RATE / case.scale / 1000:g}" / case.name
        found = [p for p in (path, path.with_suffix(".wav")) if p.is_file()]
        if not found:
            raise SpecsrError(f"{path}: no such file: expected the peer's result at 48 kHz")
        samples, rate = read_first(found[0])
        if rate != RATE:
            raise SpecsrError(f"{found[0]}: {rate:g} Hz: expected {RATE:g} Hz")
        return fit_length(samples, case.high.size)

    return method


def write_inputs(all_recordings: Iterable[Recording], scales: Iterable[int], folder: Path) -> None:
    """Write the recordings at their low rates for another program."""
    for scale in scales:
        for recording in all_recordings:
            low = Case(recording, scale, np.zeros(0)).low
            path = folder / f"{low.rate / 1000:g}" / Path(recording.name).with_suffix(".wav")
            write(path, low, subtype="FLOAT", overwrite=True)


def _given(file: Path) -> None:
    """Raise `SpecsrError` without a file of weights."""
    if not file.is_file():
        raise SpecsrError(f"{file}: no such file: benchmarks/band_peers.py has where it comes from")
