import argparse
import csv
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch.nn.functional as F
from PIL import Image

from faceshifter_hub.errors import DataError, RenderError, UnwritableOutputError
from faceshifter_hub.evaluation.command import add_evaluate
from faceshifter_hub.evaluation.judging.facemesh import FaceMesh
from faceshifter_hub.evaluation.people import RenderedPicture
from faceshifter_hub.evaluation.pose_plot import write_pose_plot
from faceshifter_hub.evaluation.renders import JudgedPictures, find_face, judge_people
from faceshifter_hub.faces.mtcnn import MTCNNDetector

needs_npm = pytest.mark.skipif(shutil.which("npm") is None, reason="faceres and facemesh come with npm")
FACES = sorted((Path(__file__).parent / "triplets").glob("*_source.webp"))[:3]
POINTS = np.float32([[99, 87], [164, 86], [127, 127], [102, 163], [157, 162]])  # about where their faces are


@pytest.fixture(scope="module")
def detector():
    return MTCNNDetector.from_pretrained("mtcnn")


def shown(person, image, occluders=(), tone=20.0):
    return RenderedPicture(person, image, POINTS, (10.0 * person, -5.0, 0.0), occluders, tone)


def rendered_face(path):
    return np.asarray(Image.open(path))


def coarse_pixels(faces):
    return F.adaptive_avg_pool2d(faces, 8).flatten(1)


@pytest.fixture(scope="module")
def judged(detector):
    """Three people; the first one's second picture shows nobody, the second one's second picture is occluded."""
    faces = [rendered_face(path) for path in FACES]
    people = [
        [shown(0, faces[0]), shown(0, np.full_like(faces[0], 90), tone=None)],
        [shown(1, faces[1]), shown(1, faces[1] // 2 + 60, ("hand", "glasses"))],
        [shown(2, faces[2]), shown(2, faces[2])],
    ]
    return judge_people(people, detector, {"pixels": coarse_pixels}, FaceMesh())


def test_a_face_counts_as_found_only_where_it_is(detector):
    face = rendered_face(FACES[0])
    assert find_face(shown(0, face), detector) is not None
    elsewhere = np.roll(face, 100, axis=1)
    moved = RenderedPicture(0, elsewhere, POINTS, (0, 0, 0), (), None)
    assert find_face(moved, detector) is None
    assert find_face(shown(0, np.zeros_like(face)), detector) is None


def test_what_is_not_found_is_counted_and_not_measured(judged):
    assert judged.found.tolist() == [True, False, True, True, True, True]
    assert judged.estimated.shape == (5, 3) and judged.embeddings["pixels"].shape[0] == 5
    np.testing.assert_allclose(np.linalg.norm(judged.embeddings["pixels"], axis=1), 1)
    entries = {(entry["of"], entry["name"]): entry for entry in judged.metrics()}
    assert entries["all", "detected"]["value"] == pytest.approx(5 / 6)
    assert entries["unoccluded", "detected"]["value"] == pytest.approx(4 / 5)
    assert entries["all", "verification_auc"]["pictures"] == 5
    assert entries["unoccluded", "verification_auc"]["value"] == 1.0  # the third person's pictures are the same
    for entry in entries.values():
        low, high = entry["interval"]
        assert low - 1e-9 <= entry["value"] <= high + 1e-9
        assert entry["people"] == 3


def test_rows_say_what_was_found(judged):
    rows = judged.rows()
    assert [(row["person"], row["picture"]) for row in rows] == [(0, 0), (0, 1), (1, 0), (1, 1), (2, 0), (2, 1)]
    assert [row["found"] for row in rows] == [1, 0, 1, 1, 1, 1]
    assert "estimated yaw" not in rows[1] and rows[3]["occluders"] == "hand glasses"
    assert rows[4]["yaw"] == 20.0
    assert rows[5]["estimated pitch"] == pytest.approx(judged.estimated[4, 1], abs=0.01)


def test_groups_split_what_is_unoccluded():
    rng = np.random.default_rng(0)
    count = 400
    judged = JudgedPictures(
        people=np.arange(count) // 4,
        pose=rng.normal(0, 30, (count, 3)),
        occluders=[("hand",) if n % 4 == 0 else () for n in range(count)],
        skin_tone=np.where(np.arange(count) % 50 == 1, np.nan, rng.uniform(-60, 70, count)),
        found=np.ones(count, bool),
        estimated=np.zeros((count, 3)),
        embeddings={},
    )
    groups = judged.groups()
    assert groups["with hand"].sum() == 100 and (groups["unoccluded"] ^ groups["with hand"]).all()
    yaws = [mask for name, mask in groups.items() if "yaw" in name]
    assert (np.sum(yaws, axis=0) == groups["unoccluded"]).all()
    tones = np.sum([mask for name, mask in groups.items() if "skin" in name], axis=0)
    assert (tones == (groups["unoccluded"] & ~np.isnan(judged.skin_tone))).all()


def test_pictures_without_any_face_are_refused(detector):
    with pytest.raises(DataError, match="In none of 1 pictures a face is found"):
        judge_people([[shown(0, np.zeros((256, 256, 3), np.uint8))]], detector, {}, FaceMesh())


def test_the_plot_has_a_dot_where_a_picture_belongs(judged, tmp_path):
    write_pose_plot(tmp_path / "pose.png", judged)
    pixels = np.asarray(Image.open(tmp_path / "pose.png")).astype(int)
    assert pixels.shape == (516, 3 * 516, 3)
    blue = (pixels[..., 2] - pixels[..., 0] > 60) & (np.arange(516) > 48)[:, None]
    assert blue[:, :516].any() and blue[:, 516:1032].any() and blue[:, 1032:].any()
    column = 48 + (1 + -5 / 75) * 210 + 516  # the true pitch of all pictures
    assert np.flatnonzero(blue[:, 516:1032].any(0)).mean() + 516 == pytest.approx(column, abs=2)
    with pytest.raises(UnwritableOutputError):
        write_pose_plot(tmp_path / "absent" / "pose.png", judged)


def test_what_draws_never_loads_torch():
    script = "import sys, faceshifter_hub.evaluation.people; print('torch' in sys.modules)"
    process = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert process.stdout.strip() == "False"


def evaluate_renders(options, out):
    parser = argparse.ArgumentParser("faceshifter")
    add_evaluate(parser.add_subparsers())
    arguments = parser.parse_args(["evaluate", "renders", *options.split(), "--out", str(out)])
    arguments.run(arguments)


@pytest.mark.parametrize("option", ["--seed -1", "--size 8"])
def test_impossible_numbers_are_refused_before_any_work(option, tmp_path):
    with pytest.raises(RenderError, match=f"{option.split()[0]} is .* to .*, not {option.split()[1]}"):
        evaluate_renders(option, tmp_path / "out")
    assert not (tmp_path / "out").exists()


@needs_npm
def test_the_command_renders_judges_and_reports(tmp_path, capsys):
    evaluate_renders("--identities 2 --per-identity 3 --size 128 --seed 3 --workers 1", tmp_path / "out")
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["pose.png", "renders.csv", "report.json"]
    report = json.loads((tmp_path / "out/report.json").read_text())
    command = "faceshifter evaluate renders --identities 2 --per-identity 3 --size 128 --seed 3"
    assert report["command"] == command
    assert set(report["networks"]) == {"mtcnn", "dlib-resnet", "faceres", "facemesh"}
    assert (report["assets"]["pack"] == "procedural") == ("FACESHIFTER_ASSETS" not in os.environ)
    with (tmp_path / "out/renders.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 6
    judged = [row for row in rows if row["found"] == "1" and not row["occluders"]]
    assert judged
    for row in judged:  # the sign of the angle, and more
        assert abs(float(row["estimated yaw"]) - float(row["yaw"])) < 15
    assert "verification_auc" in capsys.readouterr().out
