"""Convolutions of small maps as products of matrices give what the convolutions give."""

import pytest
import torch
from torch import nn

from faceshifter_hub.models.aad import AADGenerator
from faceshifter_hub.models.attribute_encoder import MultilevelAttributeEncoder
from faceshifter_hub.models.hear import HEARRefiner
from faceshifter_hub.runtimes import small_maps
from faceshifter_hub.runtimes.fused import fuse
from faceshifter_hub.runtimes.small_maps import LARGEST_SIDE, with_small_maps

CONVOLUTIONS = [
    nn.Conv2d(5, 7, 3, padding=1),
    nn.Conv2d(5, 7, 4, stride=2, padding=1, bias=False),
    nn.Conv2d(5, 7, 1),
    nn.ConvTranspose2d(5, 7, 4, stride=2, padding=1),
    nn.ConvTranspose2d(5, 7, 4, stride=2, padding=1, bias=False),
]


@pytest.fixture(autouse=True)
def few_are_many(monkeypatch):
    """Let the few weights of these count as many."""
    monkeypatch.setattr(small_maps, "FEWEST_WEIGHTS", 1)


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


def test_few_weights_are_convolved_as_they_are(monkeypatch):
    monkeypatch.undo()
    assert all(with_small_maps(conv) is conv for conv in CONVOLUTIONS)


@torch.no_grad()
def test_networks_of_many_weights_give_what_they_gave():
    torch.manual_seed(0)
    face, z_id = torch.rand(2, 3, 32, 32), torch.randn(2, 8)
    encoder, refiner = MultilevelAttributeEncoder(32, (4, 6, 8)).eval(), HEARRefiner(32, (4, 6, 8)).eval()
    generator = AADGenerator(
        32, identity_dim=8, attribute_channels=(8, 12, 8, 8), stem_channels=8, channels=(8, 8, 6, 3)
    ).eval()
    z_att = encoder(face)
    for network in (encoder, refiner, generator):
        assert any(isinstance(module, small_maps.SmallMapConv2d) for module in fuse(network).modules())
    torch.testing.assert_close(fuse(encoder)(face), z_att, atol=1e-4, rtol=1e-4)
    torch.testing.assert_close(fuse(refiner)(face, face), refiner(face, face), atol=1e-4, rtol=1e-4)
    fused = fuse(generator)
    drawn, _ = fused.generate(z_id, fused.modulate_attributes(z_att))
    torch.testing.assert_close(drawn, generator(z_id, z_att), atol=1e-4, rtol=1e-4)
