"""Forms of the steps: the widgets of each, and the options that they stand for."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, get_args

import panel as pn

from specsr.app.source import Kind
from specsr.app.step_options import Denoise, Levels, Map, Options, Orders, Upscale
from specsr.choices import (
    BICUBIC,
    MAX_ATTENUATION,
    NOISE_FILL,
    Consistency,
    DenoiseMethod,
    Keep,
    Weighting,
)
from specsr.errors import SpecsrError
from specsr.jobs.options import AUTO, carrier_hz


@dataclass(frozen=True, eq=False)
class Form:
    """The widgets of one step.

    Attributes:
        title: name of the step, and of the button that starts it.
        widgets: in their order.
        options: returns what they stand for.
        kinds: results that it works on.
        unused: returns the widgets that have no effect beside the values of the others.
        offer: sets the choices that a kind of result has.
    """

    title: str
    widgets: tuple[Any, ...]
    options: Callable[[], Options]
    kinds: tuple[Kind, ...] = ("recording", "map")
    unused: Callable[[], Sequence[Any]] = tuple
    offer: Callable[[Kind], None] = lambda kind: None

    def fit(self, kind: Kind) -> None:
        """Show the fields and offer the choices that a kind of result has."""
        self.offer(kind)
        unused = self.unused()
        made = "map" if any(w.name == _RESULT and w.value for w in self.widgets) else kind
        for widget in self.widgets:
            wanted = _KINDS.get(widget.name, self.kinds)
            fits = (kind if widget.name == _RESULT else made) in wanted
            widget.visible = fits and widget not in unused


_ORDERS, _FOUND, _FILE, _STRETCH = "orders", "found", "file", "stretch"
_RESULT = "Result"
_PART = "Part (--run)"
_CARRIER, _IMPACTS = "Lines beside a carrier (--carrier)", "Keep impacts (--keep)"
_REMOVED = "Also as a recording: what was removed (--removed)"
_MAP_MODEL, _BAND_MODEL = "Model of maps (--model)", "Model of recordings (--model)"
_KINDS: dict[str, tuple[Kind, ...]] = {
    _RESULT: ("recording",), _PART: ("recording",), _BAND_MODEL: ("recording",),
    _IMPACTS: ("recording",), _REMOVED: ("recording",),
    _MAP_MODEL: ("map",), "Reproduces (--consistency)": ("map",),
}  # fmt: skip


def forms() -> tuple[Form, ...]:
    """Return the forms of all"""
    return _upscale(), _denoise(), _map(), _orders(), _levels()


def numbers(text: str, label: str) -> tuple[float, ...]:
    """Return numbers separated by commas.

    Raises:
        SpecsrError: other text, or no number.
    """
    try:
        found = tuple(float(part) for part in text.split(",") if part.strip())
    except ValueError:
        found = ()
    if not found:
        raise SpecsrError(f"{label} is {text!r}: expected numbers with commas, such as 2,4")
    return found


def span(text: str, label: str) -> tuple[float, float]:
    """Return two times with a colon between them.

    Raises:
        SpecsrError: other text, or a second time that is not after the first.
    """
    try:
        first, last = map(float, text.split(":"))
    except ValueError:
        first = last = 0.0
    if not 0 <= first < last < float("inf"):
        raise SpecsrError(f"{label} is {text!r}: expected two times in s, such as 0:1.5")
    return first, last


def _upscale() -> Form:
    w = pn.widgets
    scale = w.Select(name="Factor (--scale)", options=[2, 3, 4], value=2)
    as_map = w.Select(
        name=_RESULT, options={"a higher rate": False, "a finer map (--pair pool)": True}
    )
    consistency = w.Select(
        name="Reproduces (--consistency)", options={"default": "", **_same(Consistency)}
    )
    model = w.Select(name=_MAP_MODEL, options={"bundled": "", BICUBIC: BICUBIC})
    band_model = w.Select(name=_BAND_MODEL, options={"bundled": "", NOISE_FILL: NOISE_FILL})
    orders = w.TextInput(name="Further orders (--orders)", placeholder="3.57,bearing=9/7.94/39")
    return Form(
        "Upscale", (scale, as_map, consistency, model, band_model, orders),
        lambda: Upscale(
            scale.value, as_map.value, consistency.value or None, _text(orders), model.value,
            band_model.value,
        ),
    )  # fmt: skip


def _denoise() -> Form:
    w = pn.widgets
    methods = {
        **_same(DenoiseMethod), "noise found in the recording (--noise auto)": _FOUND,
        "noise alone in a file (--noise)": _FILE,
        "noise alone in a stretch (--noise-from)": _STRETCH,
        "orders, without a model (--orders)": _ORDERS,
    }  # fmt: skip
    method = w.Select(name="Method (--method)", options=methods)
    noise = w.TextInput(name="Noise alone (--noise)", placeholder="idle.wav")
    stretch = w.TextInput(name="Stretch, s (--noise-from)", placeholder="0:1.5")
    attenuation = w.FloatInput(
        name="Largest attenuation, dB (--attenuation)", value=MAX_ATTENUATION, start=0
    )

    carrier = w.TextInput(name=_CARRIER, placeholder="8000 (Hz), or a channel")
    impacts = w.Checkbox(name=_IMPACTS)
    follow = w.Select(
        name="The level of the noise changes (--follow-noise)",
        options={"where the recording shows it": None, "yes": True, "no": False},
    )
    strict = w.Checkbox(name="Remove also what is no noise (--strict)")
    removed = w.Checkbox(name=_REMOVED)
    known = _FOUND, _FILE, _STRETCH

    def options() -> Denoise:
        keep: Keep | None = "impacts" if impacts.value and impacts.visible else None
        is_known = method.value in known
        shared = Denoise(
            keep=keep, follow=follow.value if is_known else None,
            strict=not is_known and bool(strict.value),
            removed=bool(removed.value and removed.visible),
        )  # fmt: skip
        if method.value == _ORDERS:
            if _text(carrier):
                carrier_hz(_text(carrier))
            return replace(shared, orders=True, carrier=_text(carrier))
        made = replace(shared, attenuation=float(attenuation.value or 0))
        if method.value == _FOUND:
            return replace(made, noise=str(AUTO))
        if method.value == _FILE:
            if not _text(noise):
                raise SpecsrError("--noise: name a recording of the noise alone")
            return replace(made, noise=os.path.abspath(_text(noise)))
        if method.value == _STRETCH:
            return replace(made, noise_from=span(_text(stretch), "--noise-from"))
        return replace(made, method=method.value)

    def unused() -> tuple[Any, ...]:
        used = {_ORDERS: (carrier,), _FILE: (noise, attenuation), _STRETCH: (stretch, attenuation)}
        shown = used.get(method.value, (attenuation,))
        shown += (follow,) if method.value in known else (strict,)
        fields = noise, stretch, attenuation, carrier, follow, strict
        return tuple(each for each in fields if each not in shown)

    def offer(kind: Kind) -> None:
        fitting = {
            text: value for text, value in methods.items()
            if kind == "recording" or value not in (_FOUND, _STRETCH, _ORDERS)
        }  # fmt: skip
        if method.options != fitting:
            value = method.value if method.value in fitting.values() else Denoise.method
            method.param.update(options=fitting, value=value)

    widgets = method, noise, stretch, attenuation, carrier, impacts, follow, strict, removed
    return Form("Denoise", widgets, options, unused=unused, offer=offer)


def _map() -> Form:
    w = pn.widgets
    expected = w.Select(
        name="Cells", options={"without random scatter (--expected)": True, "as measured": False}
    )
    df = w.FloatInput(name="Rows, Hz (--df)", value=None, placeholder="of 2048 samples")
    overlap = w.FloatInput(
        name="Overlap (--overlap)", value=None, placeholder="0.75", start=0, end=0.99, step=0.05
    )
    return Form(
        "Map", (expected, df, overlap),
        lambda: Map(expected.value, df.value or None, overlap.value), ("recording",),
    )  # fmt: skip


def _orders() -> Form:
    w = pn.widgets
    cut = w.TextInput(name="Orders (--cut)", value="2,4")
    weighting = _weighting()
    whole = w.Select(name=_PART, options={"the widest run": False, "all of it": True})
    return Form(
        "Orders", (cut, weighting, whole),
        lambda: Orders(numbers(_text(cut), "--cut"), weighting.value, whole.value),
    )  # fmt: skip


def _levels() -> Form:
    weighting = _weighting()
    return Form("Levels", (weighting,), lambda: Levels(weighting.value))


def _weighting() -> Any:
    options = list(get_args(Weighting))
    return pn.widgets.Select(name="Weighting (--weighting)", options=options, value="Z")


def _text(widget: Any) -> str:
    return str(widget.value or "").strip()


def _same(choices: Any) -> dict[str, str]:
    return {value: value for value in get_args(choices)}
