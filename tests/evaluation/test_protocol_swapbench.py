"""The protocol `swapbench` on four rendered triplets: the true swap scores as one, the rest falls in between."""

import csv
import json
import shutil

import numpy as np
import pytest
from PIL import Image

from faceshifter_hub import cli
from faceshifter_hub.evaluation.swapbench import list_cases, read_case

needs_npm = pytest.mark.skipif(shutil.which("npm") is None, reason="faceres comes with npm")
BASELINES = ["stage-1", "target", "truth", "pasted"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Four triplets, rendered in a process of their own."""
    folder = tmp_path_factory.mktemp("bench") / "triplets"
    words = ["--triplets", "4", "--size", "128", "--workers", "1", "--seed", "5"]
    assert cli.main(["synthesize", str(folder), *words]) == 0
    return folder


@pytest.fixture(scope="module")
def out(folder, tmp_path_factory):
    out = tmp_path_factory.mktemp("out") / "report"
    words = [word for name in BASELINES for word in ("--baseline", name)]
    assert cli.main(["evaluate", "swapbench", str(folder), *words, "--limit", "3", "--out", str(out)]) == 0
    return out


def test_parts_of_a_case_cover_the_picture_once(folder):
    for place in list_cases(folder, 4):
        case = read_case(*place)
        assert (np.sum(list(case.parts.values()), axis=0) == 1).all()
        assert 0.03 < case.parts["face"].mean() < 0.6
        assert case.groups[0] == ("occluded" if case.parts["occluder"].any() else "clear")
        assert np.array_equal(case.truth[case.parts["background"]], case.target[case.parts["background"]])


@needs_npm
def test_the_true_swap_scores_as_one_and_the_target_as_none(out):
    report = json.loads((out / "report.json").read_text())
    assert list(report["baselines"]) == BASELINES
    scores = {
        name: {entry["name"]: entry["value"] for entry in entries}
        for name, entries in {"pipeline": report["metrics"], **report["baselines"]}.items()
    }
    assert scores["truth"]["psnr_face"] == 100 and scores["truth"]["pose_error"] == 0
    assert scores["truth"]["cosine_to_truth"] == pytest.approx(1, abs=1e-5)
    assert scores["target"]["psnr_background"] == 100 and scores["target"]["psnr_face"] < 40
    for name in ("pipeline", "stage-1", "pasted"):
        assert 5 < scores[name]["psnr_face"] < 40
    assert scores["pasted"]["cosine_to_source"] > scores["target"]["cosine_to_source"]
    assert report["data"]["triplets"] == 3 and report["pairs"] == {"swapped": 3, "no_face_found": []}
    assert "--limit 3" in report["command"] and str(out) not in report["command"]
    for entry in report["metrics"]:
        assert entry["interval"][0] <= entry["value"] <= entry["interval"][1] and 1 <= entry["pairs"] <= 3


@needs_npm
def test_a_row_for_every_triplet_and_swapper(out):
    rows = list(csv.DictReader((out / "pairs.csv").open()))
    assert len(rows) == 3 * 5 and {row["swapped_by"] for row in rows} == {"pipeline", *BASELINES}
    assert {row["triplet"] for row in rows} == {f"triplet-{n:08}" for n in range(3)}


@needs_npm
def test_cases_are_shown(out):
    assert Image.open(out / "cases.webp").size == (6 * 128, 3 * 128)


def test_a_folder_without_triplets_is_one_sentence(tmp_path, capsys):
    assert cli.main(["evaluate", "swapbench", str(tmp_path), "--out", str(tmp_path / "out")]) == 1
    error = capsys.readouterr().err
    assert error.endswith(f"faceshifter synthesize {tmp_path} --benchmark swapbench\n") and error.count("\n") == 1
    assert not (tmp_path / "out").exists()
