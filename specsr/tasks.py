"""What the commands do to one file, as plain data that can be sent to another machine."""

from __future__ import annotations

import dataclasses
import functools
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from . import enhance, io
from .batch import Task
from .cli_options import Reading
from .consistency import consistency_db
from .errors import SpecsrError
from .image import image_model, upscale_image
from .infer import InferOptions
from .io.image import read_image
from .jobs import Result
from .prefill import KNOWN_PART
from .spectrogram import SpecMap
from .weights import Model, model_file


@dataclass(frozen=True)
class Spectrogram:
    """Calibrated spectrograms; the fields are the options of the command."""

    reading: Reading
    df: float | None = None
    overlap: float | None = None
    n_fft: int | None = None
    hop_length: int | None = None
    window: str = "hann"
    scaling: str = "rms"
    max_freq: float | None = None
    phase: str = "auto"
    command: ClassVar[str] = "spectrogram"

    def __call__(self, task: Task) -> Result:
        """Return the map of a recording."""
        spec = self.reading.read(task.file).spectrogram(
            df=self.df, overlap=self.overlap, n_fft=self.n_fft, hop_length=self.hop_length,
            window=self.window, scaling=self.scaling,
        )  # fmt: skip
        grid = spec.grid
        note = (
            f"{grid.rows} rows of {grid.df:g} Hz, {grid.frames} columns of "
            f"{1000 * grid.dt:.4g} ms, {grid.level_label}"
        )
        if not grid.is_invertible():
            note += "; this window and hop cannot be turned back into a waveform (more overlap can)"
        return Result(spec, {task.file.stem: spec}, notes=(note,), max_freq=self.max_freq)

    def model_file(self, file: Path) -> Path | None:
        """No model is used."""
        return None

    def absolute(self) -> Spectrogram:
        """Nothing in it depends on the folder."""
        return self


@dataclass(frozen=True)
class Denoise:
    """Noise taken out of recordings and maps; the fields are the options of the command."""

    reading: Reading
    model: str | None = None
    attenuation: float = enhance.MAX_ATTENUATION
    max_freq: float | None = None
    options: InferOptions = InferOptions()
    phase: str = "auto"
    command: ClassVar[str] = "denoise"

    def __call__(self, task: Task) -> Result:
        """Return the denoised recording or map."""
        path = task.file
        if io.is_map(path):
            noisy: Any = io.read_map(path)
            before = noisy
        else:
            noisy = self.reading.read(path)
            before = noisy.spectrogram()
        clean = enhance.denoise(
            noisy, model=self.model, attenuation=self.attenuation, options=self.options,
            progress=task.progress,
        )  # fmt: skip
        after = clean if io.is_map(path) else clean.spectrogram()
        maps = {"noisy": before, "denoised": after}
        return Result(clean, maps, ("denoised", "noisy"), max_freq=self.max_freq)

    def model_file(self, file: Path) -> Path | None:
        """Return the file of the model."""
        return model_file(self.model, "denoise", (1, 1))

    def absolute(self) -> Denoise:
        """The same with a model file named from the root."""
        return dataclasses.replace(self, model=_absolute(self.model))


@dataclass(frozen=True)
class Upscale:
    """Recordings and maps super-resolved; the fields are the options of the command."""

    reading: Reading
    scale: int = 2
    pair: str | None = None
    model: str | None = None
    phase: str = "auto"
    consistency: str | None = None
    rpm: Path | None = None
    max_freq: float | None = None
    options: InferOptions = InferOptions()
    command: ClassVar[str] = "upscale"

    def __call__(self, task: Task) -> Result:
        """Return the restored recording or the finer map."""
        path = task.file
        shared = {"model": self.model, "options": self.options, "progress": task.progress}
        if io.is_map(path):
            low = self._with_rpm(io.read_map(path))
            return self._map(low, None, self.pair or "pool", shared)
        signal = self.reading.read(path)
        if self.pair in ("pool", "stft"):
            signal = self._with_rpm(signal)
            transform = enhance.map_transform(self.scale)
            low = enhance.low_map(signal, self.scale, self.pair, transform)
            return self._map(low, transform(signal), self.pair, shared)
        if self.rpm is not None:
            raise SpecsrError("--rpm guides maps: give a map, or --pair pool")
        restored = enhance.upscale_band(
            signal, self.scale, phase=self.phase, consistency=self.consistency or "cell", **shared
        )
        n_fft = 2048
        maps = {
            "input": signal.spectrogram(n_fft=max(2, n_fft // self.scale // 2 * 2)),
            f"restored x{self.scale}": restored.spectrogram(n_fft=n_fft),
        }
        top = enhance.band_top(enhance.find_model(self.model, "band", (1, 1)))
        end = f"up to {top:g} Hz, empty above" if top < restored.rate / 2 else "above"
        measured = signal.rate / 2 * KNOWN_PART
        note = f"{restored.rate:g} Hz: measured below {measured:g} Hz, estimated {end}"
        return Result(restored, maps, notes=(note,), max_freq=self.max_freq)

    def model_file(self, file: Path) -> Path | None:
        """Return the file of the model that fits a recording or map."""
        pair = self.pair or "band"
        if pair == "band" and io.is_map(file):
            pair = "pool"
        scale = (1, 1) if pair == "band" else (self.scale, self.scale)
        return model_file(self.model, pair, scale)

    def absolute(self) -> Upscale:
        """The same with files named from the root."""
        rpm = None if self.rpm is None else Path(os.path.abspath(self.rpm))
        return dataclasses.replace(self, model=_absolute(self.model), rpm=rpm)

    def _with_rpm(self, x: Any) -> Any:
        """A recording or map with the speed of a table, if there is one."""
        if self.rpm is None:
            return x
        from .speed import read_rpm

        return x.replace(rpm=read_rpm(self.rpm, getattr(x, "grid", x)))

    def _map(
        self, low: SpecMap, reference: SpecMap | None, pair: str, shared: dict[str, Any]
    ) -> Result:
        """Refine one map; with a reference, put it and the difference beside it."""
        scale = self.scale
        mode = self.consistency or enhance.DEFAULT_CONSISTENCY
        high = enhance.upscale_map(low, scale, pair=pair, consistency=mode, **shared)
        title = f"super-resolved x{scale}"
        maps = {"low resolution": low, title: high}
        notes = [
            f"{high.grid.rows} rows of {high.grid.df:g} Hz, {high.grid.frames} columns of "
            f"{1000 * high.grid.dt:.3g} ms: every cell is estimated"
        ]
        if low.rpm is not None:
            found = enhance.find_model(self.model, pair, (scale, scale))
            used = (
                "guides the lines" if enhance.is_guided(found) else f"is not used by {found.name}"
            )
            notes.append(f"speed {low.rpm.min():.0f} to {low.rpm.max():.0f} 1/min {used}")
        if high.std_db is not None:
            share = 100 * (high.std_db > 3).mean()
            notes.append(
                f"doubt: typically \N{PLUS-MINUS SIGN} {np.median(high.std_db):.1f} dB, over 3 dB "
                f"in {share:.0f} % of the cells (std_db in the map)"
            )
        if pair == "pool":
            columns = -(-high.grid.frames // scale)  # a full map may have one more at its end
            powers = (
                high.image().astype(float) ** 2, low.image()[..., :columns].astype(float) ** 2
            )  # fmt: skip
            per_cell, per_band = (
                consistency_db(*powers, (scale, scale), per=p) for p in ("cell", "band")
            )
            notes.append(
                f"measured again it differs from the input by {per_cell:.2f} dB a cell, "
                f"{per_band:.4f} dB a band (rms)"
            )
        difference = None
        if reference is not None:
            maps["reference"] = reference
            difference = (title, "reference")
        return Result(high, maps, difference, tuple(notes), self.max_freq)


@dataclass(frozen=True)
class Enlarge:
    """Pictures super-resolved; the fields are the options of ``upscale``."""

    scale: int = 2
    model: str | None = None
    options: InferOptions = InferOptions()
    phase: str = "auto"
    command: ClassVar[str] = "upscale"

    def __call__(self, task: Task) -> Result:
        """Return the larger picture."""
        fine = upscale_image(
            read_image(task.file), self.scale, model=_image_model(self.model, self.scale),
            options=self.options, progress=task.progress,
        )  # fmt: skip
        return Result(fine, notes=(f"{fine.shape[1]} x {fine.shape[0]} pixels",))

    def model_file(self, file: Path) -> Path | None:
        """Return the file of the model."""
        return model_file(self.model, "image", (self.scale, self.scale))

    def absolute(self) -> Enlarge:
        """The same with a model file named from the root."""
        return dataclasses.replace(self, model=_absolute(self.model))


@functools.lru_cache(maxsize=4)
def _image_model(model: str | None, scale: int) -> Model:
    """A model for images; those of other programs take a while to be turned into specsr's."""
    return image_model(model, scale)


def _absolute(model: str | None) -> str | None:
    """A model's file with its whole path; a name or None as it is."""
    return os.path.abspath(model) if model is not None and Path(model).is_file() else model
