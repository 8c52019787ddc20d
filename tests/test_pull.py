"""`faceshifter pull` of what needs no network: what it says, and that it looks."""

import json

import pytest
from tiny_networks import save_tiny_pipeline

from faceshifter_hub import cli
from faceshifter_hub.errors import UnknownComponentError
from faceshifter_hub.pull import pull
from faceshifter_hub.registry import DATA_ROOT, get_manifest, get_pipeline


def test_a_pipeline_is_every_component_of_it():
    assert [part.address for part in pull("faceshifter-lite")] == list(
        get_pipeline("faceshifter-lite").components.values()
    )


def test_json_tells_where_and_how_large(capsys):
    assert cli.main(["pull", "aad-lite-256", "faceshifter-lite", "--json"]) == 0
    told = {part["address"]: part for part in json.loads(capsys.readouterr().out)}
    part = told["aad-lite-256"]  # asked for twice, told once
    assert part["folder"] == str(DATA_ROOT / "checkpoints/aad-lite-256")
    assert part["verified"] and part["bytes"] == sum(file.size for file in get_manifest("aad-lite-256").files)
    assert told["mtcnn"]["bytes"] == sum(file["bytes"] for file in told["mtcnn"]["files"])


def test_for_people_one_a_line(capsys):
    assert cli.main(["pull", "dlib-resnet", "aad-paper-256"]) == 0
    verified, untrained = capsys.readouterr().out.splitlines()
    assert verified.split()[:4] == ["dlib-resnet", "22.5", "MB", "verified"]
    assert "no weights" in untrained


def test_a_folder_has_nobody_who_vouches_for_it(tmp_path):
    parts = {part.address: part.verified for part in pull(str(save_tiny_pipeline(tmp_path)))}
    assert parts == {
        "mtcnn": True,
        "dlib-resnet": True,
        **{f"{tmp_path}/{kind}": False for kind in ("attribute_encoder", "aad_generator", "hear_refiner")},
    }


def test_an_unknown_name():
    with pytest.raises(UnknownComponentError, match="did you mean 'mtcnn'"):
        pull("mtcn")
