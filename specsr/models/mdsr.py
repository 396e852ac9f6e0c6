"""MDSR: one residual body shared by several scales (Lim et al. 2017, figure 5)."""

from __future__ import annotations

from torch import Tensor, nn

from specsr.models.blocks import MeanShift, ResBlock, Scale, conv, upsampler
from specsr.models.config import MDSRConfig
from specsr.models.edsr import finish, outputs


class MDSR(nn.Module):
    """Two 5x5 blocks and an upsampler for each scale; head, body with long skip and tail shared."""

    def __init__(self, config: MDSRConfig) -> None:
        super().__init__()
        self.config = config
        n = config.n_feats
        self.sub_mean = MeanShift(config.means(config.in_channels), config.std, False)
        self.add_mean = MeanShift(config.means(config.out_channels), config.std, True)
        self.head = nn.Sequential(conv(config.in_channels, n, 3))
        self.pre_process = nn.ModuleList(
            nn.Sequential(ResBlock(n, 5, config.res_scale), ResBlock(n, 5, config.res_scale))
            for _ in config.scales
        )
        self.body = nn.Sequential(
            *(ResBlock(n, 3, config.res_scale) for _ in range(config.n_resblocks)), conv(n, n, 3)
        )
        self.upsample = nn.ModuleList(upsampler(scale, n) for scale in config.scales)
        self.tail = nn.Sequential(conv(n, outputs(config), 3))

    @property
    def scales(self) -> tuple[Scale, ...]:
        """All scales of this network."""
        return self.config.scales

    def reach(self, scale: Scale | None = None) -> tuple[int, int]:
        """Largest distance, in rows and columns of input, from which an output cell is affected."""
        index = self._index(scale)
        steps = sum(isinstance(m, nn.Conv2d) for m in self.upsample[index].children())
        reach = 1 + 8 + 2 * self.config.n_resblocks + 1 + steps + 1
        return (reach, reach)

    def _index(self, scale: Scale | None) -> int:
        if scale is None and len(self.scales) == 1:
            return 0
        if scale is None or tuple(scale) not in self.scales:
            raise ValueError(f"scale is {scale}: this model has {self.scales}")
        return self.scales.index(tuple(scale))  # type: ignore[arg-type]

    def forward(self, x: Tensor, scale: Scale | None = None) -> Tensor:
        """[B, in_channels, H, W] -> [B, out_channels, H s_f, W s_t] for one of `scales`.

        With ``uncertainty`` there are twice as many channels: the values, then their uncertainty.
        """
        shifted = self.sub_mean(x)
        features = self.prepare(self.head(shifted), scale)
        out = self.linear_tail(scale)(self.body(features).add_(features))
        return finish(out, shifted, self.config, self.scales[self._index(scale)], self.add_mean)

    def prepare(self, features: Tensor, scale: Scale | None = None) -> Tensor:
        """Return the input of the body from the output of the head."""
        return self.pre_process[self._index(scale)](features)

    def linear_tail(self, scale: Scale | None = None) -> nn.Sequential:
        """The layers after the body: convolutions and pixel shuffles, without nonlinearities."""
        return nn.Sequential(self.upsample[self._index(scale)], self.tail)
