"""``specsr envelope``: the modulation of a band, as by a fault of a bearing."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Optional

import typer

from specsr.cli.curves import check_suffixes, read_recording, without_silent, write_curve
from specsr.cli.document import fact
from specsr.cli.options import Overwrite, interval, reading_options, speed_options
from specsr.cli.output import say, show, write_each
from specsr.errors import SpecsrError
from specsr.jobs.options import Reading, Speed
from specsr.names import plain

if TYPE_CHECKING:
    import numpy as np

    from specsr.signal import Signal

MAX_ORDER = 40.0
"""Highest order of an envelope."""


@reading_options()
@speed_options()
def envelope(
    source: Annotated[Path, typer.Argument(help="A recording.")],
    band: Annotated[
        str,
        typer.Option(
            metavar="LOW:HIGH",
            help="Band in Hz, such as 2000:6000; auto takes the most impulsive one.",
        ),
    ] = "auto",
    out: Annotated[
        Optional[list[Path]],
        typer.Option(
            "-o",
            "--out",
            help="Output file, repeatable: spectrum of the envelope (.csv, .png .pdf .svg) or the "
            "envelope itself (.wav .w64 .flac).",
        ),
    ] = None,
    bearing: Annotated[
        Optional[str],
        typer.Option(
            metavar="BALLS/BALL/PITCH",
            help="Bearing whose orders are marked: 9/7.94/39.04, with /ANGLE in degrees.",
        ),
    ] = None,
    df: Annotated[
        Optional[float], typer.Option(help="Row spacing without a speed, Hz [default: 0.5].")
    ] = None,
    resolution: Annotated[float, typer.Option(help="Row spacing with a speed, orders.")] = 0.05,
    max_order: Annotated[float, typer.Option(help="Highest order, with a speed.")] = MAX_ORDER,
    overwrite: Overwrite = False,
    speed: Speed = Speed(),
    reading: Reading = Reading(),
) -> None:
    """Print and write the spectrum of the envelope of a band.

    A fault of a bearing excites a resonance with every passing ball: the envelope of that band has
    the rate of the balls.  --band auto finds the band by spectral kurtosis.  With a speed (of the
    file, --rpm, --rpm-channel, --tacho-channel) the spectrum is over orders, also in a run-up, and
    --bearing marks the orders of cage (FTF), ball (BSF), outer (BPFO) and inner ring (BPFI).
    """  # fmt: skip
    from specsr.nvh.known_orders import parse_bearing

    outputs = out or []
    sound = (".wav", ".w64", ".flac")
    check_suffixes(outputs, sound)
    marks = parse_bearing(bearing).named() if bearing else {}
    low_high = (
        None if band == "auto" else interval(band, "--band", "LOW:HIGH in Hz, or auto", "2000:6000")
    )
    signal = without_silent(read_recording(source, outputs, overwrite, reading, speed), source)
    if marks and signal.rpm is None:
        raise SpecsrError(f"{source}: has no speed: --bearing needs one (--rpm, --rpm-channel ...)")

    from specsr import io
    from specsr.nvh.envelope import amplitude_spectrum
    from specsr.nvh.envelope import envelope as band_envelope
    from specsr.nvh.kurtosis import kurtogram

    if low_high is None:
        by_kurtosis = kurtogram(signal)
        try:
            low_high = by_kurtosis.band()
        except SpecsrError as error:
            raise SpecsrError(f"{source}: {error}") from None
        name = plain(signal.channels[by_kurtosis.channel()])
        of = f", of {name}" if len(signal.channels) > 1 else ""
        say(f"  band {low_high[0]:.0f} to {low_high[1]:.0f} Hz, the most impulsive one{of}")
    found = band_envelope(signal, low_high)
    if signal.rpm is None:
        x, rms = amplitude_spectrum(found, max(0.5, 1 / found.duration) if df is None else df)
        column, label = "freq_hz", "Frequency (Hz)"
    else:
        x, rms = _order_spectrum(found, resolution, max_order)
        column, label = "order", "Order"
    fact(
        file=source, channels=signal.channels, unit=signal.unit, band_hz=low_high, marks=marks,
        rms=rms, **{"orders" if column == "order" else "freqs": x},
    )  # fmt: skip
    _print_marks(x, rms, signal, marks)

    def write(path: Path) -> None:
        io.write(path, found, overwrite=overwrite)
        say(f"{source} -> {path}")

    sounds = [path for path in outputs if path.suffix.lower() in sound]
    write_each(sounds, write)
    others = [path for path in outputs if path not in sounds]
    words = (column, label, f"Envelope, rms ({signal.unit})")
    write_curve(others, x, rms, signal, words, marks, source, overwrite)


def _order_spectrum(
    found: Signal, resolution: float, max_order: float
) -> tuple[np.ndarray, np.ndarray]:
    """Return orders and the rms of each, averaged over the run."""
    import numpy as np

    from specsr.nvh.order_map import order_map

    spectra = order_map(found.without_mean(), resolution=resolution, max_order=max_order)
    kept = spectra.orders <= max_order
    rms = np.sqrt(np.mean(spectra.spec.power[:, kept], -1, dtype=np.float64))
    return spectra.orders[kept], rms


def _print_marks(
    x: np.ndarray, rms: np.ndarray, signal: Signal, marks: Mapping[str, float]
) -> None:
    """Print the lines at the marks with their level over the median of the spectrum around."""
    import numpy as np

    if not marks:
        top = np.argmax(rms[:, 1:], -1) + 1
        for name, curve, k in zip(signal.channels, rms, top):
            at = f"order {x[k]:.5g}" if signal.rpm is not None else f"{x[k]:.5g} Hz"
            unit = "" if signal.unit == "1" else f" {signal.unit}"
            show(f"{plain(name)}: strongest line at {at}: {curve[k]:.3g}{unit} rms")
        return
    step = x[1] - x[0]
    for name, curve in zip(signal.channels, rms):
        words = []
        for mark, place in marks.items():
            near = np.abs(x - place) <= max(1.5 * step, 0.02 * place)  # the balls slip by 1 to 2 %
            around = np.abs(x - place) <= 0.25 * place
            if not near.any() or not curve[around].any():
                words.append(f"{mark} {place:.4g}: nothing there")
                continue
            over = 20 * np.log10(curve[near].max() / np.median(curve[around]))
            at = x[near][np.argmax(curve[near])]
            words.append(f"{mark} {place:.4g}: {over:.0f} dB over the floor at {at:.4g}")
        show(f"{plain(name)}: {', '.join(words)}")
