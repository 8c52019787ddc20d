"""Glasses on the nose: a frame of tubes, two lenses."""

import numpy as np

from faceshifter_hub.synthesis.occluders.surfaces import Surface, join, pane, ring, tube
from faceshifter_hub.synthesis.parameters import Glasses
from faceshifter_hub.synthesis.pieces import Anatomy, Piece
from faceshifter_hub.synthesis.transforms import smoothstep

LABEL_OPACITY = 0.5  # lenses darker than this are what one sees; through others one sees the eyes
LIFT = 0.04  # for the noses and lids of other faces, decimetres
CLEARANCE = 0.025  # of the nose: the face of another may have a higher one


class Spectacles:
    """Where glasses rest on a head.

    Args:
        base: (n, 3) vertices of the unmorphed base mesh.
        skin: indices of the skin's vertices.
    """

    def __init__(self, base: np.ndarray, skin: np.ndarray):
        middle = skin[(np.abs(base[skin, 0]) < 0.08) & (np.abs(base[skin, 1] - 7.28) < 0.09) & (base[skin, 2] > 1.4)]
        self.bridge = middle
        shape = Glasses(
            width=1, height=1, thickness=1, roundness=1, lift=0, rim="full", colour=(0, 0, 0), gloss=0, lens=(0, 0, 0),
            opacity=0, gradient=0,
        )  # fmt: skip
        ears = np.array([[-2.0, 0, -2], [2, 0, -2]])
        frame, lenses = build_glasses(shape, np.array([[-1.0, 0, 0], [1, 0, 0]]), ears, np.array([0, 0, 0.1]))
        self.surfaces = {"frame": frame, "lenses": lenses}

    def place(self, shape: Glasses, anatomy: Anatomy) -> list[Piece]:
        """Return frame and lenses on a face."""
        bridge = anatomy.vertices[self.bridge]
        bridge = bridge[np.argmax(bridge[:, 2])]
        (frame, _), (lenses, _) = build_glasses(shape, anatomy.five[:2], anatomy.ears, bridge)
        frame_uniforms = {"tint": shape.colour, "tint2": shape.colour, "pattern": -2.0, "sheen": shape.gloss}
        lens_uniforms = {"tint": shape.lens, "opacity": shape.opacity, "cut": shape.gradient}
        label = "glasses" if shape.opacity > LABEL_OPACITY else None
        return [
            Piece("frame", anatomy.pose.turn(frame), "white", "cloth", "glasses", frame_uniforms, lift=LIFT),
            Piece("lenses", anatomy.pose.turn(lenses), "white", "glass", label, lens_uniforms, lift=LIFT),
        ]


def build_glasses(shape: Glasses, eyes: np.ndarray, ears: np.ndarray, bridge: np.ndarray) -> tuple[Surface, Surface]:
    """Return frame and lenses; their triangles are the same whatever the sizes.

    Args:
        shape: Of the glasses.
        eyes: (2, 3), the person's right eye first.
        ears: (2, 3), where the temples rest, right first.
        bridge: (3,), the front of the nose between the eyes.
    """
    span = float(np.linalg.norm(eyes[1] - eyes[0]))
    radius_x = span * (0.335 + 0.055 * shape.width)
    radius_y = radius_x * (0.60 + 0.36 * shape.height)
    thickness, power = 0.009 + 0.021 * shape.thickness, 0.55 + 0.45 * shape.roundness
    middle = np.array([bridge[0], eyes[:, 1].mean() - 0.05, max(bridge[2], eyes[:, 2].mean() + 0.085) + CLEARANCE])
    half = span / 2 * 1.03

    def bend(points: np.ndarray) -> np.ndarray:
        """Lift the outer corners, wrap the front round the face, tilt it towards the cheeks."""
        x, y, z = points.T
        out = np.clip((np.abs(x) - half) / radius_x, 0, None)
        y = y + shape.lift * 0.45 * radius_y * out**2 * smoothstep(y, -0.3 * radius_y, 0.6 * radius_y)
        return np.stack([x, y, z - 0.14 * x * x + 0.12 * y], 1) + middle

    parts, lenses = [], []
    for side in (1, -1):
        centre = np.array([half * side, 0, 0])
        points, triangles = ring(centre, radius_x, radius_y, thickness, power, shape.rim)
        parts.append((bend(points), triangles))
        points, triangles = pane(centre, radius_x, radius_y, power, curvature=0.9 / span)
        lenses.append((bend(points - [0, 0, 0.3 * thickness]), triangles))
    inner = half - radius_x
    arch = np.linspace(-1, 1, 9)
    path = np.stack([arch * inner, 0.25 * radius_y + 0.05 * (1 - arch**2), 0.4 * thickness * (1 - arch**2)], 1)
    parts.append(tube(bend(path), max(thickness * 1.1, 0.013)))
    for side, ear in ((1, ears[1]), (-1, ears[0])):
        hinge = bend(np.array([[(half + 0.93 * radius_x) * side, 0.45 * radius_y, 0]]))[0]
        corner = hinge + np.array([0.05 * side, 0, -0.05])
        rest, hook = ear + np.array([[-0.05 * side, 0.10, 0.12], [-0.07 * side, -0.02, -0.10]])
        along = np.linspace(0, 1, 8)[1:, None]
        temple = np.concatenate([[hinge, corner], corner + along * (rest - corner), [hook]])
        parts.append(tube(temple, 0.010 + 0.5 * thickness))
    return join(parts), join(lenses)
