import numpy as np
import pytest

from faceshifter_hub.models.labels import LABELS

SIDE, TRIPLETS = 96, 2


def role(drawn, truth, n, name, part):
    """Return one output of one role of a triplet."""
    return drawn.pictures[f"{truth}_{n}/{name}/{part}"]


@pytest.mark.parametrize("n", range(TRIPLETS))
def test_outside_the_region_a_face_truth_is_the_target_pixel_by_pixel(drawn, n):
    region = drawn.regions[f"face_{n}"]
    target, truth = (role(drawn, "face", n, name, "image") for name in ("target", "truth"))
    assert np.array_equal(target[~region], truth[~region])
    assert (target[region] != truth[region]).any(-1).mean() > 0.8
    assert 0.02 < region.mean() < 0.6


@pytest.mark.parametrize("n", range(TRIPLETS))
def test_the_region_covers_the_face_and_little_more(drawn, n):
    region = drawn.regions[f"face_{n}"]
    face = (role(drawn, "face", n, "truth", "region") > 128) & (role(drawn, "face", n, "target", "region") > 128)
    assert region[face].mean() > 0.95
    background = role(drawn, "face", n, "truth", "labels") == LABELS["background"]
    assert region[background].mean() < 0.05


@pytest.mark.parametrize("truth", ["face", "head"])
def test_the_two_triplets_of_two_people_mirror_each_other(drawn, truth):
    for part in ("image", "labels"):
        assert np.array_equal(role(drawn, truth, 0, "source", part), role(drawn, truth, 1, "target", part))
        assert np.array_equal(role(drawn, truth, 1, "source", part), role(drawn, truth, 0, "target", part))
    assert not np.array_equal(role(drawn, truth, 0, "source", "image"), role(drawn, truth, 0, "target", "image"))


def test_a_head_truth_may_differ_anywhere_but_shows_the_same_background(drawn):
    assert drawn.regions["head_0"].all()
    target, truth = (role(drawn, "head", 0, name, "undeveloped") for name in ("target", "truth"))
    both = np.all(
        [role(drawn, "head", 0, name, "labels") == LABELS["background"] for name in ("target", "truth")], axis=0
    )
    assert np.median(np.abs(target[both].astype(int) - truth[both])) == 0


def test_people_are_the_same_whichever_truth_is_drawn(drawn):
    for name in ("source", "target"):
        assert np.array_equal(role(drawn, "face", 0, name, "image"), role(drawn, "head", 0, name, "image"))
