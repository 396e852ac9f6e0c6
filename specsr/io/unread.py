"""Formats that are not read: the program that writes each, and what to export there.

Most formats of measurement programs are closed.  The content tells some of them; the suffix tells
the others.  Nothing of such a file is read but its first bytes.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from specsr.errors import SpecsrError

_HEAD = 512
"""Bytes that are searched for a signature."""
_ADVICE = "export the time signals as {} there"
_COMMON = "UFF (data set 58), MAT or WAV"


@dataclass(frozen=True)
class Unread:
    """A format that is not read.

    Attributes:
        name: what the file is, for a message.
        advice: what to do instead.
        suffixes: of such files, in lower case.
        signatures: texts of which one is among the first bytes; () if the suffix decides.
    """

    name: str
    advice: str
    suffixes: tuple[str, ...] = ()
    signatures: tuple[bytes, ...] = ()


def _measured(program: str, *suffixes: str, formats: str = _COMMON) -> Unread:
    return Unread(f"a file of {program}", _ADVICE.format(formats), suffixes)


UNREAD = (
    Unread(
        "a recording of HEAD acoustics (ArtemiS)",
        "its format is closed: export it from ArtemiS SUITE as HDF5, WAV, UFF or MAT",
        (".hdf", ".hsfx"), (b"HEAD acoustics",),
    ),
    Unread(
        "a project or recording of DIAdem", "save it from DIAdem as TDMS", (".tdm", ".tdx"),
        (b"<usi:tdm",),
    ),
    Unread(
        "an ASAM ODS file", f"export the time signals as {_COMMON} from the program that wrote it",
        (".atf", ".atfx"), (b"<atfx_file",),
    ),
    _measured("PAK (Müller-BBM)", ".pak"),
    _measured("OROS NVGate", ".oxf", ".orx", ".ors"),
    _measured("BK Connect or PULSE (Brüel & Kjær)", ".bkc", ".pls", ".plt"),
    _measured("Simcenter Testlab (LMS)", ".lms", ".tl", ".ldsf", ".trp", ".xtrp"),
    _measured("Dewetron OXYGEN", ".dmd", formats="MDF 4, UFF (data set 58) or MAT"),
    _measured("Perception (HBK)", ".pnrf", formats="MDF 4, UFF (data set 58) or MAT"),
    _measured("nCode", ".s3t"),
    _measured("an RPC recorder (MTS)", ".rpc", ".rsp"),
    Unread("the description of a catman test", "read the .bin file beside it", (".tst",)),
    Unread(
        "audio in another container or coding",
        "convert it with ffmpeg -i IN OUT.wav (AAC and other lossy coding removes the weakest "
        "parts of the spectrum)",
        (".aac", ".m4a", ".mp4", ".mov", ".mkv", ".webm", ".wma", ".opus", ".ac3", ".amr",
         ".mp2", ".aif", ".aiff", ".aifc", ".au", ".snd", ".caf"),
    ),
    Unread(
        "a workbook", "save the sheet as CSV, with names, units and a column of times",
        (".xls", ".xlsx", ".xlsm", ".ods"),
    ),
    Unread(
        "text", "rename it to .csv if it is a table of numbers", (".txt", ".asc", ".prn", ".lvm")
    ),
    Unread("NetCDF", "NetCDF 4 is HDF5: rename it to .h5", (".nc", ".cdf")),
    Unread("a table of columns", "save it as CSV or NPZ", (".parquet", ".feather", ".pkl")),
)  # fmt: skip
"""In the order in which they are compared."""


def find_unread(path: Path) -> Unread | None:
    """Return the format of a file that is not read, by its content, else by its suffix."""
    head = b""
    if path.is_file():
        with open(path, "rb") as file:
            head = file.read(_HEAD)
    for one in UNREAD:
        if any(text in head for text in one.signatures):
            return one
    return next((one for one in UNREAD if path.suffix.lower() in one.suffixes), None)


def refusal(path: Path) -> str:
    """Return what a file that is not read is, and what to do; "" for one that is not known."""
    found = find_unread(path)
    return f"is {found.name}, which is not read: {found.advice}" if found else ""


def other_content(path: Path, programs: str) -> SpecsrError:
    """Return the error for a file that has the suffix of some programs, but not their content.

    Args:
        path: the file.
        programs: whose files of this suffix are read, and how they start.
    """
    why = refusal(path)
    return SpecsrError(
        f"cannot be read as {path.suffix}: "
        + (f"it {why}" if why else f"of this suffix only files of {programs}, are read. A table "
           "of numbers is read as .csv; samples without a header first need one (sox -t raw -r "
           "RATE -e signed -b 16 -c 1 IN OUT.wav)")
    )  # fmt: skip
