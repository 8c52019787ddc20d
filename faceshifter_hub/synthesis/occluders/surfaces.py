"""Triangle surfaces built from tubes, discs and turned profiles."""

from collections.abc import Sequence

import numpy as np

from faceshifter_hub.synthesis.parameters import Rim
from faceshifter_hub.synthesis.transforms import smoothstep

AROUND, SECTION = 48, 8  # vertices around a lens, and around a tube
BARE = 0.002  # radius of a rim where there is none: its triangles keep an area
Surface = tuple[np.ndarray, np.ndarray]  # vertices (n, 3), triangles (m, 3)


def superellipse(angle: np.ndarray, power: float) -> tuple[np.ndarray, np.ndarray]:
    """Return x and y of a unit superellipse: round for power 1, nearly rectangular for 0.5."""
    c, s = np.cos(angle), np.sin(angle)
    return np.sign(c) * np.abs(c) ** power, np.sign(s) * np.abs(s) ** power


def ring(centre: np.ndarray, radius_x: float, radius_y: float, thickness: float, power: float, rim: Rim) -> Surface:
    """Return the rim of a lens: `full`, the upper `half`, or `none`."""
    u = np.arange(AROUND) * 2 * np.pi / AROUND
    u, w = np.meshgrid(u, np.arange(SECTION) * 2 * np.pi / SECTION, indexing="ij")
    c, s = superellipse(u, power)
    there = {"full": np.ones_like(s), "half": smoothstep(s, -0.25, 0.1), "none": np.zeros_like(s)}[rim]
    radius = thickness * there + BARE
    tube = radius * np.cos(w)
    points = np.stack([(radius_x + tube) * c, (radius_y + tube) * s, radius * np.sin(w)], -1)
    return points.reshape(-1, 3) + centre, np.concatenate([grid(AROUND, SECTION), seam(AROUND, SECTION)])


def tube(path: np.ndarray, radius: float) -> Surface:
    """Return a bent tube without lids along a path (k, 3)."""
    path = np.asarray(path, float)
    along = np.gradient(path, axis=0)
    along /= np.linalg.norm(along, axis=1, keepdims=True)
    x = np.cross(along, [0.1, 0.2, 1.0])
    x /= np.linalg.norm(x, axis=1, keepdims=True)
    y = np.cross(along, x)
    angle = np.arange(SECTION) * 2 * np.pi / SECTION
    circle = np.cos(angle)[None, :, None] * x[:, None] + np.sin(angle)[None, :, None] * y[:, None]
    return (path[:, None] + radius * circle).reshape(-1, 3), grid(len(path), SECTION)


def grid(rows: int, columns: int, *, closed: bool = True) -> np.ndarray:
    """Return the triangles (m, 3) between rows of vertices; `closed` joins the last column to the first."""
    i = np.arange(rows * columns).reshape(rows, columns)
    a, b = i[:-1], i[1:]
    c, d = np.roll(a, -1, 1), np.roll(b, -1, 1)
    if not closed:
        a, b, c, d = (each[:, :-1] for each in (a, b, c, d))
    halves = [np.stack(corners, -1).reshape(-1, 3) for corners in ((a, c, d), (a, d, b))]
    return np.concatenate(halves)


def seam(rows: int, columns: int) -> np.ndarray:
    """Return the triangles that join the last row of vertices to the first."""
    last = (rows - 1) * columns
    return np.where((step := grid(2, columns)) < columns, step + last, step - columns)


def turned(profile: Sequence[tuple[float, float]], around: int = 24) -> Surface:
    """Return a surface turned about the y axis; `profile` has radii and heights, from the bottom up."""
    radius, height = np.array(profile, float).T[..., None]
    angle = np.arange(around) * 2 * np.pi / around
    points = np.stack(
        [radius * np.sin(angle), np.broadcast_to(height, (len(profile), around)), radius * np.cos(angle)], -1
    )
    return points.reshape(-1, 3), grid(len(profile), around)


def slab(width: float, depth: float, bottom: float, top: float, power: float, bevel: float = 0.015) -> Surface:
    """Return a flat box with rounded corners between two heights, its outline a superellipse in the plane of x, z."""
    angle = (np.arange(AROUND) + 0.5) * 2 * np.pi / AROUND
    x, z = superellipse(angle, power)
    rings = ((0.0, bottom), (1.0, bottom), (1.0, bottom), (1.0, top), (1.0, top), (0.0, top))
    inset = (0.0, bevel, 0.0, 0.0, bevel, 0.0)
    steps = (0.0, 0.0, bevel, -bevel, 0.0, 0.0)
    points = [
        np.stack([(width / 2 * f - i) * x, np.full(AROUND, y + s), (depth / 2 * f - i) * z], -1)
        for (f, y), i, s in zip(rings, inset, steps, strict=True)
    ]
    return np.concatenate(points), grid(len(rings), AROUND)[:, ::-1]


def pane(centre: np.ndarray, radius_x: float, radius_y: float, power: float, curvature: float) -> Surface:
    """Return a lens: a bowl that bulges forwards, `curvature` is one over its radius."""
    c, s = superellipse(np.arange(AROUND) * 2 * np.pi / AROUND, power)
    share = np.array([0.0, 0.35, 0.7, 1.0])[:, None]
    x, y = share * radius_x * c, share * radius_y * s
    points = np.stack([x, y, -0.5 * curvature * (x * x + y * y)], -1)
    return points.reshape(-1, 3) + centre, grid(len(share), AROUND)[:, ::-1]


def join(parts: list[Surface]) -> Surface:
    """Return several surfaces as one."""
    first = np.cumsum([0] + [len(points) for points, _ in parts[:-1]])
    triangles = [tri + start for (_, tri), start in zip(parts, first, strict=True)]
    return np.concatenate([points for points, _ in parts]).astype(np.float32), np.concatenate(triangles)
