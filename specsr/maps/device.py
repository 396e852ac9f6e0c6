"""Devices that tensors are computed on."""

from __future__ import annotations

from typing import TYPE_CHECKING

from specsr.errors import SpecsrError

if TYPE_CHECKING:
    import torch


def pick_device(name: str | torch.device) -> torch.device:
    """Return a device by name; ``auto`` is a GPU where available, else the CPU.

    Raises:
        SpecsrError: no such device.
    """
    import torch

    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        device = torch.device(name)
        torch.empty(0, device=device)
    except (RuntimeError, AssertionError) as error:
        raise SpecsrError(f"device is {name!r}: expected auto, cpu or cuda ({error})") from None
    return device
