"""`--push_to_hub` of the trainers: said before training what would go wrong after it, pushed once at its end."""

from pathlib import Path

import numpy as np
import pytest
from accelerate.state import PartialState
from PIL import Image
from tiny_networks import save_tiny_pipeline

from faceshifter_hub.component import load_component
from faceshifter_hub.datasets.shards import write_shard
from faceshifter_hub.errors import HubUnavailableError, SettingsError, TrainingError
from faceshifter_hub.faces.alignment import template
from faceshifter_hub.preparation.examine import encode_jpeg
from faceshifter_hub.synthesis.datasets.samples import encode_facts
from trainers import aei, hear, run
from trainers.options import parse_options

EXAMPLES = Path(__file__).parents[2] / "registry" / "examples"


@pytest.fixture
def photos(tmp_path):
    """Three rendered people of the training split, prepared."""
    (tmp_path / "people").mkdir()
    samples = []
    for n, path in enumerate(sorted(EXAMPLES.glob("face_*.webp"))[:3]):
        facts = {"file": path.name, "person": None, "split": "training", "landmarks": template(64).tolist()}
        picture = np.asarray(Image.open(path).convert("RGB").resize((64, 64)))
        samples.append((f"photo-{n}", {"json": encode_facts(facts), "jpg": encode_jpeg(picture)}))
    write_shard(tmp_path / "people" / "photos-000000.tar", samples)


@pytest.fixture
def flags(tmp_path):
    """Make the flags of a trainer that pushes."""

    def make(recipe, repo, **values):
        given = {
            "recipe": recipe,
            "train_data_dir": tmp_path / "people",
            "output_dir": tmp_path / "out",
            "max_train_steps": 1,
            "push_to_hub": "true",
            "hub_model_id": repo,
            **values,
        }
        return [part for name, value in given.items() for part in (f"--{name}", str(value))]

    return make


def test_stage_1_is_pushed_whole_at_its_end(hub, photos, flags, tmp_path, capsys):
    aei.main(flags("tiny-aei", "alice/stage-1"))
    repository = hub.repositories["alice/stage-1"]
    assert len(repository.commits) == 2  # the empty one and the push
    files = repository.commits[repository.refs["main"]]
    assert {"README.md", "curves.png", "aad_generator/config.json"} <= files.keys()
    assert not [name for name in files if "checkpoint" in name or name.endswith((".bin", ".pkl", ".jsonl"))]
    assert f"published as alice/stage-1, commit {repository.refs['main']}" in capsys.readouterr().out
    card = hub.blobs[files["README.md"].blob].decode()
    assert "adversarial_weight = 0.2" in card and str(tmp_path) not in card
    load_component("hf://alice/stage-1/attribute_encoder", "attribute_encoder")


def test_stage_2_is_pushed_whole_at_its_end(hub, photos, flags, tmp_path):
    save_tiny_pipeline(tmp_path / "aei")
    hear.main(flags("tiny-hear", "alice/stage-2", aei_model=tmp_path / "aei"))
    repository = hub.repositories["alice/stage-2"]
    files = repository.commits[repository.refs["main"]]
    assert {name.split("/")[0] for name in files} == {"hear_refiner", "README.md", "curves.png"}


def test_the_recipe_that_a_run_leaves_repeats_it(hub, photos, flags, tmp_path):
    given = flags("tiny-aei", "alice/recipe", learning_rate="2e-5")
    options = parse_options(aei.AEIOptions, given)
    aei.main(given)
    again = parse_options(aei.AEIOptions, ["--recipe", str(tmp_path / "out" / "recipe.toml")])
    assert again.model_dump() == options.model_dump()


def test_another_process_than_the_main_one_pushes_nothing(hub, flags, monkeypatch):
    accelerator = run.start(parse_options(aei.AEIOptions, flags("tiny-aei", "alice/second")))
    hub.requests.clear()
    monkeypatch.setitem(PartialState._shared_state, "process_index", 1)
    run.push(accelerator, parse_options(aei.AEIOptions, flags("tiny-aei", "alice/second")))
    assert hub.requests == []


@pytest.mark.parametrize(
    ("trainer", "recipe", "given"), [(aei, "tiny-aei", {}), (hear, "tiny-hear", {"aei_model": "none"})]
)
def test_what_would_fail_at_the_end_fails_before_the_start(hub, flags, monkeypatch, trainer, recipe, given):
    def fail(error, message, repo="alice/early"):
        with pytest.raises(error, match=message):
            trainer.main(flags(recipe, repo, **given))

    fail(SettingsError, "write OWNER/NAME", repo="early")
    fail(HubUnavailableError, "may not write to 'bob/early'", repo="bob/early")
    with monkeypatch.context() as context:
        context.setattr(hub, "tokens", {})
        fail(HubUnavailableError, "does not know your token")
    monkeypatch.delenv("HF_TOKEN")
    fail(HubUnavailableError, "There is no token to publish 'alice/early' with")


def test_a_push_without_an_address(flags):
    without = [flag for flag in flags("tiny-aei", "alice/none") if flag not in ("--hub_model_id", "alice/none")]
    with pytest.raises(TrainingError, match="give --hub_model_id OWNER/NAME"):
        aei.main(without)
