"""Published PSNR and SSIM of image super-resolution, for comparison with measured values.

`PAPER`: table 3 of Lim et al. 2017 (arXiv 1707.02921); Set5 to Urban100 on rounded luma, DIV2K in
RGB.  `FLOAT`: the baselines of the authors' PyTorch code on luma in floating point.
"""

from __future__ import annotations

METHODS = ("Bicubic", "A+", "SRCNN", "VDSR", "SRResNet", "EDSR", "MDSR", "EDSR+", "MDSR+")

_TABLE_3 = """
Set5 2 33.66/.9299 36.54/.9544 36.66/.9542 37.53/.9587 - 38.11/.9601 38.11/.9602 38.20/.9606 38.17/.9605
Set5 3 30.39/.8682 32.58/.9088 32.75/.9090 33.66/.9213 - 34.65/.9282 34.66/.9280 34.76/.9290 34.77/.9288
Set5 4 28.42/.8104 30.28/.8603 30.48/.8628 31.35/.8838 32.05/.8910 32.46/.8968 32.50/.8973 32.62/.8984 32.60/.8982
Set14 2 30.24/.8688 32.28/.9056 32.42/.9063 33.03/.9124 - 33.92/.9195 33.85/.9198 34.02/.9204 33.92/.9203
Set14 3 27.55/.7742 29.13/.8188 29.28/.8209 29.77/.8314 - 30.52/.8462 30.44/.8452 30.66/.8481 30.53/.8465
Set14 4 26.00/.7027 27.32/.7491 27.49/.7503 28.01/.7674 28.53/.7804 28.80/.7876 28.72/.7857 28.94/.7901 28.82/.7876
B100 2 29.56/.8431 31.21/.8863 31.36/.8879 31.90/.8960 - 32.32/.9013 32.29/.9007 32.37/.9018 32.34/.9014
B100 3 27.21/.7385 28.29/.7835 28.41/.7863 28.82/.7976 - 29.25/.8093 29.25/.8091 29.32/.8104 29.30/.8101
B100 4 25.96/.6675 26.82/.7087 26.90/.7101 27.29/.7251 27.57/.7354 27.71/.7420 27.72/.7418 27.79/.7437 27.78/.7425
Urban100 2 26.88/.8403 29.20/.8938 29.50/.8946 30.76/.9140 - 32.93/.9351 32.84/.9347 33.10/.9363 33.03/.9362
Urban100 3 24.46/.7349 26.03/.7973 26.24/.7989 27.14/.8279 - 28.80/.8653 28.79/.8655 29.02/.8685 28.99/.8683
Urban100 4 23.14/.6577 24.32/.7183 24.52/.7221 25.18/.7524 26.07/.7839 26.64/.8033 26.67/.8041 26.86/.8080 26.86/.8082
DIV2K 2 31.01/.9393 32.89/.9570 33.05/.9581 33.66/.9625 - 35.03/.9695 34.96/.9692 35.12/.9699 35.05/.9696
DIV2K 3 28.22/.8906 29.50/.9116 29.64/.9138 30.09/.9208 - 31.26/.9340 31.25/.9338 31.39/.9351 31.36/.9346
DIV2K 4 26.66/.8521 27.70/.8736 27.78/.8753 28.17/.8841 - 29.25/.9017 29.26/.9016 29.38/.9032 29.36/.9029
"""  # noqa: E501

_BASELINES = """
Set5 37.98 34.37 32.09
Set14 33.57 30.28 28.58
B100 32.15 29.08 27.56
Urban100 31.98 28.15 26.03
"""


def _cell(text: str) -> tuple[float, float | None] | None:
    if text == "-":
        return None
    psnr, _, ssim = text.partition("/")
    return float(psnr), float(ssim) if ssim else None


Scores = dict[tuple[str, int], dict[str, tuple[float, "float | None"]]]


def _table_3() -> Scores:
    table: Scores = {}
    for line in _TABLE_3.strip().splitlines():
        name, scale, *cells = line.split()
        scores = {m: _cell(c) for m, c in zip(METHODS, cells, strict=True)}
        table[name, int(scale)] = {m: s for m, s in scores.items() if s is not None}
    return table


def _baselines() -> Scores:
    table: Scores = {}
    for line in _BASELINES.strip().splitlines():
        name, *values = line.split()
        for scale, value in zip((2, 3, 4), values, strict=True):
            table[name, scale] = {"EDSR baseline": (float(value), None)}
    return table


PUBLISHED: dict[str, Scores] = {"paper": _table_3(), "rgb": _table_3(), "float": _baselines()}
"""Protocol -> (set, scale) -> method -> (PSNR in dB, SSIM or None)."""
