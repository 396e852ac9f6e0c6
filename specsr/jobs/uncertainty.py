"""Summary of the uncertainty of a map, as a note of a command."""

from __future__ import annotations

import numpy as np

UNCERTAIN = 3.0
"""dB; the share of cells of a larger uncertainty is reported."""

STEP, LARGEST = 0.01, 100.0
"""Resolution and upper end of the counts, dB."""


class UncertaintySummary:
    """Counts of the uncertainties of cells: a map that arrives in parts needs no second pass."""

    def __init__(self) -> None:
        self.counts = np.zeros(round(LARGEST / STEP) + 1, dtype=np.int64)

    def add(self, uncertainty_db: np.ndarray) -> None:
        """Count cells: half-widths of the 68 % interval, dB, any shape."""
        steps = np.rint(np.minimum(uncertainty_db, LARGEST) / STEP).astype(np.int64)
        self.counts += np.bincount(steps.ravel(), minlength=self.counts.size)

    @property
    def note(self) -> str:
        """Median, and share of the cells over `UNCERTAIN` dB."""
        total = int(self.counts.sum())
        median = STEP * int(np.searchsorted(np.cumsum(self.counts), total / 2))
        share = 100 * int(self.counts[round(UNCERTAIN / STEP) + 1 :].sum()) / max(1, total)
        return (
            f"uncertainty: median \N{PLUS-MINUS SIGN} {median:.1f} dB, over {UNCERTAIN:g} dB in "
            f"{share:.0f} % of the cells (uncertainty_db in the map)"
        )
