import numpy as np
import pytest
import torch.nn.functional as F
from PIL import Image

from faceshifter_hub.errors import DataError
from faceshifter_hub.evaluation.portraits import draw_pairs, evaluate_portraits
from faceshifter_hub.evaluation.split import is_validation
from faceshifter_hub.faces.mtcnn import MTCNNDetector
from faceshifter_hub.pipeline import FaceShifterPipeline, FaceShifterPipelineOutput


class Unchanged(FaceShifterPipeline):
    """The baselines that every swap lies between: one of the two photos, as it is."""

    resolution = 64

    def __init__(self, shown):
        self.shown = shown
        super().__init__({"face_detector": MTCNNDetector.from_pretrained("mtcnn")}, {}, "cpu")

    def __call__(self, source, target, *, refine=True, return_stages=False):
        photo = {"source": source, "target": target, "nothing": np.zeros_like(target)}[self.shown]
        return FaceShifterPipelineOutput([Image.fromarray(photo)], [], [], [], {})


def coarse_pixels(faces):
    return F.adaptive_avg_pool2d(faces, 8).flatten(1)


def test_the_split_never_changes():
    names = [f"person_{i:03}.png" for i in range(60)]
    assert [name for name in names if is_validation(name)] == [f"person_{i:03}.png" for i in (21, 40, 41, 42, 45, 55)]
    assert not is_validation("a") and is_validation("person_3.png")


def test_pairs_are_of_different_people_and_repeat_with_the_seed():
    pairs = draw_pairs(10, 50, seed=3)
    assert len(set(pairs)) == 50
    assert all(source != target and 0 <= source < 10 and 0 <= target < 10 for source, target in pairs)
    assert pairs == draw_pairs(10, 50, seed=3) != draw_pairs(10, 50, seed=4)
    assert sorted(draw_pairs(3, 100, seed=0)) == [(0, 1), (0, 2), (1, 0), (1, 2), (2, 0), (2, 1)]


@pytest.mark.parametrize(("shown", "share"), [("source", 1.0), ("target", 0.0)])
def test_baselines_score_as_they_must(portraits, validation_names, shown, share):
    result = evaluate_portraits(Unchanged(shown), portraits, {"pixels": coarse_pixels}, limit=12)
    report = result.report()
    values = {entry["name"]: entry["value"] for entry in report["metrics"]}
    assert values["closer_to_source"] == values["retrieval_top1"] == share
    assert values[f"cosine_to_{shown}"] == pytest.approx(1, abs=1e-5)
    assert report["data"]["portraits"] == 7
    assert report["data"]["without_face"] == validation_names[-1:]
    pairs = report["pairs"]
    assert pairs["drawn"] == 12 == pairs["scored"] + pairs["no_face_in_photo"]
    rows = result.rows()
    assert len(rows) == 12
    for row in rows:
        faceless = validation_names[-1] in (row["source"], row["target"])
        assert row["status"] == ("no face in photo" if faceless else "scored")
        assert row.get("pixels closer_to_source") == (None if faceless else share)


def test_a_pipeline_that_makes_no_faces_is_not_scored(portraits):
    with pytest.raises(DataError, match=r"In none of \d+ swapped pictures a face is found again"):
        evaluate_portraits(Unchanged("nothing"), portraits, {"pixels": coarse_pixels}, limit=12)


def test_photos_without_faces_are_not_swapped(tmp_path, validation_names):
    for name in validation_names[:2]:
        Image.new("RGB", (64, 64)).save(tmp_path / name)
    with pytest.raises(DataError, match=r"In none of 2 pairs of .* both photos show a face"):
        evaluate_portraits(Unchanged("target"), tmp_path, {})


def test_swaps_without_a_face_are_counted_and_left_out(portraits, monkeypatch):
    swap, calls = Unchanged.__call__, []

    def fail_once(self, source, target, **options):
        calls.append(source)
        return swap(self, source, target if len(calls) > 1 else np.zeros_like(target), **options)

    monkeypatch.setattr(Unchanged, "__call__", fail_once)
    result = evaluate_portraits(Unchanged("target"), portraits, {"pixels": coarse_pixels}, limit=12)
    pairs = result.report()["pairs"]
    assert pairs["no_face_in_swap"] == 1 and pairs["scored"] == len(calls) - 1
    assert [row["status"] for row in result.rows()].count("no face in swap") == 1


def test_too_few_photos_are_refused(tmp_path, validation_names):
    Image.new("RGB", (8, 8)).save(tmp_path / validation_names[0])
    with pytest.raises(DataError, match="holds 1 validation photos"):
        evaluate_portraits(Unchanged("target"), tmp_path, {})
    with pytest.raises(DataError, match="is no folder"):
        evaluate_portraits(Unchanged("target"), tmp_path / "absent", {})
