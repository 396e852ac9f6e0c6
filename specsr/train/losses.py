"""Training losses on levels in dB, as scalar functions of estimate and target of one shape.

L1 is the published choice.  On a target with speckle, L1 underestimates noise by 1.6 dB (median of
a periodogram in dB) and L2 by 2.5 dB (its mean); Itakura-Saito, the Whittle likelihood, is unbiased
in power.
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

    Above a ratio of ``limit`` dB it continues along its tangent, so that one bad cell cannot
    dominate a batch.
    """
    ratio = (target - estimate) * (math.log(10) / 10)  # log of the power ratio
    top = limit * math.log(10) / 10
    inside = ratio.clamp(max=top)
    slope = math.exp(top) - 1
    return (inside.exp() - inside - 1 + slope * (ratio - inside)).mean()


def itakura_saito_l2(estimate: Tensor, target: Tensor, weight: float = 0.012) -> Tensor:
    """Itakura-Saito plus ``weight`` times L2 (dB²): between the mean power and the mean level.

    For lines of uncertain frequency, Itakura-Saito alone widens the skirts; L2 alone underestimates
    the peak.  For small errors Itakura-Saito equals 0.027 times L2.
    """
    return itakura_saito(estimate, target) + weight * l2(estimate, target)


def deviance(estimate: Tensor, target: Tensor) -> Tensor:
    """Mean of r - log r - 1 as in `itakura_saito`, without its tangent: to compare estimates."""
    ratio = (target - estimate) * (math.log(10) / 10)
    return (ratio.exp() - ratio - 1).mean()


def back_project(estimate: Tensor, low: Tensor, scale: tuple[int, int], rounds: int = 2) -> Tensor:
    """Return the estimate with the measured power of the coarse cells given back, differentiable.

    Each round pools the power of the estimate and adds the missing level of every coarse cell,
    interpolated between the cells (bicubic), so that the corrections have no edges.

    Args:
        estimate: levels in dB, [B, 1, H s_f, W s_t].
        low: measured levels of the coarse cells in dB, [B, 1, H, W].
        scale: (s_f, s_t).
        rounds: number of corrections.

    Source: Irani and Peleg, CVGIP: Graphical Models and Image Processing 53(3), 1991.
    """
    for _ in range(rounds):
        missing = low - pool_db(estimate, scale)
        estimate = estimate + enlarge_bicubic(missing, scale)
    return estimate


def pool_db(levels: Tensor, scale: tuple[int, int]) -> Tensor:
    """Return the level of the mean power of s_f x s_t cells, dB, [B, C, H, W]."""
    (s_f, s_t), (*batch, rows, frames) = scale, levels.shape
    cells = levels.reshape(*batch, rows // s_f, s_f, frames // s_t, s_t)
    nepers = torch.logsumexp(cells * (math.log(10) / 10), dim=(-3, -1))
    return (nepers - math.log(s_f * s_t)) * (10 / math.log(10))


def enlarge_bicubic(levels: Tensor, scale: tuple[int, int]) -> Tensor:
    """Return levels [B, C, H, W] interpolated to [B, C, H s_f, W s_t]."""
    size = [n * s for n, s in zip(levels.shape[-2:], scale)]
    return torch.nn.functional.interpolate(levels, size, mode="bicubic", align_corners=False)


REAL_LIMIT = 13.0
"""`itakura_saito` limit in dB for measured power: 10 dB is exceeded by 1 cell of noise in 22000."""


def real_loss(estimate: Tensor, high: Tensor, low: Tensor, scale: tuple[int, int]) -> Tensor:
    """Itakura-Saito between measured power and the estimate after `back_project`.

    The coarse input is pooled from the same speckled map as the target, so a plain loss would teach
    to keep the speckle of the input.  After the measured power of the cells has been given back,
    only where the power lies within the cells is left to learn.

    Args:
        estimate: levels in dB, [B, 1, H s_f, W s_t].
        high: measured levels, same shape.
        low: measured levels of the coarse cells, [B, 1, H, W].
        scale: (s_f, s_t).
    """
    return itakura_saito(back_project(estimate, low, scale), high, REAL_LIMIT)


def split_loss(estimate: Tensor, high: Tensor, low: Tensor, scale: tuple[int, int]) -> Tensor:
    """Itakura-Saito between measured power whose noise the input does not have, and the estimate.

    For the pair ``speckle``, with input and target from `specsr.train.splitting.split`.  Arguments
    as for `real_loss`.
    """
    return itakura_saito(estimate, high, REAL_LIMIT)


REAL_LOSSES: dict[str, Callable[[Tensor, Tensor, Tensor, tuple[int, int]], Tensor]] = {
    "pool": real_loss,
    "speckle": split_loss,
}
"""Pair -> loss of recordings whose expected power is not known (``data.real``)."""


def magnitude(estimate: Tensor, target: Tensor, weight: float = 0.05) -> Tensor:
    """Squared error of the magnitudes over their power in dB, plus ``weight`` times L1 in dB.

    Cells count by their power, as in the signal-to-distortion ratio of a waveform; the L1 keeps an
    influence of weak cells.  The per-image dB keeps one bad image from dominating the batch; it is
    floored at -40 dB.
    """
    top = target.amax(dim=(-2, -1), keepdim=True)
    ours, wanted = (torch.pow(10.0, (x - top).clamp(max=20.0) / 20) for x in (estimate, target))
    error = (ours - wanted).square().mean(dim=(-2, -1)) / wanted.square().mean(dim=(-2, -1))
    return 10 * torch.log10(error + 1e-4).mean() + weight * l1(estimate, target)


def lsd(estimate: Tensor, target: Tensor) -> Tensor:
    """Log-spectral distance: rms error over the rows of each column, mean over columns, dB.

    Errors are squared within a column, not across columns: where part of a column is either
    present or empty and the input does not determine which, the optimum of L2 is the level between
    them, which is always wrong.
    """
    return ((estimate - target).square().mean(dim=-2) + 0.01).sqrt().mean()


DEEPEST_DB = -20.0
"""Levels below this over the known noise are alike for the uncertainty (``noise``), dB."""


def waveform(estimate: Tensor, target: Tensor) -> Tensor:
    """Energy of the error of a waveform after Wiener's gain over that of the noise, dB.

    Less of it is an improvement of the signal-to-noise ratio.  From 30 dB up and for noise far
    below its own mean no more is gained.

    Args:
        estimate: ratio of signal to noise in the power of the cells, dB, [..., 1, H, W].
        target: `specsr.train.noise_maps.TARGETS` maps, [..., 4, H, W].
    """
    signal, measured, noise = (torch.pow(10.0, x / 10) for x in target[..., 1:, :, :].unbind(-3))
    gain = wiener(estimate)[..., 0, :, :]
    # |s - g x|² with 2 Re(s x*) = |x|² + |s|² - |x - s|²
    wrong = (1 - gain) * (signal - gain * measured) + gain * noise
    wrong, noise = wrong.sum((-2, -1)).clamp_min(0), noise.sum((-2, -1))
    cells = target.shape[-2] * target.shape[-1]
    return 10 * torch.log10(wrong / (noise + 0.03 * cells) + 1e-3).mean()


def wiener(ratio_db: Tensor) -> Tensor:
    """Return Wiener's gain for ratios of signal to noise in power, dB."""
    power = torch.pow(10.0, ratio_db.clamp(-40, 80) / 10)
    return power / (1 + power)


def attenuated_error(estimate: Tensor, target: Tensor) -> Tensor:
    """Return the error of the levels that `waveform` judges, dB, [..., 1, H, W]."""
    known, signal, measured, _ = target.split(1, -3)
    level = 20 * torch.log10(wiener(estimate)) + measured - known
    return level.clamp_min(DEEPEST_DB) - (signal - known).clamp_min(DEEPEST_DB)


SHARE = math.erf(math.sqrt(0.5))
"""Share of Gaussian values within one standard deviation: 0.683."""


def uncertainty_loss(error: Tensor, log_width: Tensor, floor: float = 0.05) -> Tensor:
    """Pinball loss that makes exp(``log_width``) the `SHARE` quantile of the absolute error, dB.

    The quantile is the half-width of an interval with that coverage for any distribution of the
    errors, unlike a fitted Laplace or Gaussian scale.  The loss is taken between logarithms, so
    that small and large errors have equal influence.

    Args:
        error: error of the levels, dB.
        log_width: natural logarithm of the half-width in dB, same shape.
        floor: added to the absolute error, dB.

    Source: Koenker and Bassett, Econometrica 46(1), 1978.
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
    "waveform": waveform,
}
