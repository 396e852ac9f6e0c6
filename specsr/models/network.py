"""The two networks under one name, and how their options become one."""

from __future__ import annotations

from specsr.models.edsr import EDSR, EDSRConfig
from specsr.models.mdsr import MDSR, MDSRConfig

Network = EDSR | MDSR
"""Or any module with their ``config.in_channels``, ``config.out_channels``, ``scales``, ``reach``
and ``forward``."""

NetworkConfig = EDSRConfig | MDSRConfig


def build(config: NetworkConfig) -> Network:
    """Return the untrained network that a config describes."""
    return EDSR(config) if isinstance(config, EDSRConfig) else MDSR(config)
