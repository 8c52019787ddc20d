"""A trained network as the beginning of another: of the same size, of twice the resolution, or of half.

Modules are named by the size of their map, so a larger network takes over the coarse levels. Its new, finest level
begins as one that changes nothing: the encoder hands the picture on at half its size, the generator's block adds
nothing to what came from below. So the grown network draws what the smaller one drew, larger, from its first step.
Half of a grown network is what it grew from, as far as its finest level still hands the picture on.
"""

from collections.abc import Mapping
from typing import Any

import torch
from torch import nn

from faceshifter_hub.models.aad import AADGenerator
from faceshifter_hub.models.attribute_encoder import MultilevelAttributeEncoder

SPREAD = 0.5  # standard deviation of what enters the encoder, about


def adopt(network: nn.Module, small: nn.Module) -> None:
    """Take every tensor of `small` that has the same name and shape in `network`."""
    own = network.state_dict()
    network.load_state_dict(
        own | {k: v for k, v in small.state_dict().items() if k in own and v.shape == own[k].shape}
    )


@torch.no_grad()
def grow_encoder(network: MultilevelAttributeEncoder, small: MultilevelAttributeEncoder) -> None:
    """Begin as `small`; at twice its resolution, the new first step halves the picture and hands it on.

    Six channels of that step, if it has as many, carry the three colours and their negatives: of a value and its
    negative, LeakyReLU keeps what their difference gives back. A network of half the resolution reads the colours
    themselves, with what the other's second step makes of those six.
    """
    adopt(network, small)
    size = next(iter(small.down))
    if 2 * network.config.resolution == small.config.resolution and small.config.down_channels[0] >= 6:
        half = str(int(size) // 2)
        reads: Any = small.down[half]
        positive, negative = reads[0].weight[:, :3], reads[0].weight[:, 3:6]  # (C, 3, 4, 4)
        first: Any = network.down[half]
        if first[0].weight.shape == positive.shape:
            first[0].weight.copy_((positive - negative) / 2 * (1 + reads[2].negative_slope))
        return
    if network.config.resolution != 2 * small.config.resolution or network.config.down_channels[0] < 6:
        return
    halve: Any = network.down[str(2 * int(size))]  # convolution, normalisation, LeakyReLU
    read: Any = network.down[size]
    colours: Any = small.down[size]
    conv, norm, leaky = halve
    carried = torch.zeros(6, 3, 4, 4)
    for colour in range(3):
        carried[colour, colour, 1:3, 1:3] = 0.25  # the mean of the 2x2 pixels in the middle
        carried[colour + 3, colour, 1:3, 1:3] = -0.25
    conv.weight[:6] = carried
    norm.weight[:6], norm.bias[:6] = SPREAD, 0
    if norm.running_var is not None:  # of batch normalisation
        norm.running_var[:6] = SPREAD**2
    kept = colours[0].weight / (1 + leaky.negative_slope)  # (C, 3, 4, 4)
    read[0].weight.zero_()
    read[0].weight[:, :6] = torch.cat([kept, -kept], dim=1)
    for own, given in zip(read[1].state_dict().values(), colours[1].state_dict().values(), strict=True):
        own.copy_(given)


@torch.no_grad()
def grow_generator(network: AADGenerator, small: AADGenerator) -> None:
    """Begin as `small`; a new block that keeps the width adds nothing at first."""
    adopt(network, small)
    blocks: Mapping[str, Any] = dict(network.blocks.items())
    for size in blocks.keys() - small.blocks.keys():
        blocks[size].conv2.weight.zero_()
        blocks[size].conv2.bias.zero_()
