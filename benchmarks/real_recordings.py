"""Real recordings of machines for the benchmark of maps: two lists, a piece of each, its bandwidth.

``judge``: recordings that no bundled model was trained on.  ``train``: recordings of the training
data, to choose constants on.  Sources and licences are described with the data.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soundfile

import specsr
from specsr import Signal
from specsr.io.bandwidth import true_bandwidth

PASS_BAND = 0.9
"""Part of half the rate, or of the bandwidth of a recording that ends below it, that is scored."""

LOSSY_LIMIT = 9500.0
"""Highest frequency of recordings that were stored by a lossy codec, Hz."""


@dataclass(frozen=True)
class Recording:
    """A file of the list.

    Attributes:
        kind: kind of machine.
        path: below the folder of the data.
        rpm_at_full_scale: speed in 1/min of full scale in channel 2; None without a speed.
        highest: highest scored frequency in Hz if a lower one than the bandwidth found.
    """

    kind: str
    path: str
    rpm_at_full_scale: float | None = None
    highest: float | None = None

    @property
    def name(self) -> str:
        """Name in the tables."""
        return Path(self.path).stem


def _listed(kind: str, folder: str, *names: str, highest: float | None = None) -> list[Recording]:
    return [Recording(kind, f"{folder}/{name}.flac", highest=highest) for name in names]


RUN_UP_RPM = 4821.43
"""Speed in 1/min of full scale of the car run-up, from the description of the recording."""

JUDGE = [
    *_listed("car ventilation", "audio/val/car_hvac", "carhvac06", "carhvac12", "carhvac17"),
    *_listed("drone", "audio/val/drone", "drone_013"),
    *_listed(
        "drone", "audio/map_train", "drone_004", "drone_016", "drone_020", "drone_026",
        highest=LOSSY_LIMIT,
    ),
    *_listed("helicopter", "audio/val/helicopter", "helicopter_021"),
    *_listed(
        "helicopter", "audio/map_train", "helicopter_003", "helicopter_008", "helicopter_016",
        "helicopter_027", highest=LOSSY_LIMIT,
    ),
    *_listed("machine", "audio/val/machine", "hydrolics_wh_space_shot", "mehackit_phone2",
             "mehackit_robot4"),
    *_listed("vehicle", "audio/val/vehicle", "train_whistle_3_cp_railroad"),
    *_listed("vehicle", "audio/val/vehicles_short", "jets_flyby"),
    *_listed("machine", "audio/val/vehicles_short", "circular_saw"),
    Recording("run-up", "audio/train/runup_rpm/car_runup_with_rpm.flac", RUN_UP_RPM),
    Recording("run-up", "fixtures/wav/xtract_demo_signal_1_pressure_rpm_calibrated.wav", 4999.96),
    Recording("electric motor", "fixtures/uff/electric_motor_vibration_signal.uff"),
    Recording("other", "fixtures/uff/Sample_UFF58b_bin.uff"),
    *_listed("no machine", "audio/val/background", "background_020"),
]  # fmt: skip

TRAIN = [
    *_listed("car ventilation", "audio/train/car_hvac", "carhvac03", "carhvac10"),
    *_listed("drone", "audio/train/drone", "drone_008"),
    *_listed("drone", "audio/map_train", "drone_001", "drone_022", highest=LOSSY_LIMIT),
    *_listed("helicopter", "audio/train/helicopter", "helicopter_019", "helicopter_024"),
    *_listed("helicopter", "audio/map_train", "helicopter_005", "helicopter_012",
             highest=LOSSY_LIMIT),
    *_listed("machine", "audio/train/machine", "static_lift_hp_colossos", "hydrolics_el_abyssus"),
    *_listed("machine", "audio/train/vehicles_short", "chainsaw"),
    *_listed("vehicle", "audio/train/vehicles_short", "bus_start"),
    *_listed("vehicle", "audio/train/aircraft", "aircraft"),
    *_listed("turbocharger", "audio/train/turbo", "turbo_whistling"),
]  # fmt: skip

SETS = {"judge": JUDGE, "train": TRAIN}

QUICK = {
    "judge": ("carhvac12", "drone_013", "drone_020", "helicopter_021", "hydrolics_wh_space_shot",
              "car_runup_with_rpm", "electric_motor_vibration_signal", "circular_saw"),
    "train": ("carhvac03", "drone_008", "drone_022", "helicopter_019", "static_lift_hp_colossos",
              "aircraft", "turbo_whistling", "chainsaw"),
}  # fmt: skip
"""Names of a short list of different kinds for each set."""


def piece(recording: Recording, data: Path, seconds: float) -> tuple[Signal, float]:
    """Return the middle of a recording, first channel with its speed, and its highest frequency.

    Frequencies above the second are not scored: the pass band of half the rate, or of the
    bandwidth where the content ends below it (`specsr.io.bandwidth`).
    """
    path = data / recording.path
    if recording.rpm_at_full_scale is None:
        whole = specsr.read(path)
        signal = Signal(whole.samples[:1], whole.rate, whole.unit)
    else:
        samples, rate = soundfile.read(path, dtype="float64")
        rpm = samples[:, 1] * recording.rpm_at_full_scale
        signal = Signal(samples[:, :1].T, float(rate), "Pa", rpm=rpm)
    found = true_bandwidth(signal.samples[0], signal.rate)
    bandwidth = found.hz if found is not None and found.flagged else signal.rate / 2
    return _middle(signal, seconds), min(PASS_BAND * bandwidth, recording.highest or np.inf)


def _middle(signal: Signal, seconds: float) -> Signal:
    length = min(signal.length, round(seconds * signal.rate))
    first = (signal.length - length) // 2
    part = slice(first, first + length)
    rpm = None if signal.rpm is None else signal.rpm[part]
    return Signal(signal.samples[:, part], signal.rate, signal.unit, rpm=rpm)
