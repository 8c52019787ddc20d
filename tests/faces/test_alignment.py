"""The template, the least-squares similarity, and aligned faces cut out of photographs."""

import cv2
import numpy as np
import pytest

from faceshifter_hub.errors import FaceError
from faceshifter_hub.faces.alignment import ARCFACE_POINTS, align, similarity, template, warp
from faceshifter_hub.faces.pasting import face_mask, paste

RNG = np.random.default_rng(0)


def similarity_matrix(scale: float, degrees: float, shift: tuple[float, float]) -> np.ndarray:
    angle = np.radians(degrees)
    linear = scale * np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    return np.column_stack([linear, shift])


def moved(points: np.ndarray, matrix: np.ndarray) -> np.ndarray:
    return points @ matrix[:, :2].T + matrix[:, 2]


def wave(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """A smooth pattern that can be drawn at any place."""
    return 127.5 + 60 * np.sin(x / 17) * np.cos(y / 23) + 40 * np.sin((x + 2 * y) / 31)


def pattern(height: int, width: int) -> np.ndarray:
    y, x = np.mgrid[:height, :width]
    return np.stack([wave(x, y), wave(y, x), wave(x + y, x)], -1).round().astype(np.uint8)


# ---- the template


def test_the_template_is_arcfaces_crop_enlarged_and_moved():
    expected = 1.8 * (ARCFACE_POINTS - (56, 51.6)) + (128, 113)  # docs/architecture.md
    np.testing.assert_allclose(template(256), expected)
    eye, other_eye, nose, mouth, other_mouth = template(256)
    assert eye[0] < nose[0] < other_eye[0] and mouth[0] < nose[0] < other_mouth[0]
    assert max(eye[1], other_eye[1]) < nose[1] < min(mouth[1], other_mouth[1])


@pytest.mark.parametrize("resolution", [64, 112, 128, 512])
def test_the_template_keeps_its_place_in_the_square_at_every_resolution(resolution):
    np.testing.assert_allclose((template(resolution) + 0.5) / resolution, (template(256) + 0.5) / 256)


# ---- the similarity


@pytest.mark.parametrize(
    "matrix",
    [
        similarity_matrix(1, 0, (0, 0)),
        similarity_matrix(0.25, 30, (5, -7)),
        similarity_matrix(40, -170, (1e4, 3)),
        similarity_matrix(1, 180, (0, 0)),
    ],
)
def test_a_similarity_is_found_again(matrix):
    points = template(256)
    np.testing.assert_allclose(similarity(points, moved(points, matrix)), matrix, atol=1e-8)
    single = points.astype(np.float32)
    np.testing.assert_allclose(similarity(single, moved(points, matrix)), matrix, rtol=1e-5, atol=1e-3)


def test_no_other_similarity_comes_closer():
    points, target = RNG.normal(size=(5, 2)), RNG.normal(size=(5, 2))
    best = similarity(points, target)

    def error(matrix: np.ndarray) -> float:
        return float(((moved(points, matrix) - target) ** 2).sum())

    a, b = best[:, 0]
    for nudge in 1e-4 * RNG.normal(size=(50, 4)):
        other = np.array([[a + nudge[0], -b - nudge[1], 0], [b + nudge[1], a + nudge[0], 0]])
        other[:, 2] = best[:, 2] + nudge[2:]
        assert error(other) > error(best)


def test_mirrored_points_are_matched_without_reflection():
    points = template(256)
    mirrored = points * (-1, 1)
    matrix = similarity(points, mirrored)
    assert np.linalg.det(matrix[:, :2]) > 0
    a, b = matrix[:, 0]
    np.testing.assert_allclose(matrix[:, :2], [[a, -b], [b, a]], atol=1e-12)
    assert np.linalg.norm(moved(points, matrix) - mirrored) > 1


def test_points_on_a_line_are_enough():
    line = np.column_stack([np.arange(5.0), np.zeros(5)])
    matrix = similarity_matrix(2, 90, (1, 1))
    np.testing.assert_allclose(similarity(line, moved(line, matrix)), matrix, atol=1e-9)


def test_landmarks_on_one_point_are_refused_in_a_sentence():
    with pytest.raises(FaceError, match=r"^[^\n]+; use another picture\.$"):
        align(pattern(20, 20), np.full((5, 2), 7.0), 64)


# ---- aligned faces


def test_the_landmarks_of_an_aligned_face_lie_on_the_template(examples, detector, face):
    aligned, matrix = align(examples[0], face.landmarks, 256)
    residual = np.linalg.norm(moved(face.landmarks, matrix) - template(256), axis=1)
    assert residual.max() < 20  # a face is not the template, but near it
    assert np.linalg.norm(detector.detect(aligned)[0].landmarks - template(256), axis=1).max() < 20


@pytest.mark.parametrize(("scale", "degrees"), [(1, 0), (1, 37), (2.5, -20), (0.3, 10)])
def test_every_pixel_of_an_aligned_face_comes_from_its_place_in_the_photograph(scale, degrees):
    photo = pattern(400, 500)
    points = moved(template(128), similarity_matrix(1, 0, (-64, -64)))
    points = moved(points, similarity_matrix(scale, degrees, (250, 200)))
    aligned, matrix = align(photo, points, 128)
    np.testing.assert_allclose(moved(points, matrix), template(128), atol=1e-9)
    y, x = np.mgrid[:128, :128]
    from_x, from_y = np.moveaxis(moved(np.stack([x, y], -1), np.asarray(cv2.invertAffineTransform(matrix))), -1, 0)
    inside = (from_x > 3) & (from_x < 496) & (from_y > 3) & (from_y < 396)
    assert inside.mean() > 0.5
    np.testing.assert_allclose(aligned[inside, 0], wave(from_x, from_y)[inside], atol=3)


def test_a_photograph_smaller_than_its_face_goes_on_with_its_outermost_pixels():
    aligned, _ = align(np.full((3, 3, 3), 99, np.uint8), template(64), 64)
    assert (aligned == 99).all()


def test_a_mirrored_view_of_a_photograph_aligns_like_its_copy():
    view = pattern(90, 120)[:, ::-1, ::-1]
    for image in (view, view[::2]):
        np.testing.assert_array_equal(align(image, template(64), 64)[0], align(image.copy(), template(64), 64)[0])


def test_a_panorama_wider_than_a_short_integer_aligns():
    photo = np.zeros((100, 40_000, 3), np.uint8)
    photo[:, 35_000:] = pattern(100, 5000)
    points = template(64) + np.array([35_010.3, 20.6])
    aligned, _ = align(photo, points, 64)
    np.testing.assert_allclose(aligned, align(photo[:, 35_000:], points - (35_000, 0), 64)[0], atol=1)


# ---- resampling


def test_the_finest_checks_shrink_to_an_even_grey():
    checks = (np.indices((512, 512)).sum(0) % 2 * 255).astype(np.uint8)
    shrunk = warp(checks, similarity_matrix(1 / 8, 0, (-7 / 16, -7 / 16)), (64, 64))
    assert np.abs(shrunk.astype(int) - 127.5).max() < 2
    for degrees in (10, 45):  # checks that do not meet the grid
        shrunk = warp(checks, similarity_matrix(1 / 6, degrees, (20, -10)), (40, 40))
        assert np.abs(shrunk.astype(int) - 127.5).max() < 26


def test_resolutions_agree():
    photo = cv2.GaussianBlur(RNG.integers(0, 256, (600, 600, 3), np.uint8), (0, 0), 3)
    points = moved(template(256), similarity_matrix(1.7, 12, (60, 20)))
    large, small = (align(photo, points, resolution)[0] for resolution in (256, 128))
    np.testing.assert_allclose(cv2.resize(large, (128, 128), interpolation=cv2.INTER_AREA), small, atol=4)


def test_an_identity_changes_nothing():
    identity = similarity_matrix(1, 0, (0, 0))
    for image in (pattern(20, 30), pattern(20, 30)[..., 0], RNG.normal(size=(20, 30)).astype(np.float32)):
        np.testing.assert_array_equal(warp(image, identity, (30, 20)), image)


def test_align_and_paste_bring_a_face_there_and_back(examples, face):
    aligned, matrix = align(examples[0], face.landmarks, 256)
    again, _ = align(paste(examples[0], aligned, matrix, face_mask(256)), face.landmarks, 256)
    assert np.abs(again.astype(int) - aligned).mean() < 1
