"""A mask over mouth and nose: a sheet stretched over the face, with loops to the ears."""

import numpy as np
from scipy.spatial import cKDTree

from faceshifter_hub.synthesis.occluders.surfaces import Surface, grid, join, tube
from faceshifter_hub.synthesis.parameters import Mask
from faceshifter_hub.synthesis.pieces import Anatomy, Piece

ROWS, COLUMNS = 18, 25
TOP, BOTTOM = 7.13, 6.22  # heights of its middle, decimetres on the unmorphed base mesh
OFF_SKIN = 0.04  # decimetres
REACH = 0.085  # a point of the sheet clears all skin that is nearer, decimetres
LIFT = 0.22  # for the noses and chins of other faces, decimetres
STRETCHES = 24  # steps in which the sheet is pulled taut
AXIS_Z = 0.5  # of the upright axis that it is pulled around
PATTERNS = {"plain": -2.0, "pleats": -6.0, "print": -7.0}


class MaskSheet:
    """A grid of points that hang on the face.

    Args:
        base: (n, 3) vertices of the unmorphed base mesh.
        skin: indices of the skin's vertices.
    """

    def __init__(self, base: np.ndarray, skin: np.ndarray):
        front = skin[(base[skin, 2] > 0.35) & (np.abs(base[skin, 1] - 6.75) < 0.8)]
        angle, height = cylindrical(base[front])
        radius = np.hypot(base[front, 0], base[front, 2] - AXIS_Z)
        places = np.stack([angle, height], 1)
        near = cKDTree(places).query_ball_point(places, 0.10)
        outer = np.array([radius[k] > radius[each].max() - 0.10 for k, each in enumerate(near)])
        front, places = front[outer], places[outer]  # neither the inside of the mouth nor of the nose
        across, down = np.linspace(-1, 1, COLUMNS), np.linspace(0, 1, ROWS)
        u, v = np.meshgrid(across, down)
        top = TOP - 0.27 * np.abs(u) ** 1.5
        bottom = BOTTOM + 0.24 * np.abs(u) ** 2
        targets = np.stack([0.98 * u, top + (bottom - top) * v], -1).reshape(-1, 2)
        far, nearest = cKDTree(places).query(targets, 4)
        weight = 1 / (far + 0.02)
        self.reference, self.weight = front[nearest], weight / weight.sum(1, keepdims=True)
        around = cKDTree(places).query(targets, 20, distance_upper_bound=REACH)[1]
        around = np.where(around < len(front), around, nearest[:, :1])
        self.around = front[around].reshape(ROWS, COLUMNS, -1)
        self.surfaces = {"mask": self.build(base, np.array([[-0.86, 7.27, 0.4], [0.86, 7.27, 0.4]]))}

    def build(self, vertices: np.ndarray, ears: np.ndarray) -> Surface:
        """Return sheet and loops on a face."""
        sheet = (vertices[self.reference] * self.weight[..., None]).sum(1).reshape(ROWS, COLUMNS, 3)
        for _ in range(3):
            sheet = relaxed(sheet)
        axis = np.array([sheet[..., 0].mean(), 0, sheet[..., 2].max() - (1.68 - AXIS_Z)]) * [1, 0, 1]
        away = (sheet - axis) * [1, 0, 1]
        radius = np.linalg.norm(away, axis=-1, keepdims=True)
        reach = np.linalg.norm((vertices - axis)[self.around] * [1, 0, 1], axis=-1).max(-1, keepdims=True)
        skin = np.maximum(radius, reach) + OFF_SKIN
        skin[[0, -1]] = radius[[0, -1]] + 0.6 * OFF_SKIN
        skin[:, [0, -1]] = radius[:, [0, -1]] + 0.6 * OFF_SKIN
        taut = skin
        for _ in range(STRETCHES):
            taut = np.maximum(skin, relaxed(taut))
        sheet = sheet + away / radius * (taut - radius)
        parts: list[Surface] = [(sheet.reshape(-1, 3), grid(ROWS, COLUMNS, closed=False))]
        for column, ear, side in ((0, ears[0], -1), (-1, ears[1], 1)):
            upper, lower = sheet[1, column], sheet[-2, column]
            behind = [[-0.06 * side, 0.10, -0.02], [-0.04 * side, -0.10, -0.12], [-0.1 * side, -0.3, -0.02]]
            parts.append(tube(np.array([upper, *(ear + np.array(behind)), lower]), 0.012))
        return join(parts)

    def place(self, mask: Mask, anatomy: Anatomy) -> list[Piece]:
        """Return the mask on a face."""
        points, _ = self.build(anatomy.vertices, anatomy.ears)
        uniforms = {
            "tint": mask.colours[0],
            "tint2": mask.colours[1],
            "pattern": PATTERNS[mask.pattern],
            "sheen": 0.0,
            "cut": 0.0,
        }
        return [Piece("mask", anatomy.pose.turn(points), "white", "cloth", "object", uniforms, lift=LIFT)]


def cylindrical(points: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return angle about an upright axis in the head, and height, of points (n, 3)."""
    return np.arctan2(points[:, 0], points[:, 2] - AXIS_Z), points[:, 1]


def relaxed(values: np.ndarray) -> np.ndarray:
    """Return a grid (rows, columns, k) whose inner values are the mean of their neighbours."""
    out = values.copy()
    out[1:-1, 1:-1] = (values[:-2, 1:-1] + values[2:, 1:-1] + values[1:-1, :-2] + values[1:-1, 2:]) / 4
    return out
