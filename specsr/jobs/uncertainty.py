"""Summary of the uncertainty of a map, as a note of a command."""

from __future__ import annotations

import numpy as np

UNCERTAIN = 3.0
"""dB; the share of cells of a larger uncertainty is reported."""

LOW_HZ = 2000.0
"""The median is also given for the rows below: of machines, most orders are there."""

STEP, LARGEST = 0.01, 100.0
"""Resolution and upper end of the counts, dB."""


class UncertaintySummary:
    """Counts of the uncertainties of cells: a map that arrives in parts needs no second pass.

    Args:
        freqs: frequencies of the rows, Hz, ascending, [F].
    """

    def __init__(self, freqs: np.ndarray) -> None:
        self.rows = int(np.searchsorted(freqs, LOW_HZ))
        self.low, self.high = np.zeros((2, round(LARGEST / STEP) + 1), dtype=np.int64)

    def add(self, uncertainty_db: np.ndarray) -> None:
        """Count cells: half-widths of the 68 % interval, dB, [..., F, any number of columns]."""
        steps = np.rint(np.minimum(uncertainty_db, LARGEST) / STEP).astype(np.int64)
        for counts, part in (
            (self.low, steps[..., : self.rows, :]), (self.high, steps[..., self.rows :, :])
        ):  # fmt: skip
            counts += np.bincount(part.ravel(), minlength=counts.size)

    @property
    def note(self) -> str:
        """Median, that of the rows below `LOW_HZ`, and share of the cells over `UNCERTAIN` dB."""
        counts = self.low + self.high
        share = 100 * int(counts[round(UNCERTAIN / STEP) + 1 :].sum()) / max(1, int(counts.sum()))
        below = f", below {LOW_HZ / 1000:g} kHz {_median(self.low)}" if self._both else ""
        return (
            f"uncertainty: median {_median(counts)}{below}, over {UNCERTAIN:g} dB in "
            f"{share:.0f} % of the cells (uncertainty_db in the map)"
        )

    @property
    def _both(self) -> bool:
        return bool(self.low.any() and self.high.any())


def _median(counts: np.ndarray) -> str:
    """Return the median of counted uncertainties as text."""
    median = STEP * int(np.searchsorted(np.cumsum(counts), int(counts.sum()) / 2))
    return f"\N{PLUS-MINUS SIGN} {median:.1f} dB"
