"""What is shown beside the maps: a difference of two, or an uncertainty."""

from __future__ import annotations

from specsr.app.look_figures import SIZE
from specsr.app.screen import Axes, Picture, Plane, Range, difference
from specsr.app.session import Result
from specsr.errors import SpecsrError


def channel_of(result: Result, channel: str) -> str:
    """Return the channel of a result that is looked at: the one of that name, or its first."""
    return channel if channel in result.screen.channels else result.screen.channels[0]


def plane_of(result: Result, channel: str, axes: Axes) -> Plane:
    """Return the plane of a result that is looked at.

    Raises:
        SpecsrError: its speed does not allow the axes.
    """
    if result.screen.rpm is None and (axes.x, axes.y) != ("time", "freq"):
        raise SpecsrError(
            f"{result.title}: has no speed, which axes of rpm and order need: open it with a table "
            "(--rpm), a speed channel (--rpm-channel), tacho pulses (--tacho-channel), or with the "
            "speed found in the sound (--rpm auto)"
        )
    return result.screen.plane(channel_of(result, channel), axes)


def beside(
    what: str, results: list[Result], channel: str, minus: int | None, axes: Axes,
    view: tuple[Range, Range],
) -> tuple[Picture | None, str]:  # fmt: skip
    """Return the picture beside the maps, and what it is or why there is none.

    Args:
        what: ``"nothing"``, ``"difference"`` or ``"uncertainty"``.
        results: of the slider, from first to last.
        channel: that is looked at.
        minus: key of the result that is subtracted from the last one; None for the first.
        axes: how they are looked at.
        view: ranges of both axes.

    Raises:
        SpecsrError: the speed of a result does not allow the axes.
    """
    if what == "nothing" or not results:
        return None, ""
    if what == "uncertainty":
        return _uncertainty(results, channel, axes, view)
    last = results[-1]
    first = next((r for r in results if r.key == minus), results[0])
    if first is last:
        return None, "choose two maps, and the one to subtract"
    power = Axes(axes.x, axes.y, axes.weighting, "rms")
    a, b = (plane_of(r, channel, power) for r in (first, last))
    title = f"{last.key}: {last.title} minus {first.key}: {first.title}, dB"
    return difference(a, b, *view, SIZE), title


def _uncertainty(
    results: list[Result], channel: str, axes: Axes, view: tuple[Range, Range]
) -> tuple[Picture | None, str]:
    if (axes.x, axes.y) != ("time", "freq"):
        return None, "the uncertainty is shown over s and Hz"
    for result in reversed(results):
        plane = result.screen.uncertainty(channel_of(result, channel))
        if plane is not None:
            return plane.picture(*view, SIZE), f"uncertainty of {result.key}: {result.title}, dB"
    return None, "none of these maps has an uncertainty"
