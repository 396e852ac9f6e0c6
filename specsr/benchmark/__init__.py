"""Benchmarks behind `specsr benchmark`."""
