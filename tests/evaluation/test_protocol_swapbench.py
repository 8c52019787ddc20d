"""The protocol `swapbench` on six rendered triplets: the true swap scores as one, the rest falls in between."""

import csv
import json
import re
import shutil

import numpy as np
import pytest
from PIL import Image

from faceshifter_hub import FaceShifterPipeline, cli
from faceshifter_hub.evaluation.gallery_page import make_gallery
from faceshifter_hub.evaluation.protocols.swapbench import list_swapbench, parts_of
from faceshifter_hub.models.labels import LABELS
from faceshifter_hub.synthesis.datasets.samples import encode_map

needs_npm = pytest.mark.skipif(shutil.which("npm") is None, reason="the judges come with npm")
BASELINES = ["stage-1", "target", "truth", "pasted"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Six triplets, rendered in a process of their own."""
    folder = tmp_path_factory.mktemp("bench") / "triplets"
    words = ["--triplets", "6", "--size", "128", "--workers", "1", "--seed", "5"]
    assert cli.main(["synthesize", str(folder), *words]) == 0
    return folder


@pytest.fixture(scope="module")
def out(folder, tmp_path_factory):
    out = tmp_path_factory.mktemp("out") / "report"
    words = [word for name in BASELINES for word in ("--baseline", name)]
    assert cli.main(["evaluate", "swapbench", str(folder), *words, "--limit", "5", "--out", str(out)]) == 0
    return out


def test_parts_of_a_case_cover_the_picture_once(folder):
    for case in list_swapbench(folder, 4).cases:
        parts, truth, target = case.truth.parts(), case.truth.photo.read(), case.target.read()
        assert (np.sum(list(parts.values()), axis=0) == 1).all()
        assert 0.03 < parts["face"].mean() < 0.6
        assert np.array_equal(truth[parts["background"]], target[parts["background"]])
        assert set(case.groups) >= {"occlusion", "skin of the source", "sex of the source", "age of the source"}


def test_hair_that_comes_to_light_is_no_occluder():
    region, target, truth = np.zeros((3, 8, 8), np.uint8)
    region[2:6, 2:6] = 255
    target[2:6, 1:4], truth[2:6, 3:7] = LABELS["hair"], LABELS["hair"]
    maps = {"region": region, "target_labels": target, "truth_labels": truth}
    parts = parts_of(lambda: {f"{name}.png": encode_map(each) for name, each in maps.items()})
    assert np.array_equal(np.argwhere(parts["occluder"]), [[row, 3] for row in range(2, 6)])
    assert parts["face"].sum() == 12


def test_a_limit_makes_no_retrieval_easier(folder):
    listed = list_swapbench(folder, 2)
    assert len(listed.cases) == 2 and len(listed.gallery) == 12
    assert len({photo.person for photo in listed.gallery}) == 12


@needs_npm
def test_the_true_swap_scores_as_one_and_the_target_as_none(out):
    report = json.loads((out / "report.json").read_text())
    assert [each["name"] for each in report["contestants"]] == ["faceshifter-lite", *BASELINES]
    scores = {
        each["name"]: {entry["name"]: entry["value"] for entry in each["metrics"]} for each in report["contestants"]
    }
    assert scores["truth"]["psnr_face"] == 100
    for name in ("pose_error", "expression_error", "gaze_error", "mouth_error", "feature_distance_face"):
        assert scores["truth"][name] == pytest.approx(0, abs=1e-6)
        assert scores["pasted"][name] > 0
    assert scores["truth"]["same_emotion"] == 1
    assert scores["truth"]["cosine_to_truth"] == pytest.approx(1, abs=1e-5)
    assert scores["target"]["psnr_background"] == 100 and scores["target"]["psnr_face"] < 40
    assert scores["target"]["psnr_outside"] == 100 and scores["target"]["colour_difference"] == 0
    for name in ("faceshifter-lite", "stage-1", "pasted"):
        assert 5 < scores[name]["psnr_face"] < 40
    assert scores["pasted"]["cosine_to_source"] > scores["target"]["cosine_to_source"]
    assert -1 < scores["faceshifter-lite"]["occluder_error_removed"] < 1
    assert "--limit 5" in report["command"] and str(out) not in report["command"]
    for entry in report["contestants"][0]["metrics"]:
        assert entry["interval"][0] - 1e-9 <= entry["value"] <= entry["interval"][1] + 1e-9
        assert 1 <= entry["pairs"] <= 5


@needs_npm
def test_a_row_for_every_triplet_and_contestant(out):
    rows = list(csv.DictReader((out / "pairs.csv").open()))
    assert len(rows) == 5 * 5 and {row["contestant"] for row in rows} == {"faceshifter-lite", *BASELINES}
    assert {row["case"] for row in rows} == {f"triplet-{n:05}" for n in range(5)}
    assert {row["status"] for row in rows} == {"scored"}


@needs_npm
def test_the_page_shows_cases(out):
    page = (out / "report.html").read_text()
    assert page.count("data:image/webp") >= 5 * 6  # source, target, truth, pipeline, stage 1, pasted
    assert "triplet-00003" in page


def test_a_folder_without_triplets_is_one_sentence(tmp_path, capsys):
    assert cli.main(["evaluate", "swapbench", str(tmp_path), "--out", str(tmp_path / "out")]) == 1
    error = capsys.readouterr().err
    assert error.endswith(f"faceshifter synthesize {tmp_path} --benchmark swapbench\n") and error.count("\n") == 1
    assert not (tmp_path / "out").exists()


def test_the_gallery_shows_cases_drawn_by_a_seed(folder, tmp_path, capsys):
    page = tmp_path / "gallery.md"
    words = ["evaluate", "gallery", str(folder), "--count", "3", "--seed", "4", "--out", str(page)]
    assert cli.main(words) == 0
    text = page.read_text()
    pictures = re.findall(r"!\[.*?\]\((.*?)\)", text)
    drawn = sorted({re.match(r"images/gallery/(triplet-\d+)-", picture)[1] for picture in pictures})
    assert len(pictures) == 6 and len(drawn) == 3 and all(f"## {name}" in text for name in drawn)
    with Image.open(tmp_path / pictures[0]) as stages, Image.open(tmp_path / pictures[1]) as masks:
        assert stages.size == (8 * 144, 144) and masks.size == (6 * 144, 144)
    assert "3 of 6 triplets of SwapBench, drawn by seed 4" in text
    assert f"faceshifter evaluate gallery {folder} --count 3 --seed 4" in text
    told = [float(value) for value in re.findall(r"^PSNR ([\d.]+) dB", text, re.MULTILINE)]
    assert len(told) == 3 and all(5 < value < 40 for value in told)
    assert cli.main([*words[:-3], "5", *words[-2:]]) == 0
    assert page.read_text() != text


def test_the_gallery_of_one_stage_has_five_pictures_a_case(folder):
    components = FaceShifterPipeline.from_pretrained().components
    del components["hear_refiner"]
    (shown,) = make_gallery(FaceShifterPipeline(components, {}), list_swapbench(folder, 6).cases, 1, 0)
    assert shown.strips["stages"].width == 5 * 144
