import shutil
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn

from faceshifter_hub.errors import FaceError
from faceshifter_hub.evaluation.judging.facemesh import FaceMesh
from faceshifter_hub.evaluation.judging.gaze import CENTRE, EYE, OUTLINE_CORNERS, cut_eye, estimate_gaze
from faceshifter_hub.evaluation.judging.iris import Iris
from faceshifter_hub.evaluation.judging.mesh import LEFT_EYE, RIGHT_EYE, find_mesh
from faceshifter_hub.faces.mtcnn import MTCNNDetector

needs_npm = pytest.mark.skipif(shutil.which("npm") is None, reason="the weights come with npm")
MOODS = Path(__file__).parent / "moods"
LOOKS = ("1_looking_left", "1_looking_right", "2_looking_left", "2_looking_right")


class BrightestPixel(nn.Module):
    """In the place of Iris: the iris is the brightest pixel, the corners are where Face Mesh's lie."""

    def __init__(self):
        super().__init__()
        self.stem = nn.ModuleList([nn.Conv2d(3, 1, 1)])

    def forward(self, crops):
        place = crops.sum(1).flatten(1).argmax(1)  # (B,)
        iris, outline = torch.zeros(len(crops), 5, 3), torch.zeros(len(crops), 71, 3)
        iris[:, 0, 0], iris[:, 0, 1] = place % 64, place // 64
        outline[:, OUTLINE_CORNERS, 1] = CENTRE
        outline[:, OUTLINE_CORNERS, 0] = CENTRE + torch.tensor([-EYE / 2, EYE / 2])
        return outline, iris


@pytest.mark.parametrize("angle", [0, 30, -75])
def test_measures_in_eye_widths_to_the_right_and_up_whatever_the_roll(angle):
    photo, mesh = np.zeros((400, 400, 3), np.uint8), np.zeros((468, 2))
    turn = cv2.getRotationMatrix2D((200, 200), angle, 1.0)
    for corners, centre in ((LEFT_EYE, 120), (RIGHT_EYE, 280)):  # eyes 80 wide, irises 12 to the right and 8 up
        points = np.array([[centre - 40, 200], [centre + 40, 200], [centre + 12, 192]]) @ turn[:, :2].T + turn[:, 2]
        mesh[list(corners)] = points[:2]
        x, y = np.rint(points[2]).astype(int).tolist()
        cv2.circle(photo, (x, y), 6, (200, 200, 200), cv2.FILLED)
    photo = cv2.GaussianBlur(photo, (0, 0), 4)
    np.testing.assert_allclose(estimate_gaze(photo, mesh, BrightestPixel()), [12 / 80, 8 / 80], atol=0.03)


def test_an_eye_without_width_is_refused():
    with pytest.raises(FaceError):
        cut_eye(np.zeros((64, 64, 3), np.uint8), np.zeros((2, 2)))


@pytest.fixture(scope="module")
def looks():
    """Rendered faces, (256, 256, 3), and the points of their meshes, by where their eyes look."""
    detector, facemesh = MTCNNDetector.from_pretrained("mtcnn"), FaceMesh.from_package()
    pictures = {look: np.asarray(Image.open(MOODS / f"{look}.webp")) for look in LOOKS}
    return {
        look: (picture, find_mesh(picture, detector.detect(picture)[0].landmarks, facemesh).in_photo)
        for look, picture in pictures.items()
    }


@needs_npm
def test_eyes_that_look_to_the_right_are_told_from_those_that_look_to_the_left(looks):
    iris = Iris.from_package()
    across = {look: estimate_gaze(*face, iris)[0] for look, face in looks.items()}
    for person in (1, 2):
        assert across[f"{person}_looking_right"] > across[f"{person}_looking_left"] + 0.1


@needs_npm
def test_a_mirrored_face_looks_the_other_way(looks):
    iris = Iris.from_package()
    for picture, mesh in looks.values():
        mirrored = mesh.copy()
        mirrored[[*LEFT_EYE, *RIGHT_EYE]] = mesh[[*RIGHT_EYE[::-1], *LEFT_EYE[::-1]]] * [-1, 1] + [255, 0]
        across, up = estimate_gaze(picture, mesh, iris)
        found = estimate_gaze(np.ascontiguousarray(picture[:, ::-1]), mirrored, iris)
        np.testing.assert_allclose(found, [-across, up], atol=1e-3)
