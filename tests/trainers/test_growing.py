"""A network grown to twice its resolution draws what it drew, larger; half of it draws that again."""

import pytest
import torch
import torch.nn.functional as F

from faceshifter_hub.models.aad import AADGenerator
from faceshifter_hub.models.attribute_encoder import MultilevelAttributeEncoder
from trainers.growing import grow_encoder, grow_generator

DOWN, CHANNELS = (8, 8, 12), (8, 8, 8)


def networks(resolution, down, channels, normalization):
    torch.manual_seed(0)
    encoder = MultilevelAttributeEncoder(resolution, down, False, normalization).eval()
    attribute_channels = encoder.interface.attribute_space.channels
    generator = AADGenerator(
        resolution,
        identity_dim=16,
        attribute_channels=attribute_channels,
        stem_channels=8,
        channels=channels,
        output_upscale=2,
    )
    return encoder, generator.eval()


@pytest.mark.parametrize("normalization", ["batch", "instance"])
@torch.no_grad()
def test_a_grown_network_draws_what_the_smaller_one_drew(normalization):
    small = networks(32, DOWN, CHANNELS, normalization)
    grown = networks(64, (8, *DOWN), (*CHANNELS, 8), normalization)
    if normalization == "batch":
        for _ in range(50):  # statistics other than those at the start
            small[0].train()(0.5 * torch.randn(4, 3, 32, 32))
        small[0].eval()
    grow_encoder(grown[0], small[0])
    grow_generator(grown[1], small[1])
    x, z_id = F.interpolate(0.5 * torch.randn(2, 3, 32, 32), scale_factor=2), torch.randn(2, 16)  # (2, 3, 64, 64)
    z_small, z_grown = small[0](F.avg_pool2d(x, 2)), grown[0](x)
    if normalization == "batch":  # the other changes contrast, as it must, a little
        for expected, level in zip(z_small, z_grown, strict=False):
            assert torch.allclose(level, expected, atol=1e-3)
    drawn = F.avg_pool2d(grown[1](z_id, z_grown), 4)  # (2, 3, 16, 16), as the finest map of the smaller network
    expected = F.avg_pool2d(small[1](z_id, z_small), 2)
    assert (drawn - expected).std() < 0.5 * expected.std()
    assert torch.equal(grown[1].blocks["32"].conv2.weight, torch.zeros(8, 8, 3, 3))


@pytest.mark.parametrize("normalization", ["batch", "instance"])
@torch.no_grad()
def test_half_of_a_grown_network_is_what_it_grew_from(normalization):
    small, half = (networks(32, DOWN, CHANNELS, normalization) for _ in range(2))
    grown = networks(64, (8, *DOWN), (*CHANNELS, 8), normalization)
    for parameter in (*small[0].parameters(), *small[1].parameters()):
        parameter.add_(0.1 * torch.randn_like(parameter))  # other than a new one
    for grow, *three in zip((grow_encoder, grow_generator), small, grown, half, strict=True):
        grow(three[1], three[0])
        grow(three[2], three[1])
    x, z_id = 0.5 * torch.randn(2, 3, 32, 32), torch.randn(2, 16)
    for expected, level in zip(small[0](x), half[0](x), strict=True):
        torch.testing.assert_close(level, expected, atol=1e-4, rtol=0)
    torch.testing.assert_close(half[1](z_id, half[0](x)), small[1](z_id, small[0](x)), atol=1e-4, rtol=0)


def test_one_of_the_same_size_is_taken_over():
    small, again = networks(32, DOWN, CHANNELS, "batch"), networks(32, DOWN, CHANNELS, "batch")
    with torch.no_grad():
        for parameter in small[0].parameters():
            parameter.add_(1)
    grow_encoder(again[0], small[0])
    assert all(torch.equal(a, b) for a, b in zip(small[0].parameters(), again[0].parameters(), strict=True))
