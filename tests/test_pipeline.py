"""The pipeline from photographs to photographs, with tiny networks and the real detector and identity encoder."""

import shutil

import numpy as np
import pytest
import torch
from PIL import Image
from tiny_networks import RESOLUTION, save_tiny_pipeline, tiny_networks

from faceshifter_hub import FaceShifterPipeline
from faceshifter_hub.component import component_interface
from faceshifter_hub.composition import pipeline_addresses
from faceshifter_hub.errors import (
    CheckpointError,
    ComponentError,
    IncompatibleComponentsError,
    NoFaceError,
    SettingsError,
    UnknownComponentError,
    UnreadableImageError,
)
from faceshifter_hub.faces.alignment import align
from faceshifter_hub.faces.pasting import face_mask, paste
from faceshifter_hub.models.identity_mixing import mix_identities
from faceshifter_hub.registry import DATA_ROOT

SOURCE, TARGET, OTHER = sorted((DATA_ROOT / "examples").glob("*.webp"))[:3]
pytestmark = pytest.mark.usefixtures("unmarked")  # a mark would be all over the picture


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return save_tiny_pipeline(tmp_path_factory.mktemp("pipeline"))


@pytest.fixture(scope="module")
def pipe(folder):
    return FaceShifterPipeline.from_pretrained(folder)


def pixels(path):
    return np.asarray(Image.open(path).convert("RGB"))


def test_paths_images_and_arrays_give_the_same_swap(pipe):
    results = [
        np.asarray(pipe(source, target).images[0])
        for source, target in (
            (SOURCE, TARGET),
            (str(SOURCE), Image.open(TARGET)),
            (pixels(SOURCE), pixels(TARGET)),
        )
    ]
    assert np.array_equal(results[0], results[1]) and np.array_equal(results[0], results[2])


def test_pixels_outside_the_pasted_region_are_the_targets_own(pipe):
    output = pipe(SOURCE, TARGET)
    photo, result = pixels(TARGET), np.asarray(output.images[0])
    _, matrix = align(photo, output.faces[0][0].landmarks, RESOLUTION)
    white = np.full((RESOLUTION, RESOLUTION, 3), 255, np.uint8)
    reached = paste(np.zeros_like(photo), white, matrix, face_mask(RESOLUTION)).any(axis=2)
    assert result.shape == photo.shape
    assert 0.02 < reached.mean() < 0.6
    assert np.array_equal(result[~reached], photo[~reached])
    assert np.abs(result[reached].astype(int) - photo[reached]).mean() > 5  # an untrained network's face


def test_lists_pair_up_and_one_source_serves_all_targets(pipe):
    both = pipe([SOURCE, OTHER], [TARGET, SOURCE]).images
    one_by_one = [pipe(SOURCE, TARGET).images[0], pipe(OTHER, SOURCE).images[0]]
    for together, alone in zip(both, one_by_one, strict=True):
        assert np.array_equal(together, alone)
    assert len(pipe(SOURCE, [TARGET, OTHER]).images) == 2
    assert len(pipe([SOURCE, OTHER], TARGET).faces) == 2
    with pytest.raises(SettingsError, match="2 sources and 3 targets"):
        pipe([SOURCE, OTHER], [TARGET] * 3)
    with pytest.raises(SettingsError, match="0 sources"):
        pipe([], [])


def test_stages_are_returned_on_request_alone(pipe):
    assert pipe(SOURCE, TARGET).stages == []
    ((stages,),) = pipe(SOURCE, TARGET, return_stages=True).stages
    masks = [f"mask_{side}" for side in (4, 8, 16, 32)]
    assert list(stages) == ["source", "target", "swapped", "reconstructed", "error", "refined", *masks]
    assert {picture.size for picture in stages.values()} == {(RESOLUTION, RESOLUTION)}
    ((stages,),) = pipe(SOURCE, TARGET, refine=False, return_stages=True).stages
    assert list(stages) == ["source", "target", "swapped", *masks]


def test_strength_leads_from_the_target_to_the_source_and_beyond(pipe):
    own = np.asarray(pipe(TARGET, TARGET).images[0])
    none, half, whole, more = (np.asarray(pipe(SOURCE, TARGET, strength=s).images[0]) for s in (0, 0.5, 1, 2))
    assert np.abs(none.astype(int) - own).max() <= 1
    assert np.array_equal(whole, np.asarray(pipe(SOURCE, TARGET).images[0]))
    away = [np.abs(picture.astype(int) - own).mean() for picture in (none, half, whole, more)]
    assert away == sorted(away)
    assert not np.array_equal(np.asarray(pipe(SOURCE, TARGET, strength=0.5, refine=False).images[0]), half)


@pytest.mark.parametrize("options", [{}, {"refine": False}, {"boost": 2}])
def test_a_generator_says_how_far_a_whole_swap_goes(pipe, options):
    generator = pipe.components["aad_generator"]
    further = np.asarray(pipe(SOURCE, TARGET, strength=1.5, mark=False, **options).images[0])
    generator.register_to_config(identity_gain=1.5)
    try:
        whole = np.asarray(pipe(SOURCE, TARGET, mark=False, **options).images[0])
    finally:
        generator.register_to_config(identity_gain=1.0)
    assert np.array_equal(whole, further)


@pytest.mark.parametrize("strength", [-0.1, 2.1, float("nan")])
def test_a_strength_out_of_range_is_one_sentence(pipe, strength):
    with pytest.raises(
        SettingsError, match=r"^The option strength cannot be \S+; it says: 0 keeps the target's identity"
    ):
        pipe(SOURCE, TARGET, strength=strength)


def test_identities_are_mixed_by_direction_alone():
    z_target, z_source = torch.tensor([[2.0, 0.0]]), torch.tensor([[0.0, 3.0]])
    torch.testing.assert_close(mix_identities(z_target, z_source, 0), torch.tensor([[1.0, 0.0]]))
    torch.testing.assert_close(mix_identities(z_target, z_source, 1), torch.tensor([[0.0, 1.0]]))
    torch.testing.assert_close(mix_identities(z_target, z_source, 0.5), torch.full((1, 2), 0.5**0.5))
    assert mix_identities(z_target, z_source, 1.5)[0, 0] < 0


def test_the_stages_are_those_of_the_paper(pipe):
    """Y^_tt is drawn with the target's identity, dY_t is X_t - Y^_tt, and HEAR-Net sees Y^_st and dY_t."""
    target = torch.rand(2, 3, RESOLUTION, RESOLUTION) * 2 - 1
    z_source = torch.nn.functional.normalize(torch.randn(2, 128))
    swap = pipe.swap_aligned(z_source, target)
    parts = pipe.components
    with torch.no_grad():
        z_att = parts["attribute_encoder"](target)
        swapped = parts["aad_generator"](z_source, z_att)
        reconstructed = parts["aad_generator"](parts["identity_encoder"](target), z_att)
        refined = parts["hear_refiner"](swapped, target - reconstructed)
    torch.testing.assert_close(swap.swapped, swapped)
    torch.testing.assert_close(swap.reconstructed, reconstructed)
    torch.testing.assert_close(swap.error, target - reconstructed)
    torch.testing.assert_close(swap.refined, refined)
    assert swap.result is swap.refined
    assert [mask.shape for mask in swap.masks] == [(2, 1, side, side) for side in (4, 8, 16, 32)]


def test_milliseconds_are_told_by_stage(pipe):
    spent = pipe(SOURCE, TARGET).milliseconds
    stages = "read", "detect", "identity", "align", "stage one", "stage two", "paste", "mark", "content"
    assert tuple(spent) == stages
    assert all(value > 0 for stage, value in spent.items() if stage != "mark")


def test_of_two_faces_the_largest_is_taken_and_said(pipe):
    large, small = pixels(TARGET), np.asarray(Image.open(OTHER).convert("RGB").resize((256, 256)))
    canvas = np.full((512, 800, 3), 128, np.uint8)
    canvas[:, :512], canvas[100:356, 530:786] = large, small
    output = pipe(SOURCE, canvas)
    assert output.notes == ["The target picture shows 2 faces; the largest was taken."]
    assert output.faces[0][0].box[2] < 512
    changed = (np.asarray(output.images[0]) != canvas).any(axis=2)
    assert changed[:, :512].any() and not changed[:, 530:].any()


def test_a_picture_without_a_face_is_named(pipe):
    grey = np.full((200, 300, 3), 127, np.uint8)
    with pytest.raises(NoFaceError, match="No face was found in the source picture"):
        pipe(grey, TARGET)
    with pytest.raises(NoFaceError, match="No face was found in the target 2 picture"):
        pipe(SOURCE, [TARGET, grey])
    with pytest.raises(NoFaceError):
        pipe(SOURCE, np.zeros((1, 1, 3), np.uint8))
    with pytest.raises(UnreadableImageError, match="cannot be read"):
        pipe(SOURCE, "nowhere.png")


def test_a_face_at_the_edge_is_swapped(pipe):
    cut = pixels(TARGET)[:, 120:]
    assert np.asarray(pipe(SOURCE, cut).images[0]).shape == cut.shape


# ---- composing


def test_a_component_may_be_replaced_by_address(folder, tmp_path):
    other = tiny_networks(seed=1)["hear-tiny"]
    other.save_pretrained(tmp_path / "refiner")
    pipe = FaceShifterPipeline.from_pretrained(folder, hear_refiner=tmp_path / "refiner")
    assert torch.equal(pipe.components["hear_refiner"].to_rgb.weight, other.to_rgb.weight)
    with pytest.raises(ComponentError, match="no kind of component 'refiner'"):
        FaceShifterPipeline.from_pretrained(folder, refiner=tmp_path / "refiner")


def test_components_that_do_not_fit_are_refused_before_any_is_loaded(folder, tmp_path):
    tiny_networks()["attribute-other"].save_pretrained(tmp_path / "encoder")
    for weights in tmp_path.rglob("*.safetensors"):
        weights.write_bytes(b"never read")
    with pytest.raises(IncompatibleComponentsError, match="other"):
        FaceShifterPipeline.from_pretrained(folder, attribute_encoder=tmp_path / "encoder")


def test_a_pipeline_without_refiner_swaps_with_one_stage(pipe):
    components = {kind: part for kind, part in pipe.components.items() if kind != "hear_refiner"}
    half = FaceShifterPipeline(components, {})
    assert half(SOURCE, TARGET, refine=False).images
    with pytest.raises(ComponentError, match="no hear_refiner"):
        half(SOURCE, TARGET)


def test_a_kind_that_is_missing_is_named():
    with pytest.raises(ComponentError, match="needs a component of kind identity_encoder"):
        FaceShifterPipeline.from_components({"face_detector": "mtcnn"})


def test_an_unknown_pipeline_and_device_are_named(folder, tmp_path):
    with pytest.raises(UnknownComponentError, match="did you mean 'faceshifter-lite'"):
        FaceShifterPipeline.from_pretrained("faceshifter-light")
    with pytest.raises(SettingsError, match="no device 'cuda:7'"):
        FaceShifterPipeline.from_pretrained(folder, device="cuda:7")
    with pytest.raises(CheckpointError, match=r"no model_index\.json"):
        FaceShifterPipeline.from_pretrained(folder / "hear_refiner")
    (tmp_path / "model_index.json").write_text('{"components": {"aad_generator": "no entry"}}')
    with pytest.raises(CheckpointError, match="not the index of a pipeline"):
        FaceShifterPipeline.from_pretrained(tmp_path)


def test_what_a_trainer_leaves_is_the_default_pipeline_with_its_components(folder, tmp_path):
    for kind in ("attribute_encoder", "aad_generator"):
        shutil.copytree(folder / kind, tmp_path / "checkpoint-8" / kind)
    first_stage = pipeline_addresses(tmp_path / "checkpoint-8")
    assert first_stage["aad_generator"] == f"{tmp_path}/checkpoint-8/aad_generator"
    assert "hear_refiner" not in first_stage  # the default's has learnt the errors of another stage 1
    assert first_stage["identity_encoder"] == "dlib-resnet"
    shutil.copytree(folder / "hear_refiner", tmp_path / "checkpoint-8" / "hear_refiner")
    assert pipeline_addresses(tmp_path / "checkpoint-8")["hear_refiner"].startswith(str(tmp_path))


def test_saved_and_loaded_again_it_swaps_alike(pipe, tmp_path):
    pipe.save_pretrained(tmp_path / "copy")
    copy = FaceShifterPipeline.from_pretrained(tmp_path / "copy")
    before, after = (np.asarray(each(SOURCE, TARGET).images[0], int) for each in (pipe, copy))
    assert np.abs(after - before).max() <= 1  # weights that lie elsewhere in memory may round otherwise
    assert component_interface(tmp_path / "copy" / "aad_generator", "aad_generator").resolution == RESOLUTION


def test_a_folder_that_cannot_be_written_is_named(pipe, tmp_path):
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(CheckpointError, match="cannot be written"):
        pipe.save_pretrained(tmp_path / "file" / "pipeline")


def test_everything_it_is_made_of_is_in_eval_mode(pipe):
    assert not any(part.training for part in pipe.components.values())
