"""Figures of maps and views."""
