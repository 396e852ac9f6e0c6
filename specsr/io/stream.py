"""Recordings that are read and maps that are written as they come, never whole in memory.

Read are the audio formats of `specsr.io.audio`; a FLAC of unknown length and all other formats are
read whole by `specsr.io.read`.  Pieces get unit, calibration, channels and speed by the same
`specsr.io.recording.assemble` as whole files.
"""

from __future__ import annotations

import shutil
import tempfile
import zipfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from specsr.errors import SpecsrError
from specsr.io import audio, entries
from specsr.io.atomic import replacing
from specsr.io.recording import Contents, assemble, from_rows
from specsr.maps.grid import Grid
from specsr.signal import Signal

_COLUMNS = 64
"""Columns of a map that are stored together in HDF5."""

_CELLS = 1 << 22
"""Cells of a map, over all channels, that are made at a time."""


class Recording:
    """A `specsr.enhance.segments.Source` behind an open audio file; see `opened`.

    Attributes:
        length: samples in each channel.
        rate, unit, channels, start, full_scale: as those of a `Signal`.
        notes: what was noticed, one sentence each.
    """

    def __init__(self, path: Path, file: Any, known: dict, dtype: Any, chosen: dict) -> None:
        self._path, self._file, self._known, self._dtype = path, file, known, dtype
        self._chosen = chosen
        self._held = np.empty((file.channels, 0), dtype)
        self._from = 0
        self.length = int(file.frames)
        head, self.notes = self._signal(0, min(self.length, 1))
        self.rate, self.unit, self.channels = head.rate, head.unit, head.channels
        self.start, self.full_scale = head.start, head.full_scale

    def cut(self, first: int, last: int) -> Signal:
        """Return samples ``first`` to ``last``; ``first`` must not go back behind what was read.

        What was read last is kept until more is asked for.

        Raises:
            SpecsrError: the file is cut off, or a sample is no finite number; it names the file.
        """
        return self._signal(first, last)[0]

    def _signal(self, first: int, last: int) -> tuple[Signal, tuple[str, ...]]:
        rows = self._rows(first, last)
        known = dict(self._known)
        known["start"] = known.get("start", 0.0) + first / known["rate"]
        if known.get("rpm") is not None:
            known["rpm"] = known["rpm"][first:last]
        try:
            return assemble(Contents(from_rows(rows, known, digital=True)), **self._chosen)
        except SpecsrError as error:
            bad = np.argwhere(~np.isfinite(rows))
            if not len(bad):
                raise SpecsrError(f"{self._path}: {error}") from error
            channel, at = bad[0]
            raise SpecsrError(
                f"{self._path}: channel {channel + 1} of the file holds {rows[channel, at]} at "
                f"sample {first + at} ({(first + at) / known['rate']:.6g} s): cut or repair it "
                "first (numpy.nan_to_num replaces them)"
            ) from error

    def _rows(self, first: int, last: int) -> np.ndarray:
        end = self._from + self._held.shape[1]
        if last > end:
            kept = self._held[:, first - self._from :] if first < end else self._held[:, :0]
            new = self._read(last - end)[:, max(0, first - end) :]
            self._held, self._from = np.concatenate([kept, new], axis=1), first
        return self._held[:, first - self._from : last - self._from]

    def _read(self, count: int) -> np.ndarray:
        import soundfile as sf

        try:
            block = self._file.read(count, dtype=self._dtype, always_2d=True)
        except sf.SoundFileError as error:
            raise SpecsrError(
                f"{self._path}: cannot be read as audio ({error}): expected a complete file"
            ) from None
        if len(block) < count:
            there = self._from + self._held.shape[1] + len(block)
            raise SpecsrError(f"{self._path}: {audio.cut_off(self.length, there, 'samples')}")
        return np.ascontiguousarray(block.T)


@contextmanager
def opened(
    path: Path,
    *,
    unit: str | None = None,
    calib: float | None = None,
    channels: Sequence[str | int] | None = None,
    rate: float | None = None,
) -> Iterator[Recording | None]:
    """Open a recording to be read as it is needed; the arguments are those of `specsr.io.read`.

    Yields:
        The recording, or None for one that can only be read whole: another format, or of a length
        that its header does not know.  Its speed, if a sidecar has one, is in memory.

    Raises:
        SpecsrError: no such file, a damaged one, or channels that do not fit together.
    """
    from specsr.io.guard import _check_input, _naming

    path = Path(path)
    if path.suffix.lower() not in audio.FORMATS:
        yield None
        return
    chosen = {"pick": channels, "unit": unit, "calib": calib, "rate": rate}
    with ExitStack() as stack:
        with _naming(path):
            _check_input(path)
            file, known, dtype = stack.enter_context(audio.opened(path))
            sized = 0 < file.frames < audio.UNKNOWN_LENGTH
            recording = Recording(path, file, known, dtype, chosen) if sized else None
        yield recording


@contextmanager
def map_sink(
    path: Path, grid: Grid, head: Signal, overwrite: bool = False
) -> Iterator[Callable[[Signal], None]]:
    """Yield a function that takes a recording in pieces and writes its spectrogram, with phase.

    The file (``.npz``, ``.h5``, ``.hdf5``) is as `specsr.io.write_map` writes it for the whole.

    Args:
        path: suffix decides the format.
        grid: full grid of the whole recording.
        head: first piece, for what all have in common.
        overwrite: replace a file that exists.

    Raises:
        SpecsrError: the output exists, does not fit on the disk, or cannot be written.
    """
    from specsr.maps.frames import Frames

    channels = len(head.channels)
    full = (channels, grid.rows, grid.frames)
    shapes: dict[str, tuple[int, ...]] = {"magnitude": full, "phase": full}
    if head.rpm is not None:
        shapes["rpm"] = (grid.length,)
    fields = entries.about_map(grid, head.channels)
    frames = Frames(grid, channels)
    layout = _npz if path.suffix.lower() == ".npz" else _hdf5

    step = max(1, _CELLS // (channels * grid.rows)) * grid.hop_length

    def add(piece: Signal) -> None:
        for first in range(0, piece.length, step):
            spectrum = frames.add(piece.samples[:, first : first + step])
            put("magnitude", spectrum.abs().numpy())
            put("phase", spectrum.angle().numpy())
        if piece.rpm is not None:
            put("rpm", piece.rpm)

    with replacing(path, overwrite=overwrite) as [temp]:
        _check_room(path, temp.parent, shapes)
        with layout(temp, shapes, fields) as put:
            yield add


def _dtype(name: str) -> type:
    return np.float64 if name == "rpm" else np.float32


def _check_room(path: Path, folder: Path, shapes: dict[str, tuple[int, ...]]) -> None:
    """HDF5 does not survive a full disk, and hours of work should not end at one."""
    needed = sum(np.dtype(_dtype(n)).itemsize * int(np.prod(s)) for n, s in shapes.items())
    free = shutil.disk_usage(folder).free
    if needed > free:
        raise SpecsrError(
            f"{path}: needs {needed / 1e9:.1f} GB, {free / 1e9:.1f} are free: make room, or take "
            "fewer cells (less --overlap), or a .png"
        )


@contextmanager
def _hdf5(
    temp: Path, shapes: dict[str, tuple[int, ...]], fields: dict[str, Any]
) -> Iterator[Callable[[str, np.ndarray], None]]:
    import h5py

    with h5py.File(temp, "w", libver=("v110", "v110")) as file:
        for key, value in fields.items():
            if isinstance(value, np.ndarray):
                file.create_dataset(key, data=value, fletcher32=True)
            else:
                file.attrs[key] = value
        for name, shape in shapes.items():
            chunks = (1, shape[1], min(shape[2], _COLUMNS)) if len(shape) == 3 else True
            file.create_dataset(name, shape, _dtype(name), chunks=chunks, fletcher32=True)
        at = dict.fromkeys(shapes, 0)

        def put(name: str, values: np.ndarray) -> None:
            last = at[name] + values.shape[-1]
            file[name][..., at[name] : last] = values
            at[name] = last

        yield put


@contextmanager
def _npz(
    temp: Path, shapes: dict[str, tuple[int, ...]], fields: dict[str, Any]
) -> Iterator[Callable[[str, np.ndarray], None]]:
    """An archive holds one array after the other: all wait beside it, column by column."""
    with ExitStack() as stack:
        waiting = {
            name: stack.enter_context(tempfile.TemporaryFile(dir=temp.parent)) for name in shapes
        }

        def put(name: str, values: np.ndarray) -> None:
            # last axis first: the order of a Fortran array
            waiting[name].write(np.ascontiguousarray(values.T, _dtype(name)).tobytes())

        yield put
        with zipfile.ZipFile(temp, "w") as archive:
            for key, value in fields.items():
                with archive.open(f"{key}.npy", "w") as member:
                    np.lib.format.write_array(member, np.asanyarray(value))
            for name, shape in shapes.items():
                header = {
                    "descr": np.dtype(_dtype(name)).str, "fortran_order": True, "shape": shape,
                }  # fmt: skip
                waiting[name].seek(0)
                with archive.open(f"{name}.npy", "w", force_zip64=True) as member:
                    np.lib.format.write_array_header_1_0(member, header)
                    shutil.copyfileobj(waiting[name], member, 1 << 20)
