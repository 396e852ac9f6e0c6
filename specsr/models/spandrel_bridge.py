"""spandrel: its models run in specsr, specsr's models load in spandrel (``specsr[spandrel]``)."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from specsr.errors import SpecsrError
from specsr.extras import need
from specsr.models.bundled import load_model
from specsr.models.edsr_pytorch import from_state_dict, load_tensors, read_state_dict
from specsr.models.model import Model, read_info

REACH = 32
"""Margin of a tile in pixels for a network of unknown reach."""
KEY = "specsr"
"""Name of the tensor that passes path and pair of a model file to `loader`'s architecture."""


def _spandrel() -> Any:
    return need("spandrel", "spandrel", "models of other architectures")


@dataclasses.dataclass(frozen=True)
class Channels:
    """Options of a network that `specsr.models.tiling` needs; see `CommonConfig`."""

    in_channels: int
    out_channels: int
    n_feats: int = 64
    fold: tuple[int, int] = (1, 1)
    uncertainty: bool = False


class Foreign(nn.Module):
    """A spandrel model with the interface of specsr's networks: 0..255, one scale, a fixed reach.

    Most of these networks have a larger receptive field than `REACH`: an image in several tiles
    can have visible seams, unlike with EDSR and MDSR.
    """

    def __init__(self, descriptor: Any) -> None:
        super().__init__()
        self.descriptor, self.inner = descriptor, descriptor.model
        self.config = Channels(descriptor.input_channels, descriptor.output_channels)

    @property
    def scales(self) -> tuple[tuple[int, int], ...]:
        """The one scale of the model."""
        return ((self.descriptor.scale, self.descriptor.scale),)

    def reach(self, scale: tuple[int, int] | None = None) -> tuple[int, int]:
        """Margin of a tile, in rows and columns."""
        return REACH, REACH

    def forward(self, x: Tensor, scale: tuple[int, int] | None = None) -> Tensor:
        """[1, C, H, W] -> [1, C, H scale, W scale]."""
        return self.descriptor(x / 255) * 255


def load_foreign(path: str | Path) -> Model:
    """Return a model of any architecture that spandrel supports, for `upscale_image`.

    Raises:
        SpecsrError: spandrel is not installed; the file is damaged, contains code, has an unknown
            architecture, or is not a model from image to image.
    """
    path = Path(path)
    if not path.is_file():
        raise SpecsrError(f"{path}: no such model file: check the name")
    spandrel = _spandrel()
    try:
        try:
            found = loader().load_from_file(path)
        except Exception:  # its tensors may have prefixes that spandrel does not know
            found = loader().load_from_state_dict(_without_key(read_state_dict(path)))
    except Exception as error:  # spandrel's architectures raise errors of any type
        reason = str(error).split("\n")[0] or type(error).__name__
        raise SpecsrError(
            f"{path}: spandrel cannot load it ({reason}): expected a state dict of an architecture "
            "that it supports"
        ) from None
    if not isinstance(found, spandrel.ImageModelDescriptor):
        raise SpecsrError(f"{path}: a model for {found.purpose}, not from image to image")
    record = {"source": path.name, "architecture": found.architecture.name}
    return Model(path.stem, Foreign(found).eval(), "image", (), (0.0, 0.0), 0.0, record)  # type: ignore


def loader(scale: int | None = None, device: str = "cpu") -> Any:
    """Return a `spandrel.ModelLoader` that also loads models of specsr and EDSR-PyTorch.

    Args:
        scale: scale of an MDSR to use; None for its first.
        device: torch device of the loaded models.

    Raises:
        SpecsrError: spandrel is not installed.
    """
    spandrel: Any = _spandrel()

    class Loader(spandrel.ModelLoader):
        """spandrel's loader; path and pair of a specsr model file are one more tensor, `KEY`."""

        def _load_pth(self, path: str | Path) -> Any:
            return _without_key(load_tensors(path, self.device))

        def _load_torchscript(self, path: str | Path) -> Any:
            raise RuntimeError("a TorchScript file contains code: ask its author for a state dict")

        def _load_safetensors(self, path: str | Path) -> dict[str, Tensor]:
            tensors = _without_key(super()._load_safetensors(path))
            try:
                info = read_info(path)
            except SpecsrError:
                return tensors
            text = json.dumps({"path": str(Path(path).resolve()), "pair": info["pair"]})
            return {**tensors, KEY: torch.frombuffer(bytearray(text.encode()), dtype=torch.uint8)}

    registry = spandrel.MAIN_REGISTRY.copy()
    registry.add(spandrel.ArchSupport.from_architecture(_architecture(spandrel, scale)))
    return Loader(device=device, registry=registry)


def _without_key(found: Any) -> Any:
    """Return a state dict without a tensor that passes for `KEY`: a file names no other file."""
    return {k: v for k, v in found.items() if k != KEY} if isinstance(found, dict) else found


def _architecture(spandrel: Any, scale: int | None) -> Any:
    class Specsr(spandrel.Architecture):
        """EDSR and MDSR, from specsr's model files or published checkpoints."""

        def __init__(self) -> None:
            super().__init__(id="specsr", name="EDSR/MDSR (specsr)", detect=_detect)

        def load(self, state_dict: dict[str, Tensor]) -> Any:
            if KEY in state_dict:
                info = json.loads(bytes(state_dict[KEY].tolist()))
                if info["pair"] != "image":
                    raise SpecsrError(f"a model for the pair {info['pair']!r}, not for images")
                net = load_model(info["path"]).net
            else:
                net = from_state_dict(state_dict)
            chosen = (scale, scale) if scale else net.scales[0]
            if chosen not in net.scales:
                raise SpecsrError(f"x{scale}: this model has {net.scales}")
            return spandrel.ImageModelDescriptor(
                net, net.state_dict(), architecture=self, purpose="SR",
                tags=[f"{net.config.n_feats}nf", f"{net.config.n_resblocks}nb"],
                supports_half=False, supports_bfloat16=True, scale=chosen[0],
                input_channels=net.config.in_channels, output_channels=net.config.out_channels,
                call_fn=lambda model, image: model(image * 255, chosen) / 255,
            )  # fmt: skip

    return Specsr()


def _detect(tensors: dict[str, Tensor]) -> bool:
    published = ("head.0.weight", "body.0.body.0.weight", "body.0.body.2.weight", "tail.0.")
    return KEY in tensors or (
        all(any(name.startswith(part) for name in tensors) for part in published)
        and "sub_mean.mean" not in tensors
    )
