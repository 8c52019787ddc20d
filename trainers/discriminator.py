"""The multi-scale discriminator of L_adv, as in pix2pixHD (arXiv 1711.11585) and SPADE (arXiv 1903.07291)."""

from itertools import pairwise

import torch
import torch.nn.functional as F
from torch import nn


class PatchDiscriminator(nn.Module):
    """One scale: 4x4 convolutions of stride 2, each doubling the width, then a score a patch.

    Args:
        channels: width of the first layer; later ones double it, up to eightfold.
        layers: how many times the map is halved.
    """

    def __init__(self, channels: int, layers: int):
        super().__init__()
        widths = [min(channels * 2**k, channels * 8) for k in range(layers)]
        blocks: list[nn.Module] = [nn.Conv2d(3, widths[0], 4, stride=2, padding=1), nn.LeakyReLU(0.2)]
        for c_in, c_out in pairwise(widths):
            conv = nn.Conv2d(c_in, c_out, 4, stride=2, padding=1)
            blocks += [conv, nn.InstanceNorm2d(c_out), nn.LeakyReLU(0.2)]
        self.layers = nn.Sequential(*blocks, nn.Conv2d(widths[-1], 1, 3, padding=1))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Score (B, 3, H, W): (B, 1, H / 2^layers, W / 2^layers), above 0 for real."""
        return self.layers(x)


class MultiscaleDiscriminator(nn.Module):
    """The same discriminator, with weights of its own, on the image and on its halvings.

    Args:
        scales: how many; the paper uses three.
        channels: see `PatchDiscriminator`.
        layers: see `PatchDiscriminator`.
    """

    def __init__(self, scales: int = 3, channels: int = 64, layers: int = 3):
        super().__init__()
        self.scales = nn.ModuleList(PatchDiscriminator(channels, layers) for _ in range(scales))

    def forward(self, x: torch.Tensor) -> list[torch.Tensor]:
        """Score images (B, 3, H, W) in [-1, 1]: a map (B, 1, h, w) a scale, finest first."""
        scores = []
        for k, scale in enumerate(self.scales):
            if k:
                x = F.avg_pool2d(x, 3, stride=2, padding=1, count_include_pad=False)
            scores.append(scale(x))
        return scores
