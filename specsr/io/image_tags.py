"""What an image file holds beside its pixels: orientation, colour profile, further pages."""

from __future__ import annotations

import io
import os
import struct
import zlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image, TiffImagePlugin

PROFILE_SUFFIXES = (".png", ".jpg", ".jpeg", ".tif", ".tiff", ".webp")
"""Suffixes of formats that hold a colour profile."""
_ORIENTATION, _PROFILE = 274, 34675
"""Tags of TIFF and EXIF."""
_SHORT, _UNDEFINED = 3, 7
"""Types of TIFF tags: an integer of 16 bits, bytes."""
_PNG_HEADER = 33
"""Length of the signature and the first chunk of a PNG, bytes."""
_COLOURS = {b"GRAY": ("L", "LA", "1", "I"), b"RGB ": ("RGB", "RGBA", "P", "PA", "RGBX", "RGBa")}
"""Colour space of a profile -> modes of Pillow whose pixels `read_image` returns unchanged."""


@dataclass(frozen=True)
class ImageTags:
    """Properties of an image file.

    Attributes:
        orientation: EXIF orientation, 1 (upright) to 8.
        profile: ICC colour profile of the pixels that `specsr.io.image.read_image` returns; None
            without one.
        notes: what is not kept, one sentence each.
    """

    orientation: int = 1
    profile: bytes | None = None
    notes: tuple[str, ...] = ()


def read_tags(path: str | os.PathLike[str]) -> ImageTags:
    """Return the properties of a readable image file; those of damaged tags are left out."""
    try:
        with Image.open(path) as image:
            found = image.getexif().get(_ORIENTATION, 1)
            profile, mode = image.info.get("icc_profile"), image.mode
            pages = getattr(image, "n_frames", 1)
    except Exception:  # TIFF of 16 bits in colour, which Pillow cannot open, or damaged
        try:
            directories = _directories(Path(path).read_bytes())
        except Exception:  # Pillow raises any exception for damaged tags
            return ImageTags()
        tags = directories[0]
        found, profile, mode = tags.get(_ORIENTATION, 1), tags.get(_PROFILE), "RGB"
        pages = len(directories)
    notes = []
    if pages > 1:
        notes.append(f"page 1 of {pages} was read; the further pages are left out")
    if profile is not None and not _is_profile(profile):
        notes.append("the colour profile is damaged: it is left out")
        profile = None
    if profile is not None:
        mode = "I" if mode.startswith("I") else mode
        if mode not in _COLOURS.get(profile[16:20], ()):
            notes.append(
                f"the colour profile is for {profile[16:20].decode('ascii', 'replace').strip()}, "
                "the pixels were converted to RGB: it is left out"
            )
            profile = None
    orientation = int(found) if isinstance(found, int) and 1 <= found <= 8 else 1
    return ImageTags(orientation, profile or None, tuple(notes))


def _is_profile(profile: object) -> bool:
    """Return whether bytes start with the header of an ICC profile."""
    if not isinstance(profile, bytes) or len(profile) < 128 or profile[36:40] != b"acsp":
        return False
    return int.from_bytes(profile[:4], "big") <= len(profile)


def upright(pixels: np.ndarray, orientation: int) -> np.ndarray:
    """Return pixels [H, W, ...] turned and mirrored as an EXIF orientation from 1 to 8 requires."""
    if orientation >= 5:
        pixels = np.swapaxes(pixels, 0, 1)
    if orientation in (3, 4, 7, 8):
        pixels = pixels[::-1]
    if orientation in (2, 3, 6, 7):
        pixels = pixels[:, ::-1]
    return np.ascontiguousarray(pixels)


def unturned(tiff: bytes) -> bytes:
    """Return an encoded image; a TIFF with orientation 1, so that no decoder turns its pixels."""
    if tiff[:4] not in (b"II*\0", b"MM\0*"):  # no TIFF of 32-bit offsets
        return tiff
    return with_tag(tiff, _ORIENTATION, 1)


def with_profile(data: bytes, suffix: str, profile: bytes) -> bytes:
    """Return an encoded PNG or TIFF with a colour profile added."""
    if suffix == ".png":
        return with_chunk(data, b"iCCP", b"ICC profile\0\0" + zlib.compress(profile))
    return with_tag(data, _PROFILE, profile)


def with_tag(tiff: bytes, tag: int, value: bytes | int) -> bytes:
    """Return an encoded TIFF with a tag of its first page set: bytes, or a short integer."""
    order = "<" if tiff[:2] == b"II" else ">"
    [place] = struct.unpack_from(f"{order}L", tiff, 4)
    [count] = struct.unpack_from(f"{order}H", tiff, place)
    entries = [tiff[place + 2 + 12 * i :][:12] for i in range(count)]
    entries = [entry for entry in entries if entry[:2] != struct.pack(f"{order}H", tag)]
    rest = tiff[place + 2 + 12 * count :][:4]  # place of the next page
    tiff += b"\0" * (len(tiff) % 2)
    if isinstance(value, bytes):
        entries.append(struct.pack(f"{order}HHLL", tag, _UNDEFINED, len(value), len(tiff)))
        tiff += value + b"\0" * (len(value) % 2)
    else:
        entries.append(struct.pack(f"{order}HHLHH", tag, _SHORT, 1, value, 0))
    entries.sort(key=lambda entry: struct.unpack(f"{order}H", entry[:2]))
    page = struct.pack(f"{order}H", len(entries)) + b"".join(entries) + rest
    return tiff[:4] + struct.pack(f"{order}L", len(tiff)) + tiff[8:] + page


def with_chunk(png: bytes, kind: bytes, content: bytes) -> bytes:
    """Return an encoded PNG with a chunk after its header."""
    content = kind + content
    length, check = (struct.pack(">I", n) for n in (len(content) - 4, zlib.crc32(content)))
    return png[:_PNG_HEADER] + length + content + check + png[_PNG_HEADER:]


def _directories(tiff: bytes) -> list[TiffImagePlugin.ImageFileDirectory_v2]:
    """Return the tags of every page of a TIFF."""
    head = tiff[: 16 if tiff[2] == 43 else 8]
    found: list[TiffImagePlugin.ImageFileDirectory_v2] = []
    file, seen = io.BytesIO(tiff), set()
    place = TiffImagePlugin.ImageFileDirectory_v2(head).next
    while place and place not in seen:
        seen.add(place)
        tags = TiffImagePlugin.ImageFileDirectory_v2(head)
        file.seek(place)
        tags.load(file)
        found.append(tags)
        place = tags.next
    return found
