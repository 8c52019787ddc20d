"""What covers a head, built around its skull: beanie, baseball cap, headband, turban, headscarf.

Each is a grid of points around the skull or the neck; its distance from the middle of the head is that of the skin
there, plus the cloth. Where hair would come through a hat, above its brim, it is not drawn.
"""

import math
from dataclasses import dataclass

import numpy as np
from scipy.spatial import cKDTree

from faceshifter_hub.synthesis.occluders.surfaces import Surface, grid, join
from faceshifter_hub.synthesis.parameters import Hat
from faceshifter_hub.synthesis.pieces import Anatomy, Piece
from faceshifter_hub.synthesis.transforms import smoothstep

AROUND = 56  # columns of a grid
MIDDLE = np.array([0, 0.27, -0.955])  # of the skull, from between the eyes, decimetres
SCARF_MIDDLE = np.array([0, -0.12, -0.955])  # of a headscarf's opening
BRIM_NORMAL, BRIM_HEIGHT = np.array([0, 1, -0.385]), 0.49  # plane of the brim, its height above the eyes
NO_BRIM = {"brim": (0.0, 0.0, 0.0, -1.0), "brimHeight": 0.0}
LIFT = {"headscarf": 0.08}  # for the jaws of other faces, decimetres
HIDES_HAIR = ("headscarf",)
BAND_HEIGHT = 0.30
FELT, TWO_COLOURS, KNIT = -1.0, -3.0, -5.0  # patterns of the cloth shader


@dataclass(frozen=True)
class Cloth:
    """How a kind of hat is drawn: pattern of the cloth shader, and where its second colour begins."""

    pattern: float
    border: float


KINDS = {
    "beanie": Cloth(KNIT, 0.27),
    "baseball cap": Cloth(TWO_COLOURS, -0.5),
    "headband": Cloth(KNIT, -1.0),
    "turban": Cloth(TWO_COLOURS, -1.0),
    "headscarf": Cloth(TWO_COLOURS, -1.0),
}


class Skin:
    """Distances of the skin from an axis or a point, in fixed directions.

    Args:
        points: (n, k) where the skin's vertices are, in coordinates in which nearness is meant.
        targets: (..., k) the directions asked for.
        indices: (n,) of those vertices.
    """

    def __init__(self, points: np.ndarray, targets: np.ndarray, indices: np.ndarray):
        far, nearest = cKDTree(points).query(targets, 5)
        weight = 1 / (far + 0.03)
        self.indices, self.weight = indices[nearest], weight / weight.sum(-1, keepdims=True)

    def distance(self, away: np.ndarray) -> np.ndarray:
        """Return the mean of (m,) distances of all vertices, (...)."""
        return (away[self.indices] * self.weight).sum(-1)


class Hats:
    """Every hat's grid and how it follows a head.

    Args:
        base: (n, 3) vertices of the unmorphed base mesh.
        skin, cloth: indices of vertices.
        eyes: (3,), between the eyes of the unmorphed base mesh.
    """

    def __init__(self, base: np.ndarray, skin: np.ndarray, cloth: np.ndarray, eyes: np.ndarray):
        self.azimuth = np.linspace(-math.pi, math.pi, AROUND, endpoint=False)
        self.middles = {kind: SCARF_MIDDLE if kind == "headscarf" else MIDDLE for kind in KINDS}
        ears = (np.abs(base[:, 0]) > 0.72) & (base[:, 1] < 7.42)
        self.rims = {
            "beanie": (-10.0, 22.5, 90.0, 13),
            "baseball cap": (-5.0, 21.0, 90.0, 13),
            "headband": (-2.0, 20.0, None, 6),
            "turban": (-3.0, 17.0, 90.0, 15),
        }
        self.directions = {kind: upwards(self.azimuth, *rim) for kind, rim in self.rims.items()}
        self.directions["headscarf"] = around_face(self.azimuth)
        self.skulls = {}
        for kind, directions in self.directions.items():
            away = base - eyes - self.middles[kind]
            far = np.linalg.norm(away, axis=1)
            skull = skin[(base[skin, 1] > 6.1) & ~ears[skin] & (far[skin] > 0.62)]
            self.skulls[kind] = Skin(away[skull] / far[skull, None], directions, skull)
        body = np.unique(np.concatenate([skin[base[skin, 1] < 6.6], cloth]))
        jaw = (base[:, 1] > 5.95) & (np.hypot(base[:, 0], base[:, 2] - 0.3) > 0.7)
        body = body[(base[body, 1] > 4.6) & (np.abs(base[body, 0]) < 1.9) & ~jaw[body]]
        height = np.linspace(0, 1, 12)[:, None] + 0 * self.azimuth
        self.drape_height = 6.55 - 1.45 * height - 0.35 * height * (np.cos(self.azimuth) > 0) * np.cos(self.azimuth)
        round_neck = np.arctan2(base[body, 0], base[body, 2] - 0.3)
        places = np.stack([np.sin(round_neck), np.cos(round_neck), base[body, 1]], 1)
        targets = np.stack(
            [np.sin(self.azimuth) + 0 * height, np.cos(self.azimuth) + 0 * height, self.drape_height], -1
        )
        self.drape = Skin(places, targets, body)
        self.drape_drop = self.drape_height - eyes[1]
        self.surfaces = {kind: self._surface(kind) for kind in KINDS}

    def _surface(self, kind: str) -> Surface:
        """Return rest coordinates, x around and y from the rim up, and triangles."""
        parts = [sheet(self.azimuth, len(self.directions[kind]))]
        if kind == "baseball cap":
            points, triangles = sheet(np.linspace(-1, 1, AROUND), 7, closed=False)
            parts.append((points - [0, 2, 0], triangles))
        if kind == "headscarf":
            parts.append(sheet(self.azimuth, len(self.drape_height)))
        return join(parts)

    def place(self, hat: Hat, anatomy: Anatomy) -> Piece:
        """Return the hat on a head."""
        middle = anatomy.five[:2].mean(0) + self.middles[hat.kind]
        away = np.linalg.norm(anatomy.neutral - middle, axis=1)
        radius = self.skulls[hat.kind].distance(away)
        directions = self.directions[hat.kind]
        t = np.linspace(0, 1, len(directions))[:, None]
        lift = np.array([0, 0, 0])
        if hat.kind == "beanie":
            radius = radius + 0.09 + 0.045 * (1 - smoothstep(t, 0.24, 0.28)) * smoothstep(t, -0.02, 0.03)
            lift = np.array([0, 0.10 + 0.35 * hat.fullness, -0.25 * hat.fullness]) * t[..., None] ** 2.5
        elif hat.kind == "baseball cap":
            radius = radius + 0.06 + 0.10 * np.sin(np.pi * np.clip(t, 0, 1)) * (0.5 + 0.5 * np.cos(self.azimuth))
            lift = np.array([0, 0.10 + 0.10 * hat.fullness, 0]) * smoothstep(t, 0, 0.8)[..., None]
        elif hat.kind == "headband":
            radius = radius + 0.10 + 0.035 * np.sin(np.pi * t)
        elif hat.kind == "turban":
            folds = np.sin(22 * t + 1.6 * np.abs(self.azimuth)) * smoothstep(t, 0, 0.1)
            radius = (
                radius
                + 0.10
                + (0.14 + 0.16 * hat.fullness) * np.sin(np.pi * np.clip(t * 1.2, 0, 1)) ** 0.7
                + 0.03 * folds
            )
        else:
            folds = np.sin(5 * self.azimuth + 7 * t) * smoothstep(t, 0.1, 0.5)
            radius = (
                smoothed(np.concatenate([radius[:1], radius]))[1:]
                + 0.03
                + 0.09 * smoothstep(t, 0, 0.12)
                + 0.02 * folds
            )
        crown = middle + directions * radius[..., None] + lift
        parts = [anatomy.pose.turn(crown.reshape(-1, 3))]
        if hat.kind == "baseball cap":
            parts.append(anatomy.pose.turn(self._visor(crown[0]).reshape(-1, 3)))
        if hat.kind == "headscarf":
            parts.append(self._drape(hat, anatomy))
        cloth = KINDS[hat.kind]
        uniforms = {
            "tint": hat.colour,
            "tint2": hat.trim,
            "pattern": cloth.pattern,
            "cut": cloth.border,
            "sheen": 0.0,
        }
        return Piece(
            hat.kind,
            np.concatenate(parts).astype(np.float32),
            "white",
            "cloth",
            "hat",
            uniforms,
            lift=LIFT.get(hat.kind, 0.0),
        )

    def _visor(self, rim: np.ndarray) -> np.ndarray:
        """Return the visor (7, AROUND, 3) that grows out of a cap's front rim (AROUND, 3)."""
        across = np.linspace(-1, 1, AROUND)
        angle = across * 1.05
        root = np.stack([np.interp(angle, self.azimuth, rim[:, k]) for k in range(3)], 1)
        out = np.linspace(0, 1, 7)[:, None]
        reach = 0.72 * np.sqrt(np.clip(1 - across**2, 0, 1)) ** 0.8
        forward = np.stack([0.25 * np.sin(angle), -0.22 - 0.22 * across**2, np.ones_like(across)], 1)
        return root + out[..., None] * (reach[:, None] * forward) - [0, 0, 0.02]

    def _drape(self, hat: Hat, anatomy: Anatomy) -> np.ndarray:
        """Return the part of a headscarf around the neck (n, 3), which follows the torso."""
        axis = anatomy.five[:2].mean(0) + np.array([0, 0, -1.105])
        away = np.hypot(anatomy.neutral[:, 0] - axis[0], anatomy.neutral[:, 2] - axis[2])
        t = np.linspace(0, 1, len(self.drape_height))[:, None]
        folds = np.sin(6 * self.azimuth + 9 * t) + 0.6 * np.sin(11 * self.azimuth - 6 * t)
        radius = smoothed(self.drape.distance(away)) + 0.12 + 0.04 * hat.fullness + (0.02 + 0.03 * t) * folds
        radius = radius + 0.3 * (1 - smoothstep(t, 0.0, 0.25)) * np.clip(np.cos(self.azimuth), 0, 1) ** 4  # the chin
        height = axis[1] + self.drape_drop
        points = np.stack(
            [axis[0] + radius * np.sin(self.azimuth), height, axis[2] + radius * np.cos(self.azimuth)], -1
        )
        points = points.reshape(-1, 3)
        return anatomy.pose.blend(points, 1 - smoothstep(self.drape_height.reshape(-1), 5.3, 6.15))


def brim(hat: Hat | None, anatomy: Anatomy) -> dict[str, object]:
    """Return between which planes hair is under a hat, as the shaders want it."""
    if hat is None:
        return NO_BRIM
    normal = anatomy.pose.head @ BRIM_NORMAL
    eyes = anatomy.pose.turn(anatomy.five[:2].mean(0)[None])[0]
    return {
        "brim": (*normal, -normal @ eyes - BRIM_HEIGHT),
        "brimHeight": BAND_HEIGHT if hat.kind == "headband" else math.inf,
    }


def sheet(across: np.ndarray, rows: int, *, closed: bool = True) -> Surface:
    """Return a grid whose x is `across` (n,) and whose y runs from 0 to 1, with triangles."""
    x, y = np.meshgrid(across, np.linspace(0, 1, rows))
    return np.stack([x, y, 0 * x], -1).reshape(-1, 3), grid(rows, len(across), closed=closed)


def upwards(azimuth: np.ndarray, level: float, tilt: float, top: float | None, rows: int) -> np.ndarray:
    """Return directions (rows, columns, 3) from a rim to the crown; a band that is 17 degrees high if `top` is None.

    The rim is `level` degrees above the horizon at the sides, `tilt` higher in front and lower behind.
    """
    rim = np.radians(level + tilt * np.cos(azimuth))
    end = rim + math.radians(17) if top is None else np.full_like(rim, math.radians(top))
    elevation = rim + np.linspace(0, 1, rows)[:, None] * (end - rim)
    flat = np.cos(elevation)
    return np.stack([flat * np.sin(azimuth), np.sin(elevation), flat * np.cos(azimuth)], -1)


def around_face(around: np.ndarray, rows: int = 20) -> np.ndarray:
    """Return directions (rows, columns, 3) from the edge of a face to the back of the head."""
    up = np.cos(around)
    edge = np.radians(62 - 26 * np.clip(up, 0, 1) ** 1.5 - 1 * np.clip(-up, 0, 1) ** 1.5)
    polar = edge + np.linspace(0, 1, rows)[:, None] * (math.pi - edge)
    return np.stack([np.sin(polar) * np.sin(around), np.sin(polar) * up, np.cos(polar)], -1)


def smoothed(radius: np.ndarray, times: int = 3) -> np.ndarray:
    """Return radii (rows, columns), round about, without the small forms of what is below."""
    for _ in range(times):
        inner = (radius[:-2] + radius[2:] + np.roll(radius, 1, 1)[1:-1] + np.roll(radius, -1, 1)[1:-1]) / 4
        radius = np.concatenate([radius[:1], inner, radius[-1:]])
    return radius
