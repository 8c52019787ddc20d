import pytest
import torch

from faceshifter_hub.models.attribute_encoder import MultilevelAttributeEncoder


def test_the_papers_levels():
    """Channels and sizes of the eight levels for 256x256, as the paper's supplement lists them."""
    encoder = MultilevelAttributeEncoder().eval()
    with torch.no_grad():
        z_att = encoder(torch.zeros(1, 3, 256, 256))
    channels = (1024, 2048, 1024, 512, 256, 128, 64, 64)
    sizes = (2, 4, 8, 16, 32, 64, 128, 256)
    assert [tuple(z.shape[1:]) for z in z_att] == [(c, s, s) for c, s in zip(channels, sizes, strict=True)]
    assert encoder.interface.attribute_space.channels == channels


@pytest.mark.parametrize("resolution", [64, 128, 512])
@pytest.mark.parametrize("full", [True, False])
def test_the_interface_tells_the_maps(resolution, full):
    encoder = MultilevelAttributeEncoder(resolution, (4, 6, 8), full, "instance").eval()
    with torch.no_grad():
        z_att = encoder(torch.zeros(1, 3, resolution, resolution))
    assert tuple(z.shape[1] for z in z_att) == encoder.interface.attribute_space.channels
    assert z_att[-1].shape[-1] == (resolution if full else resolution // 2)


def test_every_parameter_receives_gradient():
    encoder = MultilevelAttributeEncoder(32, (4, 6, 8))
    sum(z.square().mean() for z in encoder(torch.randn(2, 3, 32, 32))).backward()
    assert all(p.grad.abs().sum() > 0 for p in encoder.parameters())


def test_too_many_levels_are_refused():
    with pytest.raises(ValueError, match="do not fit"):
        MultilevelAttributeEncoder(32, (4,) * 5)


def test_saves_and_loads_the_same_function(tmp_path):
    encoder = MultilevelAttributeEncoder(32, (4, 6, 8)).eval()
    encoder.save_pretrained(tmp_path)
    again = MultilevelAttributeEncoder.from_pretrained(tmp_path)
    x = torch.randn(1, 3, 32, 32)
    assert all(torch.equal(a, b) for a, b in zip(encoder(x), again(x), strict=True))


def test_with_face_cells_no_map_tells_the_detail_of_the_face():
    torch.manual_seed(0)
    encoder = MultilevelAttributeEncoder(64, (4, 6, 8), face_cells=16).eval()
    x = torch.rand(1, 3, 64, 64)
    detailed = x.clone()
    checks = torch.tensor([[1.0, -1.0], [-1.0, 1.0]]).repeat(8, 8)
    detailed[..., 24:40, 24:40] += checks
    assert all(torch.allclose(a, b, atol=1e-5) for a, b in zip(encoder(x), encoder(detailed), strict=True))
    detailed[..., :16, :16] += checks  # but of its surroundings
    assert not torch.allclose(encoder(x)[-1], encoder(detailed)[-1])
