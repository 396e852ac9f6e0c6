"""EDSR and MDSR (Lim et al. 2017) as plain modules built from frozen options."""

from __future__ import annotations

from specsr.models.edsr import EDSR, EDSRConfig
from specsr.models.mdsr import MDSR, MDSRConfig

__all__ = ["EDSR", "EDSRConfig", "MDSR", "MDSRConfig", "build"]


def build(config: EDSRConfig | MDSRConfig) -> EDSR | MDSR:
    """Return the untrained model that a config describes."""
    return EDSR(config) if isinstance(config, EDSRConfig) else MDSR(config)
