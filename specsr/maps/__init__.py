"""Calibrated spectrograms: grid, transform and its inverse, phase, pooling."""
