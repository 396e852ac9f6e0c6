"""Definitions of low resolution, inputs of the networks, and data consistency."""
