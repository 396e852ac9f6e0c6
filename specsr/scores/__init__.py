"""Scores of a result against its reference, and baselines."""
