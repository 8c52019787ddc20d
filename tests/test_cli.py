"""The command line: what it prints, and how it fails."""

import json
import subprocess
import sys

import pytest

from faceshifter_hub import cli
from faceshifter_hub.registry import list_components


def test_components_of_a_kind_one_a_line(capsys):
    assert cli.main(["components", "identity_encoder"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines] == ["dlib-resnet", "insightface-antelopev2", "insightface-buffalo-l"]
    assert "(non-commercial)" in lines[1] and "(non-commercial)" not in lines[0]


def test_components_as_json_are_the_whole_manifests(capsys):
    assert cli.main(["components", "--json"]) == 0
    printed = {manifest["name"]: manifest for manifest in json.loads(capsys.readouterr().out)}
    assert list(printed) == [manifest.name for manifest in list_components()]
    assert printed["aad-paper-256"]["interface"]["identity_space"] == {"name": "arcface-buffalo-l", "width": 512}
    assert printed["mtcnn"]["class"] == "faceshifter_hub.faces.mtcnn:MTCNNDetector"
    assert len(printed["mtcnn"]["files"][0]["sha256"]) == 64


def test_info_for_people_and_for_programs(capsys):
    assert cli.main(["info", "dlib-resnet"]) == 0
    text = capsys.readouterr().out
    for line in ("weights licence: CC0-1.0", "commercial use: yes", "    width: 128", "  size: 22466066"):
        assert line in text.splitlines()
    assert cli.main(["info", "dlib-resnet", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["source"]["distribution"] == "face-recognition-models"


def test_an_error_is_one_sentence_and_exit_code_1():
    command = [sys.executable, "-m", "faceshifter_hub.cli", "info", "mtcn"]
    process = subprocess.run(command, capture_output=True, text=True)
    assert (process.returncode, process.stdout) == (1, "")
    assert process.stderr == "faceshifter: No component or pipeline is called 'mtcn'; did you mean 'mtcnn'?\n"


def test_a_reader_that_has_seen_enough_is_no_error():
    command = [sys.executable, "-m", "faceshifter_hub.cli", "components", "--json"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    process.stdout.close()
    assert (process.stderr.read(), process.wait()) == ("", 141)


def test_interruption(monkeypatch):
    def interrupt(arguments):
        raise KeyboardInterrupt

    monkeypatch.setattr(cli, "run_info", interrupt)
    assert cli.main(["info", "mtcnn"]) == 130


def test_wrong_usage_is_exit_code_2(capsys):
    with pytest.raises(SystemExit, match="2"):
        cli.main(["components", "generator"])
    assert "aad_generator" in capsys.readouterr().err
