"""Strands of hair that fall over the face from the hairline."""

import numpy as np

from faceshifter_hub.synthesis.hair import PLAIN
from faceshifter_hub.synthesis.occluders.surfaces import Surface, grid, join
from faceshifter_hub.synthesis.parameters import Strands
from faceshifter_hub.synthesis.pieces import Anatomy, Piece
from faceshifter_hub.synthesis.transforms import smoothstep

MOST, POINTS = 12, 16  # strands, and points along one
LIFT = 0.05  # of a strand off the face, decimetres


class Locks:
    """Where strands grow and what they fall over.

    Args:
        base: (n, 3) vertices of the unmorphed base mesh.
        skin: indices of the skin's vertices.
    """

    def __init__(self, base: np.ndarray, skin: np.ndarray):
        self.front = skin[(base[skin, 2] > 0.75) & (base[skin, 1] > 6.3)][::3]
        ribbon = np.zeros((POINTS, 3, 3))
        self.triangles = join([(ribbon.reshape(-1, 3), grid(POINTS, 3, closed=False))] * MOST)[1]
        along = np.linspace(0, 1, POINTS)
        rest = np.zeros((MOST, POINTS, 3, 3))
        rest[..., 1] = along[:, None]
        rest[..., 0] = [0.0, 0.5, 1.0]
        self.surfaces: dict[str, Surface] = {"strands": (rest.reshape(-1, 3).astype(np.float32), self.triangles)}

    def place(self, strands: Strands, anatomy: Anatomy) -> list[Piece]:
        """Return the strands on a face; those not there have no width."""
        rng = np.random.default_rng(strands.seed)
        spread, ends, tips = rng.normal(0, 0.13, MOST), rng.normal(0, 0.16, MOST), rng.uniform(0.7, 1.0, MOST)
        curve, width = rng.normal(0, 0.10, MOST), rng.uniform(0.4, 1.0, MOST) * (np.arange(MOST) < strands.count)
        eyes, mouth = anatomy.five[:2].mean(0), anatomy.five[3:].mean(0)
        unit, t = float(np.linalg.norm(eyes - mouth)), np.linspace(0, 1, POINTS)
        x0 = strands.x + spread
        x = x0[:, None] + (strands.drift + ends[:, None]) * t**1.5 + curve[:, None] * np.sin(3.0 * t)
        y = 2.05 - 0.25 * x0[:, None] ** 2 - strands.length * tips[:, None] * t
        centre = np.stack([mouth[0] + unit * x, mouth[1] + unit * y, np.zeros_like(x)], -1)
        centre[..., 2] = self.outermost(anatomy.vertices[self.front], centre[..., :2]) + LIFT
        centre[..., 2] += 0.10 * np.sin(3.1 * t) * unit + 0.05 * np.arange(MOST)[:, None] / MOST
        half = strands.width * width[:, None] * np.sqrt(np.clip(1 - t, 0, 1)) * (0.5 + 0.5 * smoothstep(t, 0, 0.2))
        normal = np.stack([x * 0.9, 0 * x, np.ones_like(x)], -1)
        tangent = np.gradient(centre, axis=1)
        across = np.cross(tangent, normal)
        across /= np.linalg.norm(across, axis=-1, keepdims=True) + 1e-9
        bulge = 0.35 * half[..., None] * normal
        ribbon = np.stack([centre - half[..., None] * across, centre + bulge, centre + half[..., None] * across], 2)
        uniforms = PLAIN | {"tint": strands.tone, "sheen": strands.gloss, "cut": 0.55, "wave": 0.0}
        points = anatomy.pose.turn(ribbon.reshape(-1, 3))
        return [Piece("strands", points, "white", "hair", "hair", uniforms)]

    @staticmethod
    def outermost(face: np.ndarray, places: np.ndarray) -> np.ndarray:
        """Return how far a face (n, 3) reaches forwards around places (..., 2): smooth, above the skin."""
        flat = places.reshape(-1, 2)
        far = ((flat[:, None] - face[None, :, :2]) ** 2).sum(-1)
        weight = np.exp(-far / (2 * 0.07**2) + 6 * (face[:, 2] - 1.5)) + 1e-12
        return (weight @ face[:, 2] / weight.sum(1)).reshape(places.shape[:-1])
