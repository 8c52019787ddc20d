"""`faceshifter publish` and `--push_to_hub` against a real Hub server over HTTP."""

import json
import os
import re
import socket
import subprocess
import sys
import time
import tomllib
from pathlib import Path
from uuid import uuid4

import pytest
import torch
from huggingface_hub import HfApi, constants
from PIL import Image
from safetensors.torch import load_file
from tiny_networks import tiny_networks

from faceshifter_hub import cli, registry
from faceshifter_hub.component import load_component
from faceshifter_hub.errors import CheckpointError, HubUnavailableError, SettingsError, UnknownComponentError
from faceshifter_hub.publishing.manifests import About
from faceshifter_hub.publishing.toml import to_toml
from faceshifter_hub.publishing.upload import publish
from faceshifter_hub.registry import Manifest, read_manifest

WEIGHTS = "diffusion_pytorch_model.safetensors"
HALF = "diffusion_pytorch_model.fp16.safetensors"
RECIPE = {
    "train_data_dir": ["/home/alice/photos"],
    "output_dir": "/home/alice/runs/aei",
    "learning_rate": 1e-05,
    "identity_encoder": "dlib-resnet",
    "push_to_hub": True,
    "model": {"encoder": {"down_channels": [4, 8]}, "generator": {}},
}


@pytest.fixture
def repo():
    """The name of a repository of this test's own."""
    return f"alice/publish-{uuid4()}"


def save_stage_1(folder, seed=0):
    networks = tiny_networks(seed)
    networks["attribute-tiny"].save_pretrained(folder / "attribute_encoder")
    networks["aad-tiny"].save_pretrained(folder / "aad_generator")


@pytest.fixture
def trained(tmp_path):
    """What stage 1 leaves: two components, a recipe, curves, sample grids."""
    folder = tmp_path / "aei"
    save_stage_1(folder)
    (folder / "recipe.toml").write_text(to_toml(RECIPE))
    Image.new("RGB", (8, 8), "blue").save(folder / "curves.png")
    (folder / "samples").mkdir()
    for step, colour in ((999_999, "black"), (1_000_000, "red")):
        Image.new("RGB", (8, 8), colour).save(folder / f"samples/{step:06}.png")
    return folder


@pytest.fixture
def impatient(monkeypatch):
    """The client does not wait between its attempts."""
    monkeypatch.setattr(time, "sleep", lambda seconds: None)


def files_of(hub, repo, revision="main"):
    return hub.revision(repo, revision)[1]


def pull(repo, path, revision="main"):
    return Path(HfApi().hf_hub_download(repo, path, revision=revision))


def run(*arguments):
    return cli.main(["publish", *map(str, arguments)])


def test_what_is_pulled_computes_what_was_trained_to_the_last_bit(hub, repo, trained):
    publish(trained, repo)
    x, z_id = torch.randn(2, 3, 64, 64), torch.randn(2, 128)
    outputs = []
    for place in (f"hf://{repo}", str(trained)):
        encoder = load_component(f"{place}/attribute_encoder", "attribute_encoder")
        generator = load_component(f"{place}/aad_generator", "aad_generator")
        with torch.no_grad():
            outputs.append(generator(z_id, encoder(x)))
    assert torch.equal(*outputs)


def test_one_commit_holds_both_variants_the_card_and_its_pictures(hub, repo, trained):
    before = publish(trained, repo, About(samples=True))
    kinds = ("attribute_encoder", "aad_generator")
    parts = {f"{kind}/{name}" for kind in kinds for name in ("config.json", WEIGHTS, HALF)}
    assert set(files_of(hub, repo)) == parts | {"README.md", "curves.png", "samples.png"}
    assert len(hub.repositories[repo].commits) == 2  # the empty one with which a repository begins, and ours
    for name in parts:
        if name.endswith(".safetensors"):
            dtypes = {t.dtype for t in load_file(pull(repo, name)).values() if t.is_floating_point()}
            assert dtypes == {torch.float16 if HALF in name else torch.float32}
    assert Image.open(pull(repo, "samples.png")).getpixel((0, 0)) == (255, 0, 0)  # the last grid
    assert publish(trained, repo, About(samples=True)).commit == before.commit  # nothing new, nothing committed


def test_the_card_says_what_was_trained_on_what_and_how(hub, repo, trained, tmp_path):
    metrics = [{"name": "closer_to_source", "measured_by": "faceres", "value": 0.73, "interval": [0.67, 0.79]}]
    report = {"command": "faceshifter evaluate it", "contestants": [{"metrics": metrics}]}
    (tmp_path / "report.json").write_text(json.dumps(report))
    assert run(trained, repo, "--samples", "--licence", "cc-by-4.0", "--report", tmp_path / "report.json") == 0
    card = pull(repo, "README.md").read_text()
    assert card.startswith("---\nlibrary_name: faceshifter-hub\nlicense: cc-by-4.0\n")
    assert f'AADGenerator.from_pretrained("hf://{repo}/aad_generator")' in card
    assert "| closer_to_source | 0.73 | faceres |" in card and "`faceshifter evaluate it`" in card
    assert "Photographs `photos`." in card and "## Intended use" in card and "## Out-of-scope use" in card
    assert "(curves.png)" in card and "(samples.png)" in card
    assert "/home/alice" not in card
    (recipe,) = re.findall(r"```toml\n(.*?)```", card, re.DOTALL)
    assert tomllib.loads(recipe) == {
        "train_data_dir": ["photos"],
        "learning_rate": 1e-05,
        "identity_encoder": "dlib-resnet",
        "model": RECIPE["model"],
    }


def test_the_python_of_the_card_runs(hub, repo, trained):
    publish(trained, repo)
    (code,) = re.findall(r"```python\n(.*?)```", pull(repo, "README.md").read_text(), re.DOTALL)
    names = {}
    exec(code, names)
    assert type(names["attribute_encoder"]).__name__ == "MultilevelAttributeEncoder"


def test_a_folder_with_nothing_but_a_component_can_be_published(hub, repo, tmp_path):
    tiny_networks()["hear-tiny"].save_pretrained(tmp_path / "hear_refiner")
    publish(tmp_path, repo)
    assert set(files_of(hub, repo)) == {"README.md", *(f"hear_refiner/{n}" for n in ("config.json", WEIGHTS, HALF))}
    card = pull(repo, "README.md").read_text()
    assert "license: other" in card and "Commercial use: no" in card and "Not stated." in card


def test_samples_stay_at_home_unless_asked_for(hub, repo, trained):
    """They show photographs of people, who may not want to be seen."""
    assert run(trained, repo) == 0
    assert "samples.png" not in files_of(hub, repo)
    assert "samples.png" not in pull(repo, "README.md").read_text()


def test_the_manifests_are_ready_for_the_registry(hub, repo, trained, monkeypatch):
    published = publish(trained, repo)
    assert {path.parent.relative_to(trained).as_posix() for path in published.manifests} == {
        "registry/attribute_encoders",
        "registry/aad_generators",
    }
    manifests = registry.read_components(trained / "registry")
    monkeypatch.setattr(registry, "_plugins", lambda: (tuple(manifests), ()))
    for manifest in manifests:
        assert manifest.source.revision == published.commit
        component = load_component(manifest.name, manifest.kind)
        assert component.interface == manifest.interface
    hub.tamper(repo, f"aad_generator/{WEIGHTS}", b"x" * 10)
    constants_cache = Path(constants.HF_HUB_CACHE, f"models--{repo.replace('/', '--')}")
    for blob in constants_cache.glob("blobs/*"):
        blob.write_bytes(b"x" * 10)
    with pytest.raises(CheckpointError, match="SHA-256"):
        load_component(manifests[1].name, manifests[1].kind)


@pytest.mark.parametrize(
    ("licence", "encoder", "commercial"),
    [
        ("apache-2.0", "dlib-resnet", True),
        ("Apache-2.0", "insightface-buffalo-l", False),
        ("research only", "dlib-resnet", False),
    ],
)
def test_commercial_use_needs_a_licence_and_an_encoder_that_grant_it(hub, repo, trained, licence, encoder, commercial):
    (trained / "recipe.toml").write_text(to_toml(RECIPE | {"identity_encoder": encoder}))
    assert run(trained, repo, "--licence", licence) == 0
    for path in trained.glob("registry/*/*.toml"):
        assert read_manifest(path, Manifest).commercial_use is commercial


def test_a_tag_and_a_commit_can_be_pulled_after_main_went_on(hub, repo, trained, capsys):
    assert run(trained, repo, "--tag", "v1.0") == 0
    commit = re.search(r"@([0-9a-f]{40})  ", capsys.readouterr().out)[1]
    first = load_component(trained / "attribute_encoder", "attribute_encoder").state_dict()
    save_stage_1(trained, seed=1)
    publish(trained, repo)
    for revision, same in (("v1.0", True), (commit, True), ("main", False)):
        pulled = load_component(f"hf://{repo}/attribute_encoder@{revision}", "attribute_encoder").state_dict()
        assert all(torch.equal(value, pulled[name]) for name, value in first.items()) is same
    commits = len(hub.repositories[repo].commits)
    with pytest.raises(SettingsError, match=r"has a tag 'v1\.0' already"):
        publish(trained, repo, tag="v1.0")
    assert len(hub.repositories[repo].commits) == commits


@pytest.mark.fault
@pytest.mark.parametrize("stage", ["preupload", "objects/batch", "lfs/upload", "/commit/"])
def test_an_upload_that_the_hub_breaks_off_leaves_what_was_there(hub, repo, trained, impatient, monkeypatch, stage):
    before = publish(trained, repo)
    there = files_of(hub, repo)
    save_stage_1(trained, seed=len(hub.blobs))  # weights that the Hub has not seen
    monkeypatch.setattr(hub, "down_at", stage)
    with pytest.raises(HubUnavailableError, match="cannot be reached"):
        publish(trained, repo, tag="v2")
    monkeypatch.setattr(hub, "down_at", None)
    assert hub.repositories[repo].refs == {"main": before.commit}
    assert files_of(hub, repo) == there
    after = publish(trained, repo, tag="v2")  # and nothing is in the way of a second attempt
    assert hub.repositories[repo].refs == {"main": after.commit, "v2": after.commit} and after.commit != before.commit


def test_a_hub_that_goes_before_the_tag_is_asked_again_for_the_tag_alone(hub, repo, trained, impatient, monkeypatch):
    monkeypatch.setattr(hub, "down_at", "/tag/")
    with pytest.raises(HubUnavailableError):
        publish(trained, repo, tag="v1")
    monkeypatch.setattr(hub, "down_at", None)
    commit = publish(trained, repo, tag="v1").commit
    assert hub.repositories[repo].refs == {"main": commit, "v1": commit}
    assert len(hub.repositories[repo].commits) == 2


def one_sentence(capsys):
    printed = capsys.readouterr()
    assert printed.out == ""
    (line,) = printed.err.splitlines()
    return line


def test_what_should_be_private_is_not_published_in_public(hub, repo, trained, capsys):
    assert run(trained, repo, "--private") == 0
    assert hub.repositories[repo].private
    assert run(trained, repo, "--private") == 0
    capsys.readouterr()
    HfApi().create_repo(f"{repo}-public")
    assert run(trained, f"{repo}-public", "--private") == 1
    assert "is public already" in one_sentence(capsys)
    assert files_of(hub, f"{repo}-public") == {}


def test_a_wrong_token(hub, repo, trained, monkeypatch, capsys):
    HfApi().create_repo(repo)
    monkeypatch.setattr(hub, "tokens", {"another": "alice"})
    for name in (repo, "alice/not-yet-there"):
        assert run(trained, name) == 1
        assert "does not know your token: log in with `hf auth login`" in one_sentence(capsys)
    assert "alice/not-yet-there" not in hub.repositories


def test_a_hub_that_is_not_there(trained):
    with socket.socket() as nobody_listens:
        nobody_listens.bind(("127.0.0.1", 0))
        endpoint = f"http://127.0.0.1:{nobody_listens.getsockname()[1]}"
        command = [sys.executable, "-m", "faceshifter_hub.cli", "publish", str(trained), "alice/tiny"]
        process = subprocess.run(command, env=os.environ | {"HF_ENDPOINT": endpoint}, capture_output=True, text=True)
    assert (process.returncode, process.stdout) == (1, "")
    assert process.stderr == (
        f"faceshifter: The Hub ({endpoint}) cannot be reached for 'alice/tiny': run `faceshifter publish` again when "
        "it can; what is there already is not sent twice.\n"
    )


def test_no_token_at_all(hub, repo, trained, monkeypatch, capsys):
    monkeypatch.delenv("HF_TOKEN")
    hub.requests.clear()
    assert run(trained, repo) == 1
    assert f"There is no token to publish '{repo}' with: log in" in one_sentence(capsys)
    assert hub.requests == []


@pytest.mark.parametrize("exists", [False, True])
def test_a_repository_of_somebody_else(hub, trained, monkeypatch, capsys, exists):
    theirs = f"bob/theirs-{exists}"
    if exists:
        with monkeypatch.context() as context:
            context.setitem(hub.tokens, "hf_bob", "bob")
            HfApi(token="hf_bob").create_repo(theirs)
    assert run(trained, theirs) == 1
    assert f"Your token may not write to '{theirs}'" in one_sentence(capsys)
    assert not exists or files_of(hub, theirs) == {}


@pytest.mark.parametrize("name", ["tiny", "alice/", "alice/a/b", "alice/--tiny", "hf://alice/tiny", "alice/ti ny", ""])
def test_a_malformed_name(hub, trained, name):
    hub.requests.clear()
    with pytest.raises(SettingsError, match="write OWNER/NAME"):
        publish(trained, name)
    with pytest.raises(SettingsError, match="cannot be a tag"):
        publish(trained, "alice/tiny", tag="v 1")
    assert hub.requests == []


def test_a_folder_without_components(hub, trained, tmp_path):
    hub.requests.clear()
    with pytest.raises(CheckpointError, match="holds no component to publish"):
        publish(tmp_path, "alice/tiny")
    with pytest.raises(UnknownComponentError, match="There is no folder"):
        publish(tmp_path / "none", "alice/tiny")
    (trained / "aad_generator" / WEIGHTS).write_bytes(b"half a file")
    with pytest.raises(CheckpointError, match="damaged"):
        publish(trained, "alice/tiny")
    assert hub.requests == []


@pytest.mark.parametrize("text", ["{", "[]", '{"metrics": [{"name": "a"}], "command": "b"}'])
def test_a_report_that_is_none(hub, repo, trained, tmp_path, capsys, text):
    (tmp_path / "report.json").write_text(text)
    assert run(trained, repo, "--report", tmp_path / "report.json") == 1
    assert "cannot be read as a report" in one_sentence(capsys)
    assert repo not in hub.repositories


def test_the_command_loads_nothing_heavy_before_it_runs():
    script = "import sys; from faceshifter_hub.publishing import command, toml; print('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", script], capture_output=True, text=True).stdout == "False\n"
