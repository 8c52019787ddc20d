"""Lays things on a face, so that they touch it and do not enter it."""

import math

import numpy as np

from faceshifter_hub.synthesis.pieces import Anatomy
from faceshifter_hub.synthesis.transforms import rotation, smoothstep

LIFT = 0.08  # of what touches a face, for the noses and cheeks of other faces, decimetres
CELL, CELLS = 0.08, 56  # of the height field, decimetres


class Contact:
    """The surface of heads, seen from where a thing comes.

    Args:
        base: (n, 3) vertices of the unmorphed base mesh.
        skin: indices of the skin's vertices.
    """

    def __init__(self, base: np.ndarray, skin: np.ndarray):
        self.head = skin[base[skin, 1] > 6.15]

    def lay(self, points: np.ndarray, anatomy: Anatomy, x: float, y: float, distance: float) -> np.ndarray:
        """Return points (n, 3) moved onto a face.

        Args:
            points: about the place that comes to lie at (x, y).
            anatomy: whose face it is.
            x: from the middle of the face to the person's left, in distances from mouth to eyes.
            y: upwards from the mouth, in the same unit; the eyes are at 1.
            distance: that remains between the points and the face, decimetres.
        """
        eyes, mouth = anatomy.five[:2].mean(0), anatomy.five[3:].mean(0)
        unit = np.linalg.norm(eyes - mouth)
        side = math.copysign(1.3 * float(smoothstep(np.array(abs(x)), 0.5, 1.3)), x)
        frame = rotation(side, 0, 0)  # its z axis is where the thing comes from
        placed = points + mouth + unit * np.array([x, y, 0])
        head, local = anatomy.vertices[self.head] @ frame, placed @ frame
        corner = (mouth + np.array([0, 0.5, 0])) @ frame - CELL * CELLS / 2
        field = np.full((CELLS, CELLS), -np.inf)
        cell, inside = cells(head, corner)
        np.maximum.at(field, cell, head[inside, 2])
        field[1:] = np.maximum(field[1:], field[:-1])  # fill the cells between vertices
        field[:, 1:] = np.maximum(field[:, 1:], field[:, :-1])
        cell, inside = cells(local, corner)
        into = (field[cell] - local[inside, 2]).max(initial=-np.inf)
        return placed + frame[:, 2] * (distance + (into if np.isfinite(into) else 0.0))


def cells(points: np.ndarray, corner: np.ndarray) -> tuple[tuple[np.ndarray, np.ndarray], np.ndarray]:
    """Return the cells of those points (n, 3) that lie within the field, and which they are, (n,) bool."""
    index = np.floor((points[:, :2] - corner[:2]) / CELL).astype(int)
    inside = ((index >= 0) & (index < CELLS)).all(1)
    return (index[inside, 0], index[inside, 1]), inside
