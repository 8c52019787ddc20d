"""The points of a face in a photograph, by Face Mesh: seen twice, so that left and right are treated alike."""

from dataclasses import dataclass

import numpy as np
import torch

from faceshifter_hub.evaluation.judging.facemesh import SIZE, FaceMesh
from faceshifter_hub.faces.alignment import warp

MARGIN = 1.5  # side of the crop over that of the face, as the network was trained
FACE_HEIGHT = 2.1  # from forehead to chin over the distance of eyes and mouth, or of the eyes
LEFT_EYE, RIGHT_EYE = (33, 133), (362, 263)  # corners, left and right in the image


@dataclass(frozen=True)
class Mesh:
    """A face's points.

    Attributes:
        crop: the upright crop that the network sees, (192, 192, 3) uint8.
        points: (468, 3) float64, pixels of the crop: x to the right, y up, z towards the viewer.
        mirrored: the same of the crop's mirror image.
        angle: by which the eyes' line falls to the right in the photograph, which the crop has levelled, in radians.
        in_photo: x and y of `points` in pixels of the photograph, (468, 2): x to the right, y down.
    """

    crop: np.ndarray
    points: np.ndarray
    mirrored: np.ndarray
    angle: float
    in_photo: np.ndarray


def find_mesh(photo: np.ndarray, landmarks: np.ndarray, network: FaceMesh) -> Mesh:
    """Find a face's points.

    Args:
        photo: (H, W, 3) uint8 RGB.
        landmarks: Five landmarks of the face, (5, 2), pixels of `photo`.
        network: The trained network.
    """
    eyes, mouth = landmarks[:2].mean(0), landmarks[3:].mean(0)
    across = landmarks[1] - landmarks[0]
    height = FACE_HEIGHT * float(max(np.linalg.norm(across), np.linalg.norm(mouth - eyes)))
    matrix = upright_crop(across, (eyes + mouth) / 2, MARGIN * height)
    flat = to_photo(run(network, warp(photo, matrix, (SIZE, SIZE))[None])[0], matrix)

    # look again at a square around the points: this is how the network is used on video, frame after frame
    across = flat[RIGHT_EYE, :].mean(0) - flat[LEFT_EYE, :].mean(0)
    axes = upright_crop(across, np.zeros(2), 1.0)[:, :2] / SIZE
    low, high = (flat @ axes.T).min(0), (flat @ axes.T).max(0)
    matrix = upright_crop(across, axes.T @ (low + high) / 2, MARGIN * (high - low).max())
    crop = warp(photo, matrix, (SIZE, SIZE))
    points, mirrored = run(network, np.stack([crop, crop[:, ::-1]]))
    up = [1, -1, -1]
    return Mesh(crop, points * up, mirrored * up, float(np.arctan2(across[1], across[0])), to_photo(points, matrix))


def upright_crop(across: np.ndarray, centre: np.ndarray, side: float) -> np.ndarray:
    """Return the matrix (2, 3) from a photograph to the network's crop of a square, level with the vector `across`."""
    cosine, sine = across / np.linalg.norm(across)
    linear = SIZE / side * np.array([[cosine, sine], [-sine, cosine]])
    return np.column_stack([linear, (SIZE - 1) / 2 - linear @ centre])


def to_photo(points: np.ndarray, matrix: np.ndarray) -> np.ndarray:
    """Return where points (N, 2 or 3) of a crop lie in the photograph, (N, 2); `matrix` is from there to the crop."""
    return (points[:, :2] - matrix[:, 2]) @ np.linalg.inv(matrix[:, :2]).T


@torch.no_grad()
def run(network: FaceMesh, crops: np.ndarray) -> np.ndarray:
    """Run the network on crops (B, 192, 192, 3) uint8: (B, 468, 3) float64."""
    x = torch.tensor(crops, device=network.mesh.weight.device).permute(0, 3, 1, 2) / 127.5 - 1
    return network(x).double().cpu().numpy()
