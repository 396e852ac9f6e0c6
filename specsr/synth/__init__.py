"""Synthetic machines with analytic truth."""
