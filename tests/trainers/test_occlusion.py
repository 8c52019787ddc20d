import numpy as np
import pytest
from bars import SIDE

from faceshifter_hub.synthesis.datasets.samples import encode_map, encode_picture
from faceshifter_hub.synthesis.labels import LABELS
from trainers.data import load_triplets
from trainers.occlusion import COLOUR_MATCH, load_cutouts, occlude


@pytest.fixture
def cutout():
    """A disc of radius 10 in a square of 24, red."""
    y, x = np.mgrid[:24, :24]
    alpha = 255 * ((y - 12) ** 2 + (x - 12) ** 2 < 100)
    return np.dstack([np.full((24, 24), 255), np.zeros((24, 24, 2)), alpha]).astype(np.float32)


def faces():
    return [np.full((64, 64, 3), grey, np.float32) for grey in (60, 200)]


def test_cutouts_are_the_boxes_of_labelled_occluders(triplets_dir):
    triplets = load_triplets(triplets_dir, SIDE)
    cutouts = load_cutouts(map(triplets.fields, range(12)))
    # a hand before target 1, which three triplets show
    assert [c.shape for c in cutouts] == [(20, 20, 4)]
    assert (cutouts[0][..., 3] == 255).all() and cutouts[0].dtype == np.float32


def target(labels):
    """Return what is read of a triplet."""
    return {
        "target_labels.png": encode_map(labels),
        "target.webp": encode_picture(np.zeros((SIDE, SIDE, 3), np.uint8)),
    }


def test_slivers_are_left_out():
    labels = np.zeros((2, SIDE, SIDE), np.uint8)
    labels[0, :4, :4] = LABELS["glasses"]
    labels[1, :16, :16] = LABELS["skin"]
    assert load_cutouts(map(target, labels)) == []


def test_no_more_triplets_are_read_than_cutouts_are_wanted():
    def endless():
        for n in range(20, 60):
            labels = np.zeros((SIDE, SIDE), np.uint8)
            labels[:n, :10] = LABELS["object"]
            yield target(labels)
        raise AssertionError("read on")

    assert [c.shape[0] for c in load_cutouts(endless(), 3)] == [20, 21, 22]


def test_one_place_in_all_faces_and_nothing_elsewhere(cutout):
    for seed in range(20):
        before = faces()
        after = occlude(before, cutout, np.random.default_rng(seed))
        changed = [(a != b).any(2) for a, b in zip(after, before, strict=True)]
        covered = [(abs(a - b).max(2) > 20) for a, b in zip(after, before, strict=True)]
        assert 0.01 < covered[0].mean() < 0.4
        assert (covered[0] & changed[1]).sum() > 0.9 * covered[0].sum()
        assert changed[0].mean() < 0.5
        solid = covered[0] & covered[1]
        assert np.abs(after[0] - after[1])[solid].min() < 1  # the occluder hides both faces
        assert all(a.min() >= 0 and a.max() <= 255 and a.dtype == np.float32 for a in after)


def test_colours_move_towards_the_face_but_not_onto_it(cutout):
    reds = []
    for seed in range(30):
        covered = occlude(faces(), cutout, np.random.default_rng(seed))[0]
        reds.append(covered[..., 0].max())
    assert min(reds) >= 255 - COLOUR_MATCH * (255 - 60) - 1
    assert max(reds) - min(reds) > 30


def test_faces_given_are_not_changed(cutout):
    before = faces()
    occlude(before, cutout, np.random.default_rng(0))
    assert all(np.array_equal(a, b) for a, b in zip(before, faces(), strict=True))
