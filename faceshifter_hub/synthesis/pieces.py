"""What a scene is made of: pieces to draw, and the body that they are placed on."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from faceshifter_hub.synthesis.parameters import Pose
from faceshifter_hub.synthesis.transforms import rotation


@dataclass(frozen=True)
class Piece:
    """One thing to draw.

    Attributes:
        mesh: Name of the mesh.
        vertices: (n, 3) of that mesh, posed.
        texture: Name of the texture.
        material: Name of the program.
        label: Class in the label map; None for what one sees through.
        uniforms: The material's parameters.
        inflate: Shift of the vertices along their normals.
        lift: By how much nearer to the camera it counts than it is, decimetres: what covers a face covers any other.
        face: Whether all of it belongs to the face region; skin decides by its own mask.
    """

    mesh: str
    vertices: np.ndarray
    texture: str
    material: str
    label: str | None
    uniforms: dict[str, Any]
    inflate: float = 0.0
    lift: float = 0.0
    face: bool = False


class HeadPose:
    """How a head and its torso are turned about the joint between them."""

    def __init__(self, pose: Pose, pivot: np.ndarray):
        self.pivot = pivot
        self.head = rotation(pose.yaw, pose.pitch, pose.roll)
        self.torso = rotation(pose.yaw * pose.torso, 0.0, 0.0)

    def turn(self, points: np.ndarray) -> np.ndarray:
        """Turn points (n, 3) with the head."""
        return (points - self.pivot) @ self.head.T + self.pivot

    def blend(self, points: np.ndarray, torso_share: np.ndarray) -> np.ndarray:
        """Turn points (n, 3) with the head, a share (n,) of each with the torso."""
        centred, share = points - self.pivot, torso_share[:, None]
        return (centred @ self.head.T) * (1 - share) + (centred @ self.torso.T) * share + self.pivot


@dataclass(frozen=True)
class Anatomy:
    """The body that hair, hats and occluders are placed on, before it is turned.

    Attributes:
        neutral: (n, 3) vertices without expression.
        vertices: (n, 3) vertices with expression.
        pose: How the head is turned.
        five: (5, 3) eyes, nose tip, mouth corners, with expression; the person's right first.
        ears: (2, 3) where temples of glasses rest, the person's right first.
    """

    neutral: np.ndarray
    vertices: np.ndarray
    pose: HeadPose
    five: np.ndarray
    ears: np.ndarray
