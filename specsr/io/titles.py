"""Titles of columns and axes: their name, their unit, and the kind of axis that a name means."""

from __future__ import annotations

import re

from specsr.io.axis_labels import Kind, meaning
from specsr.io.unit_labels import is_known

_NAMES: dict[Kind, re.Pattern[str]] = {
    "time": re.compile(
        r"(?i)(elapsed |relative |absolute |abs |rel |mess|measurement )?"
        r"(time|zeit|temps|tiempo|tempo|timestamps?|times|zeitstempel|zeitachse|seconds|secs?)"
        r"([ _.-]?(t|axis|stamps?|vector|channel|abs|rel))?([ _-]?\d{1,2})?|t"
    ),
    "frequency": re.compile(r"(?i)(freq(uency|s|uencies)?|frequenz|fr[ée]quence)( f)?|f"),
    "speed": re.compile(r"(?i)rpm|drehzahl( n)?|(engine |motor |shaft )?speed|n|régime"),
    "angle": re.compile(
        r"(?i)(crank|shaft|rotation|rotor|kurbel)?[ _-]?(angle|winkel)|(revolutions?|umdrehungen)"
        r"|phi|theta|grad kw"
    ),
    "distance": re.compile(r"(?i)distance|distanz|weg|position|strecke|abstand"),
    "order": re.compile(r"(?i)orders?|ordnung(en)?"),
    "index": re.compile(
        r"(?i)(sample|point|row|scan|data)?[ _]?(index|idx|no\.?|nr\.?|number|#)|samples?|points?"
        r"|messpunkt|unnamed: ?0"
    ),
}  # fmt: skip
_TITLE = re.compile(r"\s*(.*?)\s*[\[(]([^\[\]()]*(?:\([^)]*\))?[^\[\]()]*)[\])]\s*")
_DIVIDED = re.compile(r"\s*(\S.*?)(?:\s+/\s*|\s*/\s+|\s+in\s+)(\S.*?)\s*")
_SHORT = re.compile(r"\s*([A-Za-zα-ωΑ-Ω]\w{0,3})\s*/\s*(\S.*?)\s*")
_ENDED = re.compile(r"(.*?)[ _.](\S{1,5})")


def kind_of_name(name: str) -> Kind | None:
    """Return the kind of axis that a name stands for: ``Zeit``, ``Frequency``, ``Angle``."""
    text = name.strip()
    return next((kind for kind, names in _NAMES.items() if names.fullmatch(text)), None)


def split_title(title: str) -> tuple[str, str]:
    """Return name and unit label of a column or axis title; "" without a label.

    Forms: ``mic [Pa]``, ``mic (Pa)``, ``Zeit t / s``, ``U/V``, ``Zeit in s``, ``time_ms``.
    """
    found = _TITLE.fullmatch(title)
    if found:
        return found[1].removesuffix("/").rstrip(), found[2]
    found = _DIVIDED.fullmatch(title) or _SHORT.fullmatch(title)
    if (
        found
        and _is_unit(found[2].strip("()"))
        and not _is_unit(title)
        and not _is("distance", found[1])
    ):
        return found[1], found[2].strip("()")
    found = _ENDED.fullmatch(title.strip())
    if found and kind_of_name(found[1]) == "time" and _is("time", found[2]):
        return found[1], found[2]
    return title.strip(), ""


def _is(kind: Kind, label: str) -> bool:
    found = meaning(label)
    return found is not None and found.kind == kind


def _is_unit(label: str) -> bool:
    """Return whether a text is the unit of an axis or of samples."""
    return meaning(label) is not None or is_known(label)
