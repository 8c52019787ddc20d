import shutil
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image

from faceshifter_hub.evaluation.judging.facemesh import FaceMesh
from faceshifter_hub.evaluation.judging.head_pose import estimate_head_pose, euler_angles, fit_rotation
from faceshifter_hub.evaluation.judging.head_pose_reference import REFERENCE, RIGID_POINTS
from faceshifter_hub.faces.mtcnn import MTCNNDetector
from faceshifter_hub.synthesis.transforms import rotation

needs_npm = pytest.mark.skipif(shutil.which("npm") is None, reason="the weights come with npm")
FACES = sorted((Path(__file__).parent / "triplets").glob("*_source.webp"))


@pytest.fixture(scope="module")
def facemesh():
    return FaceMesh.from_package()


@pytest.fixture(scope="module")
def faces():
    """Rendered faces, (256, 256, 3), and their five landmarks."""
    detector = MTCNNDetector.from_pretrained("mtcnn")
    pictures = [np.asarray(Image.open(path)) for path in FACES]
    return [(picture, detector.detect(picture)[0].landmarks) for picture in pictures]


def turned(picture, points, degrees):
    """Turn a picture and its points counter-clockwise about its centre."""
    matrix = cv2.getRotationMatrix2D((127.5, 127.5), degrees, 1.0)
    return cv2.warpAffine(picture, matrix, (256, 256), borderMode=cv2.BORDER_REPLICATE), (
        points @ matrix[:, :2].T + matrix[:, 2]
    )


@pytest.mark.parametrize("pose", [(30, 0, 0), (0, -20, 0), (0, 0, 15), (-50, 25, -10)])
def test_angles_are_those_the_renderer_turns_heads_by(pose):
    turn = rotation(*np.radians(pose))
    np.testing.assert_allclose(euler_angles(turn), pose, atol=1e-4)
    points = np.random.default_rng(0).normal(size=(468, 3))  # all but the rigid points may be anywhere
    points[list(RIGID_POINTS)] = REFERENCE @ turn.T * 70 + [90, 80, -5]
    np.testing.assert_allclose(fit_rotation(points), turn, atol=1e-6)


def test_a_flat_face_is_never_turned_inside_out():
    points = np.zeros((468, 3))
    points[list(RIGID_POINTS)] = REFERENCE * [1, 1, -0.1]
    assert np.linalg.det(fit_rotation(points)) == pytest.approx(1)


def test_the_mean_face_is_symmetric_and_frontal():
    mirrored = REFERENCE * [-1, 1, 1]
    distances = np.linalg.norm(REFERENCE[:, None] - mirrored[None], axis=2)
    assert distances.min(1).max() < 1e-6
    depth = dict(zip(RIGID_POINTS, REFERENCE[:, 2], strict=True))
    height = dict(zip(RIGID_POINTS, REFERENCE[:, 1], strict=True))
    assert depth[4] == max(depth.values())  # the nose's tip
    assert height[10] > height[9] > height[168] > height[4]  # forehead, brows, bridge, tip


@needs_npm
def test_a_mirrored_face_has_the_mirrored_pose(facemesh, faces):
    for face, points in faces:
        mirrored_points = points[[1, 0, 2, 4, 3]] * [-1, 1] + [255, 0]
        yaw, pitch, roll = estimate_head_pose(face, points, facemesh)
        mirrored = estimate_head_pose(np.ascontiguousarray(face[:, ::-1]), mirrored_points, facemesh)
        np.testing.assert_allclose(mirrored, [-yaw, pitch, -roll], atol=1.5)


@needs_npm
def test_a_turned_picture_turns_the_head(facemesh, faces):
    for face, points in faces:
        upright = np.radians(estimate_head_pose(face, points, facemesh))
        found = np.radians(estimate_head_pose(*turned(face, points, 25), facemesh))
        expected = rotation(0, 0, np.radians(25)) @ rotation(*upright)
        between = rotation(*found).T @ expected
        assert np.degrees(np.arccos((np.trace(between) - 1) / 2)) < 3


@needs_npm
def test_rough_landmarks_do_not_matter(facemesh, faces):
    rng = np.random.default_rng(0)
    for face, points in faces:
        pose = estimate_head_pose(face, points, facemesh)
        rough = estimate_head_pose(face, points + rng.normal(0, 5, (5, 2)), facemesh)
        np.testing.assert_allclose(rough, pose, atol=4)
