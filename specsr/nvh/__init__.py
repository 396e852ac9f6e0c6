"""Analysis of noise and vibration: speed, orders, levels, weighting, sound quality, calibration."""
