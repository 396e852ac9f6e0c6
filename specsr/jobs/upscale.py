"""What the commands do to one file, as plain data that can be sent to another machine."""

from __future__ import annotations

import dataclasses
import functools
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from . import enhance, finer, io
from .batch import Task
from .choose import find_model
from .cli_options import SEGMENT, Reading
from .cli_stream import Panel, long_recording, write_pieces
from .consistency import consistency_db
from .errors import SpecsrError
from .follow import keep_orders
from .grid import Grid
from .image import image_model, upscale_image
from .infer import InferOptions
from .io.image import read_image
from .jobs import Result, Written, has_picture
from .prefill import KNOWN_PART
from .spectrogram import SpecMap, SpectrogramTransform
from .streaming import blocks
from .weights import Model, model_file


def _cells(grid: Grid) -> str:
    """Size and unit of a map, and whether it can be turned back."""
    text = (
        f"{grid.rows} rows of {grid.df:g} Hz, {grid.frames} columns of "
        f"{1000 * grid.dt:.4g} ms, {grid.level_label}"
    )
    if grid.is_invertible():
        return text
    return text + "; this window and hop cannot be turned back into a waveform (more overlap can)"


def _with_rpm(x: Any, rpm: Path | None) -> Any:
    """A recording or map with the speed of a table, if there is one."""
    if rpm is None:
        return x
    from .speed import read_rpm

    return x.replace(rpm=read_rpm(rpm, getattr(x, "grid", x)))


def _absolute_path(path: Path | None) -> Path | None:
    """The same file named from the root."""
    return None if path is None else Path(os.path.abspath(path))


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
    segment: float = SEGMENT
    phase: str = "auto"
    command: ClassVar[str] = "spectrogram"

    def __call__(self, task: Task) -> Result:
        """Return the map of a recording; that of a long one is written as it is made."""
        path, options = task.file, self._analysis()
        with long_recording(path, task.targets, self.reading, self.segment) as long:
            if long is not None:
                transform = SpectrogramTransform.for_rate(long.rate, **options)
                grid = dataclasses.replace(transform.grid(long.cut(0, 1)), length=long.length)
                size = max(1, round(self.segment * long.rate))
                result = write_pieces(
                    long, blocks(long, size, task.progress), task.targets, transform,
                    task.overwrite, panels=[Panel(path.stem, transform)],
                )  # fmt: skip
                written = Written(f"levels in {grid.level_label}")
                return dataclasses.replace(
                    result, output=written, notes=(_cells(grid),), max_freq=self.max_freq
                )
        spec = self.reading.read(path).spectrogram(**options)
        return Result(spec, {path.stem: spec}, notes=(_cells(spec.grid),), max_freq=self.max_freq)

    def _analysis(self) -> dict[str, Any]:
        names = ("df", "overlap", "n_fft", "hop_length", "window", "scaling")
        return {name: getattr(self, name) for name in names}

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
    orders: bool = False
    rpm: Path | None = None
    phase: str = "auto"
    command: ClassVar[str] = "denoise"

    def __call__(self, task: Task) -> Result:
        """Return the denoised recording or map; a long recording is written as it is made."""
        path, titles = task.file, ("denoised", "noisy")
        if self.rpm is not None and not self.orders:
            raise SpecsrError("--rpm is the speed that --orders keeps lines by: give both")
        if self.orders:
            return self._orders(task, titles)
        shared: dict[str, Any] = {
            "model": self.model, "attenuation": self.attenuation, "options": self.options,
            "progress": task.progress,
        }  # fmt: skip
        with long_recording(path, task.targets, self.reading, self.options.segment) as long:
            if long is not None:
                transform = SpectrogramTransform()
                panels = [Panel("noisy", transform, of_input=True), Panel("denoised", transform)]
                result = write_pieces(
                    long, enhance.denoise_pieces(long, **shared), task.targets, transform,
                    task.overwrite, panels=panels,
                )  # fmt: skip
                return dataclasses.replace(result, difference=titles, max_freq=self.max_freq)
        noisy: Any = io.read_map(path) if io.is_map(path) else self.reading.read(path)
        clean = enhance.denoise(noisy, **shared)
        if not has_picture(task.targets):
            return Result(clean)
        noisy, shown = (x if io.is_map(path) else x.spectrogram() for x in (noisy, clean))
        return Result(clean, {"noisy": noisy, "denoised": shown}, titles, max_freq=self.max_freq)

    def _orders(self, task: Task, titles: tuple[str, str]) -> Result:
        """Return what of a recording follows the speed."""
        path = task.file
        if io.is_map(path):
            raise SpecsrError("--orders works on a recording: a map has no phase to follow")
        if self.model is not None:
            raise SpecsrError("--orders goes by the speed and uses no model: leave --model out")
        if self.attenuation != enhance.MAX_ATTENUATION or self.options.ensemble:
            raise SpecsrError(
                "--attenuation and --ensemble are for models: leave out with --orders"
            )
        noisy = _with_rpm(self.reading.read(path), self.rpm)
        clean = keep_orders(noisy, self.options.segment, task.progress)
        if not has_picture(task.targets):
            return Result(clean)
        shown = [x.spectrogram() for x in (noisy, clean)]
        return Result(clean, {"noisy": shown[0], "denoised": shown[1]}, titles,
                      max_freq=self.max_freq)  # fmt: skip

    def model_file(self, file: Path) -> Path | None:
        """Return the file of the model, if one is used."""
        return None if self.orders else model_file(self.model, "denoise", (1, 1))

    def absolute(self) -> Denoise:
        """The same with files named from the root."""
        return dataclasses.replace(self, model=_absolute(self.model), rpm=_absolute_path(self.rpm))


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
    find_speed: bool = True
    max_freq: float | None = None
    options: InferOptions = InferOptions()
    command: ClassVar[str] = "upscale"

    def __call__(self, task: Task) -> Result:
        """Return the restored recording or the finer map; a long recording is written at once."""
        path = task.file
        shared: dict[str, Any] = {
            "model": self.model, "options": self.options, "progress": task.progress
        }  # fmt: skip
        if io.is_map(path):
            low = _with_rpm(io.read_map(path), self.rpm)
            return self._map(low, None, self.pair or "pool", shared)
        if self.pair in ("pool", "stft"):
            signal = _with_rpm(self.reading.read(path), self.rpm)
            transform = finer.map_transform(self.scale)
            low = finer.low_map(signal, self.scale, self.pair, transform)
            return self._map(low, transform(signal), self.pair, shared)
        if self.rpm is not None:
            raise SpecsrError("--rpm guides maps: give a map, or --pair pool")
        shared |= {"phase": self.phase, "consistency": self.consistency or "cell"}
        title = f"restored x{self.scale}"
        fine = SpectrogramTransform(2048)
        coarse = SpectrogramTransform(max(2, 2048 // self.scale // 2 * 2))
        with long_recording(path, task.targets, self.reading, self.options.segment) as long:
            if long is not None:
                result = write_pieces(
                    long, enhance.upscale_pieces(long, self.scale, **shared), task.targets, fine,
                    task.overwrite, ratio=self.scale,
                    panels=[Panel("input", coarse, of_input=True), Panel(title, fine)],
                )  # fmt: skip
                notes = (self._band_note(long.rate),)
                return dataclasses.replace(result, notes=notes, max_freq=self.max_freq)
        signal = self.reading.read(path)
        restored = enhance.upscale_band(signal, self.scale, **shared)
        maps = {}
        if has_picture(task.targets):
            maps = {"input": coarse(signal), title: fine(restored)}
        notes = (self._band_note(signal.rate),)
        return Result(restored, maps, notes=notes, max_freq=self.max_freq)

    def _band_note(self, low_rate: float) -> str:
        """What of the result is measured and what is estimated."""
        top = enhance.band_top(find_model(self.model, "band", (1, 1)))
        rate = low_rate * self.scale
        end = f"up to {top:g} Hz, empty above" if top < rate / 2 else "above"
        return f"{rate:g} Hz: measured below {low_rate / 2 * KNOWN_PART:g} Hz, estimated {end}"

    def model_file(self, file: Path) -> Path | None:
        """Return the file of the model that fits a recording or map."""
        pair = self.pair or "band"
        if pair == "band" and io.is_map(file):
            pair = "pool"
        scale = (1, 1) if pair == "band" else (self.scale, self.scale)
        return model_file(self.model, pair, scale)

    def absolute(self) -> Upscale:
        """The same with files named from the root."""
        return dataclasses.replace(self, model=_absolute(self.model), rpm=_absolute_path(self.rpm))

    def _map(
        self, low: SpecMap, reference: SpecMap | None, pair: str, shared: dict[str, Any]
    ) -> Result:
        """Refine one map; with a reference, put it and the difference beside it."""
        scale = self.scale
        mode = self.consistency or finer.DEFAULT_CONSISTENCY
        high = finer.upscale_map(
            low, scale, pair=pair, consistency=mode, find_speed=self.find_speed, **shared
        )
        title = f"super-resolved x{scale}"
        maps = {"low resolution": low, title: high}
        notes = [
            f"{high.grid.rows} rows of {high.grid.df:g} Hz, {high.grid.frames} columns of "
            f"{1000 * high.grid.dt:.3g} ms: every cell is estimated"
        ]
        if low.rpm is not None:
            found = find_model(self.model, pair, (scale, scale))
            used = "guides the lines" if finer.is_guided(found) else f"is not used by {found.name}"
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
