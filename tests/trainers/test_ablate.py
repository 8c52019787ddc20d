"""The ablations on tiny data, from the command to table and pictures."""

import json
import subprocess
import sys
import tomllib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from faceshifter_hub.errors import TrainingError
from trainers import ablate
from trainers.ablation_report import ROWS
from trainers.options import parse_options

SCRIPT = str(Path(__file__).parents[2] / "trainers" / "ablate.py")
VARIANTS = ["aad", "add", "cat", "one-level", "aad + hear"]


@pytest.fixture(scope="module")
def command(flags, tmp_path_factory):
    given = {"max_train_steps": 1, "pairs": 4, "train_batch_size": 2}
    return [sys.executable, SCRIPT, *flags("tiny", tmp_path_factory.mktemp("ablation") / "out", **given)]


@pytest.fixture(scope="module")
def folder(command):
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    return Path(command[command.index("--output_dir") + 1])


def test_every_variant_is_the_recipe_but_for_its_switch(folder):
    recipes = {name: tomllib.loads((folder / name / "recipe.toml").read_text()) for name in VARIANTS[:4]}
    generators = {name: recipe["model"].pop("generator") for name, recipe in recipes.items()}
    switches = {"aad": {}, "add": {"integration": "add"}, "cat": {"integration": "cat"}}
    switches["one-level"] = {"attribute_levels": 1}
    for name, recipe in recipes.items():
        assert recipe.pop("output_dir") == str(folder / name)
        assert generators[name] == generators["aad"] | switches[name]
    assert recipes["aad"] == recipes["add"] == recipes["cat"] == recipes["one-level"]


def test_both_stages_are_those_of_aad(folder):
    assert tomllib.loads((folder / "hear" / "recipe.toml").read_text())["aei_model"] == str(folder / "aad")


def test_a_table_compares_all_of_them(folder):
    table = (folder / "ablation.md").read_text()
    assert "| | " + " | ".join(VARIANTS) + " |" in table
    scores = json.loads((folder / "ablation.json").read_text())
    assert list(scores) == VARIANTS
    for found in scores.values():
        assert {name.partition(",")[0] for name in found} >= {"closer_to_source", "reconstruction", "pose error"}
        for score in found.values():
            assert score["interval"][0] <= score["value"] <= score["interval"][1]
    assert scores["aad"] != scores["add"] != scores["cat"]


def test_pictures_show_swaps_and_the_mask_of_every_level(folder):
    assert np.array(Image.open(folder / "ablation.png").size).tolist() == [(2 + len(VARIANTS)) * 64, 2 * 64]
    masks = np.asarray(Image.open(folder / "masks.png"))
    assert masks.shape == (min(ROWS, 2) * 64, (3 + 5) * 64, 3)
    assert (np.ptp(masks[:, 3 * 64 :], axis=2) == 0).all()


def test_the_same_command_trains_nothing_again(command, folder):
    before = {path: path.stat().st_mtime_ns for path in folder.glob("*/checkpoint-*")}
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0
    assert {path: path.stat().st_mtime_ns for path in folder.glob("*/checkpoint-*")} == before and len(before) == 5


def test_a_variant_that_fails_is_one_sentence(flags, tmp_path, capfd):
    words = flags("tiny", tmp_path, max_train_steps=1, **{"model.encoder.nonsense": 1})
    with pytest.raises(TrainingError, match=r"^aad could not be trained, see above; the same command goes on from "):
        ablate.main(words)
    assert "[model.encoder] of the recipe is no configuration" in capfd.readouterr().err


def test_without_photographs_nothing_is_compared(tmp_path):
    with pytest.raises(TrainingError, match=r"^Variants are compared on held-out photographs: give --train_data_dir"):
        ablate.main(["--recipe", "tiny", "--output_dir", str(tmp_path)])


def test_stage_2_sees_the_data_of_stage_1():
    words = ["--recipe", "tiny", "--train_data_dir", "a=2", "--seed", "5", "--output_dir", "out", "--hear_steps", "7"]
    recipe = ablate.stage_2_recipe(parse_options(ablate.AblationOptions, words))
    assert (recipe["train_data_dir"], recipe["seed"], recipe["max_train_steps"]) == (["a=2"], 5, 7)
    assert recipe["hard_share"] == 0.5
