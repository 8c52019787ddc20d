"""What of the target stays, in which colours and grain: the pipeline's options, with tiny networks and the parser."""

import numpy as np
import pytest
import torch
from group_picture import PEOPLE, group
from tiny_networks import save_tiny_pipeline

from faceshifter_hub import FaceShifterPipeline
from faceshifter_hub.faces.alignment import align
from faceshifter_hub.options import REGIONS

TARGET = group(3)
pytestmark = pytest.mark.usefixtures("unmarked")  # a mark would be all over the picture


@pytest.fixture(scope="module")
def pipe(tmp_path_factory):
    folder = save_tiny_pipeline(tmp_path_factory.mktemp("pipeline"))
    return FaceShifterPipeline.from_pretrained(folder, face_parser="parser-lite")


def swapped(pipe, **options):
    return np.asarray(pipe(PEOPLE[0], TARGET, **options).images[0]).astype(int)


def near(pipe, *landmarks):
    """Return where the pixels around some of the target's landmarks are, (H, W) bool."""
    (face,) = pipe.detect(TARGET)
    radius = 0.1 * face.area**0.5
    y, x = np.mgrid[: TARGET.shape[0], : TARGET.shape[1]]
    return np.any([np.hypot(x - face.landmarks[n, 0], y - face.landmarks[n, 1]) < radius for n in landmarks], axis=0)


def test_a_kept_mouth_is_the_targets_and_the_rest_is_not(pipe):
    plain, kept = swapped(pipe), swapped(pipe, keep=["mouth"])
    mouth, eyes = near(pipe, 3, 4), near(pipe, 0, 1)
    assert np.abs(kept - TARGET)[mouth].mean() < 0.5 * np.abs(plain - TARGET)[mouth].mean()
    assert np.array_equal(kept[eyes], plain[eyes])


def test_everything_may_be_kept(pipe):
    change = np.abs(swapped(pipe, keep=REGIONS) - TARGET).mean()
    assert 0 < change < np.abs(swapped(pipe) - TARGET).mean()


def test_lab_gives_the_face_the_targets_mean_colour(pipe):
    nose = near(pipe, 0, 1, 2, 3, 4)
    off = {how: np.abs((swapped(pipe, colour=how) - TARGET)[nose].mean(0)).max() for how in ("none", "lab", "poisson")}
    assert off["lab"] < 0.5 * off["none"]
    assert off["poisson"] != off["none"]


def test_grain_is_the_photographs(pipe):
    grainy = TARGET + np.random.default_rng(0).normal(0, 12, TARGET.shape)
    grainy = grainy.round().clip(0, 255).astype(np.uint8)

    def roughness(**options):
        result = np.asarray(pipe(PEOPLE[0], grainy, **options).images[0]).astype(float)
        return np.abs(np.diff(result, axis=1))[:, :-1][near(pipe, 2)[:, :-2]].mean()

    assert roughness(grain=True) > roughness() + 3


def test_options_hold_for_boosted_faces_too(pipe):
    output = pipe(PEOPLE[0], TARGET, boost=2, keep=["mouth"], colour="lab", grain=True)
    assert output.images[0].size == TARGET.shape[1::-1]


def test_outside_the_mask_the_photograph_is_its_own_whatever_is_chosen(pipe):
    (face,) = pipe.detect(TARGET)
    _, matrix = align(TARGET, face.landmarks, 64)
    result = swapped(pipe, keep=["hair"], colour="poisson", grain=True)
    changed = np.argwhere((result != TARGET).any(axis=2))[:, ::-1]
    inside = torch.tensor(changed @ matrix[:, :2].T + matrix[:, 2])
    assert len(changed) and inside.min() > 2 and inside.max() < 62
