"""Head pose of a face in a picture: Face Mesh's points, and the rotation that brings a mean face onto them.

A pose is yaw, pitch and roll in degrees, of the rotation that turns a frontal head first by the roll, then the pitch,
then the yaw (`R = Ry Rx Rz`; x to the right in the picture, y up, z towards the viewer). Positive yaw turns the nose
to the right in the picture, positive pitch turns it down, positive roll tilts the head counter-clockwise. Pitch is 0
where the people of `head_pose_reference` hold their heads on average.
"""

import numpy as np

from faceshifter_hub.evaluation.judging.facemesh import FaceMesh
from faceshifter_hub.evaluation.judging.head_pose_reference import REFERENCE, RIGID_POINTS
from faceshifter_hub.evaluation.judging.mesh import Mesh, find_mesh

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
    return pose_of(find_mesh(photo, landmarks, network))


def pose_of(mesh: Mesh) -> np.ndarray:
    """Return yaw, pitch and roll of a face in degrees, (3,) float64."""
    rotation = fit_rotation(mesh.points) + MIRROR @ fit_rotation(mesh.mirrored) @ MIRROR
    u, _, vt = np.linalg.svd(rotation)  # the nearest rotation: the mean of the two
    return euler_angles(about_z(-mesh.angle) @ u @ vt)


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
