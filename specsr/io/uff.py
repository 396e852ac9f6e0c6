"""Universal files (``.uff``, ``.unv``) through pyuff: data set 58, ASCII and binary.

Time responses (function type 1) are channels.  Spectra over time, one data set per column with its
time as z axis value, are a map.  The header rounds the time step to six digits, so rates are
rounded to 1 Hz where that fits; specsr stores exact values in the fourth and fifth text line.
"""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from specsr.errors import SpecsrError
from specsr.extras import need
from specsr.io import entries, sampling, schema, unit_labels
from specsr.io.atomic import LIBRARIES, replacing
from specsr.io.axis_labels import Kind
from specsr.io.limits import Total, check_size
from specsr.io.recording import Channel, Contents, from_rows
from specsr.io.titles import kind_of_name
from specsr.maps.spec_map import SpecMap
from specsr.names import plain
from specsr.signal import Signal

SUFFIXES = (".uff", ".unv")
SUBTYPES = ("ASCII", "BINARY")
_TIME_RESPONSE, _AUTO_SPECTRUM, _PSD, _SPECTRUM = 1, 2, 9, 12
_FUNCTIONS = {
    0: "general functions", 2: "auto spectra", 3: "cross spectra", 4: "frequency responses",
    6: "coherences", 9: "power spectral densities", 12: "spectra", 16: "band levels",
}  # fmt: skip
_QUANTITIES = {11: "velocity", 12: "acceleration"}
_DATA_TYPES = {"Pa": 15, "m/s2": 12, "g": 12, "m/s": 11, "m": 8, "N": 13, "V": 0, "1": 0}
_ABSCISSA_TIME, _ABSCISSA_FREQUENCY = 17, 18
_ABSCISSAS: dict[int, Kind] = {
    8: "distance", 17: "time", 18: "frequency", 19: "speed", 20: "order",
}  # fmt: skip
"""Type of the abscissa -> kind of axis; the others depend on their name, else on their unit."""
_SIX_DIGITS = 5.1e-6
"""Largest relative error of a step that was rounded to six digits."""
_FACTOR = 10
"""Memory over the size of a file: its bytes and lines, and Python numbers of its values."""
_NAME = '{"name":'
"""Start of the second text line that holds, with the third one, a name that the first cannot."""
_MARK = re.compile(rb"(?m)^ {4}-1 *\r?$")


def read_uff(path: Path) -> Contents:
    """Return the time responses in a universal file.

    Raises:
        SpecsrError: pyuff is not installed, the file is damaged or cut off, or holds no time
            response.
    """
    sets = _load(path)
    channels, notes = [], []
    for fields in sets:
        if fields["func_type"] == _TIME_RESPONSE:
            channel, note = _channel(fields)
            channels.append(channel)
            if note:
                notes.append(f"channel {channel.name}: {note}")
    if not channels:
        raise SpecsrError(
            f"holds {_others(sets)}: expected time responses (data set 58, function type 1)"
        )
    if len(channels) < len(sets):
        rest = [fields for fields in sets if fields["func_type"] != _TIME_RESPONSE]
        notes.append(f"{_others(rest)} are skipped")
    return Contents(tuple(channels), tuple(dict.fromkeys(notes)))


def write_uff(
    path: Path, signal: Signal, subtype: str | None = None, overwrite: bool = False
) -> None:
    """Write a signal as data sets 58: binary doubles, or text with ``subtype="ASCII"``."""
    binary = _is_binary(path, subtype)
    rows = [(name, row, signal.unit) for name, row in zip(signal.channels, signal.samples)]
    if signal.rpm is not None:
        rows.append(("rpm", signal.rpm, "1/min"))
    first = np.float64(signal.start)
    sets = []
    for name, row, unit in rows:
        own = {
            "rate": signal.rate, "start": signal.start, "fs": signal.full_scale,
            "type": row.dtype.str[1:],
        }  # fmt: skip
        if unit == "1/min":
            own["rpm"] = 1
        sets.append(
            _data_set(
                row, np.array([first, first + 1 / signal.rate]), binary, name, own,
                func_type=_TIME_RESPONSE, abscissa_spec_data_type=_ABSCISSA_TIME,
                abscissa_axis_lab="Time", abscissa_axis_units_lab="s",
                ordinate_spec_data_type=_DATA_TYPES.get(unit, 0),
                ordinate_axis_lab=_shown(name)[:20], ordinate_axis_units_lab=unit,
            )
        )  # fmt: skip
    _save(path, sets, overwrite)


def holds_map(path: Path) -> bool:
    """Return whether a universal file holds spectra over time."""
    return bool(_columns(_load(path, headers=True)))


def read_map_file(path: Path) -> SpecMap:
    """Return the map formed by the spectra in a universal file.

    Raises:
        SpecsrError: pyuff is not installed, the file is damaged, or its spectra form no map.
    """
    columns = _columns(_load(path))
    if not columns:
        raise SpecsrError("holds no map: expected auto spectra or densities over time")
    by_channel: dict[str, list[dict[str, Any]]] = {}
    for fields in columns:
        by_channel.setdefault(_name(fields) if _own(fields) else fields["id1"].strip(), []).append(
            fields
        )
    first = columns[0]
    own = _own(first)
    powers = []
    for name, sets in by_channel.items():
        sets.sort(key=lambda fields: _own(fields).get("k", fields["z_axis_value"]))
        if len({len(fields["data"]) for fields in sets}) > 1:
            raise SpecsrError(f"{name}: its spectra have different lengths")
        power = np.abs(np.stack([fields["data"] for fields in sets], axis=1))
        powers.append(power**2 if first["func_type"] == _SPECTRUM else power)
    if len({power.shape for power in powers}) > 1:
        raise SpecsrError("its channels have different numbers of spectra")
    sets = next(iter(by_channel.values()))
    label = re.sub(r"(\^?2|²)(/Hz)?$", "", unit_labels.clean(first["ordinate_axis_units_lab"]))
    unit, factor, _ = (own["unit"], 1.0, "") if own.get("unit") else unit_labels.understand(
        label.strip("()")
    )  # fmt: skip
    found: dict[str, Any] = {
        "power": np.stack(powers) * factor**2, "freqs": sets[0]["x"],
        "freqs_unit": unit_labels.clean(first["abscissa_axis_units_lab"]),
        "times": np.array([one["z_axis_value"] for one in sets]),
        "times_unit": unit_labels.clean(first.get("z_axis_axis_units_lab")),
        "unit": unit,
        "scaling": "psd" if first["func_type"] == _PSD else "rms",
        "channels": [name if own else name or f"ch{i + 1}" for i, name in enumerate(by_channel)],
    }  # fmt: skip
    if "grid" in own:
        return entries.spec_map(_of_own_grid(found, own["grid"]))
    return entries.spec_map(found)


def write_map_file(path: Path, spec: SpecMap, overwrite: bool = False) -> None:
    """Write a map as one spectrum per column: power (function 2) or density (9), binary."""
    grid = spec.grid
    freqs, times = spec.freqs, spec.times
    density = grid.scaling == "psd"
    square = {"Pa": "Pa^2", "1": "1"}.get(grid.unit, f"({grid.unit})^2")
    own = {
        "grid": [grid.rate, grid.n_fft, grid.hop_length, grid.length, grid.window, grid.start,
                 *grid.cell],
        "unit": grid.unit,
    }  # fmt: skip
    sets = [
        _data_set(
            power, freqs[:2], True, name, own | {"k": k},
            func_type=_PSD if density else _AUTO_SPECTRUM,
            abscissa_spec_data_type=_ABSCISSA_FREQUENCY, abscissa_axis_lab="Frequency",
            abscissa_axis_units_lab="Hz", ordinate_spec_data_type=_DATA_TYPES.get(grid.unit, 0),
            ordinate_axis_lab="Power", ordinate_axis_units_lab=square + ("/Hz" * density),
            z_axis_value=time, z_axis_spec_data_type=_ABSCISSA_TIME, z_axis_axis_lab="Time",
            z_axis_axis_units_lab="s",
        )
        for name, channel in zip(spec.channels, spec.magnitude)
        for k, (time, power) in enumerate(zip(times, np.square(channel.T, dtype=np.float64)))
    ]  # fmt: skip
    _save(path, sets, overwrite)


def _load(path: Path, headers: bool = False) -> list[dict[str, Any]]:
    """Return the data sets 58 of a file, checked against the counts in their headers."""
    pyuff = need(*LIBRARIES[path.suffix.lower()], f"{path.suffix} files")
    size = path.stat().st_size
    check_size(_FACTOR * size, "the file")
    if len(_MARK.findall(path.read_bytes())) == 0:
        raise SpecsrError("cannot be read as a universal file: it has no data set")
    file = pyuff.UFF(str(path))
    types = np.atleast_1d(file.get_set_types())
    wanted = [i for i, kind in enumerate(types) if kind == 58]
    _check_end(path, file)
    if not wanted:
        kinds = ", ".join(str(int(kind)) for kind in sorted(set(types))) or "none"
        raise SpecsrError(
            f"holds data sets {kinds}: expected functions (58), not geometry and modes"
        )
    # pyuff fills in x values for all points that a header declares
    total = Total("its data sets")
    for i in wanted:
        points = max(0, int(file.read_sets(i, header_only=True)["num_pts"]))
        total.add(0 if headers else 4 * 8 * points)  # x, values, and both as a channel
    found = []
    for i in wanted:
        fields = file.read_sets(i, header_only=headers)
        if fields.get("binary") and fields.get("fp_format", 2) != 2:
            raise SpecsrError("its numbers have a VAX or IBM format: export it as IEEE 754")
        if not headers:
            _check_count(fields)
        found.append(fields)
    return found


def _check_end(path: Path, file: Any) -> None:
    """Raise `SpecsrError` for a file whose last data set has no end."""
    data = path.read_bytes()
    blocks = np.reshape(getattr(file, "_block_ind", []), (-1, 2))
    rest = data[int(blocks[-1, 1]) + 1 :] if len(blocks) else data
    if len(_MARK.findall(rest)) > 1 or rest.replace(b"-1", b"", 1).strip(b" \r\n\0\x1a"):
        raise SpecsrError("is cut off: its last data set has no end; copy or export it again")


def _check_count(fields: dict[str, Any]) -> None:
    declared, data = int(fields["num_pts"]), fields["data"]
    if len(data) < declared or declared < 1:
        raise SpecsrError(
            f"is cut off: its header declares {declared} points, the file holds {len(data)}; copy "
            "or export it again"
        )
    fields["data"], fields["x"] = data[:declared], fields["x"][:declared]


def _channel(fields: dict[str, Any]) -> tuple[Channel, str]:
    data = fields["data"]
    if np.iscomplexobj(data):
        raise SpecsrError("a time response holds complex numbers")
    name = _name(fields)
    label = unit_labels.clean(fields["ordinate_axis_units_lab"])
    quantity = _QUANTITIES.get(fields["ordinate_spec_data_type"], "")
    own = _own(fields)
    if own:
        [channel] = from_rows(
            data.astype(own.get("type", "f8")),
            schema.signal_arguments({
                "rate": own["rate"], "start": own.get("start", 0.0), "unit": label,
                "full_scale": own.get("fs", 1.0), "channels": [name],
            }), digital=False,
        )  # fmt: skip
        if own.get("rpm"):
            channel = replace(channel, of_signal=True)
        return channel, ""
    sampled = _sampling(fields)
    return Channel(
        name, data, label=label, quantity=quantity, **sampled.fields()
    ), sampled.note  # fmt: skip


def _sampling(fields: dict[str, Any]) -> sampling.Sampling:
    """Return the sampling of a time response by its abscissa: type, name and unit."""
    unit = unit_labels.clean(fields["abscissa_axis_units_lab"])
    name = unit_labels.clean(fields["abscissa_axis_lab"])
    code = int(fields["abscissa_spec_data_type"])
    kind = _ABSCISSAS.get(code) or kind_of_name(name)
    if kind is None:
        # types 0 and 1 state nothing: the function is a time response
        if code not in (0, 1) and not unit:
            return sampling.asked(f"its abscissa {name} of type {code} is no time")
        kind = "time"
    if fields["abscissa_spacing"] == 1:
        step, start = float(fields["abscissa_inc"]), float(fields["abscissa_min"])
        return sampling.of_step(step, start, unit, kind, _SIX_DIGITS)
    return sampling.of_values(fields["x"], unit, kind)


def _name(fields: dict[str, Any]) -> str:
    """Return the name of a channel: its entity, first text line, axis label, or node."""
    names = [fields["rsp_ent_name"], fields["id1"], fields["ordinate_axis_lab"]]
    if _own(fields):
        if fields["id2"].startswith(_NAME):
            return json.loads(fields["id2"] + fields["id3"].replace("NONE", ""))["name"]
        names = [fields["id1"]]
    for name in map(unit_labels.clean, names):
        if name:
            return name
    return f"node {fields['rsp_node']}"


def _columns(sets: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the spectra over time; [] unless they have one type and at least two times."""
    columns = [
        fields for fields in sets
        if fields["func_type"] in (_AUTO_SPECTRUM, _PSD, _SPECTRUM)
        and fields["z_axis_spec_data_type"] in (0, _ABSCISSA_TIME)
        and fields["abscissa_spec_data_type"] in (0, _ABSCISSA_FREQUENCY)
    ]  # fmt: skip
    kinds = {fields["func_type"] for fields in columns}
    times = {fields["z_axis_value"] for fields in columns}
    return columns if len(kinds) == 1 and len(times) > 1 else []


def _others(sets: list[dict[str, Any]]) -> str:
    kinds = {int(fields["func_type"]) for fields in sets}
    return ", ".join(_FUNCTIONS.get(kind, f"functions of type {kind}") for kind in sorted(kinds))


def _own(fields: dict[str, Any]) -> dict[str, Any]:
    """Return the values that specsr wrote into the text lines of a data set; {} without any."""
    text = fields["id4"] + fields["id5"].replace("NONE", "")
    if not text.startswith('{"specsr":'):
        return {}
    found = json.loads(text)
    return found if isinstance(found, dict) else {}


def _of_own_grid(fields: dict[str, Any], grid: list) -> dict[str, Any]:
    keys = ("rate", "n_fft", "hop_length", "length", "window", "start")
    described = dict(zip(keys, grid)) | {
        "cell": grid[6:8], "unit": fields["unit"], "scaling": fields["scaling"]
    }  # fmt: skip
    return {
        "format": schema.MAP, "grid": json.dumps(described), "channels": fields["channels"],
        "magnitude": np.sqrt(fields["power"]).astype(np.float32),
    }  # fmt: skip


def _data_set(
    data: np.ndarray, x: np.ndarray, binary: bool, name: str, own: dict[str, Any], **header: Any
) -> dict[str, Any]:
    """Return a data set in the form of pyuff."""
    text = json.dumps({"specsr": 1} | own, separators=(",", ":"))
    if len(text) > 160:
        raise SpecsrError(f"{text} does not fit into a universal file: write .h5")
    lines = "written by specsr"
    if _shown(name) != name or unit_labels.clean(name) != name or not 0 < len(name) <= 80:
        exact = json.dumps({"name": name}, separators=(",", ":"))
        lines = exact.replace(" ", "\\u0020")  # blanks at the ends of a line are lost
        if len(lines) > 160:
            raise SpecsrError(
                f"channel name {ascii(name[:40])} does not fit into the two text lines of a "
                "universal file: shorten it, or write .h5"
            )
    return {
        "type": 58, "binary": int(binary), "id1": _shown(name)[:80], "id2": lines[:80],
        "id3": lines[80:] or "NONE", "id4": text[:80], "id5": text[80:] or "NONE",
        "rsp_ent_name": "NONE", "rsp_node": 0, "rsp_dir": 0, "ref_ent_name": "NONE",
        "ref_node": 0, "ref_dir": 0, "abscissa_spacing": 1, "orddenom_spec_data_type": 0,
        "x": x, "data": np.asarray(data, dtype=np.float64), **header,
    }  # fmt: skip


def _shown(name: str) -> str:
    """Return a name in printable ASCII, as universal files hold texts."""
    return plain(name).encode("ascii", "backslashreplace").decode("ascii").strip() or "NONE"


def _save(path: Path, sets: list[dict[str, Any]], overwrite: bool) -> None:
    pyuff = need(*LIBRARIES[path.suffix.lower()], f"{path.suffix} files")
    with replacing(path, overwrite=overwrite) as (temp,):
        try:
            pyuff.UFF(str(temp)).write_sets(sets, "add")  # "overwrite" loses the header of 58b
        except Exception as error:
            if isinstance(error.__context__, OSError):  # pyuff hides a full disk
                raise error.__context__ from None
            raise


def _is_binary(path: Path, subtype: str | None) -> bool:
    if subtype is not None and str(subtype).upper() not in SUBTYPES:
        raise SpecsrError(
            f"{path}: {path.suffix} has no subtype {subtype!r}: expected one of "
            f"{', '.join(SUBTYPES)}"
        )
    return subtype is None or str(subtype).upper() == "BINARY"
