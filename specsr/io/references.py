"""Cell arrays and arrays of structs in MATLAB 7.3 files, which hold references to their elements.

Only references of MATLAB's own are followed: to objects in the group ``#refs#`` of the same file,
which the search for links to other files has covered.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

_GROUP = "#refs#"
_MOST = 512
"""Largest number of elements of a cell array that is read."""
_MOST_IN_ALL = 10_000
"""Elements that are read from one file: cells of cells could refer to one element many times."""
_DEEPEST = 4


class Unread(str):
    """Stands for a value that is not read: too large a cell array, or none of MATLAB's own."""


class References:
    """Reader of the cell arrays of one file.

    Args:
        file: the open HDF5 file.
        read: returns the value of a data set, checked; None for one that is not wanted.
    """

    def __init__(self, file: Any, read: Callable[[str, Any], Any]) -> None:
        self._file, self._read = file, read
        self._left = _MOST_IN_ALL

    def holds(self, data: Any) -> bool:
        """Return whether a data set holds references of MATLAB to its elements."""
        import h5py

        of_objects = h5py.check_ref_dtype(data.dtype) is h5py.Reference
        return of_objects and _GROUP in self._file and not (data.is_virtual or data.external)

    def elements(self, data: Any, depth: int = 0) -> Any:
        """Return the elements of a cell array as a list, in MATLAB's order."""
        count = math.prod(data.shape or ())
        self._left -= count
        if count > _MOST or self._left < 0 or depth > _DEEPEST:
            return Unread()
        return [self._target(reference, depth + 1) for reference in data[()].ravel()]

    def _target(self, reference: Any, depth: int) -> Any:
        try:
            found = self._file[reference] if reference else None
        except ValueError:  # its object was deleted
            return None
        if found is None or not (found.name or "").startswith(f"/{_GROUP}/"):
            return None
        return self._of(found, depth)

    def _of(self, item: Any, depth: int) -> Any:
        import h5py

        if isinstance(item, h5py.Dataset):
            return self.elements(item, depth) if self.holds(item) else self._read(item.name, item)
        if depth > _DEEPEST or not isinstance(item, h5py.Group):
            return None
        self._left -= len(item)
        if self._left < 0:
            return None
        hard = [k for k in item if isinstance(item.get(k, getlink=True), h5py.HardLink)]
        return {key: self._of(item[key], depth + 1) for key in hard}
