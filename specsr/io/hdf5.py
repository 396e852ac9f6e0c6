"""HDF5 files of strangers: members without links to other files, data sets of checked size.

HDF5 can point to other files (external links, external storage, virtual data sets), which could be
any file or pipe of this machine, and a few bytes can declare any size (fill values, compression,
repeated texts).  All reading of HDF5 goes through this file.
"""

from __future__ import annotations

import math
import zlib
from collections.abc import Iterator
from typing import Any

from specsr.errors import SpecsrError
from specsr.io.limits import Total, array_memory, check_size, memory_limit
from specsr.io.npy import nbytes
from specsr.io.references import References, Unread

DEFLATE = 1032
"""Largest compression ratio of deflate: bounds the size that an intact file can declare."""
_MOST_LINKS = 16
"""Soft links followed one after the other; more are a loop."""
_LONGEST = 100_000
"""Largest number of characters of a MATLAB text that is read."""
_MOST_TEXTS = 512
"""Largest number of texts of an array that is read: the names of channels."""
_SLACK = 1 << 16
"""Bytes by which a stored chunk may exceed its content: headers and checksums of the filters."""


def check_links(file: Any) -> None:
    """Raise `SpecsrError` if any group of an HDF5 file links to another file."""
    import h5py

    def foreign(name: bytes, info: Any) -> bytes | None:
        return None if info.type in (h5py.h5l.TYPE_HARD, h5py.h5l.TYPE_SOFT) else name

    found = file.id.links.visit(foreign, info=True)  # ends with the first name
    if found is not None:
        raise _foreign_link(found.decode("utf-8", "replace"))


def members(file: Any) -> Iterator[tuple[str, Any]]:
    """Yield name and object of the members of the root group; soft links are followed.

    Soft links without a target and objects that are neither groups nor data sets are left out.

    Raises:
        SpecsrError: a link to another file, or soft links in a loop.
    """
    for name in file:
        found = _resolve(file, name, 0)
        if found is not None:
            yield name, found


def _resolve(group: Any, path: str, depth: int) -> Any:
    """Return the object at a path, or None; no link to another file is ever opened."""
    import h5py

    if depth > _MOST_LINKS:
        raise SpecsrError(f"{path} is a soft link in a loop: remove it, or link the data itself")
    at = group.file if path.startswith("/") else group
    for part in path.split("/"):
        if part in ("", "."):
            continue
        name = part.encode("utf-8", "surrogateescape")
        if not isinstance(at, h5py.Group) or not at.id.links.exists(name):
            return None
        kind = at.id.links.get_info(name).type
        if kind == h5py.h5l.TYPE_SOFT:
            target = at.id.links.get_val(name).decode("utf-8", "surrogateescape")
            at = _resolve(at, target, depth + 1)
        elif kind == h5py.h5l.TYPE_HARD:
            at = at[part]
        else:
            raise _foreign_link(part)
    return at


def _foreign_link(name: str) -> SpecsrError:
    return SpecsrError(
        f"{name} is a link to another file: expected one file with all data; copy the data into it"
    )


def attributes(item: Any, size: int, texts: tuple[str, ...] = ()) -> dict[str, Any]:
    """Return the attributes of an object: numbers, and single texts.

    Args:
        item: the object.
        size: of the file, bytes.
        texts: attributes that are read with several texts.

    Raises:
        SpecsrError: an attribute that exceeds the limit of memory.
    """
    total = Total("its attributes")
    found = {}
    for key in item.attrs:
        about = item.attrs.get_id(key)
        count = math.prod(about.shape or ())
        if about.dtype.kind == "O":
            # each text may be as long as the file: many elements can refer to one text
            if count > 1 and key not in texts:
                continue
            total.add(count * size if count > 1 else size)
        else:
            total.add(array_memory(count, about.dtype))
        found[key] = item.attrs[key]
    return found


def check_data(key: str, data: Any, size: int) -> None:
    """Raise `SpecsrError` unless a data set is complete in this file and fits into memory.

    Args:
        key: its name, for messages.
        data: the data set.
        size: of the file, bytes.
    """
    if data.is_virtual or data.external:
        raise SpecsrError(
            f"{key} is stored in other files: expected one file with all data; copy the data into "
            "it (h5repack)"
        )
    stored = data.id.get_storage_size()
    declared = nbytes(data.shape or (), data.dtype)
    if stored > size or declared > stored * DEFLATE:
        raise too_short(key, declared)
    count = math.prod(data.shape or ())
    if data.dtype.kind == "O":
        # each text may be as long as the file: many elements can refer to one text
        check_size(count * size if count > 1 else size, key)
        return
    # a whole chunk is decompressed even for a few of its values; filters hold it twice
    chunk = 2 * math.prod(data.chunks) * data.dtype.itemsize if data.chunks else 0
    check_size(array_memory(count, data.dtype) + chunk, key)
    _check_filters(key, data)
    _check_chunks(key, data)


def _check_filters(key: str, data: Any) -> None:
    """Raise `SpecsrError` for a data set with a filter that this HDF5 library lacks."""
    import h5py

    plan = data.id.get_create_plist()
    for i in range(plan.get_nfilters()):
        code, _, _, name = plan.get_filter(i)
        if not h5py.h5z.filter_avail(code):
            shown = name.decode("utf-8", "replace").split("\0")[0].strip() or "no name"
            raise SpecsrError(
                f"{key} is compressed with filter {code} ({shown[:40]}), which is not installed: "
                "store it with gzip or without compression (h5repack -f GZIP=1)"
            )


def _check_chunks(key: str, data: Any) -> None:
    """Raise `SpecsrError` if a stored chunk can inflate beyond the limit, whatever it declares.

    HDF5 inflates a chunk to its end, even if that is longer than the chunk.
    """
    if data.compression is None or data.id.get_storage_size() * DEFLATE <= memory_limit():
        return
    declared = math.prod(data.chunks) * data.dtype.itemsize + _SLACK
    suspects: list[Any] = []

    def visit(info: Any) -> None:
        if info.size * DEFLATE > memory_limit():
            suspects.append(info.chunk_offset)

    data.id.chunk_iter(visit)
    for offset in suspects:
        mask, content = data.id.read_direct_chunk(offset)
        if mask:
            continue
        try:
            inflated = zlib.decompressobj()
            length, rest = 0, content
            while rest and length <= declared:
                length += len(inflated.decompress(rest, 1 << 20))
                rest = inflated.unconsumed_tail
        except zlib.error:
            continue  # another order of filters: HDF5 checks it
        if length > declared:
            raise SpecsrError(f"{key} is damaged: a chunk is longer than declared; copy it again")


def tree(file: Any, size: int) -> dict[str, Any]:
    """Return an open HDF5 file as nested dicts, see `specsr.io.arrays.hdf5_tree`."""
    import h5py

    check_links(file)
    found: dict[str, Any] = {key: plain(value) for key, value in attributes(file, size).items()}
    total = Total("its data sets")

    def read(name: str, data: Any) -> Any:
        if not _is_wanted(data, size):
            return None
        check_data(name, data, size)
        if data.dtype.kind != "O":
            total.add(array_memory(math.prod(data.shape or ()), data.dtype))
        return _columns(data) if data.dtype.names else _value(data)

    references = References(file, read)

    def visit(name: str, item: Any) -> None:
        *parents, key = name.split("/")
        if "#refs#" in parents or key == "#refs#":
            return
        node = found
        for parent in parents:
            node = node.setdefault(parent, {})
        own = {
            k: plain(v) for k, v in attributes(item, size).items() if not k.startswith("MATLAB_")
        }
        if isinstance(item, h5py.Group):
            node.setdefault(key, {}).update(own)
        elif isinstance(item, h5py.Dataset) and references.holds(item):
            node[key] = references.elements(item)
        elif isinstance(item, h5py.Dataset):
            value = read(key, item)
            if value is None:
                return
            if isinstance(value, dict):
                node[key] = value | own
                return
            scalar = not hasattr(value, "dtype")
            node[key] = value if scalar and not own else {"": value, **own}

    file.visititems(visit)
    return found


def _is_wanted(data: Any, size: int) -> bool:
    """Return whether a data set can be a channel, a single number, or texts that fit in memory."""
    import h5py

    if data.is_virtual or data.external or h5py.check_ref_dtype(data.dtype):
        return False
    kind, count = data.dtype.kind, math.prod(data.shape or ())
    # each text may be as long as the file
    texts = count <= 1 or (count <= _MOST_TEXTS and count * size <= memory_limit())
    table = bool(data.dtype.names) and len(data.shape or ()) == 1
    return kind in "biuf" or (kind in "SO" and texts) or "MATLAB_class" in data.attrs or table


def _columns(data: Any) -> dict[str, Any]:
    """Return the columns of numbers of a table, such as that of PyTables: name -> values."""
    rows = data[()]
    fields = {name: rows[name] for name in rows.dtype.names}
    return {k: v for k, v in fields.items() if v.dtype.kind in "biuf" and v.ndim == 1}


def _value(data: Any) -> Any:
    kind = data.attrs.get("MATLAB_class", "")
    kind = kind.decode() if isinstance(kind, bytes) else str(kind)
    if kind and data.dtype.kind not in "biuf":
        return Unread()  # cell arrays and references hold no numbers themselves
    if kind == "char" and math.prod(data.shape or ()) > _LONGEST:
        return ""
    value = data[()]
    if hasattr(value, "ndim") and value.ndim and kind:
        value = value.T
        if kind == "char":
            return "".join(map(chr, value.ravel().tolist()))
        value = value.squeeze()
    return plain(value)


def plain(value: Any) -> Any:
    """Return a single value of an archive as a Python object, arrays as they are."""
    import numpy as np

    if isinstance(value, (np.ndarray, np.generic)) and value.ndim == 0:
        value = value.item()
    elif isinstance(value, np.ndarray) and value.size == 1 and value.dtype.kind in "SO":
        value = value.item()  # h5py returns some texts as an array of one element
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else value


def too_short(key: str, declared: int) -> SpecsrError:
    """Return the error for an entry that declares more bytes than its file can hold."""
    return SpecsrError(
        f"{key} declares {declared} bytes, more than the file holds: it is damaged or cut off; "
        "write or copy it again"
    )
