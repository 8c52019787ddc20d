"""What is kept of the target is not pasted over; nothing else about the mask changes."""

import numpy as np
import pytest

from faceshifter_hub.faces.masks import paste_mask, region_mask
from faceshifter_hub.faces.pasting import face_mask
from faceshifter_hub.models.labels import LABELS
from faceshifter_hub.options import REGIONS

SIDE = 128
BOXES = {  # in a face that is skin elsewhere
    "lips": np.s_[88:100, 48:80],
    "teeth": np.s_[92:96, 52:76],
    "eyes": np.s_[50:56, 40:52],
    "glasses": np.s_[44:48, 36:92],
    "hair": np.s_[20:36, 30:98],
    "hand": np.s_[100:128, 0:40],
    "object": np.s_[90:100, 80:100],
}
SHOWN = {"mouth": "lips", "eyes": "eyes", "glasses": "glasses", "hair": "hair", "hands": "hand"}


def parsed(certainty: float = 1.0) -> np.ndarray:
    """What a parser says, (12, R, R): the box's class with `certainty`, else skin."""
    probabilities = np.zeros((len(LABELS), SIDE, SIDE), np.float32)
    probabilities[LABELS["skin"]] = 1
    for name, box in BOXES.items():
        probabilities[(slice(None), *box)] = 0
        probabilities[(LABELS[name], *box)] = certainty
        probabilities[(LABELS["skin"], *box)] = 1 - certainty
    return probabilities


def test_without_a_wish_the_mask_is_the_ellipse_with_a_parser_or_without():
    assert paste_mask(SIDE) is face_mask(SIDE)
    assert paste_mask(SIDE, parsed()) is face_mask(SIDE)


@pytest.mark.parametrize("region", REGIONS)
def test_a_region_stays_and_the_others_do_not(region):
    kept = region_mask(parsed(), [region])
    assert kept.shape == (SIDE, SIDE) and kept.dtype == np.float32 and kept.min() >= 0 and kept.max() <= 1
    assert kept[BOXES[SHOWN[region]]].mean() > 0.95
    centres = {name: kept[box].min() for name, box in BOXES.items()}
    others = {other: name for other, name in SHOWN.items() if other != region}
    assert all(centres[name] < 0.05 for name in others.values())
    np.testing.assert_allclose(paste_mask(SIDE, parsed(), [region]), face_mask(SIDE) * (1 - kept))


def test_mouth_means_teeth_too_and_hands_what_they_hold():
    assert region_mask(parsed(), ["mouth"])[BOXES["teeth"]].min() > 0.99
    assert region_mask(parsed(), ["hands"])[BOXES["object"]].mean() > 0.95


def test_regions_add_up():
    both = region_mask(parsed(), ["mouth", "eyes"])
    np.testing.assert_array_equal(both, np.maximum(*(region_mask(parsed(), [each]) for each in ("mouth", "eyes"))))


def test_a_kept_region_ends_softly():
    kept = region_mask(parsed(), ["mouth"])
    assert max(np.abs(np.diff(kept, axis=axis)).max() for axis in (0, 1)) < 0.35
    assert kept[60].max() == 0


def test_a_doubtful_parser_keeps_nothing():
    assert region_mask(parsed(certainty=0.2), REGIONS).max() == 0


def test_masks_of_every_resolution_agree():
    large = parsed().repeat(2, axis=1).repeat(2, axis=2)
    small = region_mask(large, ["hair", "mouth"]).reshape(SIDE, 2, SIDE, 2).mean((1, 3))
    np.testing.assert_allclose(small, region_mask(parsed(), ["hair", "mouth"]), atol=0.3)
    assert np.abs(small - region_mask(parsed(), ["hair", "mouth"])).mean() < 0.01
