"""Entry point of ``python -m specsr``: the command line."""

from __future__ import annotations

from specsr.cli.app import main

if __name__ == "__main__":
    main()
