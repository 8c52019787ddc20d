import json
import shutil

import numpy as np
import pytest
import torch
from accelerate import Accelerator
from PIL import Image
from safetensors.torch import load_file

from faceshifter_hub.component import load_component
from faceshifter_hub.errors import FaceShifterError, IncompatibleComponentsError
from faceshifter_hub.faces.alignment import align
from faceshifter_hub.models.hear import HEARRefiner
from trainers import hear
from trainers.data import load_photos, to_tensor


@pytest.fixture(scope="module")
def tiny_hear(tiny_aei, flags, tmp_path_factory):
    """Four steps of stage 2 with the recipe `tiny-hear`, on the tiny stage 1."""
    folder = tmp_path_factory.mktemp("hear")
    hear.main(flags("tiny-hear", folder, aei_model=tiny_aei.folder, max_train_steps=4, validation_steps=4))
    return folder


@pytest.fixture(scope="module")
def stage_1(tiny_aei):
    return hear.FrozenAEI(tiny_aei.folder, load_component("dlib-resnet", "identity_encoder"))


def metrics(folder):
    return [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]


def test_the_refiner_loads_and_has_learnt(tiny_hear):
    refiner = HEARRefiner.from_pretrained(tiny_hear / "hear_refiner")
    swapped = torch.rand(2, 3, 64, 64) * 2 - 1
    # a new residual refiner changes nothing
    assert not torch.allclose(refiner(swapped, torch.randn_like(swapped)), swapped)


def test_a_line_of_metrics_a_step(tiny_hear):
    lines = metrics(tiny_hear)
    assert [line["step"] for line in lines] == [1, 2, 3, 4]
    assert all(set(line) == {"step", "identity", "change", "reconstruction", "true_swap"} for line in lines)
    assert all(np.isfinite(list(line.values())).all() for line in lines)


def test_a_sample_grid_shows_validation_pairs(tiny_hear):
    grid = np.asarray(Image.open(tiny_hear / "samples" / "000004.png"))
    assert grid.shape == (hear.GRID_ROWS * 64, 5 * 64, 3)
    assert grid.std() > 20


def test_a_resumed_run_is_the_run_that_was_never_interrupted(tiny_hear, tiny_aei, flags, tmp_path):
    given = {"aei_model": tiny_aei.folder, "resume_from_checkpoint": "latest"}
    for steps in (2, 4):
        hear.main(flags("tiny-hear", tmp_path, max_train_steps=steps, **given))
    for name in ("checkpoint-4/model.safetensors", "hear_refiner/diffusion_pytorch_model.safetensors"):
        expected, found = load_file(tiny_hear / name), load_file(tmp_path / name)
        for key, value in expected.items():
            assert torch.equal(found[key], value), key
    assert metrics(tmp_path) == metrics(tiny_hear)


def test_half_precision_trains(tiny_aei, flags, tmp_path, bf16):
    given = {"aei_model": tiny_aei.folder, "max_train_steps": 1, "mixed_precision": "bf16"}
    hear.main(flags("tiny-hear", tmp_path, **given))
    refiner = HEARRefiner.from_pretrained(tmp_path / "hear_refiner")
    assert {p.dtype for p in refiner.parameters()} == {torch.float32}


def test_stage_1_is_frozen(stage_1, tiny_aei):
    stage_1.train()
    target = torch.rand(1, 3, 64, 64)
    before = {name: value.clone() for name, value in stage_1.state_dict().items()}
    swapped, error = stage_1(target, torch.randn(1, 128))
    assert not swapped.requires_grad and not error.requires_grad
    assert not any(module.training for module in stage_1.modules())
    assert all(torch.equal(value, before[name]) for name, value in stage_1.state_dict().items())


def test_the_heuristic_error_is_what_stage_1_fails_to_reconstruct(stage_1):
    target, z_source = torch.rand(3, 3, 64, 64) * 2 - 1, torch.nn.functional.normalize(torch.randn(3, 128))
    swapped, error = stage_1(target, z_source)
    z_att = stage_1.encoder(target)
    torch.testing.assert_close(swapped, stage_1.generator(z_source, z_att), atol=1e-5, rtol=1e-4)
    reconstructed = stage_1.generator(stage_1.identity_encoder(target), z_att)
    torch.testing.assert_close(error, target - reconstructed, atol=1e-5, rtol=1e-4)


def test_the_hardest_are_the_largest_errors():
    assert hear.hardest(np.array([0.1, 0.9, 0.5, 0.7]), 0.5).tolist() == [1, 3]
    assert hear.hardest(np.array([0.1, 0.9]), 0.1).tolist() == [1]


def test_a_picture_has_the_error_of_its_own_reconstruction(stage_1, photos_dir):
    photos = load_photos(photos_dir, 64, validation=True)
    errors = hear.heuristic_errors(stage_1, photos, 64, Accelerator())
    x = to_tensor(align(photos[1].image, photos[1].points, 64)[0])[None]
    assert errors.shape == (2,)
    assert errors[1] == pytest.approx(stage_1(x, torch.zeros(1, 128))[1].abs().mean().item(), rel=1e-4)


def test_a_stage_1_of_another_resolution_is_one_sentence(tiny_aei, flags, tmp_path):
    with pytest.raises(
        FaceShifterError, match=r"draws faces of 64, the recipe asks for 32; give --resolution 64[^\n]*$"
    ):
        hear.main(flags("tiny-hear", tmp_path, aei_model=tiny_aei.folder, resolution=32))


def test_a_stage_1_of_another_identity_space_is_one_sentence(tiny_aei, flags, tmp_path):
    shutil.copytree(tiny_aei.folder, tmp_path / "stage_1")
    config = tmp_path / "stage_1" / "aad_generator" / "config.json"
    config.write_text(config.read_text().replace("dlib-centred", "arcface"))
    with pytest.raises(IncompatibleComponentsError, match=r"disagree about the identity space[^\n]*$"):
        hear.main(flags("tiny-hear", tmp_path / "out", aei_model=tmp_path / "stage_1"))


def test_no_stage_1_is_one_sentence(flags, tmp_path):
    with pytest.raises(FaceShifterError, match=r"^There is no folder '[^\n]*attribute_encoder'\.$"):
        hear.main(flags("tiny-hear", tmp_path, aei_model=tmp_path))
