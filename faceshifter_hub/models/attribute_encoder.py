"""The multi-level attribute encoder: everything of the target but its identity, as n feature maps.

Reference: arXiv 1912.13457, section 3.1: a U-Net-like network, trained by self-supervision alone.
"""

from collections.abc import Mapping
from typing import Any, ClassVar, Literal

import torch
import torch.nn.functional as F
from diffusers.configuration_utils import register_to_config
from torch import nn

from faceshifter_hub.component import ComponentMixin
from faceshifter_hub.models.face_region import coarsen_face, face_region
from faceshifter_hub.registry import AttributeSpace, Interface

NORMS = {"instance": nn.InstanceNorm2d, "batch": nn.BatchNorm2d}


def down_block(channels_in: int, channels_out: int, normalization: Literal["instance", "batch"]) -> nn.Sequential:
    """Halve the map: 4x4 convolution of stride 2, normalisation, LeakyReLU(0.1)."""
    conv = nn.Conv2d(channels_in, channels_out, 4, stride=2, padding=1, bias=False)
    return nn.Sequential(conv, NORMS[normalization](channels_out, affine=True), nn.LeakyReLU(0.1))


def up_block(channels_in: int, channels_out: int, normalization: Literal["instance", "batch"]) -> nn.Sequential:
    """Double the map: 4x4 transposed convolution of stride 2, normalisation, LeakyReLU(0.1)."""
    conv = nn.ConvTranspose2d(channels_in, channels_out, 4, stride=2, padding=1, bias=False)
    return nn.Sequential(conv, NORMS[normalization](channels_out, affine=True), nn.LeakyReLU(0.1))


class MultilevelAttributeEncoder(ComponentMixin):
    """z_att(X_t) = {z^1 ... z^n}, coarsest first. The defaults are the paper's widths for 256x256, n = 8.

    Args:
        resolution: R, of the aligned face.
        down_channels: widths of the down path, finest first; every step halves the map.
        full_resolution_level: whether the last level is the finest map of the up path doubled bilinearly to R x R,
            as in the paper; else that map, R/2 x R/2, is the last level.
        normalization: `batch` or `instance`.
        face_cells: if given, the face itself enters only as that many averages along a side of the picture (ours):
            pose, expression and light pass, the detail that tells who it is does not, so no generator can copy it.
        attribute_space: name under which generators ask for this encoder's maps.
    """

    kind: ClassVar[str] = "attribute_encoder"

    @register_to_config
    def __init__(
        self,
        resolution: int = 256,
        down_channels: tuple[int, ...] = (32, 64, 128, 256, 512, 1024, 1024),
        full_resolution_level: bool = True,
        normalization: Literal["instance", "batch"] = "batch",
        attribute_space: str = "paper-256",
        face_cells: int | None = None,
    ):
        super().__init__()
        sizes = [resolution // 2 ** (k + 1) for k in range(len(down_channels))]  # finest first
        if sizes[-1] < 2 or sizes[-1] * 2 ** len(sizes) != resolution:
            raise ValueError(f"{len(sizes)} halvings do not fit a resolution of {resolution}: the last map needs 2x2")
        # named by the size of the map they give: a network grown to a higher resolution keeps its coarse ones
        self.down = nn.ModuleDict()
        for size, c_in, c_out in zip(sizes, (3, *down_channels[:-1]), down_channels, strict=True):
            self.down[str(size)] = down_block(c_in, c_out, normalization)
        self.up = nn.ModuleDict()
        width = down_channels[-1]
        for size, skip in zip(reversed(sizes[:-1]), reversed(down_channels[:-1]), strict=True):
            self.up[str(size)] = up_block(width, skip, normalization)
            width = 2 * skip
        if face_cells is not None:
            self.register_buffer("region", face_region(resolution), persistent=False)

    @classmethod
    def interface_of(cls, config: Mapping[str, Any]) -> Interface:
        """Return the attribute space this encoder provides."""
        down = tuple(config["down_channels"])
        channels = (down[-1], *(2 * c for c in reversed(down[:-1])))
        if config["full_resolution_level"]:
            channels = (*channels, channels[-1])
        space = AttributeSpace(name=config["attribute_space"], channels=channels)
        return Interface(resolution=config["resolution"], attribute_space=space)

    def forward(self, x: torch.Tensor) -> list[torch.Tensor]:
        """Encode aligned faces.

        Args:
            x: (B, 3, R, R) in [-1, 1].

        Returns:
            z_att: n maps (B, C_k, S_k, S_k), coarsest first; S_1 = R / 2^len(down_channels), doubling.
        """
        if self.config.face_cells is not None:
            x = coarsen_face(x, self.region, self.config.face_cells)  # (B, 3, R, R)
        skips = {}
        for size, block in self.down.items():
            x = skips[size] = block(x)  # (B, C, size, size)
        z_att = [x]
        for size, block in self.up.items():
            x = torch.cat([block(x), skips[size]], dim=1)  # (B, 2C, size, size)
            z_att.append(x)
        if self.config.full_resolution_level:
            z_att.append(F.interpolate(x, scale_factor=2, mode="bilinear", align_corners=False))  # (B, 2C, R, R)
        return z_att
