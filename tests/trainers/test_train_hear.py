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
from faceshifter_hub.models.identity_mixing import mix_identities
from trainers import hear
from trainers.frozen_aei import FrozenAEI, part_address
from trainers.hard_targets import draw_histogram, hardest, heuristic_errors
from trainers.pairs import to_tensor
from trainers.photos import PhotoFolder, find_shards


@pytest.fixture(scope="module")
def tiny_hear(tiny_aei, flags, tmp_path_factory):
    """Four steps of stage 2 with the recipe `tiny-hear`, on the tiny stage 1."""
    folder = tmp_path_factory.mktemp("hear")
    hear.main(flags("tiny-hear", folder, aei_model=tiny_aei.folder, max_train_steps=4, validation_steps=4))
    return folder


@pytest.fixture(scope="module")
def stage_1(tiny_aei):
    return FrozenAEI(str(tiny_aei.folder), load_component("dlib-resnet", "identity_encoder"))


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
    assert all(
        set(line)
        == {
            *{"step", "identity", "change", "reconstruction", "true_swap", "kept", "target_identity"},
            "learning_rate",
        }
        for line in lines
    )
    assert all(np.isfinite(list(line.values())).all() for line in lines)


def test_a_sample_grid_shows_validation_pairs(tiny_hear):
    grid = np.asarray(Image.open(tiny_hear / "samples" / "000004.png"))
    assert grid.shape == (hear.GRID_ROWS * 64, 6 * 64, 3)
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


def test_a_run_begins_where_another_ended(tiny_hear, tiny_aei, flags, tmp_path):
    more = {"init_model": tiny_hear, "max_train_steps": 1, "learning_rate": 1e-9}
    hear.main(flags("tiny-hear", tmp_path, aei_model=tiny_aei.folder, **more))
    before, after = (HEARRefiner.from_pretrained(folder / "hear_refiner") for folder in (tiny_hear, tmp_path))
    for a, b in zip(before.parameters(), after.parameters(), strict=True):
        assert torch.allclose(a, b, atol=1e-3)


def test_inner_maps_of_the_true_swap_teach(tiny_aei, flags, tmp_path):
    learnt = []
    for weight in (0, 50):
        given = {"aei_model": tiny_aei.folder, "max_train_steps": 1, "rendered_ratio": 1, "feature_weight": weight}
        hear.main(flags("tiny-hear", tmp_path / str(weight), **given))
        learnt.append(load_file(tmp_path / str(weight) / "checkpoint-1" / "model.safetensors"))
    assert "feature" not in metrics(tmp_path / "0")[0]
    assert metrics(tmp_path / "50")[0]["feature"] > 0
    assert any(not torch.equal(value, learnt[1][name]) for name, value in learnt[0].items())


def test_an_adversary_teaches_stage_2_too(tiny_aei, flags, tmp_path):
    given = {"aei_model": tiny_aei.folder, "max_train_steps": 2, "learning_rate": 1e-3, "identity_views": False}
    sections = [f"--model.discriminator.{name}={value}" for name, value in (("scales", 2), ("channels", 4))]
    hear.main([*flags("tiny-hear", tmp_path / "with", adversarial_weight=1, **given), *sections])
    hear.main(flags("tiny-hear", tmp_path / "without", **given))
    judged, alone = metrics(tmp_path / "with"), metrics(tmp_path / "without")
    assert judged[0]["discriminator"] != judged[1]["discriminator"] and "adversarial" not in alone[0]
    assert judged[0]["identity"] == alone[0]["identity"] and judged[1]["identity"] != alone[1]["identity"]
    assert (tmp_path / "with" / "checkpoint-2" / "model_1.safetensors").is_file()  # it is resumed, too
    assert not (tmp_path / "without" / "checkpoint-2" / "model_1.safetensors").exists()


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


def test_stage_2_sees_swaps_that_go_as_far_as_in_the_pipeline(stage_1):
    target, z_source = torch.rand(1, 3, 64, 64), torch.randn(1, 128)
    stage_1.generator.register_to_config(identity_gain=1.5)
    swapped, error = stage_1(target, z_source)
    stage_1.generator.register_to_config(identity_gain=1.0)
    further = mix_identities(stage_1.identity_encoder(target), z_source, 1.5)
    torch.testing.assert_close(swapped, stage_1(target, further)[0])
    torch.testing.assert_close(error, stage_1(target, z_source)[1])


def test_the_heuristic_error_is_what_stage_1_fails_to_reconstruct(stage_1):
    target, z_source = torch.rand(3, 3, 64, 64) * 2 - 1, torch.nn.functional.normalize(torch.randn(3, 128))
    swapped, error = stage_1(target, z_source)
    z_att = stage_1.encoder(target)
    torch.testing.assert_close(swapped, stage_1.generator(z_source, z_att), atol=1e-5, rtol=1e-4)
    reconstructed = stage_1.generator(stage_1.identity_encoder(target), z_att)
    torch.testing.assert_close(error, target - reconstructed, atol=1e-5, rtol=1e-4)


def test_the_hardest_are_the_largest_errors():
    assert hardest(np.array([0.1, 0.9, 0.5, 0.7]), 0.5).tolist() == [1, 3]
    assert hardest(np.array([0.1, 0.9]), 0.1).tolist() == [1]


@pytest.fixture
def photos(photos_dir):
    return PhotoFolder(find_shards(photos_dir), "training", 64)


def test_a_picture_has_the_error_of_its_own_reconstruction(stage_1, photos, tmp_path):
    errors = heuristic_errors(stage_1, photos, 64, 4, tmp_path, Accelerator())
    x = to_tensor(align(photos[5].image, photos[5].points, 64)[0])[None]
    assert errors.shape == (6,)
    assert errors[5] == pytest.approx(stage_1(x, torch.zeros(1, 128))[1].abs().mean().item(), rel=1e-4)


def test_errors_are_computed_once_and_go_on_where_they_stopped(stage_1, photos, tmp_path, monkeypatch):
    monkeypatch.setattr("trainers.pieces.PIECE", 2)
    errors = heuristic_errors(stage_1, photos, 64, 2, tmp_path, Accelerator())
    (tmp_path / "00000002.npy").unlink()
    computed = []
    error = stage_1.error
    monkeypatch.setattr(stage_1, "error", lambda x: computed.append(len(x)) or error(x))
    again = heuristic_errors(stage_1, photos, 64, 2, tmp_path, Accelerator())
    assert np.array_equal(again, errors) and computed == [2]


def test_every_data_set_keeps_the_share_of_its_own_worst(tiny_aei, photos_dir, flags, tmp_path):
    given = dict(aei_model=tiny_aei.folder, max_train_steps=1, hard_share=0.34, hard_candidates=10)
    more = ["--train_data_dir", f"{photos_dir}=2"]
    chosen = {}

    def remember(aei, options, photos, triplets, accelerator, choose=hear.choose_targets):
        choose(aei, options, photos, triplets, accelerator)
        chosen.update(photos=[folder.targets for folder in photos], rendered=triplets.targets)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(hear, "choose_targets", remember)
        hear.main([*flags("tiny-hear", tmp_path, **given), *more])
    assert [len(targets) for targets in chosen["photos"]] == [2, 2] and len(chosen["rendered"]) == 3
    assert len(set(chosen["rendered"])) == 3
    assert Image.open(tmp_path / "hardest.png").size == (3 * 64, (2 + 2 + 3) * 64)
    assert Image.open(tmp_path / "heuristic_errors.png").height == 3 * 220


def test_a_histogram_shows_what_is_kept(tmp_path):
    draw_histogram({"faces": np.linspace(0.1, 0.2, 1000)}, 0.1, tmp_path / "histogram.png")
    pixels = np.asarray(Image.open(tmp_path / "histogram.png")).reshape(-1, 3).tolist()
    kept, others = pixels.count([20, 70, 170]), pixels.count([190, 205, 230])
    assert kept / (kept + others) == pytest.approx(0.1, abs=0.04)


def test_any_folder_of_cutouts_is_pasted(tiny_aei, flags, tmp_path):
    (tmp_path / "cutouts").mkdir()
    disc = Image.new("RGBA", (30, 30))
    disc.paste((250, 0, 0, 255), (5, 5, 25, 25))
    disc.save(tmp_path / "cutouts" / "disc.png")
    given = dict(aei_model=tiny_aei.folder, max_train_steps=1, occluder_dir=tmp_path / "cutouts")
    hear.main(flags("tiny-hear", tmp_path / "out", **given))
    assert (tmp_path / "out" / "hear_refiner").is_dir()


def test_stage_1_may_be_on_the_hub_at_a_revision():
    assert part_address("hf://alice/aei@v1", "aad_generator") == "hf://alice/aei/aad_generator@v1"
    assert part_address("runs/a@b", "aad_generator") == "runs/a@b/aad_generator"


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
