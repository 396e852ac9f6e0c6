"""The player of the page: several sounds together, of which one is audible."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import param
from panel.custom import JSComponent

from specsr.app.sounds import RATE, Sound

_STYLE = """
.sounds { display: flex; flex-wrap: wrap; gap: 8px; align-items: center; font: inherit; }
.choice { display: flex; flex-wrap: wrap; }
button { font: inherit; padding: 4px 12px; border: 1px solid #888; background: #fff; }
button[aria-pressed=true] { background: #1f5fa8; color: #fff; }
button:disabled { color: #888; cursor: default; }
input { flex: 1 1 160px; }
span { min-width: 5em; text-align: right; font-variant-numeric: tabular-nums; }
"""


class Player(JSComponent):
    """Plays sounds of one length in step; `load` sets them all at once."""

    sounds = param.List(default=[], doc="FLAC files in base64.")
    titles = param.List(default=[], doc="What the buttons show.")
    gains = param.List(default=[], doc="Factor of every sound.")
    audible = param.Integer(default=0, doc="Position of the sound that is heard.")
    loop = param.Boolean(default=False, doc="Begin again at the end.")
    begin = param.Number(default=0.0, doc="Time of the first sample, s.")
    rate = param.Number(default=RATE, doc="Sampling rate of all sounds, Hz.")

    _esm = (Path(__file__).parent / "player.js").read_text(encoding="utf-8")
    _stylesheets = [_STYLE]

    def load(self, sounds: Sequence[Sound], begin: float, matched: bool) -> None:
        """Show sounds of a stretch that begins at a time in s."""
        self.audible = 0
        # the files last: their arrival makes the browser decode them with all the rest known
        changed: dict[str, Any] = {
            "titles": [sound.title for sound in sounds], "begin": begin,
            "gains": gains(sounds, matched),
            "sounds": [base64.b64encode(sound.flac).decode("ascii") for sound in sounds],
        }  # fmt: skip
        self.param.update(**changed)


def gains(sounds: Sequence[Sound], matched: bool) -> list[float]:
    """Return the factors of sounds: of one level, or those that keep their levels."""
    return [sound.matched if matched else sound.gain for sound in sounds]
