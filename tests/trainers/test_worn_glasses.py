import json

import numpy as np
import pytest

from faceshifter_hub.faces.alignment import template
from faceshifter_hub.models.labels import LABELS
from faceshifter_hub.synthesis.datasets.samples import encode_map, encode_picture
from trainers.worn_glasses import load_glasses, wear

SIDE = 128


def wearer(shift=0, rows=slice(50, 56), columns=slice(30, 98)):
    """Return what is read of a triplet: red glasses on a grey target, whose face lies `shift` pixels further down."""
    labels = np.full((SIDE, SIDE), LABELS["skin"], np.uint8)
    picture = np.full((SIDE, SIDE, 3), 128, np.uint8)
    place = np.s_[rows.start + shift : rows.stop + shift, columns]
    labels[place], picture[place] = LABELS["glasses"], (255, 0, 0)
    facts = {"target": {"landmarks": (template(SIDE) + np.array((0, shift))).tolist()}}
    return {
        "target_labels.png": encode_map(labels),
        "target.webp": encode_picture(picture),
        "json": json.dumps(facts).encode(),
    }


@pytest.mark.parametrize("shift", [0, 20])
def test_glasses_lie_where_they_did_on_the_wearers_aligned_face(shift):
    (glasses,) = load_glasses([wearer(shift)], SIDE)
    assert glasses.shape == (SIDE, SIDE, 4) and glasses.dtype == np.float32
    rows, columns = (np.nonzero((glasses[..., 3] > 127).any(axis))[0] for axis in (1, 0))
    assert (rows[0], rows[-1], columns[0], columns[-1]) == (50, 55, 30, 97)
    assert np.allclose(glasses[52, 60], (255, 0, 0, 255), atol=1)


def test_a_target_seen_thrice_gives_one_pair_and_slivers_none():
    nobody = wearer(rows=slice(50, 50))
    sliver = wearer(rows=slice(50, 51), columns=slice(30, 40))
    assert len(load_glasses([wearer(), wearer(), nobody, sliver, wearer(10)], SIDE)) == 2


def test_no_more_triplets_are_read_than_glasses_are_wanted():
    def endless():
        for shift in range(8):
            yield wearer(shift)
        raise AssertionError("read on")

    assert len(load_glasses(endless(), SIDE, 3)) == 3


def test_all_faces_wear_them_at_the_same_place_about_where_they_were():
    (glasses,) = load_glasses([wearer()], SIDE)
    noise = np.random.default_rng(0).normal(0, 3, (SIDE, SIDE, 3))
    before = [(noise + grey).astype(np.float32) for grey in (90, 180)]
    for seed in range(10):
        after = wear(before, glasses, np.random.default_rng(seed))
        covered = np.abs(after[0] - after[1]).max(2) < 1  # what hides both faces
        rows, columns = np.nonzero(covered)
        assert 100 < covered.sum() < 600
        assert abs(rows.mean() - 52.5) < 8 and abs(columns.mean() - 63.5) < 8
        for a, b in zip(after, before, strict=True):
            assert ((a != b).any(2)).mean() < 0.1 and a.min() >= 0 and a.max() <= 255
