"""EDSR and MDSR under one name, and the function that builds either from its config."""

from __future__ import annotations

from specsr.models.config import EDSRConfig, NetworkConfig
from specsr.models.edsr import EDSR
from specsr.models.mdsr import MDSR

__all__ = ["Network", "NetworkConfig", "build"]

Network = EDSR | MDSR


def build(config: NetworkConfig) -> Network:
    """Return the untrained network of a config."""
    return EDSR(config) if isinstance(config, EDSRConfig) else MDSR(config)
