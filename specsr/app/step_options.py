"""Options of the steps, as the forms of the page have them."""

from __future__ import annotations

from dataclasses import dataclass

from specsr.choices import MAX_ATTENUATION, SCALE, Consistency, DenoiseMethod, Keep, Weighting


@dataclass(frozen=True)
class Upscale:
    """Options of the step that super-resolves.

    Attributes:
        scale: factor.
        as_map: make the map of a recording finer, not its rate higher.
        consistency: of maps, see `specsr.choices.Consistency`; None for the default.
        orders: as text, empty for none: of a map, those that the machine has beside half orders;
            of a recording, those that continue as lines above its band.
        model: of maps; empty for the bundled one.
        band_model: of recordings; empty for the bundled one.
    """

    scale: int = SCALE
    as_map: bool = False
    consistency: Consistency | None = None
    orders: str = ""
    model: str = ""
    band_model: str = ""


@dataclass(frozen=True)
class Denoise:
    """Options of the step that removes noise.

    Attributes:
        method: without any of the next three.
        attenuation: largest one of a cell, dB; not for orders.
        orders: keep what tracks the speed.
        noise: file of a recording of the noise alone; ``auto``: found in the recording; empty for
            none.
        noise_from: instead: first and last time in s of such a stretch of the recording.
        carrier: for orders: lines at this frequency in Hz +- k orders are kept too, or at that in
            the channel of this name; empty for none.
        keep: what of a recording is left as measured; None for nothing.
        follow: the level of the noise changes with time; for ``noise`` and ``noise_from``; None:
            where the recording shows it.
        strict: what is no noise is removed too; not for ``noise`` and ``noise_from``.
        removed: what was taken from a recording is an output too.
    """

    method: DenoiseMethod = "network"
    attenuation: float = MAX_ATTENUATION
    orders: bool = False
    noise: str = ""
    noise_from: tuple[float, float] | None = None
    carrier: str = ""
    keep: Keep | None = None
    follow: bool | None = None
    strict: bool = False
    removed: bool = False


@dataclass(frozen=True)
class Map:
    """Options of the step from a recording to a map.

    Attributes:
        expected: without the random scatter of noise.
        df: row spacing, Hz; None for windows of 2048 samples.
        overlap: of the windows; None for 0.75.
    """

    expected: bool = True
    df: float | None = None
    overlap: float | None = None


@dataclass(frozen=True)
class Orders:
    """Options of the step that cuts orders.

    Attributes:
        cut: orders.
        weighting: of the frequencies.
        whole: of the whole recording, not of its widest run.
    """

    cut: tuple[float, ...] = (2.0, 4.0)
    weighting: Weighting = "Z"
    whole: bool = False


@dataclass(frozen=True)
class Levels:
    """Options of the step that reads third octaves."""

    weighting: Weighting = "Z"


Options = Upscale | Denoise | Map | Orders | Levels
"""Options of any step."""
