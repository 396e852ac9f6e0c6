"""Run time of whole jobs and its parts, of phase estimation and of the start of commands.

Ratios are of times within one run on one machine; every time is the fastest of several.
"""

from __future__ import annotations

import cProfile
import pstats
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from specsr.benchmark.options import SpeedOptions
from specsr.benchmark.timing import Row, fastest
from specsr.maps.phase import to_signal
from specsr.maps.transform import SpectrogramTransform, spectrogram
from specsr.models.tiling import run_tiled
from specsr.signal import Signal

RATE = 48000.0


def jobs(
    options: SpeedOptions, models: dict[str, list[str]], run: Callable[[list[str]], Any]
) -> list[Row]:
    """Time whole commands on a generated recording, and the shares of their parts.

    The parts are the times within certain functions; the rest is the remaining time.

    Args:
        options: length of the recording and number of runs.
        models: command -> names of models.
        run: the command line, called with a list of arguments.

    Returns:
        One row per command and model.
    """
    from specsr import io

    rows = []
    with tempfile.TemporaryDirectory() as folder:
        for command, names in models.items():
            rate = RATE / 2 if command == "upscale" else RATE
            scale = ["--scale", "2"] if command == "upscale" else []
            source, short, out = (Path(folder) / f"{n}.wav" for n in ("in", "short", "out"))
            io.write(source, _recording(rate, options.seconds), overwrite=True)
            io.write(short, _recording(rate, 2.0), overwrite=True)
            for name in names:
                arguments = ["-o", str(out), "--model", name, "--overwrite", *scale]
                run([command, str(short), *arguments])  # imports, compiles
                runs = []
                for _ in range(options.repeats):
                    profile = cProfile.Profile()
                    began = time.perf_counter()
                    profile.runcall(run, [command, str(source), *arguments])
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
    """Seconds within the functions of each part of a job."""
    import soundfile

    from specsr.pairs import measured_band

    parts: dict[str, list[Callable[..., Any]]] = {
        "read": [soundfile.SoundFile.read],
        "analysis": [SpectrogramTransform.__call__],
        "network": [run_tiled],
        "phase": [to_signal, SpectrogramTransform.inverse],
        "own band": [measured_band.put_band_back],
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
    """A run-up in noise, repeated to a length in s, peak at half of full scale."""
    from specsr.synth.draws import random_run_up
    from specsr.synth.synthesis import synthesise

    samples = synthesise(random_run_up(1, rate, 6.0)).signal.samples[0]
    samples = np.resize(samples / np.abs(samples).max() / 2, round(seconds * rate))
    return Signal(samples[None].astype(np.float32), rate)


def phase(options: SpeedOptions) -> list[Row]:
    """Time phase estimation of specsr and of librosa (Griffin-Lim) from the same magnitudes.

    Returns:
        One row per method, the first being the reference of the ratios.
    """
    import librosa

    from specsr.scores.metrics import spectral_convergence

    recording = _recording(RATE, max(2.0, options.seconds / 6))
    spec = spectrogram(recording, n_fft=2048, hop_length=512)
    bare = spec.replace(phase=None)
    samples = recording.samples[0]

    def magnitudes(samples: np.ndarray) -> np.ndarray:
        return np.abs(librosa.stft(samples, n_fft=2048, hop_length=512))

    magnitude = magnitudes(samples)
    methods: dict[str, Callable[[], np.ndarray]] = {
        "librosa, Griffin-Lim, 32": lambda: librosa.griffinlim(
            magnitude, n_iter=32, hop_length=512, n_fft=2048, length=samples.size, random_state=0
        ),
        "specsr, PGHI alone": lambda: to_signal(bare, "pghi").samples[0],
        "specsr, PGHI and 32": lambda: to_signal(bare, "auto", iterations=32).samples[0],
    }
    rows: list[Row] = []
    for name, method in methods.items():
        seconds = fastest(method, options.repeats)
        first = rows[0]["s"] if rows else seconds
        convergence = float(spectral_convergence(magnitude, magnitudes(method())))
        rows.append({
            "method": name, "s": seconds, "times as fast": first / seconds,
            "times real time": recording.duration / seconds,
            "spectral convergence, dB": convergence,
        })  # fmt: skip
    return rows


def start_up(repeats: int) -> list[Row]:
    """Time short commands, each in a process of its own, as the fastest of ``repeats`` runs."""
    from specsr import io

    rows = []
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "a.wav"
        io.write(path, _recording(8000.0, 1.0))
        for arguments in (["--help"], ["upscale", "--help"], ["info", str(path)], ["models"]):
            whole = [sys.executable, "-m", "specsr", *arguments]
            seconds = fastest(
                lambda whole=whole: subprocess.run(whole, check=True, capture_output=True),  # type: ignore
                repeats,
            )
            rows.append(
                {"command": f"specsr {' '.join(Path(g).name for g in arguments)}", "s": seconds}
            )
    return rows
