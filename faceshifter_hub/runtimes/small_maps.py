"""Convolutions of small maps as products of matrices, which are up to ten times as fast there.

Of 1024 channels and 4x4 pixels there are far more weights to read than pixels, and oneDNN is made for the opposite.
"""

import torch
import torch.nn.functional as F
from torch import nn

LARGEST_SIDE = 8  # pixels of a map, before a convolution, that are still few
FEWEST_WEIGHTS = 2**21  # of a convolution: with fewer, its own kernels are as fast or faster


class SmallMapConv2d(nn.Module):
    """A convolution of any stride that is a product of matrices where its map is small.

    Args:
        conv: That it is equal to, and shares its parameters with; without groups and dilation.
    """

    def __init__(self, conv: nn.Conv2d):
        super().__init__()
        self.conv = conv

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Convolve maps (B, C_in, H, W)."""
        conv = self.conv
        if max(x.shape[2:]) > LARGEST_SIDE:
            return conv(x)
        (k, _), (stride, _), padding = conv.kernel_size, conv.stride, int(conv.padding[0])
        height, width = ((side + 2 * padding - k) // stride + 1 for side in x.shape[2:])
        columns = F.unfold(x, k, padding=padding, stride=stride).mT  # (B, H W, C_in k k)
        # of two axes: Inductor's product of three is the slow one
        y = F.linear(columns.flatten(0, 1), conv.weight.flatten(1), conv.bias)  # (B H W, C_out)
        return y.unflatten(0, (-1, height, width)).permute(0, 3, 1, 2)  # (B, C_out, H, W)


class SmallMapConvTranspose2d(nn.Module):
    """The same of a transposed convolution."""

    def __init__(self, conv: nn.ConvTranspose2d):
        super().__init__()
        self.conv = conv

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Convolve maps (B, C_in, H, W)."""
        conv = self.conv
        if max(x.shape[2:]) > LARGEST_SIDE:
            return conv(x)
        (k, _), (stride, _), padding = conv.kernel_size, conv.stride, int(conv.padding[0])
        height, width = ((side - 1) * stride - 2 * padding + k for side in x.shape[2:])
        columns = F.linear(x.permute(0, 2, 3, 1).flatten(0, 2), conv.weight.flatten(1).mT)  # (B H W, C_out k k)
        columns = columns.float().unflatten(0, (-1, x[0, 0].numel()))  # (B, H W, C_out k k)
        y = F.fold(columns.mT, (height, width), k, padding=padding, stride=stride)  # (B, C_out, 2 H, 2 W)
        return y if conv.bias is None else y + conv.bias[:, None, None]


def with_small_maps(conv: nn.Module) -> nn.Module:
    """Return what stands in for a layer: one of the two for a convolution of many weights, itself else."""
    if sum(parameter.numel() for parameter in conv.parameters()) < FEWEST_WEIGHTS:
        return conv
    if isinstance(conv, nn.Conv2d):
        return SmallMapConv2d(conv)
    if isinstance(conv, nn.ConvTranspose2d):
        return SmallMapConvTranspose2d(conv)
    return conv
