"""What stands before a face: glasses built from tubes and discs, a hand. All in the coordinates of the face."""

import numpy as np

from faceshifter_hub.synthesis.transforms import rotation

AROUND, SECTION = 48, 8  # vertices around a lens, and around a tube
Surface = tuple[np.ndarray, np.ndarray]  # vertices (n, 3), triangles (m, 3)


def superellipse(angle: np.ndarray, power: float) -> tuple[np.ndarray, np.ndarray]:
    """Return x and y of a unit superellipse: round for power 1, nearly rectangular for 0.5."""
    c, s = np.cos(angle), np.sin(angle)
    return np.sign(c) * np.abs(c) ** power, np.sign(s) * np.abs(s) ** power


def ring(centre: np.ndarray, radius_x: float, radius_y: float, thickness: float, power: float) -> Surface:
    """Return the rim of a lens."""
    u = np.arange(AROUND) * 2 * np.pi / AROUND
    u, w = np.meshgrid(u, np.arange(SECTION) * 2 * np.pi / SECTION, indexing="ij")
    c, s = superellipse(u, power)
    tube = thickness * np.cos(w)
    points = np.stack([(radius_x + tube) * c, (radius_y + tube) * s, thickness * np.sin(w)], -1)
    i = np.arange(AROUND * SECTION).reshape(AROUND, SECTION)
    onward, sideways = np.roll(i, -1, 0), np.roll(i, -1, 1)
    both = np.roll(onward, -1, 1)
    halves = [np.stack(corners, -1).reshape(-1, 3) for corners in ((i, onward, both), (i, both, sideways))]
    return points.reshape(-1, 3) + centre, np.concatenate(halves)


def rod(start: np.ndarray, end: np.ndarray, radius: float) -> Surface:
    """Return a straight tube without lids."""
    start, end = np.array(start), np.array(end)
    z = (end - start) / np.linalg.norm(end - start)
    x = np.cross(z, [0, 1, 0.1])
    x /= np.linalg.norm(x)
    angle = np.arange(SECTION) * 2 * np.pi / SECTION
    circle = radius * (np.cos(angle)[:, None] * x + np.sin(angle)[:, None] * np.cross(z, x))
    i, j = np.arange(SECTION), (np.arange(SECTION) + 1) % SECTION
    halves = [np.stack([i, j, j + SECTION], 1), np.stack([i, j + SECTION, i + SECTION], 1)]
    return np.concatenate([start + circle, end + circle]), np.concatenate(halves)


def disc(centre: np.ndarray, radius_x: float, radius_y: float, power: float) -> Surface:
    """Return the pane of a lens."""
    c, s = superellipse(np.arange(AROUND) * 2 * np.pi / AROUND, power)
    rim = np.stack([radius_x * c, radius_y * s, 0 * c - 0.06], 1)
    i = np.arange(AROUND)
    return np.concatenate([[[0, 0, 0]], rim]) + centre, np.stack([0 * i, 1 + i, 1 + (i + 1) % AROUND], 1)


def join(parts: list[Surface]) -> Surface:
    """Return several surfaces as one."""
    first = np.cumsum([0] + [len(points) for points, _ in parts[:-1]])
    triangles = [tri + start for (_, tri), start in zip(parts, first, strict=True)]
    return np.concatenate([points for points, _ in parts]).astype(np.float32), np.concatenate(triangles)


def glasses(eyes: np.ndarray, ears: np.ndarray, shape: np.ndarray) -> tuple[Surface, Surface]:
    """Return frame and lenses of glasses; their triangles are the same whatever the sizes.

    Args:
        eyes: (2, 3), the person's right eye first.
        ears: (2, 3), where the temples rest, right first.
        shape: (8,) in [0, 1]: entries 0, 1, 2, 5 choose width, height, thickness and roundness.
    """
    span = np.linalg.norm(eyes[1] - eyes[0])
    rx, thickness, power = span * (0.33 + 0.06 * shape[0]), 0.012 + 0.016 * shape[2], 0.55 + 0.45 * shape[5]
    ry, z = rx * (0.60 + 0.36 * shape[1]), eyes[:, 2].max() + 0.18
    right, left = (np.array([eye[0], eye[1] - 0.04, z]) for eye in eyes)
    frame = [ring(centre, rx, ry, thickness, power) for centre in (left, right)]
    frame.append(rod(left - np.array([rx, -0.05, 0]), right + np.array([rx, 0.05, 0]), thickness * 1.2))
    for centre, ear, side in ((left, ears[1], 1), (right, ears[0], -1)):
        frame.append(rod(centre + np.array([rx * side, 0.05, 0]), ear + np.array([-0.04 * side, 0.08, 0.12]), 0.018))
    return join(frame), join([disc(centre, rx, ry, power) for centre in (left, right)])


def place_hand(hand: np.ndarray, face: np.ndarray, shape: np.ndarray) -> np.ndarray:
    """Return a hand's vertices (n, 3) turned and put before the point `face` (3,), as `shape` (8,) in [0, 1] says."""
    turn = rotation(shape[0] * 6.28, (shape[1] - 0.5) * 1.6, shape[2] * 6.28)
    place = face + np.array([(shape[3] - 0.5) * 1.5, (shape[4] - 0.6) * 1.4, 0.5 + 0.4 * shape[5]])
    local = (hand - hand.mean(0)) @ turn.T
    return local + place - np.array([0, 0, local[:, 2].min() * 0.6])
