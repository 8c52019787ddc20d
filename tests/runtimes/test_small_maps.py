"""Convolutions of small maps as products of matrices give what the convolutions give."""

import pytest
import torch
from torch import nn

from faceshifter_hub.runtimes.small_maps import LARGEST_SIDE, with_small_maps

CONVOLUTIONS = [
    nn.Conv2d(5, 7, 3, padding=1),
    nn.Conv2d(5, 7, 4, stride=2, padding=1, bias=False),
    nn.Conv2d(5, 7, 1),
    nn.ConvTranspose2d(5, 7, 4, stride=2, padding=1),
    nn.ConvTranspose2d(5, 7, 4, stride=2, padding=1, bias=False),
]


@pytest.mark.parametrize("conv", CONVOLUTIONS, ids=str)
@pytest.mark.parametrize(("height", "width"), [(2, 2), (4, 6), (8, 8), (10, 4)])
@torch.no_grad()
def test_equal(conv, height, width):
    x = torch.randn(3, 5, height, width)
    torch.testing.assert_close(with_small_maps(conv)(x), conv(x))


def test_parameters_are_shared_and_large_maps_are_convolved():
    conv, seen = nn.Conv2d(5, 7, 3, padding=1), []
    conv.register_forward_hook(lambda *_: seen.append(True))
    standing_in = with_small_maps(conv)
    assert list(standing_in.parameters()) == list(conv.parameters())
    standing_in(torch.randn(1, 5, LARGEST_SIDE, LARGEST_SIDE))
    assert not seen
    standing_in(torch.randn(1, 5, LARGEST_SIDE, LARGEST_SIDE + 1))
    assert seen
