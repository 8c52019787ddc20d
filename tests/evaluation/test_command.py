import argparse
import csv
import json
import shutil

import pytest

from faceshifter_hub.errors import DataError, UnwritableOutputError
from faceshifter_hub.evaluation.command import add_evaluate
from faceshifter_hub.models.aad import AADGenerator
from faceshifter_hub.models.attribute_encoder import MultilevelAttributeEncoder
from faceshifter_hub.models.hear import HEARRefiner
from faceshifter_hub.pipeline import AlignedSwap, FaceShifterPipeline

needs_npm = pytest.mark.skipif(shutil.which("npm") is None, reason="faceres comes with npm")


@pytest.fixture
def tiny_pipeline(tmp_path, monkeypatch):
    """Untrained networks for faces of 32 pixels, the real detector and encoder; the swap is the target as it was."""

    def keep_target(self, z_source, target, **options):
        return AlignedSwap(target, None, None, None, [])

    monkeypatch.setattr(FaceShifterPipeline, "swap_aligned", keep_target)
    folder = tmp_path / "tiny-pipeline"
    encoder = MultilevelAttributeEncoder(32, (4, 4, 4, 4), attribute_space="tiny")
    attribute_channels = encoder.interface.attribute_space.channels
    generator = AADGenerator(
        32, "dlib-centred", 128, "tiny", attribute_channels, stem_channels=4, channels=(4, 4, 4, 4, 3)
    )
    components = {
        "attribute_encoder": encoder,
        "aad_generator": generator,
        "hear_refiner": HEARRefiner(32, (4, 4)),
    }
    for kind, component in components.items():
        component.save_pretrained(folder / kind)
    addresses = {"face_detector": {"address": "mtcnn"}, "identity_encoder": {"address": "dlib-resnet"}}
    index = {"components": addresses | {kind: {"subfolder": kind} for kind in components}}
    (folder / "model_index.json").write_text(json.dumps(index))
    return folder


def evaluate(*words):
    parser = argparse.ArgumentParser("faceshifter")
    add_evaluate(parser.add_subparsers())
    arguments = parser.parse_args(["evaluate", "portraits", *map(str, words)])
    arguments.run(arguments)


@needs_npm
def test_writes_the_same_report_twice(portraits, tiny_pipeline, tmp_path, capsys):
    reports = []
    for name in ("first", "second"):
        out = tmp_path / "made" / name
        evaluate(portraits, "--pipeline", tiny_pipeline, "--limit", 6, "--seed", 1, "--out", out)
        assert sorted(path.name for path in out.iterdir()) == ["pairs.csv", "report.json"]
        reports.append(json.loads((out / "report.json").read_text()))
        assert reports[-1].pop("seconds").keys() == {"swaps"}
    first, second = reports
    assert json.dumps(first) == json.dumps(second)
    assert (tmp_path / "made/first/pairs.csv").read_bytes() == (tmp_path / "made/second/pairs.csv").read_bytes()

    assert first["command"].startswith(f"faceshifter evaluate portraits {portraits} --pipeline {tiny_pipeline}")
    assert first["command"].endswith("--limit 6 --seed 1")
    assert set(first["pipeline"]["components"]) == {
        "face_detector", "identity_encoder", "attribute_encoder", "aad_generator", "hear_refiner"
    }  # fmt: skip
    networks = first["networks"]
    assert {name: network["independent"] for name, network in networks.items()} == {
        "faceres": True,
        "dlib-centred (training encoder)": False,
    }
    assert len(networks["faceres"]["sha256"]["faceres.bin"]) == 64
    assert {(metric["measured_by"], metric["name"]) for metric in first["metrics"]} >= {
        ("faceres", "closer_to_source"),
        ("dlib-centred (training encoder)", "retrieval_top5"),
    }
    for metric in first["metrics"]:
        low, high = metric["interval"]
        assert low - 1e-9 <= metric["value"] <= high + 1e-9
        assert metric["pairs"] == first["pairs"]["scored"]
    with (tmp_path / "made/first/pairs.csv").open() as file:
        assert len(list(csv.DictReader(file))) == first["pairs"]["drawn"] == 6
    assert "closer_to_source" in capsys.readouterr().out


@needs_npm
def test_stage_one_alone(portraits, tiny_pipeline, tmp_path):
    evaluate(portraits, "--pipeline", tiny_pipeline, "--limit", 2, "--no-refine", "--out", tmp_path / "out")
    assert json.loads((tmp_path / "out/report.json").read_text())["command"].endswith("--no-refine")


@needs_npm
def test_a_folder_without_photos_leaves_no_report(tmp_path, tiny_pipeline):
    (tmp_path / "empty").mkdir()
    with pytest.raises(DataError, match="holds 0 validation photos"):
        evaluate(tmp_path / "empty", "--pipeline", tiny_pipeline, "--out", tmp_path / "out")
    assert list((tmp_path / "out").iterdir()) == []


def test_an_unwritable_folder_is_refused_before_any_work(tmp_path):
    (tmp_path / "file").write_text("no folder")
    with pytest.raises(UnwritableOutputError, match="cannot be written"):
        evaluate(tmp_path, "--out", tmp_path / "file")


def test_a_limit_of_nothing_is_wrong_usage(tmp_path, capsys):
    with pytest.raises(SystemExit):
        evaluate(tmp_path, "--limit", 0, "--out", tmp_path)
    assert "--limit: invalid" in capsys.readouterr().err
