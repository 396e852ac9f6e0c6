"""Small files, one for each reader and kind of axis, rate, speed or scale, and what reading gives.

    python tests/support/corpus.py

prints the tables of `docs/formats.md`: readers down, kinds across, each cell right, refused or -
(not applicable).  `make` writes the file of a cell.  All hold the same: 1000 samples at 1000 Hz of
a sine of 50 Hz and amplitude 1 Pa, and where a speed belongs to it 1200 to 2400 1/min.
"""

from __future__ import annotations

import math
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

if __name__ == "__main__":  # run by its name: the folder of the helpers is not on the path
    sys.path.insert(0, str(Path(__file__).parents[1]))

from support.measured_files import Axis, Row, catman_file, imc_file

RATE, LENGTH = 1000.0, 1000
TIMES = np.arange(LENGTH) / RATE
SINE = np.sin(2 * np.pi * 50 * TIMES)
RPM = np.linspace(1200.0, 2400.0, LENGTH)


@dataclass(frozen=True)
class Kind:
    """What is particular about a file.

    Attributes:
        about: "time", "axis", "rate", "speed", "scale", "gap" or "clash".
        label: unit label in the file, "" without one.
        factor: base units (s, Hz, 1/min) of one unit of the label.
        refused: text of the error, if the file is to be refused.
    """

    about: str
    label: str = ""
    factor: float = 1.0
    refused: str = ""


KINDS: dict[str, Kind] = {
    "s": Kind("time", "s"),
    "ms": Kind("time", "ms", 1e-3),
    "msec": Kind("time", "msec", 1e-3),
    "us": Kind("time", "us", 1e-6),
    "ns": Kind("time", "ns", 1e-9),
    "min": Kind("time", "min", 60.0),
    "h": Kind("time", "h", 3600.0),
    "days": Kind("time", "d", 86400.0),
    "no unit": Kind("time"),
    "dates": Kind("dates", "", 86400.0),
    "unknown unit": Kind("time", "tick", 1.0, "unit 'tick'"),
    "angle": Kind("axis", "deg", 1.0, "over angle|no time"),
    "revolutions": Kind("axis", "rev", 1.0, "over angle|no time"),
    "distance": Kind("axis", "m", 1.0, "over distance|no time"),
    "index": Kind("axis", "samples", 1.0, "counts samples|no time|over index"),
    "spectrum": Kind("axis", "Hz", 1.0, "spectrum|no time"),
    "rate in Hz": Kind("rate", "Hz"),
    "rate in kHz": Kind("rate", "kHz", 1e3),
    "rate of unknown unit": Kind("rate", "tick", 1.0, "unit 'tick'"),
    "contradiction": Kind("clash", "", 1.0, "its rate is"),
    "speed in 1/min": Kind("speed", "1/min"),
    "speed in Hz": Kind("speed", "Hz", 60.0),
    "speed in rad/s": Kind("speed", "rad/s", 30 / math.pi),
    "speed in krpm": Kind("speed", "krpm", 1e3),
    "speed with a gap": Kind("gap", "1/min"),
    "scale": Kind("scale"),
}  # fmt: skip
"""Name of a kind -> what it is."""

_AXES = {
    "angle": ("angle", 2), "revolutions": ("revolutions", 2), "distance": ("distance", 3),
    "index": ("index", 4), "spectrum": ("frequency", 0),
}  # fmt: skip
"""Name of a kind of axis -> its name in a file, and its number in MDF 4."""
_ABSCISSAS = {"angle": 0, "revolutions": 16, "distance": 8, "index": 0, "spectrum": 18}
_STEPS = ("UFF", "TDMS", "MAT", "HDF5", "NPZ")
READERS = ("CSV", "UFF", "UFF, values", "MF4", "TDMS", "TDMS, values", "MAT", "MAT, values", "HDF5",
           "HDF5, values", "NPZ", "NPZ, values", "imc", "catman", "speed table",
           "map table")  # fmt: skip
"""Rows of the table.  ``values``: the axis as an array, not as a step."""


def axis(kind: Kind, name: str) -> tuple[str, np.ndarray, str]:
    """Return name, values and unit label of the axis of a file."""
    if kind.about == "axis":
        step = 1.0 if kind.label == "samples" else 0.5
        return _AXES[name][0], step * np.arange(LENGTH), kind.label
    if kind.about == "dates":
        return "time", 738_000.0 + TIMES / 86400.0, ""
    if kind.about == "time":
        return "time", TIMES / kind.factor, kind.label
    return "time", TIMES, "s"


def speed(kind: Kind) -> np.ndarray | None:
    """Return the numbers of the speed channel of a file; None without one."""
    if kind.about == "speed":
        return RPM / kind.factor
    if kind.about == "gap":
        return np.where(np.arange(LENGTH) == 500, np.nan, RPM)
    return None


def make(reader: str, name: str, folder: Path) -> Path | None:
    """Write the file of a reader and a kind; None if the reader has no such thing."""
    kind = KINDS[name]
    form, _, values = reader.partition(", ")
    maker: Any = _MAKERS[form]
    if form not in _STEPS:
        return maker(folder, kind, name)
    if bool(values) and kind.about not in ("time", "dates", "axis"):
        return None
    return maker(folder, kind, name, bool(values))


def expected(reader: str, name: str) -> str:
    """Return "right", "refused" or "-" for a cell of the table."""
    kind = KINDS[name]
    form, _, values = reader.partition(", ")
    only = {
        "rate": ("CSV", "MAT", "HDF5", "NPZ"), "clash": ("CSV", "MAT", "HDF5", "NPZ", "catman"),
        "scale": ("MF4", "TDMS", "MAT", "HDF5", "NPZ", "imc", "catman"),
    }.get(kind.about)  # fmt: skip
    if only and form not in only:
        return "-"
    if values and kind.about not in ("time", "dates", "axis"):
        return "-"
    if form in _STEPS and not values and kind.about == "dates":
        return "-"
    if (form, kind.about) in (
        ("MF4", "dates"), ("UFF", "dates"), ("UFF", "gap"), ("imc", "dates"), ("catman", "axis")
    ):  # fmt: skip
        return "-"
    if form == "map table" and (kind.about not in ("time", "axis") or name == "spectrum"):
        return "-"
    if form == "speed table" and name == "speed with a gap":
        return "refused"
    if form == "MF4" and name == "spectrum":
        return "refused"
    return "refused" if kind.refused else "right"


def _csv(folder: Path, kind: Kind, name: str) -> Path | None:
    title, values, label = axis(kind, name)
    columns = [(f"{title} [{label}]" if label else title, values), ("mic [Pa]", SINE)]
    comments = []
    rpm = speed(kind)
    if rpm is not None:
        columns.append((f"engine speed [{kind.label}]", rpm))
    if kind.about == "rate":
        comments.append(f"# rate: {RATE / kind.factor:g} {kind.label}")
        columns = columns[1:]
    if kind.about == "clash":
        comments.append("# rate: 500")
    if kind.about == "scale":
        return None
    return _table(folder / "a.csv", columns, comments)


def _speed_table(folder: Path, kind: Kind, name: str) -> Path | None:
    if kind.about in ("rate", "clash", "scale"):
        return None
    title, values, label = axis(kind, name)
    rpm, unit = speed(kind), kind.label
    if rpm is None:
        rpm, unit = RPM, "1/min"
    titles = f"{title} [{label}]" if label else title
    return _table(folder / "rpm.csv", [(titles, values), (f"speed [{unit}]", rpm)], [])


def _map_table(folder: Path, kind: Kind, name: str) -> Path | None:
    if kind.about not in ("time", "axis") or name == "spectrum":
        return None
    title, values, label = axis(kind, name)
    values = values[: 64 * 10 : 64]
    freqs = np.arange(0, 65) * RATE / 128
    corner = f"freq [Hz] \\ {title} [{label}]" if label else f"freq [Hz] \\ {title}"
    lines = ["# unit: Pa, values: magnitude", ",".join([corner, *map(_text, values)])]
    lines += [",".join([_text(freq), *["0.5"] * len(values)]) for freq in freqs]
    (folder / "map.csv").write_text("\n".join(lines) + "\n")
    return folder / "map.csv"


def _table(path: Path, columns: list[tuple[str, np.ndarray]], comments: list[str]) -> Path:
    lines = [*comments, ",".join(title for title, _ in columns)]
    lines += [",".join(map(_text, row)) for row in zip(*(values for _, values in columns))]
    path.write_text("\n".join(lines) + "\n")
    return path


def _text(value: float) -> str:
    return f"{value:.17g}"


def _uff(folder: Path, kind: Kind, name: str, explicit: bool) -> Path | None:
    import pyuff

    if kind.about in ("rate", "clash", "scale", "dates", "gap"):  # pyuff writes NaN as 0
        return None
    title, values, label = axis(kind, name)
    code = _ABSCISSAS[name] if kind.about == "axis" else 17
    rows = [("mic", SINE, "Pa", 15)]
    rpm = speed(kind)
    if rpm is not None:
        rows.append(("EngSpeed", rpm, kind.label, 0))
    sets = [
        {
            "type": 58, "binary": 1, "func_type": 1, "rsp_node": 1, "rsp_dir": 0, "ref_node": 0,
            "ref_dir": 0, "rsp_ent_name": one, "id1": one, "abscissa_spacing": int(not explicit),
            "abscissa_spec_data_type": code, "abscissa_axis_lab": title.capitalize(),
            "abscissa_axis_units_lab": label or "NONE", "ordinate_spec_data_type": ordinate,
            "ordinate_axis_lab": one, "ordinate_axis_units_lab": unit,
            "orddenom_spec_data_type": 0, "z_axis_spec_data_type": 0, "x": values, "data": data,
        }
        for one, data, unit, ordinate in rows
    ]  # fmt: skip
    pyuff.UFF(str(folder / "a.uff")).write_sets(sets, "add")
    return folder / "a.uff"


def _mf4(folder: Path, kind: Kind, name: str) -> Path | None:
    import asammdf
    from asammdf.blocks.conversion_utils import from_dict

    if kind.about in ("rate", "clash", "dates"):
        return None
    title, values, label = axis(kind, name)
    sync = _AXES[name][1] if kind.about == "axis" else 1
    mic = asammdf.Signal(SINE, values, name="mic", unit="Pa", master_metadata=(title, sync))
    if kind.about == "scale":
        counts = np.round(SINE * 16384).astype("i2")
        mic = asammdf.Signal(
            counts, values, name="mic", unit="Pa", conversion=from_dict({"a": 1 / 16384, "b": 0.0})
        )
    signals = [mic]
    rpm = speed(kind)
    if kind.about == "gap":
        raw = np.where(np.arange(LENGTH) == 500, 65535, np.round(RPM * 8)).astype("u2")
        texts = {
            "lower_0": 65535.0, "upper_0": 65535.0, "text_0": b"SNA",
            "default_addr": from_dict({"a": 0.125, "b": 0.0}),
        }  # fmt: skip
        signals.append(
            asammdf.Signal(raw, values, name="EngSpeed", unit="rpm", conversion=from_dict(texts))
        )
    elif rpm is not None:
        signals.append(asammdf.Signal(rpm, values, name="engine speed", unit=kind.label))
    with asammdf.MDF(version="4.10") as file:
        file.append(signals, common_timebase=True)
        file.groups[0].channels[0].unit = label
        file.save(folder / "a.mf4")
    return folder / "a.mf4"


def _tdms(folder: Path, kind: Kind, name: str, explicit: bool) -> Path | None:
    import nptdms

    if kind.about in ("rate", "clash") or (kind.about == "dates" and not explicit):
        return None
    title, values, label = axis(kind, name)
    unit = {"unit_string": label} if label else {}
    shared = {}
    if not explicit:
        shared = {"wf_increment": values[1], "wf_start_offset": 0.0, "wf_samples": LENGTH,
                  "wf_xname": title.capitalize()}  # fmt: skip
        shared |= {"wf_xunit_string": label} if label else {}
    samples, scale = SINE, {}
    if kind.about == "scale":
        samples = np.round(SINE * 16384).astype("i2")
        scale = {
            "NI_Scaling_Status": "unscaled", "NI_Number_Of_Scales": 1,
            "NI_Scale[0]_Scale_Type": "Linear", "NI_Scale[0]_Linear_Slope": 1 / 16384,
            "NI_Scale[0]_Linear_Y_Intercept": 0.0,
            "NI_Scale[0]_Linear_Input_Source": nptdms.types.Uint32(0xFFFFFFFF),
        }  # fmt: skip
    objects = [nptdms.ChannelObject("g", "mic", samples, shared | scale | {"unit_string": "Pa"})]
    if explicit:
        objects.insert(0, nptdms.ChannelObject("g", title.capitalize(), values, unit))
    rpm = speed(kind)
    if rpm is not None:
        own = shared | {"unit_string": kind.label}
        objects.append(nptdms.ChannelObject("g", "engine speed", rpm, own))
    with nptdms.TdmsWriter(str(folder / "a.tdms")) as file:
        file.write_segment([nptdms.RootObject({}), nptdms.GroupObject("g", {}), *objects])
    return folder / "a.tdms"


def _entries(kind: Kind, name: str, explicit: bool) -> dict[str, Any] | None:
    """Return variables of a file without a schema; a unit is ``NAME_unit``."""
    if kind.about == "dates" and not explicit:
        return None
    title, values, label = axis(kind, name)
    found: dict[str, Any] = {"mic": SINE, "mic_unit": "Pa"}
    if kind.about == "rate":
        return found | {"fs": RATE / kind.factor, "fs_unit": kind.label}
    if explicit:
        found[title] = values
        found |= {f"{title}_unit": label} if label else {}
    else:
        found["dt"] = values[1]
        found |= {"dt_unit": label} if label else {}
        found |= {"xname": title}
    if kind.about == "clash":
        found["fs"] = 500.0
    if kind.about == "scale":
        found |= {"mic": np.round(SINE * 16384).astype("i2"), "mic_scale_factor": 1 / 16384}
        found["mic_add_offset"] = 0.0
    rpm = speed(kind)
    if rpm is not None:
        found |= {"engine_speed": rpm, "engine_speed_unit": kind.label}
    return found


def _mat(folder: Path, kind: Kind, name: str, explicit: bool) -> Path | None:
    from scipy.io import savemat

    found = _entries(kind, name, explicit)
    if found is not None:
        savemat(folder / "a.mat", found)
    return None if found is None else folder / "a.mat"


def _npz(folder: Path, kind: Kind, name: str, explicit: bool) -> Path | None:
    found = _entries(kind, name, explicit)
    if found is not None:
        np.savez(folder / "a.npz", **found)
    return None if found is None else folder / "a.npz"


def _hdf5(folder: Path, kind: Kind, name: str, explicit: bool) -> Path | None:
    import h5py

    found = _entries(kind, name, explicit)
    if found is None:
        return None
    arrays = {key: value for key, value in found.items() if isinstance(value, np.ndarray)}
    with h5py.File(folder / "a.h5", "w") as file:
        for key, value in arrays.items():
            file[key] = value
        for key, value in found.items():
            owner = next((one for one in arrays if key.startswith(f"{one}_")), None)
            if owner is not None:
                file[owner].attrs[key.removeprefix(f"{owner}_")] = value
            elif key not in arrays:
                file.attrs[key] = [value] if isinstance(value, float) else value
    return folder / "a.h5"


def _imc(folder: Path, kind: Kind, name: str) -> Path | None:
    if kind.about in ("rate", "clash", "dates"):
        return None
    _, values, label = axis(kind, name)
    mic = Row("mic", "Pa", SINE)
    if kind.about == "scale":
        mic = Row("mic", "Pa", np.round(SINE * 16384).astype("i2"), 1 / 16384)
    rpm = speed(kind)
    speeds = [] if rpm is None else [Row("engine speed", kind.label, rpm)]
    return imc_file(folder / "a.raw", [mic, *speeds], Axis(float(values[1]), label))


def _catman(folder: Path, kind: Kind, name: str) -> Path | None:
    if kind.about in ("rate", "axis"):
        return None
    _, values, label = axis(kind, name)
    rows = [Row("Time  1 - default sample rate", label, values), Row("mic", "Pa", SINE)]
    if kind.about == "scale":
        counts = np.round((SINE + 1) / 2 * 32767).astype("u2")
        rows[1] = Row("mic", "Pa", counts, limits=(-1.0, 1.0))
    rpm = speed(kind)
    if rpm is not None:
        rpm = np.where(np.isnan(rpm), -1e6, rpm)
        rows.append(Row("engine speed", kind.label, rpm))
    step = {"clash": 2 / RATE, "time": 0.0, "dates": 0.0}.get(kind.about, 1 / RATE)
    return catman_file(folder / "a.bin", rows, step)


_MAKERS = {
    "CSV": _csv, "UFF": _uff, "MF4": _mf4, "TDMS": _tdms, "MAT": _mat, "HDF5": _hdf5, "NPZ": _npz,
    "imc": _imc, "catman": _catman, "speed table": _speed_table, "map table": _map_table,
}  # fmt: skip


TABLES = {
    "Axis of time": ("time", "dates"),
    "Other axes": ("axis",),
    "Rates, speeds, scales": ("rate", "clash", "speed", "gap", "scale"),
}
"""Title of a table in the documentation -> kinds in it."""


def markdown() -> str:
    """Return the tables of `docs/formats.md`: readers down, kinds across."""
    tables = []
    for title, abouts in TABLES.items():
        names = [name for name, kind in KINDS.items() if kind.about in abouts]
        lines = [f"| {title} | " + " | ".join(names) + " |", "| --- " * (len(names) + 1) + "|"]
        for reader in READERS:
            lines.append("| " + " | ".join([reader, *(expected(reader, n) for n in names)]) + " |")
        tables.append("\n".join(lines))
    return "\n\n".join(tables)


if __name__ == "__main__":
    print(markdown())
