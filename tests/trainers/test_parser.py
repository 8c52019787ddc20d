"""The trainer of the face parser, on squares of one colour a class."""

import json
import shutil
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from torch import nn

from faceshifter_hub.component import load_component
from faceshifter_hub.datasets.shards import write_shard
from faceshifter_hub.errors import DataError, TrainingError
from faceshifter_hub.faces.alignment import template
from faceshifter_hub.models.face_parser import FaceParser
from faceshifter_hub.models.labels import LABELS
from faceshifter_hub.synthesis.datasets.samples import encode_facts, encode_map, encode_picture
from trainers import parser
from trainers.rendered import load_triplets

SIDE = 48
CLASSES = len(LABELS)
COLOURS = np.array([[40 * (n % 4) + 60, 90 * (n // 4) + 30, 20 * n] for n in range(CLASSES)], np.uint8)


def tiled(shift: int, classes: int = CLASSES) -> np.ndarray:
    """Labels (S, S): tiles of 12 pixels, the classes in turn."""
    y, x = np.mgrid[:SIDE, :SIDE] // 12
    return ((4 * y + x + shift) % classes).astype(np.uint8)


def write_triplets(folder, groups, classes=CLASSES):
    """Groups of three triplets that share a target."""

    def samples():
        for n in range(3 * groups):
            target, truth = tiled(n // 3, classes), tiled(n + 5, classes)
            known = {"landmarks": template(SIDE).tolist()}
            yield (
                f"triplet-{n:08}",
                {
                    "target.webp": encode_picture(COLOURS[target]),
                    "truth.webp": encode_picture(COLOURS[truth]),
                    "target_labels.png": encode_map(target),
                    "truth_labels.png": encode_map(truth),
                    "json": encode_facts({"target": {**known, "identity": n // 3}, "truth": known}),
                },
            )

    folder.mkdir()
    write_shard(folder / "triplets-000000.tar", samples())
    return folder


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return write_triplets(tmp_path_factory.mktemp("parser") / "triplets", 8)


@pytest.fixture(scope="module")
def triplets(folder):
    return load_triplets(folder, SIDE)


def tiny():
    torch.manual_seed(0)
    return FaceParser(side=16, channels=(4, 4), width=4)


class Reader(nn.Module):
    """Tells classes by their colours, but takes one class for another."""

    def __init__(self, mistaken=None):
        super().__init__()
        self.config = SimpleNamespace(side=SIDE)
        self.mistaken = mistaken

    def forward(self, x):
        colours = torch.from_numpy(COLOURS.astype(np.float32)) / 127.5 - 1  # (12, 3)
        logits = -(x[:, None] - colours[None, :, :, None, None]).square().sum(2)  # (B, 12, S, S)
        if self.mistaken:
            wrong, right = self.mistaken
            logits[:, right] += 1e3 * (logits.argmax(1) == wrong)
        return logits


def test_every_truth_counts_and_every_target_once(triplets):
    pictures = parser.labelled(triplets)
    assert len(pictures) == len(set(pictures)) == 32
    assert [n for n, name in pictures if name == "target"] == list(range(0, 24, 3))


def test_picture_and_labels_stay_on_one_another(triplets):
    rng = np.random.default_rng(0)
    for picture in parser.labelled(triplets)[:4]:
        face, labels = parser.cut(triplets, picture, parser.jitter(rng, 64), 64)
        off = np.abs(face.astype(int) - COLOURS[labels]).max(2)
        assert (off < 30).mean() > 0.8  # tiles' borders are interpolated


def test_batches_are_faces_and_labels_and_depend_on_the_seed_alone(triplets):
    def draw(seed):
        return next(parser.batches(triplets, parser.labelled(triplets), 32, np.random.default_rng(seed)))

    (faces, labels), (again, _), (other, _) = draw(1), draw(1), draw(2)
    assert faces.shape == (parser.BATCH, 3, 32, 32) and labels.shape == (parser.BATCH, 32, 32)
    assert -1 <= faces.min() and faces.max() <= 1 and labels.unique().tolist() == list(range(CLASSES))
    assert torch.equal(faces, again) and not torch.equal(faces, other)


def test_what_covers_another_face_is_labelled_so(triplets, monkeypatch):
    for name in ("GREY", "SHADED", "BLURRED", "NOISY", "COMPRESSED"):
        monkeypatch.setattr(parser, name, 0)
    monkeypatch.setattr(parser, "COVERED", 1)
    monkeypatch.setattr(parser, "light", lambda rng: (np.ones(3, np.float32), 1.0, False))
    rng = np.random.default_rng(0)
    faces, labels = next(parser.batches(triplets, parser.labelled(triplets), 64, rng))
    pixels = ((faces.permute(0, 2, 3, 1) + 1) * 127.5).numpy()
    assert (np.abs(pixels - COLOURS[labels.numpy()]).max(3) < 30).mean() > 0.75


def test_rare_classes_count_more(triplets, tmp_path):
    few = load_triplets(write_triplets(tmp_path / "few", 1, classes=3), SIDE)
    weights = parser.class_weights(few, parser.labelled(few))
    assert weights[:3].max() < weights[3:].min() and torch.isfinite(weights).all()


def test_an_interrupted_run_goes_on_to_the_same_network(triplets, tmp_path):
    whole = parser.train(triplets, tiny(), tmp_path / "whole", 2, 0)
    before = tiny().state_dict()
    assert any(not torch.equal(value, before[key]) for key, value in whole.state_dict().items())
    shutil.copytree(tmp_path / "whole" / "epoch-000", tmp_path / "stopped" / "epoch-000")
    resumed = parser.train(triplets, tiny(), tmp_path / "stopped", 2, 0)
    assert not resumed.training
    for key, value in whole.state_dict().items():
        assert torch.equal(resumed.state_dict()[key], value), key


def test_the_command_leaves_a_component_and_a_report(folder, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(parser, "FaceParser", tiny)
    out = tmp_path / "out"
    parser.main(["--data_dir", str(folder), "--output_dir", str(out), "--epochs", "1", "--swapbench", str(folder)])
    assert isinstance(load_component(out / "face_parser", "face_parser"), FaceParser)
    half = load_file(out / "face_parser" / "diffusion_pytorch_model.fp16.safetensors")
    assert {t.dtype for t in half.values() if t.is_floating_point()} == {torch.float16}
    report = json.loads((out / "report.json").read_text())
    assert report["pictures"] == 8 and set(report["iou"]) == set(LABELS)
    assert "mean_iou" in capsys.readouterr().out


def test_intersection_over_union(triplets):
    assert parser.measure(Reader(), triplets)["mean_iou"] == pytest.approx(1)
    report = parser.measure(Reader(mistaken=(LABELS["lips"], LABELS["skin"])), triplets)
    assert report["iou"]["lips"] == 0 and report["iou"]["hair"] == pytest.approx(1)
    assert 0.4 < report["iou"]["skin"] < 0.6


def test_a_class_that_is_nowhere_is_no_perfect_score(tmp_path):
    few = load_triplets(write_triplets(tmp_path / "few", 2, classes=9), SIDE)
    with pytest.raises(DataError, match="show no hand; measure on more"):
        parser.measure(Reader(), few)


def test_too_few_pictures(tmp_path):
    few = load_triplets(write_triplets(tmp_path / "few", 1), SIDE)
    with pytest.raises(TrainingError, match="4 pictures are too few"):
        parser.train(few, tiny(), tmp_path, 1, 0)
