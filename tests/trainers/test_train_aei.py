import json
import shutil

import numpy as np
import pytest
import torch
from accelerate.utils import set_seed
from PIL import Image

from faceshifter_hub.component import load_component
from faceshifter_hub.errors import FaceShifterError, IncompatibleComponentsError, TrainingError
from faceshifter_hub.models.aad import AADGenerator
from faceshifter_hub.models.attribute_encoder import MultilevelAttributeEncoder
from trainers import aei
from trainers.curves import PANEL
from trainers.options import RECIPES, parse_options


def metrics(folder):
    return [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]


def test_the_identity_encoder_stays_in_eval_mode_and_frozen(tiny_aei):
    assert len(tiny_aei.encoders) == 1 and not tiny_aei.training
    (encoder,) = tiny_aei.encoders
    fresh = load_component("dlib-resnet", "identity_encoder").state_dict()
    assert all(torch.equal(value, fresh[name]) for name, value in encoder.state_dict().items())
    assert all(p.grad is None for p in encoder.parameters())


def test_both_components_load_and_have_learnt(tiny_aei, flags):
    encoder = MultilevelAttributeEncoder.from_pretrained(tiny_aei.folder / "attribute_encoder")
    generator = AADGenerator.from_pretrained(tiny_aei.folder / "aad_generator")
    assert generator(torch.randn(1, 128), encoder(torch.randn(1, 3, 64, 64))).shape == (1, 3, 64, 64)
    assert encoder.interface.attribute_space == generator.interface.attribute_space

    options = parse_options(aei.AEIOptions, flags("tiny-aei", tiny_aei.folder))
    set_seed(options.seed, device_specific=True)  # a run starts like this
    load_component("dlib-resnet", "identity_encoder")
    initial = aei.build(options)
    for trained, network in ((encoder, initial.encoder), (generator, initial.generator)):
        for name, parameter in network.named_parameters():
            gap = (parameter - trained.get_parameter(name)).abs().max()
            assert 0 < gap < 0.01, name  # it moved, and from here


def test_a_line_of_metrics_a_step_with_every_loss_of_the_recipe(tiny_aei):
    lines = metrics(tiny_aei.folder)
    assert [line["step"] for line in lines] == [1, 2, 3, 4]
    names = "discriminator attribute reconstruction true_swap surroundings colour identity target_identity feature"
    assert all(set(line) == {"step", "adversarial", "learning_rate", *names.split()} for line in lines)
    assert all(np.isfinite(list(line.values())).all() for line in lines)


def test_sample_grids_show_validation_pairs(tiny_aei):
    assert sorted(path.name for path in (tiny_aei.folder / "samples").iterdir()) == ["000002.png", "000004.png"]
    grid = np.asarray(Image.open(tiny_aei.folder / "samples" / "000004.png"))
    assert grid.shape == (aei.GRID_ROWS * 64, 6 * 64, 3)
    assert grid.std() > 20


def test_curves_are_drawn(tiny_aei):
    assert Image.open(tiny_aei.folder / "curves.png").size == (3 * PANEL[0], 4 * PANEL[1])  # ten losses and the rate


def test_r1_weighs_on_every_sixteenth_step_in_half_precision_too(flags, tmp_path, bf16):
    given = {"r1_weight": 1, "gradient_checkpointing": True, "mixed_precision": "bf16"}
    aei.main(flags("tiny-aei", tmp_path, max_train_steps=2, **given))
    lines = metrics(tmp_path)
    assert lines[0]["r1"] > 0 and "r1" not in lines[1]


@pytest.mark.parametrize(
    ("due", "message"), [(10, "At step 6 the loss `[a-z_]+` is nan"), (1, "At step 5 a weight is not finite")]
)
def test_a_run_that_is_lost_stops_and_keeps_the_last_good_checkpoint(tiny_aei, flags, tmp_path, due, message):
    folder = tmp_path / "run"
    shutil.copytree(tiny_aei.folder, folder)
    given = dict(max_train_steps=8, checkpointing_steps=due, validation_steps=10, resume_from_checkpoint="latest")
    with pytest.raises(
        TrainingError, match=rf"^{message}; the last good checkpoint, \S*/checkpoint-4, is kept; [^\n]*$"
    ):
        aei.main(flags("tiny-aei", folder, identity_weight="inf", **given))
    assert [path.name for path in folder.glob("*checkpoint-*")] == ["checkpoint-4"]
    for name in ("attribute_encoder", "aad_generator"):
        weights = "diffusion_pytorch_model.safetensors"
        assert (folder / name / weights).read_bytes() == (tiny_aei.folder / name / weights).read_bytes()


def test_a_checkpoint_of_other_networks_is_one_sentence(tiny_aei, flags, tmp_path):
    shutil.copytree(tiny_aei.folder, tmp_path / "run")
    given = {"resume_from_checkpoint": "latest", "model.generator.stem_channels": 12}
    with pytest.raises(
        TrainingError,
        match=r"^\S*checkpoint-4 cannot be resumed \([^\n]*\): it is damaged, or of another recipe; [^\n]*$",
    ):
        aei.main(flags("tiny-aei", tmp_path / "run", **given))


def test_a_damaged_checkpoint_is_one_sentence(tiny_aei, flags, tmp_path):
    shutil.copytree(tiny_aei.folder, tmp_path / "run")
    for name in ("model.safetensors", "optimizer.bin"):
        path = tmp_path / "run" / "checkpoint-4" / name
        path.write_bytes(path.read_bytes()[:1000])
        with pytest.raises(TrainingError, match=r"^\S*checkpoint-4 cannot be resumed \([^\n]*\): it is damaged"):
            aei.main(flags("tiny-aei", tmp_path / "run", resume_from_checkpoint="latest"))
        path.write_bytes((tiny_aei.folder / "checkpoint-4" / name).read_bytes())


def test_a_checkpoint_that_cannot_be_written_is_one_sentence(flags, tmp_path):
    (tmp_path / "partial-checkpoint-1").touch()  # in its way
    with pytest.raises(
        TrainingError, match=r"^\S*checkpoint-1 cannot be written \([^\n]*\); earlier checkpoints are "
    ):
        aei.main(flags("tiny-aei", tmp_path, max_train_steps=1))


def test_a_disk_without_room_is_known_before_the_first_step(flags, tmp_path, monkeypatch):
    monkeypatch.setattr(shutil, "disk_usage", lambda path: shutil._ntuple_diskusage(10, 9, 1))
    with pytest.raises(
        TrainingError, match=r"^\S* has 0\.0 GiB left, and the checkpoints of this run take 0\.0: make "
    ):
        aei.main(flags("tiny-aei", tmp_path, max_train_steps=1))
    assert not (tmp_path / "metrics.jsonl").exists()


def test_older_checkpoints_are_dropped(tiny_aei):
    assert [path.name for path in tiny_aei.folder.glob("*checkpoint-*")] == ["checkpoint-4"]


def test_a_finished_run_that_is_resumed_has_nothing_to_do(tiny_aei, flags):
    before = metrics(tiny_aei.folder)
    aei.main(flags("tiny-aei", tiny_aei.folder, max_train_steps=4, resume_from_checkpoint="latest"))
    assert metrics(tiny_aei.folder) == before


def test_the_papers_losses_alone_need_no_triplets(flags, tmp_path):
    given = flags("tiny-aei", tmp_path, max_train_steps=1, identity_views=False, discriminator_start_step=1)
    for name in ("true_swap", "surroundings", "colour", "target_identity", "feature"):
        given += [f"--{name}_weight", "0"]
    at = given.index("--synthetic_data_dir")
    aei.main([*given[:at], *given[at + 2 :]])
    assert set(metrics(tmp_path)[0]) == {"step", "attribute", "reconstruction", "identity", "learning_rate"}


def test_the_discriminator_of_faces_learns(flags, tmp_path):
    aei.main(flags("tiny-aei", tmp_path, max_train_steps=2, adversarial_face=True))
    before, after = (line["discriminator"] for line in metrics(tmp_path))
    assert before != after


def test_triplets_can_be_rendered_meanwhile(flags, tmp_path, monkeypatch):
    monkeypatch.delenv("FACESHIFTER_ASSETS", raising=False)
    given = flags("tiny-aei", tmp_path, max_train_steps=2, rendered_ratio=1, synthesize_on_the_fly=True)
    at = given.index("--synthetic_data_dir")
    aei.main([*given[:at], *given[at + 2 :]])
    assert [line["step"] for line in metrics(tmp_path)] == [1, 2]
    assert all(line["true_swap"] > 0 for line in metrics(tmp_path))


def test_triplets_of_two_origins_are_refused(flags, tmp_path):
    with pytest.raises(FaceShifterError, match=r"^synthesize_on_the_fly takes the place of synthetic_data_dir: give "):
        aei.main(flags("tiny-aei", tmp_path, synthesize_on_the_fly=True))


def test_a_grown_network_starts_from_the_coarse_levels_of_the_smaller(tiny_aei, flags):
    options = parse_options(aei.AEIOptions, flags("tiny-aei", tiny_aei.folder, init_model=tiny_aei.folder))
    widths = options.model["encoder"]["down_channels"], options.model["generator"]["channels"]
    model = {
        **options.model,
        "encoder": {**options.model["encoder"], "down_channels": [4, *widths[0]]},
        "generator": {**options.model["generator"], "channels": [*widths[1], 4]},
    }
    grown = aei.build(options.model_copy(update={"resolution": 128, "model": model}))
    small = AADGenerator.from_pretrained(tiny_aei.folder / "aad_generator")
    for size in ("2", "4", "8", "16"):
        state, expected = grown.generator.blocks[size].state_dict(), small.blocks[size].state_dict()
        assert all(torch.equal(state[name], value) for name, value in expected.items())
    z_att = grown.encoder(torch.randn(1, 3, 128, 128))
    assert grown.generator(torch.randn(1, 128), z_att).shape == (1, 3, 128, 128)


@pytest.mark.parametrize("given", [{"train_data_dir": "nowhere"}, {"synthetic_data_dir": "nowhere"}])
def test_missing_data_are_one_sentence(flags, tmp_path, given):
    with pytest.raises(FaceShifterError, match=r"^nowhere (has no|cannot be read) [^\n]*$"):
        aei.main(flags("tiny-aei", tmp_path, **given))


def test_an_identity_encoder_of_another_space_is_one_sentence(flags, tmp_path):
    recipe = tmp_path / "mine.toml"
    recipe.write_text((RECIPES / "tiny-aei.toml").read_text().replace("identity_dim = 128", "identity_dim = 64"))
    with pytest.raises(IncompatibleComponentsError, match=r"disagree about the identity space[^\n]*$"):
        aei.main(flags(str(recipe), tmp_path))
