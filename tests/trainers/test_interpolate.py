import pytest
import torch

from faceshifter_hub.errors import TrainingError
from faceshifter_hub.models.aad import AADGenerator
from faceshifter_hub.models.attribute_encoder import MultilevelAttributeEncoder
from faceshifter_hub.models.hear import HEARRefiner
from trainers import interpolate


def run(folder, seed, channels=4):
    """Write a tiny stage 1 as a run leaves it."""
    torch.manual_seed(seed)
    encoder = MultilevelAttributeEncoder(32, (4, 4), full_resolution_level=False)
    for _ in range(2):
        encoder.train()(torch.randn(2, 3, 32, 32))  # statistics of its own
    encoder.eval().save_pretrained(folder / "attribute_encoder")
    generator = AADGenerator(
        32, identity_dim=8, attribute_channels=(4, 8), stem_channels=4, channels=(channels, channels), output_upscale=2
    )
    generator.save_pretrained(folder / "aad_generator")
    return folder


def weights(folder):
    encoder = MultilevelAttributeEncoder.from_pretrained(folder / "attribute_encoder")
    return {**encoder.state_dict(), **AADGenerator.from_pretrained(folder / "aad_generator").state_dict()}


@pytest.mark.parametrize("share", [0.0, 0.25, 1.0])
def test_every_weight_lies_between_those_of_the_two(tmp_path, share):
    first, second = run(tmp_path / "a", 0), run(tmp_path / "b", 1)
    interpolate.main([str(first), str(second), "--share", str(share), "--output_dir", str(tmp_path / "c")])
    a, b, c = weights(first), weights(second), weights(tmp_path / "c")
    for name, value in a.items():
        if value.is_floating_point():
            torch.testing.assert_close(c[name], torch.lerp(value, b[name], share))
    assert any("running_var" in name and not torch.equal(value, b[name]) for name, value in a.items())


def test_stage_2_alone_is_mixed_likewise(tmp_path):
    refiners = {name: HEARRefiner(32, (4, 4)) for name in ("a", "b")}
    for name, refiner in refiners.items():
        refiner.save_pretrained(tmp_path / name / "hear_refiner")
    interpolate.main([str(tmp_path / "a"), str(tmp_path / "b"), "--output_dir", str(tmp_path / "c")])
    mixed = HEARRefiner.from_pretrained(tmp_path / "c" / "hear_refiner")
    a, b = (refiner.to_rgb.weight for refiner in refiners.values())
    torch.testing.assert_close(mixed.to_rgb.weight, (a + b) / 2)
    assert [path.name for path in (tmp_path / "c").iterdir()] == ["hear_refiner"]


def test_a_folder_of_no_run_is_refused(tmp_path):
    with pytest.raises(TrainingError, match=r"holds none of attribute_encoder, aad_generator, hear_refiner: "):
        interpolate.main([str(tmp_path), str(tmp_path), "--output_dir", str(tmp_path / "c")])


def test_networks_of_different_shapes_are_refused_and_nothing_is_written(tmp_path):
    first, second = run(tmp_path / "a", 0), run(tmp_path / "b", 1, channels=6)
    with pytest.raises(TrainingError, match=r"are networks of different shapes: mix a run with one begun by it\.$"):
        interpolate.main([str(first), str(second), "--output_dir", str(tmp_path / "c")])
    assert not (tmp_path / "c").exists()


def test_a_share_out_of_range_is_refused(tmp_path):
    with pytest.raises(TrainingError, match=r"^--share lies between 0 and 1, not at 1\.5\.$"):
        interpolate.main(["a", "b", "--share", "1.5", "--output_dir", str(tmp_path)])
