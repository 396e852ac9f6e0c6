"""Checks of specsr against standards, tables and analytic values; `python tests/conformance`."""
