"""The fused form of a network gives what the readable one gives."""

import pytest
import torch
from torch import nn

from faceshifter_hub.models.aad import AADGenerator
from faceshifter_hub.models.attribute_encoder import MultilevelAttributeEncoder
from faceshifter_hub.models.face_parser import FaceParser
from faceshifter_hub.models.hear import HEARRefiner
from faceshifter_hub.runtimes.fused import fuse


def as_if_trained(network):
    """Give batch normalisations statistics and affines as no new network has them."""
    torch.manual_seed(1)
    for norm in network.modules():
        if isinstance(norm, nn.BatchNorm2d):
            for numbers in (norm.running_mean, norm.weight, norm.bias):
                if numbers is not None:
                    nn.init.normal_(numbers)
            nn.init.uniform_(norm.running_var, 0.5, 2)
    return network.eval()


@pytest.mark.parametrize("integration", ["aad", "add", "cat", "spade", "adain"])
@pytest.mark.parametrize("normalization", ["instance", "batch"])
@pytest.mark.parametrize("aad", [{}, {"channelwise_mask": True, "attribute_kernel": 3, "attribute_levels": 1}])
@torch.no_grad()
def test_generator(integration, normalization, aad):
    torch.manual_seed(0)
    generator = AADGenerator(
        resolution=16,
        identity_dim=8,
        attribute_channels=(6, 12, 6),
        stem_channels=8,
        channels=(8, 8, 3),
        integration=integration,
        normalization=normalization,
        **aad,
    )
    as_if_trained(generator)
    z_id, z_att = torch.randn(4, 8), [torch.randn(2, c, s, s) for c, s in ((6, 4), (12, 8), (6, 16))]
    fused = fuse(generator)
    faces, masks = fused.generate(z_id, fused.modulate_attributes(z_att))
    expected, of_masks = generator.generate(z_id, generator.modulate_attributes(z_att))
    torch.testing.assert_close(faces, expected)
    torch.testing.assert_close(masks, of_masks)


@pytest.mark.parametrize(
    ("network", "inputs"),
    [
        (MultilevelAttributeEncoder(32, (4, 6, 8)), 1),
        (MultilevelAttributeEncoder(32, (4, 6, 8), normalization="instance", face_cells=4), 1),
        (HEARRefiner(32, (4, 6, 8)), 2),
        (FaceParser(32, (4, 6), 4), 1),
    ],
)
@torch.no_grad()
def test_network_with_batch_normalisations(network, inputs):
    as_if_trained(network)
    faces = [torch.rand(2, 3, 32, 32) * 2 - 1 for _ in range(inputs)]
    fused = fuse(network)
    torch.testing.assert_close(fused(*faces), network(*faces), atol=1e-4, rtol=1e-4)
    assert not any(isinstance(module, nn.BatchNorm2d) for module in fused.modules())


def test_what_is_not_folded_is_shared_and_the_network_stays_as_it_was():
    network = as_if_trained(HEARRefiner(32, (4, 6)))
    before = {name: tensor.clone() for name, tensor in network.state_dict().items()}
    fused = fuse(network)
    assert fused.to_rgb.weight is network.to_rgb.weight
    torch.testing.assert_close(dict(network.state_dict()), before, rtol=0, atol=0)
