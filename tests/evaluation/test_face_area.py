import numpy as np
import pytest

from faceshifter_hub.evaluation.judging.face_area import CHEEKS, GROWN, SIDE, aligned_matrix, cheek_pixels, face_area
from faceshifter_hub.evaluation.judging.mesh import LEFT_EYE, RIGHT_EYE
from faceshifter_hub.faces.alignment import template
from faceshifter_hub.synthesis.datasets.samples import typology_angle

SKIN = (200, 150, 120)


@pytest.fixture
def points():
    return template(SIDE) * 0.7 + (30, 50)


@pytest.fixture
def mesh(points):
    """Points all over an ellipse about five landmarks (5, 2): (468, 2), eyes and cheeks where they belong."""
    rng = np.random.default_rng(0)
    angle, radius = rng.uniform(0, 2 * np.pi, 468), np.sqrt(rng.uniform(0, 1, 468))
    mesh = points.mean(0) + np.column_stack([55 * radius * np.cos(angle), 70 * radius * np.sin(angle)])
    eye, other, _, mouth, other_mouth = points
    corners = np.array([[-8, 0], [8, 0]])
    mesh[list(LEFT_EYE)], mesh[list(RIGHT_EYE)] = eye + corners, other + corners
    mesh[list(CHEEKS)] = (eye + mouth) / 2 - [6, 0], (other + other_mouth) / 2 + [6, 0]
    return mesh


def test_the_area_covers_the_mesh_and_more(points, mesh):
    matrix = aligned_matrix(points)
    area = face_area(mesh, matrix)
    x, y = np.rint(mesh @ matrix[:, :2].T + matrix[:, 2]).astype(int).T
    assert area.shape == (SIDE, SIDE) and area[y, x].all() and not area.all()
    ellipse = np.pi * 55 * 70 * np.linalg.det(matrix[:, :2])
    assert area.sum() == pytest.approx(GROWN**2 * ellipse, rel=0.1)


def test_a_photograph_twice_as_large_has_the_same_area(points, mesh):
    area = face_area(mesh, aligned_matrix(points))
    double = face_area(2 * mesh + 0.5, aligned_matrix(2 * points + 0.5))  # pixel centres at integers
    assert (area != double).sum() < 0.001 * area.sum()


def test_the_area_does_not_turn_with_the_photograph(points, mesh):
    turn = np.array([[0.8, -0.6], [0.6, 0.8]])
    area, turned = face_area(mesh, aligned_matrix(points)), face_area(mesh @ turn, aligned_matrix(points @ turn))
    assert (area != turned).sum() < 0.001 * area.sum()


def test_an_area_that_leaves_the_aligned_face_is_cut_off(points, mesh):
    area = face_area(mesh + np.array([90, 0]), aligned_matrix(points))
    assert area[:, -1].any() and not area[:, 0].any()


def test_cheeks_are_about_their_points_and_as_large_as_the_face(points, mesh):
    photo = np.zeros((300, 300, 3), np.uint8)
    for x, y in mesh[list(CHEEKS)].round().astype(int):
        photo[y - 10 : y + 11, x - 10 : x + 11] = SKIN
    pixels = cheek_pixels(photo, mesh)
    assert (pixels == SKIN).all() and len(pixels) > 50
    double = cheek_pixels(photo.repeat(2, 0).repeat(2, 1), 2 * mesh + 0.5)
    assert (double == SKIN).all() and len(double) == pytest.approx(4 * len(pixels), rel=0.25)


def test_a_greyscale_picture_or_one_without_the_cheeks_has_no_cheek_pixels(mesh):
    grey = np.random.default_rng(0).integers(0, 256, (300, 300, 1), np.uint8).repeat(3, 2)
    for photo, shift in ((grey, 0), (np.full((300, 300, 3), SKIN, np.uint8), 1000)):
        pixels = cheek_pixels(photo, mesh + shift)
        assert pixels.shape == (0, 3) and typology_angle(pixels) is None


def test_typology_angles_order_skin_from_dark_to_light():
    colours = [(70, 45, 35), (120, 80, 60), (175, 125, 95), (220, 175, 150), (245, 222, 210)]
    angles = [typology_angle(np.full((5, 3), colour, np.uint8)) for colour in colours]
    assert angles == sorted(angles) and angles[0] < -30 and angles[-1] > 55
    half = np.array([colours[0]] * 3 + [colours[4]] * 2, np.uint8)
    assert typology_angle(half) == angles[0]  # a few pixels of another colour do not matter
