"""Streaming: recordings read and maps written piece by piece, never whole in memory.

The formats of `specsr.io.audio` can be streamed.  A FLAC of unknown length and all other formats
are read whole by `specsr.io.read`.  Pieces get unit, calibration, channels and speed from the same
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
from specsr.io.guard import check_input, naming
from specsr.io.recording import Contents, assemble, from_rows
from specsr.maps.grid import Grid
from specsr.signal import Signal

_COLUMNS = 64
"""Columns of a map in one chunk of an HDF5 file."""

_CELLS = 1 << 22
"""Cells of a map, over all channels, that are computed at a time."""


class Recording:
    """Sequential access to the samples of an open audio file; see `opened`.

    Attributes:
        length: number of samples in each channel.
        rate, unit, channels, start, full_scale, rpm: as those of a `Signal`.
        notes: corrections on reading, one sentence each.
    """

    def __init__(self, path: Path, file: Any, known: dict, dtype: Any, chosen: dict) -> None:
        self._path, self._file, self._known, self._dtype = path, file, known, dtype
        self._chosen, self.rpm = chosen, known.get("rpm")
        self._held = np.empty((file.channels, 0), dtype)
        self._from = self._done = 0
        self.length = int(file.frames)
        head, self.notes = self._signal(0, min(self.length, 1))
        self.rate, self.unit, self.channels = head.rate, head.unit, head.channels
        self.start, self.full_scale = head.start, head.full_scale

    def cut(self, first: int, last: int) -> Signal:
        """Return samples ``first`` to ``last`` (exclusive).

        Reading is sequential: ``first`` must not precede the ``first`` of the last call that read
        from the file.  The samples of that call stay in memory until the next one.

        Raises:
            SpecsrError: the file is cut off, or a sample is not finite; the message names the
                file.
            ValueError: samples that are no longer in memory.
        """
        return self._signal(first, last)[0]

    def _signal(self, first: int, last: int) -> tuple[Signal, tuple[str, ...]]:
        rows = self._rows(first, last)
        known = dict(self._known)
        known["start"] = known.get("start", 0.0) + first / known["rate"]
        if known.get("rpm") is not None:
            known["rpm"] = known["rpm"][first:last]
        try:
            contents = Contents(from_rows(rows, known, digital=True), known.get("notes", ()))
            return assemble(contents, **self._chosen)
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
        if first < self._from:
            raise ValueError(f"sample {first} precedes {self._from}: open the file once more")
        end = self._from + self._held.shape[1]
        if last > end:
            kept = self._held[:, first - self._from :] if first < end else self._held[:, :0]
            self._skip(first - end)
            self._held = np.empty((len(kept), last - first), self._dtype)
            self._held[:, : kept.shape[1]] = kept
            self._from = first
            self._fill(kept.shape[1])
        return self._held[:, first - self._from : last - self._from]

    def _skip(self, count: int) -> None:
        """Read samples that are not wanted."""
        for size in _blocks(max(0, count), len(self._held)):
            self._read(size)

    def _fill(self, at: int) -> None:
        """Read the samples in memory from a position on; in blocks, which the file interleaves."""
        for size in _blocks(self._held.shape[1] - at, len(self._held)):
            self._held[:, at : at + size] = self._read(size).T
            at += size

    def _read(self, count: int) -> np.ndarray:
        import soundfile as sf

        try:
            block = self._file.read(count, dtype=self._dtype, always_2d=True)
        except sf.SoundFileError as error:
            raise SpecsrError(
                f"{self._path}: cannot be read as audio ({error}): expected a complete file"
            ) from None
        self._done += len(block)
        if len(block) < count:
            raise SpecsrError(f"{self._path}: {audio.cut_off(self.length, self._done, 'samples')}")
        return block


def _blocks(count: int, channels: int) -> Iterator[int]:
    """Yield the sizes of blocks that together have ``count`` samples in each channel."""
    most = max(1, audio.BLOCK // channels)
    for first in range(0, count, most):
        yield min(most, count - first)


@contextmanager
def opened(
    path: Path,
    *,
    unit: str | None = None,
    calib: float | None = None,
    channels: Sequence[str | int] | None = None,
    rate: float | None = None,
) -> Iterator[Recording | None]:
    """Open a recording for streaming; the arguments are those of `specsr.io.read`.

    Yields:
        The recording, or None for one that can only be read whole: of another format, or of
        unknown length.  Its rpm, if a sidecar has one, is in memory.

    Raises:
        SpecsrError: no such file, a damaged file, or channels that differ in rate or unit.
    """
    path = Path(path)
    if path.suffix.lower() not in audio.FORMATS:
        yield None
        return
    chosen = {"pick": channels, "unit": unit, "calib": calib, "rate": rate}
    with ExitStack() as stack:
        with naming(path):
            check_input(path)
            file, known, dtype = stack.enter_context(audio.opened(path))
            sized = 0 < file.frames < audio.UNKNOWN_LENGTH
            recording = Recording(path, file, known, dtype, chosen) if sized else None
        yield recording


def parts(piece: Signal, grid: Grid) -> Iterator[np.ndarray]:
    """Yield the samples of a piece, [C, n], in steps whose map has a bounded number of cells."""
    step = max(1, _CELLS // (len(piece.channels) * grid.rows)) * grid.hop_length
    for first in range(0, piece.length, step):
        yield piece.samples[:, first : first + step]


@contextmanager
def array_sink(
    path: Path, grid: Grid, head: Signal, names: Sequence[str], overwrite: bool = False
) -> Iterator[Callable[[str, np.ndarray], None]]:
    """Yield a function (name, values) that appends columns to the arrays of a map file.

    Args:
        path: the file; its suffix decides the format.
        grid: full grid of the whole recording.
        head: first piece; the others have the same rate, unit and channels.
        overwrite: replace a file that exists.
        names: arrays with a value for each cell, [C, rows, frames]; with a speed in ``head`` the
            file also has ``rpm``, one value per sample.

    Raises:
        SpecsrError: the output exists, does not fit on the disk, or cannot be written.
    """
    full = (len(head.channels), grid.rows, grid.frames)
    shapes: dict[str, tuple[int, ...]] = dict.fromkeys(names, full)
    if head.rpm is not None:
        shapes["rpm"] = (grid.length,)
    facts = entries.about_map(grid, head.channels)
    fields = {key: value for key, value in facts.items() if value is not None}
    layout = _npz if path.suffix.lower() == ".npz" else _hdf5
    with replacing(path, overwrite=overwrite) as [temp]:
        _check_room(path, temp.parent, shapes)
        with layout(temp, shapes, fields) as put:
            yield put


def _dtype(name: str) -> type:
    return np.float64 if name == "rpm" else np.float32


def _check_room(path: Path, folder: Path, shapes: dict[str, tuple[int, ...]]) -> None:
    """Raise `SpecsrError` if a map does not fit on the disk: HDF5 can crash on a full one."""
    needed = sum(np.dtype(_dtype(n)).itemsize * int(np.prod(s)) for n, s in shapes.items())
    free = shutil.disk_usage(folder).free
    if needed > free:
        raise SpecsrError(
            f"{path}: needs {needed / 1e9:.1f} GB, {free / 1e9:.1f} are free: free some space, "
            "reduce the cells (less --overlap), or write a .png"
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
    """Collect the columns of every array in a temporary file; an archive stores whole arrays."""
    with ExitStack() as stack:
        waiting = {
            name: stack.enter_context(tempfile.TemporaryFile(dir=temp.parent)) for name in shapes
        }

        def put(name: str, values: np.ndarray) -> None:
            # last axis first: columns in Fortran order
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
