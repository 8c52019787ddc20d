"""Head pose of a face in a picture: Face Mesh's points, and the rotation that brings a mean face onto them.

A pose is yaw, pitch and roll in degrees, of the rotation that turns a frontal head first by the roll, then the pitch,
then the yaw (`R = Ry Rx Rz`; x to the right in the picture, y up, z towards the viewer). Positive yaw turns the nose
to the right in the picture, positive pitch turns it down, positive roll tilts the head counter-clockwise. Pitch is 0
where the people of `head_pose_reference` hold their heads on average.
"""

import numpy as np
import torch

from faceshifter_hub.evaluation.facemesh import SIZE, FaceMesh
from faceshifter_hub.evaluation.head_pose_reference import REFERENCE, RIGID_POINTS
from faceshifter_hub.faces.alignment import warp

MARGIN = 1.5  # side of the crop over that of the face, as the network was trained
FACE_HEIGHT = 2.1  # from forehead to chin over the distance of eyes and mouth, or of the eyes
LEFT_EYE, RIGHT_EYE = (33, 133), (362, 263)  # corners, left and right in the image
MIRROR = np.diag([-1.0, 1.0, 1.0])


def estimate_head_pose(photo: np.ndarray, landmarks: np.ndarray, network: FaceMesh) -> np.ndarray:
    """Estimate the pose of a head.

    Args:
        photo: (H, W, 3) uint8 RGB.
        landmarks: Five landmarks of the face, (5, 2), pixels of `photo`.
        network: The trained network.

    Returns:
        Yaw, pitch and roll in degrees, (3,) float64.
    """
    points, mirrored, angle = find_points(photo, landmarks, network)
    rotation = fit_rotation(points) + MIRROR @ fit_rotation(mirrored) @ MIRROR
    u, _, vt = np.linalg.svd(rotation)  # the nearest rotation: the mean of the two
    return euler_angles(about_z(-angle) @ u @ vt)


def find_points(photo: np.ndarray, landmarks: np.ndarray, network: FaceMesh) -> tuple[np.ndarray, np.ndarray, float]:
    """Find a face's points twice: in an upright crop, and in its mirror image.

    Returns:
        Both (468, 3), x to the right, y up, z towards the viewer, in pixels of the crop; and the angle by which the
        eyes' line falls to the right in the photograph, which the crop has levelled, in radians.
    """
    eyes, mouth = landmarks[:2].mean(0), landmarks[3:].mean(0)
    across = landmarks[1] - landmarks[0]
    height = FACE_HEIGHT * float(max(np.linalg.norm(across), np.linalg.norm(mouth - eyes)))
    matrix = upright_crop(across, (eyes + mouth) / 2, MARGIN * height)
    points = run(network, warp(photo, matrix, (SIZE, SIZE))[None])[0]

    # look again at a square around the points: this is how the network is used on video, frame after frame
    linear = matrix[:, :2]
    flat = (points[:, :2] - matrix[:, 2]) @ np.linalg.inv(linear).T  # in the photograph
    across = flat[RIGHT_EYE, :].mean(0) - flat[LEFT_EYE, :].mean(0)
    axes = upright_crop(across, np.zeros(2), 1.0)[:, :2] / SIZE
    low, high = (flat @ axes.T).min(0), (flat @ axes.T).max(0)
    matrix = upright_crop(across, axes.T @ (low + high) / 2, MARGIN * (high - low).max())
    crop = warp(photo, matrix, (SIZE, SIZE))
    points, mirrored = run(network, np.stack([crop, crop[:, ::-1]])) * [1, -1, -1]
    return points, mirrored, float(np.arctan2(across[1], across[0]))


def upright_crop(across: np.ndarray, centre: np.ndarray, side: float) -> np.ndarray:
    """Return the matrix (2, 3) from a photograph to the network's crop of a square, level with the vector `across`."""
    cosine, sine = across / np.linalg.norm(across)
    linear = SIZE / side * np.array([[cosine, sine], [-sine, cosine]])
    return np.column_stack([linear, (SIZE - 1) / 2 - linear @ centre])


@torch.no_grad()
def run(network: FaceMesh, crops: np.ndarray) -> np.ndarray:
    """Run the network on crops (B, 192, 192, 3) uint8: (B, 468, 3) float64."""
    x = torch.tensor(crops, device=network.mesh.weight.device).permute(0, 3, 1, 2) / 127.5 - 1
    return network(x).double().cpu().numpy()


def fit_rotation(points: np.ndarray) -> np.ndarray:
    """Return the rotation (3, 3) that brings the mean face closest to the rigid ones of 468 points (Kabsch, 1976)."""
    rigid = points[list(RIGID_POINTS)]
    u, _, vt = np.linalg.svd((rigid - rigid.mean(0)).T @ REFERENCE)
    return u @ np.diag([1, 1, np.linalg.det(u @ vt)]) @ vt


def euler_angles(rotation: np.ndarray) -> np.ndarray:
    """Return yaw, pitch and roll of a rotation (3, 3) in degrees, (3,)."""
    yaw = np.arctan2(rotation[0, 2], rotation[2, 2])
    pitch = np.arcsin(np.clip(-rotation[1, 2], -1, 1))
    roll = np.arctan2(rotation[1, 0], rotation[1, 1])
    return np.degrees([yaw, pitch, roll])


def about_z(angle: float) -> np.ndarray:
    """Return the rotation (3, 3) counter-clockwise in the picture."""
    cosine, sine = np.cos(angle), np.sin(angle)
    return np.array([[cosine, -sine, 0], [sine, cosine, 0], [0, 0, 1]])
