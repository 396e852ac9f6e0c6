"""Training losses on levels in dB.

L1 is the published choice.  On a target with speckle an L1-optimal map reads noise 1.6 dB low
(the median of a periodogram in dB), L2 2.5 dB low (its mean); Itakura-Saito, the Whittle
likelihood, is unbiased in power.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from torch import Tensor


def l1(estimate: Tensor, target: Tensor) -> Tensor:
    """Mean absolute error, dB."""
    return (estimate - target).abs().mean()


def l2(estimate: Tensor, target: Tensor) -> Tensor:
    """Mean squared error, dB²."""
    return (estimate - target).square().mean()


def charbonnier(estimate: Tensor, target: Tensor, eps: float = 0.5) -> Tensor:
    """Mean of sqrt(error² + eps²), a smooth L1 (Charbonnier et al. 1994); eps in dB."""
    return ((estimate - target).square() + eps**2).sqrt().mean()


def l1_psnr(
    estimate: Tensor, target: Tensor, db_range: float = 80.0, weight: float = 0.02
) -> Tensor:
    """L1 less ``weight`` times the PSNR over ``db_range``, dB."""
    mse = (estimate - target).square().mean().clamp_min(1e-8)
    return l1(estimate, target) - weight * 10 * torch.log10(db_range**2 / mse)


def itakura_saito(estimate: Tensor, target: Tensor, limit: float = 10.0) -> Tensor:
    """Mean of r - log r - 1 with r the ratio of target to estimated power (Itakura, Saito 1968).

    Above a ratio of ``limit`` dB it goes on along its tangent, so that one bad cell cannot
    outweigh a batch.
    """
    ratio = (target - estimate) * (math.log(10) / 10)  # log of the power ratio
    top = limit * math.log(10) / 10
    inside = ratio.clamp(max=top)
    slope = math.exp(top) - 1
    return (inside.exp() - inside - 1 + slope * (ratio - inside)).mean()


def itakura_saito_l2(estimate: Tensor, target: Tensor, weight: float = 0.012) -> Tensor:
    """Itakura-Saito and ``weight`` times L2 (dB²): between the mean power and the mean level.

    Where the place of a line is uncertain Itakura-Saito alone gives its flanks too wide, L2 alone
    its peak too low.  For small errors Itakura-Saito itself is 0.027 times L2.
    """
    return itakura_saito(estimate, target) + weight * l2(estimate, target)


def magnitude(estimate: Tensor, target: Tensor, weight: float = 0.05) -> Tensor:
    """Squared error of the magnitudes over their power in dB, plus a little L1 in dB.

    Cells count by what they hold, so a waveform made of the map comes near its reference, as the
    signal-to-distortion ratio judges it; the L1 keeps weak cells in view.  The dB, taken for each
    image apart, keeps one hopeless image from outweighing a batch; it ends at -40 dB.
    """
    top = target.amax(dim=(-2, -1), keepdim=True)
    ours, wanted = (torch.pow(10.0, (x - top).clamp(max=20.0) / 20) for x in (estimate, target))
    error = (ours - wanted).square().mean(dim=(-2, -1)) / wanted.square().mean(dim=(-2, -1))
    return 10 * torch.log10(error + 1e-4).mean() + weight * l1(estimate, target)


def lsd(estimate: Tensor, target: Tensor) -> Tensor:
    """Log-spectral distance: rms error over the rows of each column, mean over columns, dB.

    Squares within a column and not across: where a whole stretch of a column is either there or
    empty, and nothing tells which, L2 answers with the level between them, which is always wrong.
    """
    return ((estimate - target).square().mean(dim=-2) + 0.01).sqrt().mean()


SHARE = math.erf(math.sqrt(0.5))
"""Share of the truths that one standard deviation to each side holds, were they Gaussian: 0.683."""


def uncertainty_loss(error: Tensor, log_width: Tensor, floor: float = 0.05) -> Tensor:
    """Pinball loss that makes exp(``log_width``) the `SHARE` quantile of the absolute error, dB.

    A quantile is the half width of an interval with that coverage whatever the errors'
    distribution, which a fitted Laplace or Gaussian scale is not.  Taken between logarithms, where
    small and large errors pull alike.  Source: Koenker and Bassett, Econometrica 46(1), 1978.
    """
    off = (error.abs() + floor).log() - log_width
    return torch.maximum(SHARE * off, (SHARE - 1) * off).mean()


LOSSES: dict[str, Callable[[Tensor, Tensor], Tensor]] = {
    "l1": l1,
    "l2": l2,
    "charbonnier": charbonnier,
    "l1+psnr": l1_psnr,
    "itakura-saito": itakura_saito,
    "itakura-saito+l2": itakura_saito_l2,
    "magnitude": magnitude,
    "lsd": lsd,
}
