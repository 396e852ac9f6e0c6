"""Results for other tools: maps as xarray, scores and order cuts as pandas tables."""

from __future__ import annotations

import dataclasses
import importlib
import json
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from specsr.errors import SpecsrError

if TYPE_CHECKING:
    import pandas
    import xarray

    from specsr.maps.spec_map import SpecMap
    from specsr.nvh.order_cut import OrderCut
    from specsr.nvh.view import View


def _library(name: str) -> Any:
    try:
        return importlib.import_module(name)
    except ImportError as error:
        raise SpecsrError(f"this needs {name} ({error}): pip install 'specsr[tables]'") from None


def to_xarray(x: SpecMap | View) -> Any:
    """Return a map as an ``xarray.Dataset``, a view as an ``xarray.DataArray``.

    A map's variables over (channel, freq, time) are ``level`` in dB re the unit's reference,
    ``magnitude`` in the unit (rms) and, where known, ``phase`` in rad and ``uncertainty_db``.
    A view has its levels in dB over (channel, freq or order, time or rpm).

    Raises:
        SpecsrError: xarray is not installed.
    """
    from specsr.maps.spec_map import SpecMap

    return _map_to_xarray(x) if isinstance(x, SpecMap) else _view_to_xarray(x)


def _map_to_xarray(spec: SpecMap) -> xarray.Dataset:
    """Return a map as an ``xarray.Dataset`` that ``to_netcdf`` can write.

    Variables over (channel, freq, time): ``level`` in dB re the unit's reference, ``magnitude``
    in the unit (rms) and, where known, ``phase`` in rad and ``uncertainty_db``.
    Coordinates: channel, freq in Hz, time in s, ``known`` (measured rather than
    estimated, over freq) and, where there is a speed, ``rpm`` over time.  ``attrs["grid"]`` is the
    whole `specsr.Grid` as JSON.

    Raises:
        SpecsrError: xarray is not installed.
    """
    from specsr.nvh.speed import frame_rpm

    xarray = _library("xarray")
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
        speed = frame_rpm(spec.rpm, grid)
        coords["rpm"] = ("time", speed, {"units": "1/min", "long_name": "Speed"})
    attrs = {"reference": grid.reference, "grid": json.dumps(dataclasses.asdict(grid))}
    return xarray.Dataset(data, coords, attrs)


def _view_to_xarray(view: View) -> xarray.DataArray:
    """Return a view's levels in dB as an ``xarray.DataArray`` (channel, freq|order, time|rpm).

    Raises:
        SpecsrError: xarray is not installed.
    """
    from specsr.nvh.view import X_AXES, Y_AXES

    xarray = _library("xarray")
    coords: dict[str, Any] = {"channel": list(view.channels)}
    for name, values, (words, unit) in (
        (view.y_axis, view.y, Y_AXES[view.y_axis]),
        (view.x_axis, view.x, X_AXES[view.x_axis]),
    ):
        coords[name] = (name, values, {"units": unit or "1", "long_name": words})
    if view.rpm is not None and view.x_axis != "rpm":
        coords["rpm"] = (view.x_axis, view.rpm, {"units": "1/min", "long_name": "Speed"})
    return xarray.DataArray(
        view.db, coords, ("channel", view.y_axis, view.x_axis), "level",
        {"units": view.level_label},
    )  # fmt: skip


def cuts_frame(cuts: Sequence[OrderCut], channels: Sequence[str]) -> pandas.DataFrame:
    """Return order cuts as one long table, a row an order, column of the map and channel.

    Columns: order, channel, time_s, rpm, freq_hz, bandwidth_hz, level_db (nan: not readable).

    Raises:
        SpecsrError: pandas is not installed.
    """
    return _library("pandas").DataFrame(cut_rows(cuts, channels), columns=CUT_COLUMNS)


CUT_COLUMNS = ["order", "channel", "time_s", "rpm", "freq_hz", "bandwidth_hz", "level_db"]


def cut_rows(cuts: Sequence[OrderCut], channels: Sequence[str]) -> list[tuple[Any, ...]]:
    """Rows of `CUT_COLUMNS`, for `cuts_frame` and for CSV files."""
    return [
        (cut.order, name, *map(float, (t, rpm, f, width, level)))
        for cut in cuts
        for name, levels in zip(channels, cut.levels)
        for t, rpm, f, width, level in zip(cut.times, cut.rpm, cut.freqs, cut.bandwidth, levels)
    ]
