"""Audio players of a report, all at one gain."""

from __future__ import annotations

import base64
import html
import io
from collections.abc import Sequence

import numpy as np

from specsr.maps.phase import to_signal
from specsr.report.page import Item, Markup, Page, ReportOptions
from specsr.signal import Signal

LOUDEST = 0.89
"""Peak of the loudest player as a fraction of digital full scale."""

RATES = (8000.0, 192000.0)
"""Lowest and highest sampling rate that browsers play, Hz."""


def players_section(page: Page, items: Sequence[Item], options: ReportOptions) -> None:
    """Add a player for every recording and every map with a waveform, all at one gain.

    The waveform of a full map uses the map's phase, or an estimated one.
    """
    sounds = []
    for item in items:
        if isinstance(item.source, Signal):
            sounds.append((item, item.source, "result" if item.is_result else "recording"))
        elif item.spec.grid.cell == (1, 1) and item.spec.grid.is_invertible():
            kept = item.spec.phase is not None
            source = "phase of the map" if kept else "estimated phase"
            sounds.append((item, to_signal(item.spec, device=options.device), source))
    if not sounds:
        return
    begin = options.span[0] if options.span else -np.inf
    end = options.span[1] if options.span else np.inf
    cuts = []
    for _, sound, _ in sounds:
        first = max(0, round((max(begin, sound.start) - sound.start) * sound.rate))
        last = min((end - sound.start) * sound.rate, first + options.audio_seconds * sound.rate)
        last = min(round(min(last, sound.length)), sound.length)
        cuts.append(sound.samples[options.channel, first:last])
    peak = max(float(np.abs(x).max(initial=0)) for x in cuts) or 1.0
    text = "All players have the same gain, so their levels can be compared"
    if any(sound.length > len(x) for (_, sound, _), x in zip(sounds, cuts)):
        seconds = max(len(x) / sound.rate for (_, sound, _), x in zip(sounds, cuts))
        text += f"; {seconds:.4g} s from {max(begin, sounds[0][1].start):g} s on"
    text += f". Digital full scale is {peak / LOUDEST:.3g} {items[0].spec.grid.unit}."
    players = []
    for (item, sound, source), samples in zip(sounds, cuts):
        scaled = samples.astype(np.float64) / peak * LOUDEST  # the factor alone may overflow
        data = base64.b64encode(flac(Signal(scaled, sound.rate))).decode("ascii")
        caption = html.escape(f"{item.role}, {source}")
        players.append(
            f'<figure><figcaption>{caption}</figcaption><audio controls preload="metadata" '
            f'src="data:audio/flac;base64,{data}"></audio></figure>'
        )
    page.parts.append(
        Markup(
            f"<h2>Audio</h2>\n<p>{html.escape(text)}</p>\n"
            f'<div class="players">{"".join(players)}</div>'
        )
    )


def flac(sound: Signal) -> bytes:
    """Return the first channel as FLAC of 16 bits, which all browsers play.

    Args:
        sound: samples of -1 to 1.  A rate outside 8 to 192 kHz is converted to the nearer of these.
    """
    import soundfile

    sound = sound.resample(min(max(sound.rate, RATES[0]), RATES[1]))
    file = io.BytesIO()
    soundfile.write(file, sound.samples[0], round(sound.rate), format="FLAC", subtype="PCM_16")
    return file.getvalue()
