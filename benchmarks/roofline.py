"""Least time of PyTorch operations on a device, each bound by its arithmetic or its memory."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves
from torch.utils.flop_counter import flop_registry


class Work(TorchDispatchMode):
    """Counts the arithmetic and the memory traffic of all operations within its block.

    Every operation reads its inputs and writes its results once, as separate kernels do at best;
    views cost nothing.  Works on the device ``meta`` too.

    Attributes:
        flops: of convolutions and matrix products, two for each multiplication.
        nbytes: read and written.
        parts: (flops, bytes) of each operation.
    """

    def __init__(self) -> None:
        super().__init__()
        self.parts: list[tuple[int, int]] = []

    @property
    def flops(self) -> int:
        return sum(flops for flops, _ in self.parts)

    @property
    def nbytes(self) -> int:
        return sum(nbytes for _, nbytes in self.parts)

    def seconds(self, flops_per_s: float, bytes_per_s: float) -> float:
        """Return the least time of the operations one after the other, s."""
        return sum(max(f / flops_per_s, b / bytes_per_s) for f, b in self.parts)

    def __torch_dispatch__(
        self, func: Any, types: Any, args: tuple = (), kwargs: dict | None = None
    ) -> Any:
        kwargs = kwargs or {}
        out = func(*args, **kwargs)
        if func.is_view or func._schema.name.startswith("aten::_unsafe_view"):
            return out
        count = flop_registry.get(func._overloadpacket)
        flops = count(*args, **kwargs, out_val=out) if count else 0
        tensors = [t for t in tree_leaves((args, kwargs, out)) if isinstance(t, torch.Tensor)]
        self.parts.append((flops, sum(t.numel() * t.element_size() for t in tensors)))
        return out


def counted(work: Callable[[], Any]) -> Work:
    """Return the counts of a function."""
    with Work() as mode:
        work()
    return mode


def rates(
    device: torch.device, timed: Callable[[Callable[[], Any]], float], size: int
) -> dict[str, float]:
    """Return the measured rates of a device: matrix products in FLOP/s, a copy in bytes/s.

    Args:
        device: device to measure.
        timed: returns the time in s of one call of a function.
        size: rows and columns of the matrices.
    """
    found = {}
    for name, dtype, tf32 in (
        ("float32", torch.float32, False), ("tf32", torch.float32, True),
        ("bfloat16", torch.bfloat16, False),
    ):  # fmt: skip
        before = torch.backends.cuda.matmul.allow_tf32
        torch.backends.cuda.matmul.allow_tf32 = tf32
        a = torch.randn(size, size, device=device).to(dtype)
        found[name] = 2 * size**3 / timed(lambda a=a: a @ a)
        torch.backends.cuda.matmul.allow_tf32 = before
    a = torch.empty(size * size * 8, dtype=torch.bfloat16, device=device)
    b = torch.empty_like(a)
    found["bytes"] = 2 * a.numel() * a.element_size() / timed(lambda: b.copy_(a))
    return found
