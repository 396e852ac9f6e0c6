"""Inputs of ``orders --method vold-kalman``: the recording, its speed, shafts and orders."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from specsr import io
from specsr.choices import SEGMENT
from specsr.errors import SpecsrError
from specsr.io import stream
from specsr.io.speed_table import read_speeds
from specsr.io.speeds import filled
from specsr.jobs.inputs import load_recording, tacholess_speed, without_channels
from specsr.jobs.options import Reading, Speed
from specsr.jobs.speed_inputs import shaft_channel, shaft_tables, speed_channel
from specsr.nvh.order_blocks import block_plan
from specsr.nvh.shafts import (
    Shaft,
    ShaftOrder,
    ShaftText,
    parse_shaft_orders,
    parse_shafts,
    shaft_orders,
)
from specsr.nvh.speed import read_rpm
from specsr.nvh.vold_kalman import VoldKalman
from specsr.signal import Signal

SPEED_SAMPLES = 1 << 25
"""Samples up to which the waveforms of a streamed recording hold a speed that it has not itself."""


class _WithSpeed:
    """An open recording whose parts have a speed that is not in its file."""

    def __init__(self, recording: stream.Recording, shaft: Shaft) -> None:
        self._recording, self._shaft = recording, shaft
        self.length, self.rate, self.start = recording.length, recording.rate, recording.start
        self.unit, self.channels = recording.unit, recording.channels

    def cut(self, first: int, last: int) -> Signal:
        """Return samples ``first`` to ``last`` (exclusive), with the speed."""
        rpm = self._shaft.at(np.arange(first, last))
        return self._recording.cut(first, last).replace(rpm=rpm)


Source = Signal | stream.Recording | _WithSpeed


@dataclass(frozen=True)
class OrderCutting:
    """What is cut out of a recording.

    Attributes:
        cut: orders in text, see `specsr.nvh.shafts.parse_shaft_orders`.
        shafts: in text, see `specsr.nvh.shafts.parse_shaft`; none for the speed of the recording.
        method: bandwidth and poles of the filter.
        segment: approximate length of the blocks, s.
        changes: what was done to the recording before, in text; outputs state it.
    """

    cut: str
    shafts: tuple[str, ...] = ()
    method: VoldKalman = VoldKalman()
    segment: float = SEGMENT
    changes: tuple[str, ...] = ()

    @property
    def tables(self) -> tuple[Path, ...]:
        """Files that hold the speeds of shafts."""
        return shaft_tables(self.shafts)

    @property
    def orders_of_recording(self) -> tuple[float, ...]:
        """Orders re the speed of the recording, of all shafts that follow it, ascending."""
        shafts = parse_shafts(self.shafts) or (ShaftText("", "rpm"),)
        by_shaft = parse_shaft_orders(self.cut, [shaft.name for shaft in shafts])
        own = (shaft for shaft in shafts if shaft.of_recording)
        return tuple(
            sorted({shaft.ratio * k for shaft in own for k in by_shaft.get(shaft.name, ())})
        )


@dataclass(frozen=True, eq=False)
class SpeedChannel:
    """A channel of a recording that holds the speed of a shaft.

    Attributes:
        name: of the channel.
        rpm: values, 1/min, [M].
        times: of the values, s, [M].
    """

    name: str
    rpm: np.ndarray
    times: np.ndarray

    def shaft(self, name: str, source: Source, ratio: float = 1.0) -> Shaft:
        """Return the shaft of this speed for a recording."""
        return Shaft(name, self.rpm, (self.times - source.start) * source.rate, ratio)


def speed_channels(
    path: Path, reading: Reading, shafts: tuple[str, ...]
) -> dict[str, SpeedChannel]:
    """Return shaft -> channel of those shafts whose speed is a channel of the recording.

    Raises:
        SpecsrError: a shaft whose speed is neither a file nor a channel.
    """
    return {
        shaft.name: SpeedChannel(*shaft_channel(shaft, path, reading))
        for shaft in parse_shafts(shafts)
        if not shaft.of_recording and shaft.rpm is None and shaft.table is None
    }


@contextmanager
def opened(
    path: Path,
    reading: Reading,
    speed: Speed,
    part: Callable[[Signal], Signal] | None = None,
    leave_out: tuple[str, ...] = (),
) -> Iterator[tuple[Source, Shaft | None]]:
    """Yield a recording and the shaft of its speed; audio files are streamed.

    Args:
        path: the recording.
        reading: channels and calibration.
        speed: source of the speed; a table is read at its own times.
        part: makes another recording of it, such as one run, which is then read whole; None for
            all of it as it is.
        leave_out: channels that are not in the result, such as those of speeds.

    Raises:
        SpecsrError: the recording or the speed cannot be read, or it is a map.
    """
    if io.is_map(path):
        raise SpecsrError(
            f"{path}: is a map: --method vold-kalman needs a recording; leave it out to sum cells"
        )
    with ExitStack() as stack:
        found = None
        if part is None and not speed.is_auto:
            found = stack.enter_context(stream.opened(path, **reading.arguments()))
        if found is None:
            signal = load_recording(path, reading, Speed() if speed.is_auto else speed)
            confidence = None
            if speed.is_auto:
                heard = tacholess_speed(path, signal, speed)
                signal = signal.replace(rpm=heard.at(signal))
                confidence = heard.times, heard.confidence
            signal = without_channels(signal, leave_out)
            signal = signal if part is None else part(signal)
            shaft = None
            if signal.rpm is not None:
                shaft = Shaft("", signal.rpm, confidence=confidence)
            yield signal, shaft
            return
        channel = None
        if speed.from_channel:
            channel = SpeedChannel(*speed_channel(path, reading, speed))
            leave_out = (*leave_out, channel.name)
        names = tuple(name for name in found.channels if name not in leave_out)
        if not names:
            raise SpecsrError(
                f"{path}: {found.channels[0]} is the only channel: expected one beside it"
            )
        if names != found.channels:
            chosen = replace(reading, channels=names)
            found = stack.enter_context(stream.opened(path, **chosen.arguments()))
            assert found is not None  # it was opened before
        if speed.table is not None:
            shaft = table_shaft("", speed.table, found)
            yield _with_speed(found, shaft), shaft
        elif channel is not None:
            shaft = channel.shaft("", found)
            yield _with_speed(found, shaft), shaft
        else:
            rpm = found.rpm
            yield found, None if rpm is None else Shaft("", np.asarray(rpm, dtype=np.float64))


def _with_speed(found: stream.Recording, shaft: Shaft) -> Source:
    return _WithSpeed(found, shaft) if found.length <= SPEED_SAMPLES else found


def table_shaft(name: str, path: Path, source: Source, ratio: float = 1.0) -> Shaft:
    """Return a shaft whose speed is in a table; its values stay at their own times.

    Raises:
        SpecsrError: as `specsr.nvh.speed.read_rpm`.
    """
    table = read_speeds(path)
    if table.times is None:
        return Shaft(name, table.per_sample(path, source.length), ratio=ratio)
    # the checks and notes of `read_rpm`, over as few samples as show the span of the recording
    count = min(source.length, 1000)
    span = Signal(
        np.zeros((1, count), np.float32), source.rate * (count / source.length), start=source.start
    )
    read_rpm(path, span)
    values, _ = filled(table.rpm, str(path))
    return Shaft(name, values, (table.times - source.start) * source.rate, ratio)


def lines_of(
    cutting: OrderCutting,
    source: Source,
    own: Shaft | None,
    channels: Mapping[str, SpeedChannel] | None = None,
) -> tuple[ShaftOrder, ...]:
    """Return the orders to cut, with their shafts.

    Args:
        cutting: orders and shafts in text.
        source: the recording.
        own: shaft of its speed; None if it has none.
        channels: shaft -> its channel, of `speed_channels`.

    Raises:
        SpecsrError: a shaft or an order that cannot be read, no speed, or a bandwidth out of
            range.
    """
    shafts = []
    for shaft in parse_shafts(cutting.shafts) or (ShaftText("", "rpm"),):
        if shaft.of_recording:
            if own is None:
                raise SpecsrError(
                    "the recording has no speed: give a table (--rpm speed.csv), a speed channel "
                    "(--rpm-channel), tacho pulses (--tacho-channel), have it found in the sound "
                    "(--rpm auto), or --shaft NAME: 1480"
                )
            shafts.append(replace(own, name=shaft.name, ratio=shaft.ratio))
        elif shaft.rpm is not None:
            constant = np.array([shaft.rpm]), np.array([0.0])
            shafts.append(Shaft(shaft.name, *constant, shaft.ratio))
        elif channels and shaft.name in channels:
            shafts.append(channels[shaft.name].shaft(shaft.name, source, shaft.ratio))
        else:
            shafts.append(table_shaft(shaft.name, Path(shaft.source), source, shaft.ratio))
    names = [shaft.name for shaft in shafts]
    lines = shaft_orders(parse_shaft_orders(cutting.cut, names), shafts)
    block_plan(source, lines, cutting.method, cutting.segment)  # checks the bandwidth
    return lines
