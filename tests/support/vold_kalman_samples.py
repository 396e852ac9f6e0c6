"""Speeds and tones with known envelopes, for Vold-Kalman orders."""

from __future__ import annotations

import numpy as np

from specsr.nvh.speed import revolutions

RATE = 4000.0
N = 40000
TIMES = np.arange(N) / RATE
UP = np.linspace(900, 3600, N)
DOWN = UP[::-1].copy()
STEADY = np.full(N, 1800.0)


def tone(order: float, rpm: np.ndarray, envelope: np.ndarray | complex = 1.0) -> np.ndarray:
    """Return an order with a complex envelope (peak), [N]."""
    angle = 2 * np.pi * order * revolutions(rpm / 60, RATE)
    return (envelope * np.exp(1j * angle)).real


def slow(depth: float = 0.3, period: float = 4.0, phase: float = 0.0) -> np.ndarray:
    return (1 + depth * np.sin(2 * np.pi * TIMES / period + phase)) * np.exp(1j * phase)
