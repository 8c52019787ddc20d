"""FID's Inception: the network in whose features the Frechet Inception distance is defined.

Weights: TensorFlow's Inception v3 of 2015-12-05, ported by pytorch-fid, both Apache-2.0.
Source: Szegedy et al., Rethinking the Inception Architecture, arXiv 1512.00567; Heusel et al., arXiv 1706.08500 (FID);
https://github.com/mseitzer/pytorch-fid.

Other Inceptions give other distances: in this one average pooling leaves the padding out of its count, and the last
block pools by the maximum, where the paper averages.
"""

import io
from functools import partial
from pathlib import Path
from typing import Literal, Self

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from faceshifter_hub.packaged.networks import find_by_hand, get_network, read_verified
from faceshifter_hub.settings import get_settings

NAME = "fid-inception"
SIZE = 299
FEATURES = 2048
STEM = ("Conv2d_1a_3x3", "Conv2d_2a_3x3", "Conv2d_2b_3x3", "Conv2d_3b_1x1", "Conv2d_4a_3x3")  # as the port names them
BRANCHES = {  # as the port names them, in the order of `FIDInception.modules`: blocks -> convolutions of each
    "5b 5c 5d": "1x1 5x5_1 5x5_2 3x3dbl_1 3x3dbl_2 3x3dbl_3 _pool",
    "6a": "3x3 3x3dbl_1 3x3dbl_2 3x3dbl_3",
    "6b 6c 6d 6e": "1x1 7x7_1 7x7_2 7x7_3 7x7dbl_1 7x7dbl_2 7x7dbl_3 7x7dbl_4 7x7dbl_5 _pool",
    "7a": "3x3_1 3x3_2 7x7x3_1 7x7x3_2 7x7x3_3 7x7x3_4",
    "7b 7c": "1x1 3x3_1 3x3_2a 3x3_2b 3x3dbl_1 3x3dbl_2 3x3dbl_3a 3x3dbl_3b _pool",
}
PARAMETERS = ("conv.weight", "bn.weight", "bn.bias", "bn.running_mean", "bn.running_var")  # of a convolution

Kernel = int | tuple[int, int]

average_pool = partial(nn.AvgPool2d, 3, stride=1, padding=1, count_include_pad=False)
max_pool = partial(nn.MaxPool2d, 3, stride=1, padding=1)
halving_pool = partial(nn.MaxPool2d, 3, stride=2)


def find_inception() -> Path | None:
    """Return the folder where a user has put the network's file, `<FACESHIFTER_CACHE>/fid-inception`, if there is."""
    return find_by_hand(get_network(NAME), get_settings().cache.expanduser())


def port_names() -> list[str]:
    """Return what the port calls the 94 convolutions, in the order of `FIDInception.modules`."""
    return [*STEM] + [
        f"Mixed_{block}.branch{branch}"
        for blocks, branches in BRANCHES.items()
        for block in blocks.split()
        for branch in branches.split()
    ]


class Convolution(nn.Module):
    """Convolution without bias, batch normalisation, ReLU."""

    def __init__(
        self,
        in_channels: int,
        channels: int,
        kernel: Kernel,
        stride: int = 1,
        padding: Literal["same", "valid"] = "same",
    ) -> None:
        super().__init__()
        self.conv = nn.Conv2d(in_channels, channels, kernel, stride, padding, bias=False)
        self.bn = nn.BatchNorm2d(channels, eps=1e-3)

    def forward(self, x: Tensor) -> Tensor:  # (B, C, H, W)
        return self.bn(self.conv(x)).relu()


class Branches(nn.ModuleList):
    """What several modules make of one map, channels behind one another."""

    def forward(self, x: Tensor) -> Tensor:  # (B, C, H, W)
        return torch.cat([branch(x) for branch in self], 1)


halving = partial(Convolution, kernel=3, stride=2, padding="valid")


def chain(width: int, *steps: tuple[int, Kernel]) -> nn.Sequential:
    """Return convolutions, of (channels, kernel) each, that keep the map's size."""
    widths = (width, *(channels for channels, _ in steps))
    return nn.Sequential(*(Convolution(width, *step) for width, step in zip(widths, steps, strict=False)))


def block_a(width: int, pooled: int) -> Branches:
    return Branches(
        (
            chain(width, (64, 1)),
            chain(width, (48, 1), (64, 5)),
            chain(width, (64, 1), (96, 3), (96, 3)),
            nn.Sequential(average_pool(), Convolution(width, pooled, 1)),
        )
    )


def block_b(width: int) -> Branches:
    return Branches(
        (halving(width, 384), nn.Sequential(chain(width, (64, 1), (96, 3)), halving(96, 96)), halving_pool())
    )


def block_c(width: int, narrow: int) -> Branches:
    wide, tall = (narrow, (1, 7)), (narrow, (7, 1))
    return Branches(
        (
            chain(width, (192, 1)),
            chain(width, (narrow, 1), wide, (192, (7, 1))),
            chain(width, (narrow, 1), tall, wide, tall, (192, (1, 7))),
            nn.Sequential(average_pool(), Convolution(width, 192, 1)),
        )
    )


def block_d(width: int) -> Branches:
    return Branches(
        (
            nn.Sequential(chain(width, (192, 1)), halving(192, 320)),
            nn.Sequential(chain(width, (192, 1), (192, (1, 7)), (192, (7, 1))), halving(192, 192)),
            halving_pool(),
        )
    )


def block_e(width: int, pool: nn.Module) -> Branches:
    def fork() -> Branches:
        return Branches((Convolution(384, 384, (1, 3)), Convolution(384, 384, (3, 1))))

    return Branches(
        (
            chain(width, (320, 1)),
            nn.Sequential(chain(width, (384, 1)), fork()),
            nn.Sequential(chain(width, (448, 1), (384, 3)), fork()),
            nn.Sequential(pool, Convolution(width, 192, 1)),
        )
    )


class FIDInception(nn.Module):
    """Pictures to 2048 numbers each, the mean of the last map (`pool3`).

    Built with random weights; `from_folder` gives the trained network.
    """

    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            Convolution(3, 32, 3, stride=2, padding="valid"),
            Convolution(32, 32, 3, padding="valid"),
            Convolution(32, 64, 3),
            halving_pool(),
            Convolution(64, 80, 1),
            Convolution(80, 192, 3, padding="valid"),
            halving_pool(),
            block_a(192, pooled=32),
            block_a(256, pooled=64),
            block_a(288, pooled=64),
            block_b(288),
            block_c(768, narrow=128),
            block_c(768, narrow=160),
            block_c(768, narrow=160),
            block_c(768, narrow=192),
            block_d(768),
            block_e(1280, average_pool()),
            block_e(FEATURES, max_pool()),
        )
        self.requires_grad_(False).eval()

    @classmethod
    def from_folder(cls, folder: Path | str) -> Self:
        """Read the trained network from a folder that holds the port's file.

        Raises:
            CheckpointError: The file is missing or damaged.
        """
        (content,) = read_verified(get_network(NAME), Path(folder)).values()
        # The port is published as a pickle alone. Only the pinned bytes come this far, and this unpickler, which knows
        # tensors and containers, calls nothing else that a pickle may name.
        weights = torch.load(io.BytesIO(content), map_location="cpu", weights_only=True)
        network = cls()
        layers = (module for module in network.modules() if isinstance(module, Convolution))
        for layer, name in zip(layers, port_names(), strict=True):
            layer.load_state_dict({parameter: weights[f"{name}.{parameter}"] for parameter in PARAMETERS})
        return network

    def forward(self, pictures: Tensor) -> Tensor:
        """Return the features (B, 2048), none below 0, of pictures (B, 3, H, W) in [-1, 1], RGB."""
        x = F.interpolate(pictures, (SIZE, SIZE), mode="bilinear")
        return self.layers(x).mean((2, 3))  # (B, 2048, 8, 8) -> (B, 2048)
