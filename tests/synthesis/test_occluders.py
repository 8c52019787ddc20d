from collections import Counter

import numpy as np
import pytest
from scipy.spatial import cKDTree

from faceshifter_hub.errors import RenderError
from faceshifter_hub.models.labels import LABELS
from faceshifter_hub.synthesis.identity_prior import sample_identity
from faceshifter_hub.synthesis.occluders import hand_skins, sample_occluders
from faceshifter_hub.synthesis.occluders.prior import (
    HOLDS,
    sample_glasses,
    sample_hand,
    sample_mask,
    sample_object,
    sample_strands,
)
from faceshifter_hub.synthesis.parameters import Attributes, Glasses, Hand, Mask, Object, Strands

MANY = 4000
RECORDS = {"hand": Hand, "glasses": Glasses, "object": Object, "mask": Mask, "strands": Strands}


def changed(record, **values):
    """Return a record with other values, checked."""
    return type(record)(**(dict(record) | values))


@pytest.fixture(scope="module")
def many(identity, attributes):
    """What the prior draws for many pictures."""
    rng = np.random.default_rng(1)
    return [sample_occluders(rng, identity, attributes.hair) for _ in range(MANY)]


@pytest.fixture
def face(attributes):
    """Attributes of a face from before, with nothing on it."""
    pose = {"yaw": 0, "pitch": 0, "roll": 0, "torso": 0.5}
    return changed(attributes, occluders=(), hat=None, pose=pose, expression={})


def pieces_of(stage, identity, attributes, occluder, **build):
    """Return what is drawn of an occluder, by mesh: vertices that the mesh's triangles use."""
    bare = {piece.mesh for piece in stage.build(identity, attributes).pieces}
    scene = stage.build(identity, changed(attributes, occluders=(occluder,)), **build)
    pieces = {piece.mesh: piece.vertices for piece in scene.pieces if piece.mesh not in bare}
    return {name: used(stage, name, vertices) for name, vertices in pieces.items()}, scene


def used(stage, mesh, vertices):
    return vertices[np.unique(stage.tri["hand"])] if mesh.endswith("hand") else vertices


def in_picture(scene, points):
    """Return where points (n, 3) lie in the picture, (n, 2), -1 to 1."""
    clip = np.c_[points, np.ones(len(points))] @ (scene.projection @ scene.view).T
    return clip[:, :2] / clip[:, 3:]


def test_kinds_are_as_frequent_as_the_prior_says(many):
    kinds = Counter(occluder.kind for occluders in many for occluder in occluders)
    assert abs(sum(not occluders for occluders in many) / MANY - 0.54) < 0.03  # four standard deviations
    expected = {"glasses": 0.22 + 0.021, "hand": 0.08, "object": 0.08, "mask": 0.03, "strands": 0.05}
    assert kinds.keys() == expected.keys()
    assert all(abs(kinds[kind] / MANY - share) < 0.028 for kind, share in expected.items())
    dark = sum(each.kind == "glasses" and each.opacity > 0.5 for occluders in many for each in occluders)
    assert abs(dark / MANY - 0.06) < 0.015
    two = [occluders for occluders in many if len(occluders) > 1]
    assert abs(len(two) / MANY - 0.021) < 0.01
    assert all(first.kind == "glasses" and first.opacity < 0.5 for first, _ in two)


def test_objects_are_all_there_and_a_third_of_the_microphones_is_held(identity):
    rng = np.random.default_rng(2)
    objects = [sample_object(rng, identity.skin) for _ in range(1500)]
    assert {each.shape for each in objects} == HOLDS.keys()
    held = [each.skin is not None for each in objects if each.shape == "microphone"]
    assert abs(np.mean(held) - 1 / 3) < 0.09


def test_occluders_survive_being_written_and_read(many, attributes):
    for occluders in many[:200]:
        written = changed(attributes, occluders=occluders).model_dump_json()
        assert Attributes.model_validate_json(written).occluders == occluders


def test_the_hands_that_a_picture_shows_tell_their_skin(identity):
    rng = np.random.default_rng(0)
    hand, mask = sample_hand(rng, identity.skin), sample_mask(rng)
    microphone = Object(
        shape="microphone", yaw=0, pitch=0, roll=0, x=0, y=0, distance=0, colours=((0, 0, 0),) * 2, skin=None
    )
    held = changed(microphone, skin=identity.skin)
    assert hand_skins((mask, hand)) == hand_skins((held, mask)) == [identity.skin]
    assert hand_skins((mask, microphone)) == []


def test_an_unknown_object_is_refused_by_name(identity):
    thing = sample_object(np.random.default_rng(0), identity.skin)
    with pytest.raises(RenderError, match=r"Object\.shape"):
        changed(thing, shape="trombone")


@pytest.mark.parametrize("kind", RECORDS)
def test_an_occluder_stays_in_place_when_the_head_gets_another_face(stage, catalogue, identity, attributes, kind):
    rng = np.random.default_rng(3)
    other = sample_identity(rng, catalogue)
    occluder = {
        "hand": lambda: sample_hand(rng, identity.skin),
        "glasses": lambda: sample_glasses(rng, dark=False),
        "object": lambda: sample_object(rng, identity.skin),
        "mask": lambda: sample_mask(rng),
        "strands": lambda: sample_strands(rng, attributes.hair),
    }[kind]()
    attributes = changed(attributes, occluders=())
    target, _ = pieces_of(stage, identity, attributes, occluder)
    truth, _ = pieces_of(stage, identity, attributes, occluder, face=other)
    assert target.keys() == truth.keys() != set()
    assert all((target[name] == truth[name]).all() for name in target)


def test_hands_touch_the_face_and_do_not_enter_it(stage, identity, face):
    rng = np.random.default_rng(4)
    skin = np.unique(stage.tri["skin"])
    head = stage.neutral(identity)[skin[stage.morphs.base[skin, 1] > 6.3]]
    for _ in range(20):
        hand = changed(sample_hand(rng, identity.skin), x=rng.uniform(0, 0.5), distance=0.0)
        points = next(iter(pieces_of(stage, identity, face, hand)[0].values()))
        near = cKDTree(head[:, :2]).query_ball_point(points[:, :2], 0.04)
        over = min(point[2] - head[below, 2].max() for point, below in zip(points, near, strict=True) if below)
        assert -0.02 < over < 0.25  # decimetres


def test_a_right_hand_is_the_mirror_image_of_a_left_one(stage, identity, face):
    symmetric = changed(identity, shape={})
    hand = sample_hand(np.random.default_rng(5), identity.skin)
    left, right = (
        next(iter(pieces_of(stage, symmetric, face, changed(hand, side=side))[0].values()))
        for side in ("left", "right")
    )
    apart = left * [-1, 1, 1] - right
    assert np.abs(apart - apart.mean(0)).max() < 1e-4
    assert np.abs(apart).max() < 0.15  # the height field in which faces are felt is coarse


def test_forearms_leave_the_picture_downwards_or_to_their_own_side(stage, identity, face):
    rng = np.random.default_rng(6)
    for _ in range(60):
        hand = sample_hand(rng, identity.skin)
        pieces, scene = pieces_of(stage, identity, face, hand)
        points = next(iter(pieces.values()))
        base = stage.morphs.base[np.unique(stage.tri["hand"])]
        x, y = in_picture(scene, points[base[:, 0] < 3.05]).mean(0)  # the elbow's end
        outwards = x if hand.side == "left" else -x
        assert (y < -1 or outwards > 1) and y < 0.3


def test_curling_brings_fingertips_to_the_palm_and_leaves_the_forearm(stage):
    rig, body = stage.props.hand, stage.morphs.base
    straight, fist = (rig.pose(body, curl, 0.5, 0.0) for curl in (0.0, 1.4))
    tips = rig.rings[2:].reshape(5, 4, -1)[1:, 3]
    assert (straight[tips, 1].mean(1) - fist[tips, 1].mean(1) > 0.3).all()
    assert (fist[tips, 2].mean(1) < -0.1).all()
    forearm = body[rig.vertices][:, 0] < 3.8
    assert np.abs(straight[forearm] - fist[forearm]).max() < 1e-3


def test_a_hand_holds_its_object(stage, identity, face):
    rng = np.random.default_rng(7)
    for shape in HOLDS.keys() - {"book"}:
        thing = sample_object(rng, identity.skin)
        while thing.shape != shape:
            thing = sample_object(rng, identity.skin)
        pieces, _ = pieces_of(stage, identity, face, changed(thing, skin=identity.skin))
        hand = next(points for name, points in pieces.items() if name.endswith("hand"))
        a, b = (pieces[shape][stage.props.surfaces[shape][1][::3, corner]] for corner in (0, 2))
        surface = np.concatenate([a + t * (b - a) for t in np.linspace(0, 1, 9)])
        assert (cKDTree(surface).query(hand)[0] < 0.12).sum() > 100, shape


def test_glasses_stand_before_the_eyes_and_rest_on_the_nose(stage, catalogue, face):
    rng = np.random.default_rng(8)
    for _ in range(12):
        wearer = sample_identity(rng, catalogue)
        pieces, _ = pieces_of(stage, wearer, face, sample_glasses(rng, dark=False))
        five = stage.landmarks(stage.neutral(wearer))
        for eye in five[:2]:
            close = np.linalg.norm(pieces["lenses"][:, :2] - eye[:2], axis=1).argmin()
            assert 0.04 < pieces["lenses"][close, 2] - eye[2] < 0.3
        skin = stage.neutral(wearer)[np.unique(stage.tri["skin"])]
        nose = skin[(np.abs(skin[:, 0]) < 0.05) & (np.abs(skin[:, 1] - five[0, 1]) < 0.1)][:, 2].max()
        middle = pieces["frame"][np.abs(pieces["frame"][:, 0]) < 0.03]
        assert -0.02 < middle[:, 2].min() - nose < 0.1  # on a flat nose the lashes keep them off


@pytest.mark.parametrize("expression", [{}, {"jawOpen": 0.8}, {"mouthPucker": 1.0}])
def test_a_mask_covers_mouth_and_nose_and_not_the_eyes(stage, catalogue, face, expression):
    rng = np.random.default_rng(9)
    for _ in range(6):
        wearer = sample_identity(rng, catalogue)
        pieces, _ = pieces_of(stage, wearer, changed(face, expression=expression), sample_mask(rng))
        moved = stage.morphs.expression(expression)
        five = stage.landmarks(stage.neutral(wearer) + moved)
        sheet = pieces["mask"]
        for point in five[2:]:
            close = sheet[np.linalg.norm(sheet[:, :2] - point[:2], axis=1) < 0.09]
            assert close[:, 2].max() > point[2]
        assert sheet[np.abs(sheet[:, 0]) < 0.5, 1].max() < five[:2, 1].mean()


def test_fewer_strands_are_the_same_strands_without_the_others(stage, identity, face):
    strands = changed(sample_strands(np.random.default_rng(10), face.hair), count=2)
    two, twelve = (
        pieces_of(stage, identity, face, changed(strands, count=count))[0]["strands"].reshape(12, -1, 3, 3)
        for count in (2, 12)
    )
    assert (two[:2] == twelve[:2]).all()
    across = np.ptp(two[2:], axis=2)
    assert across.max() < 1e-5


def test_no_part_of_another_face_comes_through_a_mask(occluded):
    for target, truth in zip(occluded.labels["masked"], occluded.labels["masked_other_face"], strict=True):
        mask, other = target == LABELS["object"], truth == LABELS["object"]
        assert mask.sum() > 100 and (mask & other).sum() > 0.97 * (mask | other).sum()


def test_most_of_the_face_stays_visible(occluded):
    shares = np.array([share for _, share in occluded.shares])
    assert len(shares) == 60 and (shares >= 0.4).mean() >= 0.95
    assert {kind for kinds, _ in occluded.shares for kind in kinds} == RECORDS.keys()
