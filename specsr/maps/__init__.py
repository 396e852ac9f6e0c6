"""Calibrated spectrograms: axes, transform and inverse, phase estimation, pooling."""
