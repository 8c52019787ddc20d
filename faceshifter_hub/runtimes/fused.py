"""Networks as inference runs them: derived from those that training runs, equal to them, with less to do.

Batch normalisations are folded into the convolutions before them. In a generator, the AAD layers of a block have their
attribute convolutions as one and their identity layers as one, what two of them normalise over each picture is
normalised once, and where a skip has a convolution, it and the block's last, which are added up, are one. Convolutions
of small maps are products of matrices.
"""

import copy
from collections.abc import Sequence
from typing import TypeVar

import torch
import torch.nn.functional as F
from torch import nn
from torch.nn.utils.fusion import fuse_conv_bn_weights

from faceshifter_hub.models.aad import AADGenerator, AADResBlock, Modulation
from faceshifter_hub.models.attribute_encoder import MultilevelAttributeEncoder
from faceshifter_hub.models.hear import HEARRefiner
from faceshifter_hub.runtimes.small_maps import with_small_maps

Network = TypeVar("Network", bound=nn.Module)


def fuse(network: Network) -> Network:
    """Return a copy of a network in eval mode, of the same methods and results, that has less to do.

    Parameters that stay as they are belong to both.
    """
    shared = {id(parameter): parameter for parameter in network.parameters()}
    fused = copy.deepcopy(network, shared)
    for block in fused.modules():
        if isinstance(block, nn.Sequential):
            _fold_batch_norm(block)
    if isinstance(fused, AADGenerator):
        for size, block in fused.blocks.items():
            assert isinstance(block, AADResBlock)
            fused.blocks[size] = FusedAADResBlock(block)
    if isinstance(fused, MultilevelAttributeEncoder | HEARRefiner):
        for block in fused.modules():
            if isinstance(block, nn.Sequential):
                block[0] = with_small_maps(block[0])
    return fused.eval()


def _fold_batch_norm(block: nn.Sequential) -> None:
    """Fold the batch normalisation that is second in a block into the convolution that is first, if so they are."""
    if len(block) < 2 or not isinstance(block[1], nn.BatchNorm2d):
        return
    conv, norm = block[0], block[1]
    assert isinstance(conv, nn.Conv2d | nn.ConvTranspose2d)
    assert norm.running_mean is not None and norm.running_var is not None
    conv.weight, conv.bias = fuse_conv_bn_weights(
        conv.weight,
        conv.bias,
        norm.running_mean,
        norm.running_var,
        norm.eps,
        norm.weight,
        norm.bias,
        transpose=isinstance(conv, nn.ConvTranspose2d),
    )
    block[1] = nn.Identity()


class FusedAADResBlock(nn.Module):
    """An `AADResBlock` whose AAD layers take their modulations from one convolution and one linear layer.

    Args:
        block: That it is equal to, and shares its other parameters with.
    """

    def __init__(self, block: AADResBlock):
        super().__init__()
        self.aad1, self.aad2, last = block.aad1, block.aad2, block.conv2
        self.learned_skip = block.learned_skip
        if block.learned_skip:
            self.aad_skip, last = block.aad_skip, _added_up(block.conv2, block.conv_skip)
        self.conv1, self.conv2 = with_small_maps(block.conv1), with_small_maps(last)
        self.norm1, self.norm2 = block.aad1.norm, block.aad2.norm
        layers = block.aad_layers()
        self.widths = [conv.in_channels for conv in block.convolutions() for _ in ("gamma", "beta")]
        self.attribute_modulation = _concatenated([getattr(layer, "attribute_modulation", None) for layer in layers])
        self.identity_modulation = _concatenated([getattr(layer, "identity_modulation", None) for layer in layers])

    def modulate_attributes(self, z_att: torch.Tensor) -> list[torch.Tensor | None]:
        """Turn z_att (B, C_att, H, W) into gamma and beta of each AAD layer in turn, (B, C, H, W) each."""
        return self._modulate(self.attribute_modulation, z_att)

    def _modulate(self, layer: nn.Module | None, z: torch.Tensor) -> list[torch.Tensor | None]:
        return [None] * len(self.widths) if layer is None else list(layer(z).split(self.widths, dim=1))

    def forward(
        self, h: torch.Tensor, z_id: torch.Tensor, attributes: Sequence[torch.Tensor | None], modulated: bool
    ) -> tuple[torch.Tensor, list[torch.Tensor | None]]:
        """Return what `AADResBlock` does of the same h and z_id, and of what this `modulate_attributes` gave."""
        assert modulated, "a fused block takes what its own modulate_attributes gave"
        of_attributes, of_identity = _pairs(attributes), _pairs(self._modulate(self.identity_modulation, z_id))
        h_bar = self.norm1(h)  # (B r, C_in, H, W)
        y, m1 = self.aad1.integrate(h_bar, of_identity[0], of_attributes[0])
        y = self.norm2(self.conv1(F.relu(y)))
        y, m2 = self.aad2.integrate(y, of_identity[1], of_attributes[1])  # (B r, C_in or C_out, H, W)
        if not self.learned_skip:
            return h + self.conv2(F.relu(y)), [m1, m2]
        if isinstance(self.aad_skip.norm, nn.BatchNorm2d):  # which has statistics of its own
            h_bar = self.aad_skip.norm(h)
        s, m3 = self.aad_skip.integrate(h_bar, of_identity[2], of_attributes[2])  # (B r, C_in, H, W)
        return self.conv2(F.relu(torch.cat([y, s], dim=1))), [m1, m2, m3]


def _pairs(maps: Sequence[torch.Tensor | None]) -> list[Modulation | None]:
    return [
        None if gamma is None or beta is None else (gamma, beta)
        for gamma, beta in zip(maps[0::2], maps[1::2], strict=True)
    ]


def _added_up(first: nn.Conv2d, second: nn.Conv2d) -> nn.Conv2d:
    """Return one convolution of the inputs of two, one after the other, that gives the sum of their outputs."""
    assert first.bias is not None and second.bias is not None
    one = copy.copy(first)
    one.in_channels = first.in_channels + second.in_channels
    one._parameters = {
        "weight": nn.Parameter(torch.cat([first.weight.detach(), second.weight.detach()], dim=1), requires_grad=False),
        "bias": nn.Parameter(first.bias.detach() + second.bias.detach(), requires_grad=False),
    }
    return one


Layer = TypeVar("Layer", nn.Conv2d, nn.Linear)


def _concatenated(layers: Sequence[Layer | None]) -> Layer | None:
    """Return one layer whose outputs are those of several of the same input, one after the other; None of none."""
    present = [layer for layer in layers if layer is not None]
    if not present:
        return None
    one = copy.copy(present[0])
    one._parameters = {
        name: nn.Parameter(torch.cat([layer.get_parameter(name).detach() for layer in present]), requires_grad=False)
        for name in ("weight", "bias")
    }
    return one
