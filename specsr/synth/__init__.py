"""Synthetic machine runs with exactly known levels."""
