"""What the commands do to one file, as plain data that can be sent to another machine."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from specsr import io
from specsr.choices import Consistency, Phase, SignalPair
from specsr.enhance import band as enhance
from specsr.enhance import maps as finer
from specsr.errors import SpecsrError
from specsr.jobs.long_files import Panel, long_recording, write_pieces
from specsr.jobs.options import Reading
from specsr.jobs.plan import Result, has_picture
from specsr.jobs.task import Task, _absolute, _absolute_path, _with_rpm
from specsr.maps.spec_map import SpecMap
from specsr.maps.transform import SpectrogramTransform
from specsr.models.bundled import find_model, model_file
from specsr.models.options import InferOptions
from specsr.pairs.band_input import KNOWN_PART
from specsr.pairs.consistency import consistency_db


@dataclass(frozen=True)
class Upscale:
    """Recordings and maps super-resolved; the fields are the options of the command."""

    reading: Reading
    scale: int = 2
    pair: SignalPair | None = None
    model: str | None = None
    phase: Phase = "auto"
    consistency: Consistency | None = None
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
        shared |= {"phase": self.phase, "consistency": self.consistency}
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
        self, low: SpecMap, reference: SpecMap | None, pair: SignalPair, shared: dict[str, Any]
    ) -> Result:
        """Refine one map; with a reference, put it and the difference beside it."""
        scale = self.scale
        mode = self.consistency or "row"
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
            used = "guides the lines" if finer.uses_speed(found) else f"is not used by {found.name}"
            notes.append(f"speed {low.rpm.min():.0f} to {low.rpm.max():.0f} 1/min {used}")
        if high.uncertainty_db is not None:
            share = 100 * (high.uncertainty_db > 3).mean()
            notes.append(
                "uncertainty: typically "
                f"\N{PLUS-MINUS SIGN} {np.median(high.uncertainty_db):.1f} dB, over 3 dB "
                f"in {share:.0f} % of the cells (uncertainty_db in the map)"
            )
        if pair == "pool":
            columns = -(-high.grid.frames // scale)  # a full map may have one more at its end
            powers = (
                high.image().astype(float) ** 2, low.image()[..., :columns].astype(float) ** 2
            )  # fmt: skip
            per_cell, per_row = (
                consistency_db(*powers, (scale, scale), per=p) for p in ("cell", "row")
            )
            notes.append(
                f"measured again it differs from the input by {per_cell:.2f} dB a cell, "
                f"{per_row:.4f} dB a row (rms)"
            )
        difference = None
        if reference is not None:
            maps["reference"] = reference
            difference = (title, "reference")
        return Result(high, maps, difference, tuple(notes), self.max_freq)
