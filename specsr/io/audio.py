"""Audio files (WAV, W64, RF64, FLAC, OGG, MP3) as calibrated signals, through libsndfile.

Samples keep their rate, channels and level.  An integer sample of b bits is read as its count over
2**(b-1), times the full scale; writing inverts that, so integer files of up to 24 bits are
reproduced bit for bit with any calibration.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, nullcontext
from pathlib import Path
from typing import Any

import numpy as np

from specsr.errors import SpecsrError
from specsr.io import markers, ogg, origin, riff, sidecar
from specsr.io.atomic import replacing
from specsr.io.limits import Total, array_memory, check_size
from specsr.io.recording import Contents, from_rows
from specsr.io.wave_view import wave_view
from specsr.signal import Signal

FORMATS = {
    ".wav": "WAV", ".w64": "W64", ".rf64": "RF64", ".flac": "FLAC", ".ogg": "OGG", ".oga": "OGG",
}  # fmt: skip
"""Suffix -> name of the format in libsndfile, of files that are read and written."""
READ_ONLY = {".mp3": "MP3", ".bw64": "RF64"}
"""Suffix -> name of the format in libsndfile, of files that are read alone."""

_RIFF_LIKE = {"WAV", "WAVEX", "W64", "RF64"}
_BITS = {"PCM_S8": 8, "PCM_U8": 8, "PCM_16": 16, "PCM_24": 24, "PCM_32": 32}
_BYTES = {name: bits // 8 for name, bits in _BITS.items()} | {"FLOAT": 4, "DOUBLE": 8}
_DEFAULT_SUBTYPE = {"FLAC": "PCM_24", "OGG": "VORBIS"}
# Length of the data chunk in the header of programs that write to a pipe.
_STREAMED = {0xFFFFFFFF, 0x80000000, 0x7FFFFFFF, 0x7FFFF000}
WAV_LIMIT = 2**32 - 2**16
"""Largest size of the samples in a WAV file, bytes; its headers hold 32-bit lengths."""
UNKNOWN_LENGTH = 2**62
"""Number of frames from which on a header means an unknown length."""
BLOCK = 1 << 18
"""Number of samples, over all channels, that are read or written at a time."""


def read_audio(path: Path) -> Contents:
    """Return the channels of an audio file at its native rate, without any normalisation.

    The calibration is that of its sidecar (`specsr.io.sidecar`), else of its own chunks
    (`specsr.io.riff`).  Samples are float32, or float64 for 32-bit integer and double files.

    Raises:
        SpecsrError: not audio, damaged, shorter than its header declares, or without samples.
    """
    with opened(path) as (file, known, dtype):
        declared = file.frames
        if declared < UNKNOWN_LENGTH:
            check_size(array_memory(declared * file.channels, np.dtype(dtype)), "the recording")
        blocks = list(_blocks(file, dtype))
    if not blocks:
        raise SpecsrError(
            "holds no samples: the recording is empty, was cut off, or its header was never "
            "completed (fix: sox --ignore-length IN OUT)"
        )
    samples = np.concatenate(blocks, axis=1)
    # A streamed FLAC of unknown length declares the largest possible number.
    if samples.shape[1] < declared < UNKNOWN_LENGTH:
        raise cut_off(declared, samples.shape[1], "samples")
    return Contents(from_rows(samples, known, digital=True), known.get("notes", ()))


@contextmanager
def opened(path: Path) -> Iterator[tuple[Any, dict[str, Any], Any]]:
    """Open an audio file for sequential reading.

    Yields:
        The ``soundfile.SoundFile``, known arguments of its `Signal` (from the sidecar or its own
        chunks), and the dtype to read it as.

    Raises:
        SpecsrError: not audio, damaged, or shorter than its header declares.
    """
    import soundfile as sf

    fields = sidecar.load(path)
    try:
        with _forward(path) as file:
            _check_header(path, file)
            known: dict[str, Any] = {"rate": file.samplerate}
            if fields is not None:
                known = sidecar.arguments(path, fields, file.samplerate)
            elif file.format in _RIFF_LIKE:
                known |= riff.calibration(path, file.channels)
            yield file, known, np.float64 if file.subtype in ("PCM_32", "DOUBLE") else np.float32
    except sf.SoundFileError as error:
        raise SpecsrError(
            f"cannot be read as audio ({_reason(error)}): expected a complete "
            f"{', '.join(sorted({*FORMATS.values(), *READ_ONLY.values()}))} file"
        ) from None


def write_audio(
    path: Path, signal: Signal, subtype: str | None = None, overwrite: bool = False
) -> None:
    """Write a signal as audio, with a sidecar for the fields that the file cannot hold.

    The file holds ``samples / full_scale``.  A rate that is not an integer is rounded in the file
    and kept in the sidecar.

    Args:
        path: the suffix decides the format, see `FORMATS`.
        signal: the recording.
        subtype: libsndfile's name (``"PCM_16"``, ``"FLOAT"``); None means the float type of the
            samples for WAV, W64 and RF64, 24-bit integers for FLAC, Vorbis (lossy) for OGG.
        overwrite: replace files that exist.

    Raises:
        SpecsrError: the samples would clip, the format cannot hold the signal, the output exists,
            or it cannot be written.
    """
    with audio_sink(path, signal, signal.length, subtype, overwrite) as add:
        add(signal)


@contextmanager
def audio_sink(
    path: Path, head: Signal, length: int, subtype: str | None = None, overwrite: bool = False
) -> Iterator[Callable[[Signal], None]]:
    """Yield a function that takes consecutive pieces of a recording and writes them as audio.

    The file appears when all ``length`` samples were written, or not at all.

    Args:
        path, subtype, overwrite: as in `write_audio`.
        head: first piece; the others have the same rate, unit, full scale and channels.
        length: total number of samples of each channel.

    Raises:
        SpecsrError: as `write_audio`.
    """
    import soundfile as sf

    form = FORMATS[path.suffix.lower()]
    subtype = _subtype(path, form, subtype, head)
    channels = len(head.channels)
    rate = round(head.rate)
    if form == "WAV" and channels * length * _BYTES.get(subtype, 1) > WAV_LIMIT:
        raise SpecsrError(
            f"{path}: {channels} x {length} samples exceed the 4 GiB of a WAV file: write .w64 or "
            ".rf64"
        )
    if not 1 <= rate < 2**31:
        raise SpecsrError(
            f"{path}: a rate of {head.rate:g} Hz does not fit into an audio file: write .npz"
        )
    companions = sidecar.companions(path, sidecar.is_needed(head))
    needed = bool(companions) and (sidecar.is_needed(head) or origin.stated() is not None)
    speeds: list[np.ndarray] = []
    taken = 0

    def add(piece: Signal) -> None:
        nonlocal taken
        _check_range(path, piece, subtype)
        step = max(1, BLOCK // channels)
        for first in range(0, piece.length, step):
            block = piece.samples[:, first : first + step].T
            file.write(_encode(block, piece.full_scale, subtype))
        if piece.rpm is not None:
            speeds.append(piece.rpm)
        taken += piece.length

    with replacing(path, *companions, overwrite=overwrite) as (audio, *side):
        try:
            with sf.SoundFile(_file_name(audio), "w", rate, channels, subtype, format=form) as file:
                yield add
            written = sf.info(_file_name(audio)).frames
            riff.clear_time(audio)
            if form == "WAV":
                markers.append(audio, rate)
        except (sf.SoundFileError, OverflowError) as error:
            raise SpecsrError(
                f"{path}: could not be written as {form} {subtype} with {channels} channels at "
                f"{rate} Hz ({_reason(error)}): check the free space, or write a float .wav"
            ) from None
        if min(written, taken) < length:
            raise SpecsrError(
                f"{path}: could not be written in full ({min(written, taken)} of {length} "
                "samples): free some space on the disk"
            )
        if form == "OGG":
            ogg.set_serial(audio)
        if needed:
            rpm = np.concatenate(speeds) if speeds else None
            side[0].write_text(sidecar.encode(head, audio, rpm), encoding="utf-8")


@contextmanager
def _forward(path: Path) -> Iterator[Any]:
    """Open a file for sequential reading."""
    import soundfile as sf

    class Forward(sf.SoundFile):
        # soundfile seeks after each block of a seekable file; a FLAC of unknown length fails.
        def seekable(self) -> bool:
            return False

    view = wave_view(path)
    with closing(view) if view else nullcontext(), Forward(view or _file_name(path)) as file:
        yield file


def _file_name(path: Path) -> str | bytes:
    """Return a path for soundfile, which encodes texts strictly: names need not be UTF-8."""
    return str(path) if os.name == "nt" else os.fsencode(path)


def _blocks(file: Any, dtype: Any) -> Iterator[np.ndarray]:
    """Yield the file as [channels, n] blocks, so a wrong length in a header allocates no memory."""
    frames, total = max(1, BLOCK // file.channels), Total("the recording")
    while len(block := file.read(frames, dtype=dtype, always_2d=True)):
        total.add(array_memory(block.size, block.dtype))
        yield np.ascontiguousarray(block.T)


def _encode(block: np.ndarray, full_scale: float, subtype: str) -> np.ndarray:
    """Return a block in a form that libsndfile stores unchanged: left-aligned int32, or floats."""
    digital = block.astype(np.float64) / full_scale
    if subtype not in _BITS:
        return digital if subtype == "DOUBLE" else digital.astype(np.float32)
    bits = _BITS[subtype]
    top = 2.0 ** (bits - 1)
    counts = np.clip(np.rint(digital * top), -top, top - 1)
    return (counts * 2.0 ** (32 - bits)).astype(np.int32)


def _subtype(path: Path, form: str, subtype: str | None, signal: Signal) -> str:
    import soundfile as sf

    if subtype is None:
        own = "DOUBLE" if signal.samples.dtype == np.float64 else "FLOAT"
        return _DEFAULT_SUBTYPE.get(form, own)
    known = sf.available_subtypes(form)
    if str(subtype).upper() not in known:
        raise SpecsrError(
            f"{path}: {form} has no subtype {subtype!r}: expected one of {', '.join(known)}"
        )
    return str(subtype).upper()


def _check_range(path: Path, signal: Signal, subtype: str) -> None:
    """Raise `SpecsrError` for samples beyond the range of the format."""
    peaks = np.maximum(signal.samples.max(axis=1), -signal.samples.min(axis=1))
    channel = int(peaks.argmax())
    peak = float(peaks[channel]) / signal.full_scale
    # Rounding of the product with the calibration can lift full scale itself just above 1.
    clips = peak > 1 + np.finfo(signal.samples.dtype).eps
    if subtype not in ("FLOAT", "DOUBLE") and clips:
        raise SpecsrError(
            f"{path}: {subtype} would clip: channel {channel + 1} reaches {peak:.6g} times full "
            f"scale ({signal.full_scale:g} {signal.unit}). Write a .wav with subtype FLOAT, or "
            f"set a full_scale of at least {peak * signal.full_scale:.6g}"
        )
    if subtype != "DOUBLE" and peak > float(np.finfo(np.float32).max):
        raise SpecsrError(f"{path}: {peak:g} is too large for {subtype}: use subtype DOUBLE")


def _check_header(path: Path, file: Any) -> None:
    """Raise `SpecsrError` for another format or a header that exceeds the size of the file."""
    size = path.stat().st_size
    if file.format not in {*FORMATS.values(), "WAVEX", READ_ONLY.get(path.suffix.lower())}:
        raise SpecsrError(
            f"holds {file.format} data under the suffix {path.suffix}: convert it to WAV or FLAC"
        )
    if file.format in _RIFF_LIKE:
        with open(path, "rb") as raw:
            declared, held = riff.data_bytes(raw, size)
        if declared > held and declared not in _STREAMED:
            raise cut_off(declared, held, "bytes")
        width = _BYTES.get(file.subtype, 1 / 64)  # no codec packs 64 samples into a byte
        if file.frames * file.channels * width > size:
            raise cut_off(file.frames, int(size / width / file.channels), "samples")


def cut_off(declared: int, held: int, what: str) -> SpecsrError:
    """Return the error for a file that holds fewer ``what`` (samples, bytes) than it declares."""
    return SpecsrError(
        f"is cut off: its header declares {declared} {what}, the file holds {held}. Copy it again, "
        "or fix its header (sox --ignore-length IN OUT)"
    )


def _reason(error: Exception) -> str:
    return str(getattr(error, "error_string", error)).rstrip(".")
