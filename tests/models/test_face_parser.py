"""The face parser: what it takes and gives, what it costs, that it is kept whole."""

import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode

from faceshifter_hub.component import load_component
from faceshifter_hub.errors import CheckpointError
from faceshifter_hub.models.face_parser import FaceParser, glasses_share
from faceshifter_hub.models.labels import LABELS
from faceshifter_hub.registry import Interface, check_compatible, get_manifest


@pytest.fixture(scope="module")
def parser():
    torch.manual_seed(0)
    return FaceParser(side=32, channels=(4, 8, 8), width=4).eval()


@pytest.mark.parametrize("resolution", [32, 64, 96, 256])
def test_a_logit_a_class_a_pixel_at_any_resolution(parser, resolution):
    with torch.inference_mode():
        logits = parser(torch.rand(2, 3, resolution, resolution) * 2 - 1)
    assert logits.shape == (2, len(LABELS), resolution, resolution)


def test_resolutions_agree(parser):
    """The same face, shown in four times as many pixels, is parsed alike."""
    small = torch.rand(1, 3, 64, 64) * 2 - 1
    large = small.repeat_interleave(2, 2).repeat_interleave(2, 3)
    with torch.inference_mode():
        of_small, of_large = parser(small), parser(large)
    assert torch.allclose(torch.nn.functional.avg_pool2d(of_large, 2), of_small, atol=0.1)


def test_faces_of_a_batch_do_not_meet(parser):
    faces = torch.rand(3, 3, 32, 32) * 2 - 1
    with torch.inference_mode():
        assert torch.allclose(parser(faces)[1:2], parser(faces[1:2]), atol=1e-5)


def test_the_default_is_small():
    network = FaceParser().eval()
    with torch.inference_mode(), FlopCounterMode(display=False) as counter:
        network(torch.zeros(1, 3, 256, 256))
    assert sum(p.numel() for p in network.parameters()) < 1e6
    assert counter.get_total_flops() < 1.5e9


def test_saved_and_loaded(parser, tmp_path):
    parser.save_pretrained(tmp_path / "parser")
    loaded = load_component(tmp_path / "parser", "face_parser")
    faces = torch.rand(1, 3, 64, 64) * 2 - 1
    assert isinstance(loaded, FaceParser) and torch.equal(loaded(faces), parser(faces))


def test_a_side_that_cannot_be_halved_is_refused():
    with pytest.raises(ValueError, match="5 halvings do not fit a side of 100"):
        FaceParser(side=100)


def test_a_checkpoint_of_another_class_is_refused(parser, tmp_path):
    parser.save_pretrained(tmp_path)
    config = tmp_path / "config.json"
    config.write_text(config.read_text().replace("FaceParser", "HEARRefiner"))
    with pytest.raises(CheckpointError, match="not a FaceParser"):
        FaceParser.from_pretrained(tmp_path)


def test_it_fits_every_generator(parser):
    assert parser.interface == Interface()
    for generator in ("aad-lite-256", "aad-paper-256"):
        check_compatible(
            {
                "aad_generator": (generator, get_manifest(generator).interface),
                "face_parser": ("parser", parser.interface),
            }
        )


@torch.inference_mode()
def test_glasses_are_a_share_of_the_face(parser):
    faces = torch.rand(3, 3, 64, 64) * 2 - 1
    expected = [(one == LABELS["glasses"]).float().mean().item() for one in parser(faces).argmax(1)]
    assert glasses_share(parser, faces).tolist() == pytest.approx(expected)
