"""The job of ``upscale`` on recordings and maps: one file super-resolved."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from specsr import io
from specsr.choices import BICUBIC, NOISE_FILL, SCALE, Consistency, Phase, SignalPair
from specsr.enhance.band import band_top, check_rate, chosen_model, upscale_band, upscale_pieces
from specsr.enhance.band_options import BandOptions
from specsr.enhance.band_top import assumed_top, top_note
from specsr.enhance.band_uncertainty import uncertainty_note
from specsr.enhance.maps import upscale_map
from specsr.enhance.resolution import low_map, map_transform, shared_cells
from specsr.enhance.upscale import pair_of_map
from specsr.errors import SpecsrError
from specsr.io import stream
from specsr.jobs.inputs import load, load_recording, without_channels
from specsr.jobs.long_files import Panel, long_recording, write_pieces
from specsr.jobs.options import Figure, Reading, Resolution, Speed
from specsr.jobs.plan import Result, has_figure
from specsr.jobs.speed_inputs import absolute_shafts, check_orders, shaft_tables, speed_options
from specsr.jobs.speed_notes import shaft_note, speed_note
from specsr.jobs.task import Task, Work, absolute_model, absolute_speed, speed_tables
from specsr.jobs.uncertainty import UncertaintySummary
from specsr.maps.device import pick_device
from specsr.maps.spec_map import SpecMap
from specsr.maps.transform import SpectrogramTransform
from specsr.models.bundled import find_model, load_model, model_file
from specsr.models.model import Model
from specsr.models.options import InferOptions
from specsr.nvh.known_orders import parse_orders
from specsr.nvh.speed_options import SpeedOptions
from specsr.pairs.band_input import KNOWN_PART
from specsr.pairs.consistency import consistency_db
from specsr.signal import Signal, Source


@dataclass(frozen=True)
class Upscale(Work):
    """Super-resolution of recordings and maps.

    Attributes:
        reading: channels and calibration of recordings.
        scale: factor of the rate, or of both axes of a map.
        pair: how the low resolution came about; None for ``band`` (recordings) or that of
            `specsr.enhance.upscale.pair_of_map` (maps).
        model: name or file of a model; None for the bundled one.
        phase: phase method of waveforms.
        consistency: part of the input that the result reproduces; None for the default of the pair.
        speed: source of the machine speed, for maps.
        find_speed: estimate or correct the speed from the map.
        orders: known orders of the machine, as text (`specsr.nvh.known_orders.parse_orders`,
            `specsr.nvh.shafts.named_orders`).
        shafts: further shafts of a map, as text (`specsr.nvh.shafts.parse_shaft`).
        top: highest frequency with content of the result of a recording, Hz; None if not known.
        resolution: window and hop of the fine map of a recording, for the pair ``pool``.
        figure: options of the figures.
        options: how the network is run.
    """

    reading: Reading
    scale: int = SCALE
    pair: SignalPair | None = None
    model: str | None = None
    phase: Phase = "auto"
    consistency: Consistency | None = None
    speed: Speed = Speed()
    find_speed: bool = True
    orders: str | None = None
    shafts: tuple[str, ...] = ()
    top: float | None = None
    resolution: Resolution = Resolution()
    figure: Figure = Figure()
    options: InferOptions = InferOptions()
    command: ClassVar[str] = "upscale"

    def check(self) -> None:
        """Check the options before any file is read."""
        if self.scale < 1:
            raise SpecsrError(f"scale is {self.scale}: expected a whole number from 1 up")
        if self.model == BICUBIC and (self.orders is not None or self.shafts):
            raise SpecsrError(
                "--orders, --shaft: bicubic interpolation has no orders: leave them out"
            )
        check_orders(self.orders, self.shafts)
        pick_device(self.options.device)
        if self.model not in (None, BICUBIC, NOISE_FILL):
            load_model(self.model)

    def __call__(self, task: Task) -> Result:
        """Return the restored recording or finer map; a long recording is written by segments."""
        self.check()
        if self.top is not None and (io.is_map(task.file) or self.pair in ("pool", "stft")):
            raise SpecsrError("--top is for recordings at a higher rate (pair band): leave it out")
        if io.is_map(task.file):
            if self.pair == "band":
                raise SpecsrError(
                    "is a map: --pair band is for recordings: leave it out, or add --pair pool if "
                    "its cells are means"
                )
            self._refuse_resolution("is a map with its own window and hop: leave them out")
            low = load(task.file, self.reading, self.speed)
            assert isinstance(low, SpecMap)
            use, _ = self._speed_options(task, low)
            return self._map(task, low, None, self.pair or pair_of_map(low, self.model), use)
        if self.pair in ("pool", "stft"):
            signal = load_recording(task.file, self.reading, self.speed)
            use, speeds = self._speed_options(task, signal)
            signal = without_channels(signal, speeds)
            transform = map_transform(signal, self.scale, **self.resolution.arguments())
            low = low_map(signal, self.scale, self.pair, transform)
            return self._map(task, low, transform(signal), self.pair, use)
        self._refuse_resolution("is a recording: add --pair pool")
        if self.shafts:
            raise SpecsrError("--shaft is for maps: give a map, or add --pair pool")
        if self.speed.given and self.orders is None:
            raise SpecsrError(
                "--rpm, --rpm-channel, --tacho-channel: the speed of a recording is for --orders "
                "above its band: add --orders 2,4,6, leave the speed out, or add --pair pool"
            )
        return self._band(task)

    def _speed_options(
        self, task: Task, x: Signal | SpecMap
    ) -> tuple[SpeedOptions, tuple[str, ...]]:
        return speed_options(self.find_speed, self.orders, self.shafts, x, task.file, self.reading)

    def _refuse_resolution(self, reason: str) -> None:
        """Raise `SpecsrError` if a window or hop is given where it has no effect."""
        if given := self.resolution.given:
            raise SpecsrError(
                f"{', '.join(given)}: for the coarse map of a recording; this {reason}"
            )

    def _band(self, task: Task) -> Result:
        """Return a recording at a higher rate; its upper band is estimated."""
        orders = () if self.orders is None else parse_orders(self.orders)
        band = BandOptions(
            phase=self.phase, consistency=self.consistency, top=self.top, orders=orders
        )
        shared = self._shared(task) | {"band": band}
        title = f"restored x{self.scale}"
        fine = SpectrogramTransform(2048)
        coarse = SpectrogramTransform(max(2, 2048 // self.scale // 2 * 2))
        segment = self.options.segment
        with long_recording(task.file, task.targets, self.reading, segment) as long:
            if long is not None and not orders:
                notes = self._band_notes(long)  # from its first seconds: before these are passed
                pieces = upscale_pieces(long, self.scale, **shared)
                panels = [Panel("input", coarse, "input"), Panel(title, fine)]
                # once more for the figure: segments may be read ahead
                with stream.opened(task.file, **self.reading.arguments()) as second:
                    # None only if the file was replaced meanwhile, which is noticed at the end
                    source = long if second is None else second
                    result = write_pieces(
                        source, pieces, task, fine, ratio=self.scale, panels=panels
                    )
                return dataclasses.replace(result, notes=notes, figure=self.figure)
        if self.speed.is_auto and self.model != NOISE_FILL:
            # the search for the speed takes long: checked first
            low = load_recording(task.file, self.reading)
            check_rate(low.rate, self.scale, self._network(low))
        signal = load_recording(task.file, self.reading, self.speed)
        restored: Signal = upscale_band(signal, self.scale, **shared)
        maps = {}
        if has_figure(task.targets):
            maps = {"input": coarse(signal), title: fine(restored)}
        return Result(restored, maps, notes=self._band_notes(signal), figure=self.figure)

    def _band_notes(self, low: Source) -> tuple[str, ...]:
        """Return which frequencies are measured and which estimated, and the top assumed."""
        rate = low.rate * self.scale
        top = assumed_top(low, self.scale, self.top)
        limit = rate / 2
        if self.model != NOISE_FILL:
            limit = band_top(self._network(low))
        measured = top.known_rate(low.rate) / 2 * KNOWN_PART
        limit = min(limit, rate / 2, top.hz or np.inf)
        end = f"up to {limit:g} Hz, empty above" if limit < rate / 2 else "above"
        first = f"{rate:g} Hz: measured below {measured:g} Hz, estimated {end}"
        notes: tuple[str, ...] = (first, top_note(top, self.model))
        if self.model != NOISE_FILL and limit > measured:
            notes += (uncertainty_note(low.rate / 2, limit),)
        return notes

    def _network(self, low: Source) -> Model:
        """Return the network for a recording."""
        top = assumed_top(low, self.scale, self.top)
        return find_model(chosen_model(self.model, top), "band", (1, 1))

    def _map(
        self, task: Task, low: SpecMap, reference: SpecMap | None, pair: SignalPair,
        speed: SpeedOptions,
    ) -> Result:  # fmt: skip
        """Return a finer map; with a reference, the figure shows it and the difference."""
        high = upscale_map(
            low, self.scale, pair=pair, consistency=self.consistency or "measured",
            speed=speed, **self._shared(task),
        )  # fmt: skip
        title = f"super-resolved x{self.scale}"
        maps = {"low resolution": low, title: high}
        difference = None
        if reference is not None:
            maps["reference"] = reference
            difference = (title, "reference")
        notes = self._map_notes(low, high, pair)
        if shared := shared_cells(low.grid, low.rpm, reference is not None, speed):
            notes += (shared,)
        return Result(high, maps, difference, notes, self.figure)

    def _map_notes(self, low: SpecMap, high: SpecMap, pair: SignalPair) -> tuple[str, ...]:
        """Return notes on cells, speed, uncertainty and consistency of a finer map."""
        scale = (self.scale, self.scale)
        notes = [
            f"{high.grid.rows} rows of {high.grid.df:g} Hz, {high.grid.frames} columns of "
            f"{1000 * high.grid.dt:.3g} ms: every cell is estimated"
        ]
        if note := speed_note(low, high):
            notes.append(note)
        notes.extend(map(shaft_note, high.shafts))
        if high.uncertainty_db is not None:
            summary = UncertaintySummary(high.freqs)
            summary.add(high.uncertainty_db)
            notes.append(summary.note)
        if pair == "pool":
            # a full map may have one column more at its end
            columns = -(-high.grid.frames // self.scale)
            powers = (
                high.image().astype(float) ** 2, low.image()[..., :columns].astype(float) ** 2
            )  # fmt: skip
            deviation = consistency_db(*powers, scale)
            notes.append(f"pooled again it differs from the input by {deviation:.2f} dB (rms)")
        return tuple(notes)

    def _shared(self, task: Task) -> dict[str, Any]:
        return {"model": self.model, "options": self.options, "progress": task.progress}

    def model_file(self, file: Path) -> Path | None:
        """Return the file of the model that fits a recording or map."""
        pair = self.pair or "band"
        if pair == "band" and io.is_map(file):
            pair = "pool"
        if pair == "band":
            return model_file(self._band_model(file), pair, (1, 1))
        return model_file(self.model, pair, (self.scale, self.scale))

    def _band_model(self, file: Path) -> str | None:
        """Return the model for a recording; the default depends on what it sounds like."""
        if self.model is not None:
            return self.model
        with stream.opened(file, **self.reading.arguments()) as opened:
            low = load_recording(file, self.reading) if opened is None else opened
            found = chosen_model(None, assumed_top(low, self.scale))
        assert found is None or isinstance(found, str)
        return found

    def tables(self) -> tuple[Path, ...]:
        """Return the tables of the speeds that are given."""
        return (*speed_tables(self.speed), *shaft_tables(self.shafts))

    def absolute(self) -> Upscale:
        """Return the work with absolute paths of model file and tables."""
        return dataclasses.replace(
            self, model=absolute_model(self.model), speed=absolute_speed(self.speed),
            shafts=absolute_shafts(self.shafts),
        )  # fmt: skip
