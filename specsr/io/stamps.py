"""Time stamps in tables: dates and times of the day as seconds."""

from __future__ import annotations

import re
from datetime import datetime, timezone

_DATE = (
    r"(?:(?P<y>\d{4})[-/.](?P<m>\d\d?)[-/.](?P<d>\d\d?)"
    r"|(?P<d2>\d\d?)\.(?P<m2>\d\d?)\.(?P<y2>\d{4}))"
)
_CLOCK = r"(?P<h>\d\d?):(?P<min>\d\d)(?::(?P<s>\d\d)(?P<part>[.,]\d+)?)?"
_STAMP = re.compile(rf"\s*\"?(?:{_DATE}[ T])?{_CLOCK}(?:Z|[+-]\d\d:?\d\d)?\"?\s*")


def is_stamp(text: str) -> bool:
    """Return whether a text is a time of the day, with or without a date before it.

    Dates are ``2024-05-01`` or ``01.05.2024``.  ``05/01/2024`` is none: it has two meanings.
    """
    return ":" in text and _STAMP.fullmatch(text) is not None


def seconds(text: str) -> float:
    """Return a time stamp in s, from 1970 with a date, else from midnight.

    An offset from UTC is dropped: it is the same throughout a recording.

    Raises:
        ValueError: no time stamp, or no such day.
    """
    found = _STAMP.fullmatch(text)
    if found is None:
        raise ValueError(f"{text!r} is no time stamp")
    part = float("0" + found["part"].replace(",", ".")) if found["part"] else 0.0
    clock = 3600 * int(found["h"]) + 60 * int(found["min"]) + int(found["s"] or 0)
    day = [found[a] or found[b] for a, b in (("y", "y2"), ("m", "m2"), ("d", "d2"))]
    if not day[0]:
        return clock + part
    year, month, date = map(int, day)
    return datetime(year, month, date, tzinfo=timezone.utc).timestamp() + clock + part
