"""Input channels of the speckle model: the measured map, and how far its windows overlap.

Neighbouring columns of a map share samples, so their random parts are alike; how much alike, the
overlap of the windows decides.  The network gets it as a channel of its own.
"""

from __future__ import annotations

import numpy as np

CHANNELS = 2
"""Channels of `speckle_image`: the map, and the overlap."""


def speckle_image(db: np.ndarray, overlap: float) -> np.ndarray:
    """Return the model's input [CHANNELS, F, T], float32, for a map of levels.

    Args:
        db: relative levels in dB (`specsr.maps.levels`), [F, T].
        overlap: ratio of window length to hop; 2 for 50 % overlap, 4 for 75 %.
    """
    out = np.empty((CHANNELS, *db.shape), dtype=np.float32)
    out[0] = db
    # 10 to 33 for 50 to 90 %: of the size of the standard deviation of the levels in dB
    out[1] = 10 * np.log2(overlap)
    return out
