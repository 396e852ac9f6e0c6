"""Files of libraries for `support.corpus`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from support.corpus_kinds import ABSCISSAS, AXES, LENGTH, RATE, RPM, SINE, Kind, axis, speed
from support.measured_files import Axis, Row, catman_file, imc_file


def uff(folder: Path, kind: Kind, name: str, explicit: bool) -> Path | None:
    import pyuff

    if kind.about in ("rate", "clash", "scale", "dates", "gap"):  # pyuff writes NaN as 0
        return None
    title, values, label = axis(kind, name)
    code = ABSCISSAS[name] if kind.about == "axis" else 17
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


def mf4(folder: Path, kind: Kind, name: str) -> Path | None:
    import asammdf
    from asammdf.blocks.conversion_utils import from_dict

    if kind.about in ("rate", "clash", "dates"):
        return None
    title, values, label = axis(kind, name)
    sync = AXES[name][1] if kind.about == "axis" else 1
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


def tdms(folder: Path, kind: Kind, name: str, explicit: bool) -> Path | None:
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


def mat(folder: Path, kind: Kind, name: str, explicit: bool) -> Path | None:
    from scipy.io import savemat

    found = _entries(kind, name, explicit)
    if found is not None:
        savemat(folder / "a.mat", found)
    return None if found is None else folder / "a.mat"


def npz(folder: Path, kind: Kind, name: str, explicit: bool) -> Path | None:
    found = _entries(kind, name, explicit)
    if found is not None:
        np.savez(folder / "a.npz", **found)
    return None if found is None else folder / "a.npz"


def hdf5(folder: Path, kind: Kind, name: str, explicit: bool) -> Path | None:
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


def imc(folder: Path, kind: Kind, name: str) -> Path | None:
    if kind.about in ("rate", "clash", "dates"):
        return None
    _, values, label = axis(kind, name)
    mic = Row("mic", "Pa", SINE)
    if kind.about == "scale":
        mic = Row("mic", "Pa", np.round(SINE * 16384).astype("i2"), 1 / 16384)
    rpm = speed(kind)
    speeds = [] if rpm is None else [Row("engine speed", kind.label, rpm)]
    return imc_file(folder / "a.raw", [mic, *speeds], Axis(float(values[1]), label))


def catman(folder: Path, kind: Kind, name: str) -> Path | None:
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
