"""Measurements of the command ``specsr benchmark``."""
