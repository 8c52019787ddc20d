"""AAD against a plain transcription of the paper's equations, its limits, its gradients, its configurations."""

import pytest
import torch

from faceshifter_hub.errors import CheckpointError
from faceshifter_hub.models.aad import AADGenerator, AADLayer, AADResBlock
from faceshifter_hub.models.attribute_encoder import MultilevelAttributeEncoder

INTEGRATIONS = ["aad", "add", "cat", "spade", "adain"]


def tiny_generator(**config) -> AADGenerator:
    defaults = dict(
        resolution=64, identity_dim=8, attribute_channels=(6, 12, 6), stem_channels=16, channels=(12, 8, 8)
    )
    return AADGenerator(**(defaults | dict(output_upscale=4) | config))


def tiny_attributes(batch: int = 2) -> list[torch.Tensor]:
    return [torch.randn(batch, c, s, s) for c, s in ((6, 4), (12, 8), (6, 16))]


def transcription(layer: AADLayer, h: torch.Tensor, z_id: torch.Tensor, z_att: torch.Tensor) -> torch.Tensor:
    """Equations 2 to 5, element by element, sample by sample."""
    out = torch.empty_like(h)
    for n in range(h.shape[0]):
        mu = h[n].mean(dim=(1, 2), keepdim=True)
        sigma = (((h[n] - mu) ** 2).mean(dim=(1, 2), keepdim=True) + 1e-5).sqrt()
        h_bar = (h[n] - mu) / sigma
        channels = h.shape[1]
        modulation = layer.attribute_modulation(z_att[n : n + 1])[0]
        gamma_att, beta_att = modulation[:channels], modulation[channels:]
        modulation = layer.identity_modulation(z_id[n])
        gamma_id, beta_id = modulation[:channels], modulation[channels:]
        a = gamma_att * h_bar + beta_att
        i = gamma_id[:, None, None] * h_bar + beta_id[:, None, None]
        m = 1 / (1 + torch.exp(-layer.mask(h_bar[None])[0]))
        out[n] = (1 - m) * a + m * i
    return out


@pytest.mark.parametrize("channelwise_mask", [False, True])
@pytest.mark.parametrize("attribute_kernel", [1, 3])
def test_layer_is_the_papers_equations(channelwise_mask, attribute_kernel):
    torch.manual_seed(0)
    layer = AADLayer(5, 7, 4, channelwise_mask=channelwise_mask, attribute_kernel=attribute_kernel).double()
    h, z_id, z_att = (torch.randn(*s, dtype=torch.float64) for s in ((3, 5, 6, 6), (3, 4), (3, 7, 6, 6)))
    out, mask = layer(h, z_id, layer.modulate_attributes(z_att))
    torch.testing.assert_close(out, transcription(layer, h, z_id, z_att))
    assert mask.shape == (3, 5 if channelwise_mask else 1, 6, 6)


@pytest.mark.parametrize(("bias", "ancestor"), [(-1e4, "spade"), (1e4, "adain")])
def test_mask_held_at_0_is_spade_and_at_1_is_adain(bias, ancestor):
    torch.manual_seed(0)
    aad, limit = AADLayer(5, 7, 4), AADLayer(5, 7, 4, integration=ancestor)
    limit.load_state_dict({k: v for k, v in aad.state_dict().items() if k in limit.state_dict()})
    with torch.no_grad():
        aad.mask.weight.zero_()
        aad.mask.bias.fill_(bias)
    h, z_id, z_att = torch.randn(2, 5, 6, 6), torch.randn(2, 4), torch.randn(2, 7, 6, 6)
    expected, _ = limit(h, z_id, limit.modulate_attributes(z_att))
    torch.testing.assert_close(aad(h, z_id, aad.modulate_attributes(z_att))[0], expected)


def test_add_is_the_mask_held_at_one_half():
    torch.manual_seed(0)
    aad, add = AADLayer(5, 7, 4), AADLayer(5, 7, 4, integration="add")
    add.load_state_dict({k: v for k, v in aad.state_dict().items() if k in add.state_dict()})
    with torch.no_grad():
        aad.mask.weight.zero_()
        aad.mask.bias.zero_()
    h, z_id, z_att = torch.randn(2, 5, 6, 6), torch.randn(2, 4), torch.randn(2, 7, 6, 6)
    expected, _ = add(h, z_id, add.modulate_attributes(z_att))
    torch.testing.assert_close(aad(h, z_id, aad.modulate_attributes(z_att))[0], expected)


@pytest.mark.parametrize("integration", INTEGRATIONS)
def test_gradcheck(integration):
    torch.manual_seed(0)
    layer = AADLayer(2, 3, 2, integration=integration).double()
    inputs = [torch.randn(*s, dtype=torch.float64, requires_grad=True) for s in ((1, 2, 3, 3), (1, 2), (1, 3, 3, 3))]
    assert torch.autograd.gradcheck(lambda h, i, a: layer(h, i, layer.modulate_attributes(a))[0], inputs)


@pytest.mark.parametrize("integration", INTEGRATIONS)
@pytest.mark.parametrize("normalization", ["instance", "batch"])
def test_every_parameter_receives_gradient(integration, normalization):
    torch.manual_seed(0)
    generator = tiny_generator(integration=integration, normalization=normalization)
    generator(torch.randn(2, 8), tiny_attributes()).square().mean().backward()
    dead = [name for name, p in generator.named_parameters() if p.grad is None or not p.grad.abs().sum() > 0]
    # h is normalised, so what is constant over the map before a norm cannot matter: only biases may be dead
    assert all(name.endswith("bias") and ("conv" in name or "lift" in name) for name in dead), dead


def test_the_learned_skip_exists_only_where_channels_change():
    assert AADResBlock(8, 8, 4, 4).learned_skip is False
    assert len(AADResBlock(8, 4, 4, 4).aad_layers()) == 3


def test_identities_share_the_modulations_of_their_target():
    torch.manual_seed(0)
    generator = tiny_generator().eval()
    z_id, z_att = torch.randn(4, 8), tiny_attributes(2)
    both, masks = generator.generate(z_id, generator.modulate_attributes(z_att))
    apart = generator(z_id, [z.repeat_interleave(2, dim=0) for z in z_att])
    torch.testing.assert_close(both, apart)
    assert [tuple(m.shape) for m in masks] == [(4, 1, 4, 4), (4, 1, 8, 8), (4, 1, 16, 16)]


def test_gradient_checkpointing_changes_no_gradient():
    torch.manual_seed(0)
    generator = tiny_generator()
    z_id, z_att = torch.randn(2, 8), tiny_attributes()
    gradients = []
    for _ in range(2):
        generator.zero_grad()
        generator(z_id, z_att).square().sum().backward()
        gradients.append([p.grad.clone() for p in generator.parameters()])
        generator.enable_gradient_checkpointing()
    assert generator.is_gradient_checkpointing
    assert all(torch.equal(a, b) for a, b in zip(*gradients, strict=True))


def test_fewer_attribute_levels_leave_finer_blocks_to_identity_alone():
    generator = tiny_generator(attribute_levels=1).eval()
    z_id, z_att = torch.randn(2, 8), tiny_attributes()
    changed = [z_att[0], torch.randn_like(z_att[1]), torch.randn_like(z_att[2])]
    torch.testing.assert_close(generator(z_id, z_att), generator(z_id, changed))
    assert not torch.allclose(generator(z_id, z_att), generator(z_id, [torch.randn_like(z_att[0]), *z_att[1:]]))


def test_output_is_in_range_and_batch_independent():
    torch.manual_seed(0)
    generator = tiny_generator().eval()
    z_id, z_att = torch.randn(2, 8), tiny_attributes()
    out = generator(z_id, z_att)
    assert out.shape == (2, 3, 64, 64) and out.abs().max() <= 1
    torch.testing.assert_close(generator(z_id[:1], [z[:1] for z in z_att]), out[:1])


@pytest.mark.parametrize(
    ("config", "words"),
    [
        ({"attribute_channels": (6, 12)}, "one a block"),
        ({"resolution": 65}, "do not fit"),
        ({"output_upscale": 1, "resolution": 16}, "3 channels"),
    ],
)
def test_contradicting_widths_are_refused(config, words):
    with pytest.raises(ValueError, match=words):
        tiny_generator(**config)


def test_paper_widths():
    """The 1x1, one-channel form of the paper's generator has 117 M parameters, as taotaonice's has."""
    with torch.device("meta"):
        generator, encoder = AADGenerator(), MultilevelAttributeEncoder()
    assert round(sum(p.numel() for p in generator.parameters()) / 1e6) == 117
    assert round(sum(p.numel() for p in encoder.parameters()) / 1e6) == 67
    assert encoder.interface.attribute_space == generator.interface.attribute_space


def test_saves_and_loads_the_same_function(tmp_path):
    generator = tiny_generator().eval()
    generator.save_pretrained(tmp_path / "g")
    again = AADGenerator.from_pretrained(tmp_path / "g")
    z_id, z_att = torch.randn(2, 8), tiny_attributes()
    assert torch.equal(generator(z_id, z_att), again(z_id, z_att))
    assert not again.training


def test_refuses_the_checkpoint_of_another_class(tmp_path):
    tiny_generator().save_pretrained(tmp_path / "g")
    with pytest.raises(CheckpointError, match=r"AADGenerator.*MultilevelAttributeEncoder"):
        MultilevelAttributeEncoder.from_pretrained(tmp_path / "g")


def test_refuses_a_corrupted_checkpoint(tmp_path):
    tiny_generator().save_pretrained(tmp_path / "g")
    (weights,) = (tmp_path / "g").glob("*.safetensors")
    weights.write_bytes(weights.read_bytes()[:-100])
    with pytest.raises(CheckpointError):
        AADGenerator.from_pretrained(tmp_path / "g")
