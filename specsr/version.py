"""The version of specsr."""

__version__ = "0.1.0"
