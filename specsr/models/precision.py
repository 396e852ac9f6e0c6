"""Arithmetic of the networks: bfloat16; on a GPU TF32 on request only, deterministic kernels."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Any

import torch

from specsr.choices import Precision


@contextmanager
def arithmetic(device: torch.device, precision: Precision, search: bool = False) -> Iterator[None]:
    """Set PyTorch's flags for CUDA within a ``with`` block; other devices are left alone.

    Matrix products and convolutions of float32 use TF32 (10 bits of mantissa) for ``"tf32"`` only;
    PyTorch's own default allows it for convolutions.  cuDNN takes deterministic kernels where it
    has them.  The flags are those of the process: other threads see them too.

    Args:
        device: device of the network.
        precision: see `specsr.choices.Precision`.
        search: let cuDNN time its kernels and take the fastest (training: shapes repeat).  The
            choice may differ between runs.
    """
    if device.type != "cuda":
        yield
        return
    cudnn, matmul = torch.backends.cudnn, torch.backends.cuda.matmul
    wanted: list[tuple[Any, str, bool]] = [
        (matmul, "allow_tf32", precision == "tf32"),
        (cudnn, "allow_tf32", precision == "tf32"),
        (cudnn, "deterministic", True),
        (cudnn, "benchmark", search),
    ]
    before = [(owner, name, getattr(owner, name)) for owner, name, _ in wanted]
    try:
        for owner, name, value in wanted:
            setattr(owner, name, value)
        yield
    finally:
        for owner, name, value in before:
            setattr(owner, name, value)


def autocast(device: torch.device, precision: Precision) -> AbstractContextManager[Any]:
    """Return a context in which a network computes in bfloat16, for ``"bfloat16"`` only."""
    if precision != "bfloat16":
        return nullcontext()
    return torch.autocast(device.type, torch.bfloat16)
