"""Magnitude and phase of complex spectra, bit for bit the same with any number of threads.

torch splits an array among its threads and handles what does not fill a vector register by other
instructions, so sine, cosine and arctangent in single precision depend on the number of threads.
In double precision, rounded once, they do not.
"""

from __future__ import annotations

import torch


def angle(spectrum: torch.Tensor) -> torch.Tensor:
    """Return the phase of complex values in rad, -pi to pi, in their own real precision."""
    phase = torch.atan2(spectrum.imag.double(), spectrum.real.double())
    return phase.to(spectrum.real.dtype)


def polar(magnitude: torch.Tensor, phase: torch.Tensor) -> torch.Tensor:
    """Return complex values of a magnitude and a phase in rad, in the magnitude's precision."""
    phase = phase.double()
    real, imag = (part.to(magnitude.dtype) for part in (phase.cos(), phase.sin()))
    return torch.complex(magnitude * real, magnitude * imag)
