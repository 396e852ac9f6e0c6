"""Results for other tools: maps and views as xarray, order cuts as a pandas table."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterable, Sequence
from itertools import repeat
from typing import TYPE_CHECKING, Any

import numpy as np

from specsr.errors import expect
from specsr.extras import need
from specsr.maps.spec_map import SpecMap
from specsr.nvh.order_cut import OrderCut
from specsr.nvh.speed import column_rpm
from specsr.nvh.view import X_AXES, Y_AXES, View

if TYPE_CHECKING:  # optional libraries
    import pandas
    import xarray

CUT_COLUMNS = ["order", "channel", "time_s", "rpm", "freq_hz", "bandwidth_hz", "level_db"]
"""Columns of a table of order cuts."""

PHASE_COLUMNS = ["phase_deg", "shaft"]
"""Further columns of cuts with a phase."""

UNCERTAINTY_COLUMN = "uncertainty_db"
"""Further column of cuts with an uncertainty."""


def to_xarray(x: SpecMap | View) -> Any:
    """Return a map as an ``xarray.Dataset``, a view as an ``xarray.DataArray``.

    The dataset, which ``to_netcdf`` can write, has the variables ``level`` in dB re the unit's
    reference, ``magnitude`` in the unit (rms) and, where known, ``phase`` in rad and
    ``uncertainty_db`` over (channel, freq, time).  Coordinates: channel, freq in Hz, time in s,
    ``known`` (measured rather than estimated, over freq) and, with a speed, ``rpm`` over time.
    ``attrs["grid"]`` is the whole `specsr.Grid` as JSON.

    The array holds the levels of a view in dB over (channel, freq or order, time or rpm).

    Args:
        x: a map or a view.

    Raises:
        SpecsrError: neither a map nor a view, or xarray is not installed.

    Example:
        >>> spec = specsr.spectrogram(specsr.Signal(np.ones(4096), 8000), n_fft=256)
        >>> dict(specsr.to_xarray(spec).sizes)
        {'channel': 1, 'freq': 129, 'time': 65}
    """
    expect(x, (SpecMap, View), "; specsr.spectrogram(signal) makes a map of a recording")
    return _dataset(x) if isinstance(x, SpecMap) else _array(x)


def _dataset(spec: SpecMap) -> xarray.Dataset:
    xarray = need("xarray", "tables", "xarray datasets")
    grid, axes = spec.grid, ("channel", "freq", "time")
    per = "/sqrt(Hz)" if grid.scaling == "psd" else ""
    data = {
        "level": (axes, spec.db, {"units": grid.level_label}),
        "magnitude": (axes, spec.magnitude, {"units": grid.unit + per}),
    }
    if spec.phase is not None:
        data["phase"] = (axes, spec.phase, {"units": "rad"})
    if spec.uncertainty_db is not None:
        data["uncertainty_db"] = (
            axes,
            spec.uncertainty_db,
            {"units": "dB", "long_name": "Uncertainty of the level (68 %)"},
        )
    known = np.ones(grid.rows, bool) if spec.known is None else spec.known
    coords = {
        "channel": list(spec.channels),
        "freq": ("freq", spec.freqs, {"units": "Hz", "long_name": "Frequency"}),
        "time": ("time", spec.times, {"units": "s", "long_name": "Time"}),
        "known": ("freq", known, {"long_name": "measured rather than estimated"}),
    }
    if spec.rpm is not None:
        rpm = column_rpm(spec.rpm, grid)
        coords["rpm"] = ("time", rpm, {"units": "1/min", "long_name": "Speed"})
    attrs = {"reference": grid.reference, "grid": json.dumps(dataclasses.asdict(grid))}
    return xarray.Dataset(data, coords, attrs)


def _array(view: View) -> xarray.DataArray:
    xarray = need("xarray", "tables", "xarray arrays")
    coords: dict[str, Any] = {"channel": list(view.channels)}
    for name, values, (title, unit) in (
        (view.y_axis, view.y, Y_AXES[view.y_axis]),
        (view.x_axis, view.x, X_AXES[view.x_axis]),
    ):
        coords[name] = (name, values, {"units": unit or "1", "long_name": title})
    if view.rpm is not None and view.x_axis != "rpm":
        coords["rpm"] = (view.x_axis, view.rpm, {"units": "1/min", "long_name": "Speed"})
    return xarray.DataArray(
        view.db, coords, ("channel", view.y_axis, view.x_axis), "level",
        {"units": view.level_label},
    )  # fmt: skip


def cuts_frame(cuts: Sequence[OrderCut], channels: Sequence[str]) -> pandas.DataFrame:
    """Return order cuts as one table with the columns of `cut_columns`.

    A row for each order, channel and column of the map; level_db is nan where not valid.

    Args:
        cuts: from `specsr.order_cut` or `OrderMap.cut`.
        channels: names of the channels of every cut.

    Raises:
        SpecsrError: pandas is not installed.
    """
    pandas = need("pandas", "tables", "tables of order cuts")
    return pandas.DataFrame(cut_rows(cuts, channels), columns=cut_columns(cuts))


def cut_columns(cuts: Sequence[OrderCut]) -> list[str]:
    """Return the columns of a table of order cuts.

    Those with a phase have `PHASE_COLUMNS` too, those with an uncertainty `UNCERTAINTY_COLUMN`.
    """
    phases = len(cuts) > 0 and all(cut.phase is not None for cut in cuts)
    uncertain = len(cuts) > 0 and all(cut.uncertainty_db is not None for cut in cuts)
    return CUT_COLUMNS + PHASE_COLUMNS * phases + [UNCERTAINTY_COLUMN] * uncertain


def cut_rows(cuts: Sequence[OrderCut], channels: Sequence[str]) -> list[tuple[Any, ...]]:
    """Return order cuts as rows of `cut_columns`, for `cuts_frame` and for CSV files."""
    columns = cut_columns(cuts)
    rows: list[tuple[Any, ...]] = []
    for cut in cuts:
        for c, name in enumerate(channels):
            values = [cut.times, cut.rpm, cut.freqs, cut.bandwidth, cut.levels[c]]
            series: list[Iterable[float | str]] = [map(float, each) for each in values]
            if "phase_deg" in columns and cut.phase is not None:
                series += [map(float, np.degrees(cut.phase[c])), repeat(cut.shaft)]
            if UNCERTAINTY_COLUMN in columns and cut.uncertainty_db is not None:
                series.append(map(float, cut.uncertainty_db[c]))
            rows += [(cut.order, name, *row) for row in zip(*series)]
    return rows
