"""`faceshifter evaluate` from the words to the report, with a pipeline of tiny networks."""

import argparse
import csv
import json
import os
import shutil
import subprocess
import sys

import pytest

from faceshifter_hub import cli
from faceshifter_hub.errors import DataError, SettingsError, UnwritableOutputError
from faceshifter_hub.evaluation.command import add_evaluate
from faceshifter_hub.evaluation.run import BATCH
from faceshifter_hub.models.aad import AADGenerator
from faceshifter_hub.models.attribute_encoder import MultilevelAttributeEncoder
from faceshifter_hub.models.hear import HEARRefiner

needs_npm = pytest.mark.skipif(shutil.which("npm") is None, reason="the judges come with npm")
LIMIT = 32  # cases, of which those with the faceless photo are left out: more than a batch


@pytest.fixture(scope="module")
def tiny_pipeline(tmp_path_factory):
    """Untrained networks for faces of 32 pixels, the real detector and encoder."""
    folder = tmp_path_factory.mktemp("tiny") / "checkpoint-40"
    encoder = MultilevelAttributeEncoder(32, (4, 4, 4, 4), attribute_space="tiny")
    attribute_channels = encoder.interface.attribute_space.channels
    generator = AADGenerator(
        32, "dlib-centred", 128, "tiny", attribute_channels, stem_channels=4, channels=(4, 4, 4, 4, 3)
    )
    components = {"attribute_encoder": encoder, "aad_generator": generator, "hear_refiner": HEARRefiner(32, (4, 4))}
    for kind, component in components.items():
        component.save_pretrained(folder / kind)
    addresses = {"face_detector": {"address": "mtcnn"}, "identity_encoder": {"address": "dlib-resnet"}}
    index = {"components": addresses | {kind: {"subfolder": kind} for kind in components}}
    (folder / "model_index.json").write_text(json.dumps(index))
    return folder


def words_of(data, pipeline, out, *words):
    return ["evaluate", "portraits", *map(str, (data, "--pipeline", pipeline, "--out", out, *words))]


def evaluate(*words):
    parser = argparse.ArgumentParser("faceshifter")
    add_evaluate(parser.add_subparsers())
    arguments = parser.parse_args([str(word) for word in words])
    arguments.run(arguments)


def without_timings(folder):
    report = json.loads((folder / "report.json").read_text())
    assert report.pop("seconds").keys() == {"swaps"}
    return json.dumps(report)


@pytest.fixture(scope="module")
def data(tmp_path_factory, portraits_maker):
    return portraits_maker(tmp_path_factory.mktemp("data") / "portraits")


@pytest.fixture(scope="module")
def first(data, tiny_pipeline, tmp_path_factory):
    out = tmp_path_factory.mktemp("made") / "first"
    evaluate(*words_of(data, tiny_pipeline, out, "--limit", LIMIT, "--seed", 1, "--baseline", "target"))
    return out


@needs_npm
def test_a_report_says_what_was_measured_by_what_and_of_whom(data, tiny_pipeline, first, validation_names):
    report = json.loads((first / "report.json").read_text())
    assert report["command"] == (
        f"faceshifter evaluate portraits {data} --pipeline {tiny_pipeline} --baseline target --limit {LIMIT} --seed 1"
    )
    pipeline, target = report["contestants"]
    assert (pipeline["name"], pipeline["step"], target["kind"]) == (str(tiny_pipeline), 40, "baseline")
    assert set(pipeline["components"]) == {
        "face_detector", "identity_encoder", "attribute_encoder", "aad_generator", "hear_refiner"
    }  # fmt: skip
    assert all(judge["independent"] and judge["sha256"] for judge in report["judges"].values())
    assert len(report["judges"]["faceres"]["sha256"]["faceres.bin"]) == 64
    measured = {(entry["measured_by"], entry["name"]) for entry in pipeline["metrics"]}
    assert measured >= {
        ("faceres", "retrieval_top1"), ("facemesh", "pose_error"), ("arkit-expression", "expression_error"),
        ("face-api-expression", "same_emotion"), ("iris", "gaze_error"), ("pixels", "psnr_outside"),
    }  # fmt: skip
    values = {entry["name"]: entry["value"] for entry in target["metrics"]}
    assert values["closer_to_source"] == values["retrieval_top1"] == values["pose_error"] == 0
    assert values["psnr_outside"] == 100 and values["same_emotion"] == 1
    faceless = max(validation_names)
    assert report["left_out"][faceless] == "no face is found in it"
    swapped = pipeline["cases"]["swapped"]
    assert BATCH < swapped < LIMIT
    assert swapped + len(report["left_out"]) - 1 + len(pipeline["cases"]["failed"]) == LIMIT


@needs_npm
def test_the_table_has_a_row_for_every_case(first):
    rows = list(csv.DictReader((first / "pairs.csv").open()))
    report = json.loads((first / "report.json").read_text())
    left_out = [row for row in rows if not row["contestant"]]
    assert len(left_out) == len(report["left_out"]) - 1
    assert {row["status"] for row in left_out} <= {"its source is left out", "its target is left out"}
    assert len([row for row in rows if row["contestant"] == "target"]) + len(left_out) == LIMIT


@needs_npm
def test_the_same_run_writes_the_same_bytes(data, tiny_pipeline, first, tmp_path):
    evaluate(*words_of(data, tiny_pipeline, tmp_path, "--limit", LIMIT, "--seed", 1, "--baseline", "target"))
    assert without_timings(tmp_path) == without_timings(first)
    assert (tmp_path / "pairs.csv").read_bytes() == (first / "pairs.csv").read_bytes()


@needs_npm
def test_an_interrupted_run_goes_on_and_a_known_one_swaps_nothing(data, tiny_pipeline, first, tmp_path):
    shutil.copytree(first / "cache", tmp_path / "cache")
    kept = sorted((tmp_path / "cache").rglob("*.safetensors"))
    for path in kept[::3]:
        path.unlink()
    kept[1].write_bytes(b"cut off")
    words = words_of(data, tiny_pipeline, tmp_path, "--limit", LIMIT, "--seed", 1, "--baseline", "target")
    evaluate(*words)
    assert without_timings(tmp_path) == without_timings(first)
    evaluate(*words)
    assert set(json.loads((tmp_path / "report.json").read_text())["seconds"]["swaps"].values()) == {0.0}


@needs_npm
def test_two_processes_share_the_work_and_write_what_one_writes(data, tiny_pipeline, tmp_path):
    """With one thread each: the last digits depend on the number of threads."""
    environment = os.environ | {"ACCELERATE_USE_CPU": "true", "OMP_NUM_THREADS": "1"}
    launch = ["-m", "accelerate.commands.launch", "--multi_gpu", "--num_processes", "2"]
    printed = {}
    for name, starter in (("one", []), ("two", launch)):
        words = words_of(data, tiny_pipeline, tmp_path / name, "--limit", LIMIT, "--seed", 1, "--baseline", "target")
        command = [sys.executable, *starter, "-m", "faceshifter_hub.cli", *words]
        done = subprocess.run(command, check=True, capture_output=True, env=environment, timeout=600)
        printed[name] = done.stdout.decode()
    assert without_timings(tmp_path / "two") == without_timings(tmp_path / "one")
    assert printed["two"].count("report.html") == 1  # one of them reports


@needs_npm
def test_checkpoints_give_curves_and_another_programs_results_a_column(data, tiny_pipeline, first, tmp_path):
    later = shutil.copytree(tiny_pipeline, tmp_path / "checkpoint-80")
    results = tmp_path / "theirs"
    results.mkdir()
    evaluate("evaluate", "portraits", data, "--limit", LIMIT, "--seed", 1, "--export", "--out", tmp_path / "inputs")
    pairs = list(csv.DictReader((tmp_path / "inputs/pairs.csv").open()))
    for pair in pairs[:-1]:
        shutil.copy(tmp_path / "inputs" / pair["target"], results / f"{pair['name']}.png")
    out, cache = tmp_path / "out", ("--cache", first / "cache")
    words = ("--pipeline", later, "--baseline", results, "--limit", LIMIT, "--seed", 1)
    evaluate(*words_of(data, tiny_pipeline, out, *words, *cache))
    report = json.loads((out / "report.json").read_text())
    assert [each["step"] for each in report["contestants"]] == [40, 80, None]
    theirs = report["contestants"][-1]
    assert {entry["value"] for entry in theirs["metrics"] if entry["name"] == "psnr_outside"} == {100}
    assert set(theirs["cases"]["failed"].values()) <= {"the folder holds no picture of this name"}
    assert "<svg" in (out / "report.html").read_text()


@needs_npm
def test_the_training_encoder_does_not_judge_unless_it_is_allowed_and_marked(data, tiny_pipeline, first, tmp_path):
    words = words_of(data, tiny_pipeline, tmp_path, "--limit", LIMIT, "--seed", 1, "--judge", "dlib-resnet")
    with pytest.raises(SettingsError, match=r"'dlib-resnet' cannot judge .* trained to please it"):
        evaluate(*words)
    evaluate(*words, "--allow-training-encoder")
    report = json.loads((tmp_path / "report.json").read_text())
    assert {name for name, judge in report["judges"].items() if not judge["independent"]} == {"dlib-resnet"}
    assert "training encoder" in (tmp_path / "report.html").read_text()
    assert any(entry["measured_by"] == "dlib-resnet" for entry in report["contestants"][0]["metrics"])


@needs_npm
def test_a_photo_that_cannot_be_read_is_left_out_in_words(data, tiny_pipeline, first, validation_names, tmp_path):
    damaged = shutil.copytree(data, tmp_path / "damaged")
    (damaged / validation_names[0]).write_bytes(b"no picture")
    words = words_of(damaged, tiny_pipeline, tmp_path / "out", "--limit", LIMIT, "--seed", 1)
    evaluate(*words, "--cache", first / "cache")
    report = json.loads((tmp_path / "out/report.json").read_text())
    assert validation_names[0] in report["left_out"] and "is not a picture" in report["left_out"][validation_names[0]]
    assert "its source is left out" in report["left_out"].values()


@needs_npm
def test_reports_become_a_page(first, tmp_path, capsys):
    evaluate("evaluate", "results", first / "report.json", "--out", tmp_path / "results.md")
    page = (tmp_path / "results.md").read_text()
    assert "## first" in page and "`retrieval_top1`" in page and f"--limit {LIMIT} --seed 1" in page


def test_a_folder_without_photos_leaves_no_report(tmp_path, tiny_pipeline):
    (tmp_path / "empty").mkdir()
    with pytest.raises(DataError, match="holds 0 validation photos"):
        evaluate(*words_of(tmp_path / "empty", tiny_pipeline, tmp_path / "out"))
    assert not (tmp_path / "out").exists()


def test_an_unwritable_folder_is_refused_before_any_work(data, tmp_path):
    (tmp_path / "file").write_text("no folder")
    with pytest.raises(UnwritableOutputError, match="cannot be written"):
        evaluate("evaluate", "portraits", data, "--out", tmp_path / "file")


def test_a_limit_of_nothing_is_wrong_usage(tmp_path, capsys):
    with pytest.raises(SystemExit):
        evaluate("evaluate", "portraits", tmp_path, "--limit", 0, "--out", tmp_path)
    assert "--limit: invalid" in capsys.readouterr().err


@pytest.mark.parametrize("protocol", ["swapbench", "portraits", "faceforensics", "casia2026", "pairs"])
def test_without_data_a_protocol_says_what_to_put_where(protocol, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert cli.main(["evaluate", protocol, "--out", "out"]) == 1
    error = capsys.readouterr().err
    assert error.count("\n") == 1 and ("data/" in error or "pairs.csv" in error)
    assert list(tmp_path.iterdir()) == []
