"""HEAR-Net, stage 2: brings back what stage 1 fails to reconstruct (hair over the face, hands, glasses).

Reference: arXiv 1912.13457, section 3.2.
"""

from collections.abc import Mapping
from typing import Any, ClassVar, Literal

import torch
import torch.nn.functional as F
from diffusers.configuration_utils import register_to_config
from torch import nn

from faceshifter_hub.component import ComponentMixin
from faceshifter_hub.models.attribute_encoder import down_block, up_block
from faceshifter_hub.registry import Interface

GATE_CLOSED = 2.0  # subtracted from what the gate's sigmoid reads: at first it lets an eighth through


class HEARRefiner(ComponentMixin):
    """Y_st = HEAR(Y^_st, dY_t), a U-Net; dY_t = X_t - Y^_tt is the heuristic error (section 3.2, equations 10, 11).

    Args:
        resolution: R, of the aligned face.
        channels: widths of the down path, finest first; every step halves the map.
        residual: whether the network draws the change of Y^_st instead of the whole face.
        normalization: `batch` or `instance`.
        error_gate: whether a residual network also draws a mask and adds as much of dY_t as it lets through (ours):
            where an occluder lies is easier to learn than what it looks like, which dY_t shows.

    Raises:
        ValueError: The resolution does not halve as often as asked; or there is a gate without `residual`.
    """

    kind: ClassVar[str] = "hear_refiner"

    @register_to_config
    def __init__(
        self,
        resolution: int = 256,
        channels: tuple[int, ...] = (64, 128, 256, 512, 512),
        residual: bool = False,
        normalization: Literal["instance", "batch"] = "batch",
        error_gate: bool = False,
    ):
        super().__init__()
        if error_gate and not residual:
            raise ValueError("error_gate adds to a change, which only residual=True draws")
        if resolution % 2 ** len(channels):
            raise ValueError(f"{len(channels)} halvings do not fit a resolution of {resolution}")
        self.down = nn.ModuleList(
            down_block(c_in, c_out, normalization) for c_in, c_out in zip((6, *channels[:-1]), channels, strict=True)
        )
        self.up = nn.ModuleList()
        width = channels[-1]
        for skip in reversed(channels[:-1]):
            self.up.append(up_block(width, skip, normalization))
            width = 2 * skip
        self.to_rgb = nn.Conv2d(width, 4 if error_gate else 3, 3, padding=1)
        if residual:  # at first nothing changes, but for what a gate lets through
            nn.init.zeros_(self.to_rgb.weight)
            nn.init.constant_(self.to_rgb.get_parameter("bias"), 0)

    @classmethod
    def interface_of(cls, config: Mapping[str, Any]) -> Interface:
        """Return the faces this refiner reads and draws."""
        return Interface(resolution=config["resolution"])

    def forward(self, swapped: torch.Tensor, error: torch.Tensor) -> torch.Tensor:
        """Refine stage 1's result.

        Args:
            swapped: Y^_st, (B, 3, R, R) in [-1, 1].
            error: dY_t = X_t - Y^_tt, (B, 3, R, R) in [-2, 2].

        Returns:
            Y_st, (B, 3, R, R) in [-1, 1].
        """
        x = torch.cat([swapped, error], dim=1)  # (B, 6, R, R)
        skips = []
        for block in self.down:
            x = block(x)  # (B, C, S, S)
            skips.append(x)
        for block, skip in zip(self.up, reversed(skips[:-1]), strict=True):
            x = torch.cat([block(x), skip], dim=1)  # (B, 2C, S, S)
        x = self.to_rgb(F.interpolate(x, scale_factor=2, mode="bilinear", align_corners=False))  # (B, 3 or 4, R, R)
        if not self.config.residual:
            return torch.tanh(x)
        change = 2 * torch.tanh(x[:, :3])  # (B, 3, R, R)
        if self.config.error_gate:
            change = change + torch.sigmoid(x[:, 3:] - GATE_CLOSED) * error
        return (swapped + change).clamp(-1, 1)
