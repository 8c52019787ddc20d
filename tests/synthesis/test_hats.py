import numpy as np
import pytest

from faceshifter_hub.models.labels import LABELS
from faceshifter_hub.synthesis.attribute_prior import sample_hat
from faceshifter_hub.synthesis.hats import HIDES_HAIR, KINDS
from faceshifter_hub.synthesis.identity_prior import sample_identity
from faceshifter_hub.synthesis.parameters import Hat


def changed(record, **values):
    """Return a record with other values, checked."""
    return type(record)(**(dict(record) | values))


def wear(stage, identity, attributes, kind, **build):
    """Return the hat as it is drawn."""
    hat = Hat(kind=kind, colour=(0.5, 0.1, 0.1), trim=(0.1, 0.1, 0.5), fullness=0.5)
    pose = {"yaw": 0, "pitch": 0, "roll": 0, "torso": 0.5}
    scene = stage.build(identity, changed(attributes, hat=hat, pose=pose, occluders=()), **build)
    return next(piece for piece in scene.pieces if piece.label == "hat").vertices


def test_ten_in_a_hundred_wear_something_and_headscarves_are_womens(catalogue, identity):
    for sex in ("female", "male"):
        rng = np.random.default_rng(0)
        person = changed(identity, sex=sex)
        hats = [hat for _ in range(3000) if (hat := sample_hat(rng, person, catalogue))]
        assert abs(len(hats) / 3000 - 0.10) < 0.022
        kinds = {hat.kind for hat in hats}
        assert kinds == {*KINDS, *catalogue.looks.hats} - (set() if sex == "female" else {"headscarf"})


@pytest.mark.parametrize("kind", KINDS)
def test_a_hat_goes_round_the_skull_and_leaves_the_face_free(stage, catalogue, attributes, kind):
    rng = np.random.default_rng(1)
    for _ in range(5):
        wearer = sample_identity(rng, catalogue)
        points = wear(stage, wearer, attributes, kind)
        five = stage.landmarks(stage.neutral(wearer))
        eyes = five[:2].mean(0)
        before = points[(np.abs(points[:, 0]) < 0.45) & (points[:, 2] > eyes[2] - 0.4)]
        above, below = before[before[:, 1] > eyes[1]], before[before[:, 1] <= eyes[1]]
        assert above[:, 1].min() > eyes[1] + 0.25
        assert below[:, 1].max(initial=-np.inf) < five[3:, 1].mean() + 0.05
        assert points[:, 0].min() < -0.6 and points[:, 0].max() > 0.6 and points[:, 2].min() < 0


@pytest.mark.parametrize("kind", KINDS)
def test_a_hat_stays_in_place_when_the_head_gets_another_face(stage, catalogue, identity, attributes, kind):
    other = sample_identity(np.random.default_rng(2), catalogue)
    target, truth = (wear(stage, identity, attributes, kind, face=face) for face in (None, other))
    assert (target == truth).all()


def test_a_headscarf_hides_the_hair_and_every_other_hat_lets_it_be_seen_below(stage, identity, attributes):
    style = stage.looks.hair[-1].name
    attributes = changed(attributes, hair=changed(attributes.hair, style=style), occluders=())
    for kind in KINDS:
        hat = Hat(kind=kind, colour=(0, 0, 0), trim=(0, 0, 0), fullness=0)
        labels = {piece.label for piece in stage.build(identity, changed(attributes, hat=hat)).pieces}
        assert "hat" in labels and ("hair" in labels) == (kind not in HIDES_HAIR)


@pytest.mark.parametrize("kind", KINDS)
def test_every_hat_is_seen(occluded, kind):
    assert (occluded.labels[kind] == LABELS["hat"]).mean() > 0.02
    assert not (occluded.labels["bare"] == LABELS["hat"]).any()


def test_no_hair_comes_through_the_crown_of_a_hat(occluded):
    for kind in ("beanie", "baseball cap", "turban"):
        labels = occluded.labels[kind]
        for column in labels.T[24:40]:  # the middle of the picture
            hat, hair = (np.flatnonzero(column == LABELS[name]) for name in ("hat", "hair"))
            if len(hat) and len(hair):
                assert hair.min() > hat.min()
