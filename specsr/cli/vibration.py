"""Options that change the quantity of a recording before it is evaluated."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Optional

import typer

from specsr.choices import HIGHPASS, Detrend, Quantity
from specsr.cli.group import Group
from specsr.cli.output import say
from specsr.errors import SpecsrError

if TYPE_CHECKING:
    from specsr.maps.spec_map import SpecMap
    from specsr.signal import Signal


@dataclass(frozen=True)
class Vibration:
    """Quantity of a recording.

    Attributes:
        quantity: None keeps the one of the file.
        highpass: cut-off of an integration, Hz; None for the default.
        detrend: None leaves the recording as it is.
    """

    quantity: Quantity | None = None
    highpass: float | None = None
    detrend: Detrend | None = None

    @property
    def given(self) -> tuple[str, ...]:
        """Options that are given."""
        named = {
            "--quantity": self.quantity, "--highpass": self.highpass, "--detrend": self.detrend
        }  # fmt: skip
        return tuple(name for name, value in named.items() if value is not None)

    @property
    def changes(self) -> tuple[str, ...]:
        """What is done to a recording, in text."""
        cutoff = HIGHPASS if self.highpass is None else self.highpass
        detrend = () if self.detrend is None else (f"detrend {self.detrend}",)
        return detrend + (
            () if self.quantity is None else (f"{self.quantity}, high-pass {cutoff:g} Hz",)
        )

    def check(self) -> None:
        """Raise `SpecsrError` for a high-pass without an integration."""
        if self.highpass is not None and self.quantity is None:
            raise SpecsrError("--highpass needs --quantity, such as --quantity velocity")

    def of(self, source: Path, loaded: Signal | SpecMap) -> Signal | SpecMap:
        """Return a recording in this quantity; state what was done.

        Raises:
            SpecsrError: a map, or a recording that is no vibration.
        """
        from specsr.nvh.integration import detrended, to_quantity
        from specsr.signal import Signal

        if not self.given:
            return loaded
        if not isinstance(loaded, Signal):
            raise SpecsrError(f"{source}: is a map: {', '.join(self.given)} are for recordings")
        signal = loaded if self.detrend is None else detrended(loaded, self.detrend)
        if self.quantity is None:
            return signal
        cutoff = HIGHPASS if self.highpass is None else self.highpass
        try:
            found = to_quantity(signal, self.quantity, cutoff)
        except SpecsrError as error:
            raise SpecsrError(f"{source}: {error}") from None
        edge = self.edge(signal, found)
        if edge:
            say(
                f"  {self.quantity} by integration, high-pass {cutoff:g} Hz (-3 dB); inaccurate "
                f"in the first and last {edge:g} s"
            )
        return found

    def edge(self, before: Signal | SpecMap, after: Signal | SpecMap) -> float:
        """Return the time in s at both edges in which an integration is inaccurate; 0 for none.

        Args:
            before: as read.
            after: in this quantity, of `of`.
        """
        from specsr.nvh.integration import INACCURATE, UNITS
        from specsr.signal import Signal

        if self.quantity is None or not (isinstance(before, Signal) and isinstance(after, Signal)):
            return 0.0
        order = list(UNITS.values())
        earlier = order.index("m/s2" if before.unit == "g" else before.unit)
        integrated = order.index(after.unit) > earlier
        return INACCURATE / (HIGHPASS if self.highpass is None else self.highpass) * integrated


vibration_options = Group(
    "vibration",
    Vibration,
    {
        "quantity": Annotated[
            Optional[Quantity],
            typer.Option(
                "--quantity",
                help="Integrate or differentiate a vibration (recordings) [default: as it is].",
            ),
        ],
        "highpass": Annotated[
            Optional[float],
            typer.Option(
                "--highpass",
                help=f"High-pass of an integration, Hz (-3 dB) [default: {HIGHPASS:g}].",
            ),
        ],
        "detrend": Annotated[
            Optional[Detrend],
            typer.Option("--detrend", help="Subtract the mean or the straight line first."),
        ],
    },
)  # fmt: skip
