"""Further shafts of a map as entries of a file: names, speeds and their confidence."""

from __future__ import annotations

import json
from typing import Any

import numpy as np

from specsr.errors import SpecsrError
from specsr.io.schema import names, numeric
from specsr.maps.shaft_speed import ShaftSpeed

ARRAYS = ("shaft_rpm", "shaft_confidence")
"""Entries that are arrays, [shafts, ...]."""


def shaft_fields(shafts: tuple[ShaftSpeed, ...]) -> dict[str, Any]:
    """Return the entries of shafts; none without one.

    A confidence is written if all have one.
    """
    if not shafts:
        return {}
    sure = [shaft.confidence for shaft in shafts if shaft.confidence is not None]
    return {
        "shafts": json.dumps([shaft.name for shaft in shafts]),
        "shaft_rpm": np.stack([shaft.rpm for shaft in shafts]),
        "shaft_confidence": np.stack(sure) if len(sure) == len(shafts) else None,
    }


def shafts_of(fields: dict[str, Any]) -> tuple[ShaftSpeed, ...]:
    """Return the shafts in the entries of a map.

    Raises:
        SpecsrError: names, speeds and confidence are not of the same number, or damaged.
    """
    if "shafts" not in fields:
        return ()
    own = names({"channels": fields["shafts"]})
    if "shaft_rpm" not in fields:
        raise SpecsrError("the map names shafts and has no shaft_rpm: expected one speed each")
    rows = {key: numeric(fields[key], key) for key in ARRAYS if key in fields}
    for key, values in rows.items():
        if values.ndim != 2 or len(values) != len(own):
            raise SpecsrError(
                f"{key} has shape {values.shape}: expected one row per shaft, ({len(own)}, ...)"
            )
    sure = rows.get("shaft_confidence")
    return tuple(
        ShaftSpeed(name, rpm, None if sure is None else sure[i])
        for i, (name, rpm) in enumerate(zip(own, rows["shaft_rpm"]))
    )
