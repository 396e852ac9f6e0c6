"""Levels of an estimated band: third octaves above the cut, and joints between segments."""

from __future__ import annotations

import numpy as np
from band_cases import FLOOR, RATE, Case
from scipy.signal import butter, sosfiltfilt

from specsr import upscale_band
from specsr.enhance.segments import model_plan
from specsr.maps.frames import power_frames
from specsr.models.model import Model
from specsr.models.options import InferOptions
from specsr.scores import metrics


def octave_errors(case: Case, samples: np.ndarray) -> list[tuple[float, float]]:
    """Return (octaves above the cut, error in dB) of every third octave above it, to 20 kHz."""
    power = [
        np.concatenate(list(power_frames(x, metrics.LSD_N_FFT, metrics.LSD_HOP))).mean(0)
        for x in (case.high, samples)
    ]
    freqs = np.arange(len(power[0])) * RATE / metrics.LSD_N_FFT
    cut = case.low.rate / 2
    centres = 1000 * 10 ** (np.arange(30) / 10)
    found = []
    for centre in centres:
        low, high = centre * 10**-0.05, centre * 10**0.05
        if cut <= low and high <= min(22400.0, case.native / 2):
            true, got = (p[(freqs >= low) & (freqs < high)].sum() for p in power)
            error = 10 * np.log10(max(got, FLOOR) / max(true, FLOOR))
            found.append((float(np.log2(centre / cut)), float(error)))
    return found


def level_table(errors: dict[str, list[tuple[float, float]]]) -> list[dict]:
    """Return half-widths by octaves above the cut, and their coverage of kinds left out."""
    rows = []
    for first, last in ((0.0, 0.5), (0.5, 1.0), (1.0, 1.5), (1.5, 3.0)):
        by_kind = {
            kind: np.array([e for o, e in found if first <= o < last])
            for kind, found in errors.items()
        }
        by_kind = {kind: found for kind, found in by_kind.items() if found.size}
        if len(by_kind) < 2:
            continue
        covered, count = 0, 0
        for kind, found in by_kind.items():
            others = np.concatenate([by_kind[k] for k in by_kind if k != kind])
            covered += int((np.abs(found) <= np.quantile(np.abs(others), 0.683)).sum())
            count += found.size
        everything = np.concatenate(list(by_kind.values()))
        rows.append({
            "octaves above the cut": f"{first:g} to {last:g}", "third octaves": count,
            "bias, dB": float(everything.mean()),
            "half-width, dB": float(np.quantile(np.abs(everything), 0.683)),
            "covered, %": 100 * covered / count,
        })  # fmt: skip
    return rows


def joints(case: Case, model: Model) -> tuple[float, float, float, float]:
    """Return the level of the estimated band at joints re beside them, dB; the same elsewhere;
    and both above 20 kHz."""
    made = upscale_band(case.low, case.scale, model=model, options=InferOptions(segment=1.0))
    whole = upscale_band(case.low, case.scale, model=model)
    border = model_plan(model, case.low, case.scale, InferOptions(segment=1.0)).size * case.scale
    found = []
    for low in (case.low.rate / 2, 20000.0):
        for samples in (made.samples[0], whole.samples[0]):
            high = sosfiltfilt(butter(6, 1.05 * low, "high", fs=RATE, output="sos"), samples)
            power = np.square(high)
            ratios = []
            for at in range(border, power.size - 4 * 2400, border):
                inside = power[at : at + 480].mean()
                beside = (power[at - 2400 : at].mean() + power[at + 480 : at + 2880].mean()) / 2
                if beside > 1e-12:
                    ratios.append(10 * np.log10(max(inside, 1e-14) / beside))
            found.append(float(np.mean(ratios)) if ratios else float("nan"))
    return found[0], found[1], found[2], found[3]


def joint_table(joint: list[tuple[float, ...]]) -> list[dict]:
    """Return the mean levels at joints by scale."""
    columns = ("at joints, dB", "elsewhere, dB", "above 20 kHz, dB", "elsewhere there, dB")
    rows = []
    for scale in sorted({row[0] for row in joint}):
        values = np.nanmean([row[1:] for row in joint if row[0] == scale], axis=0)
        rows.append(
            {"from": f"{RATE / scale / 1000:g} kHz"}
            | dict(zip(columns, map(float, values), strict=True))
        )
    return rows
