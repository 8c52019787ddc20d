"""Matrices that place things in front of a camera. Right-handed, +y up, +z towards the viewer; points are rows."""

import math

import numpy as np


def rotation(yaw: float, pitch: float, roll: float) -> np.ndarray:
    """Return the rotation (3, 3) about y, then x, then z; angles in radians."""
    (cy, sy), (cp, sp), (cr, sr) = ((math.cos(a), math.sin(a)) for a in (yaw, pitch, roll))
    about_y = np.array([[cy, 0, sy], [0, 1, 0], [-sy, 0, cy]])
    about_x = np.array([[1, 0, 0], [0, cp, -sp], [0, sp, cp]])
    about_z = np.array([[cr, -sr, 0], [sr, cr, 0], [0, 0, 1]])
    return (about_y @ about_x @ about_z).astype(np.float32)


def rotation_between(points: np.ndarray, others: np.ndarray) -> np.ndarray:
    """Return the rotation (3, 3) that brings points (n, 3) closest to others, up to scale and place (Kabsch 1976)."""
    u, _, v = np.linalg.svd((others - others.mean(0)).T @ (points - points.mean(0)))
    return u @ np.diag([1, 1, np.sign(np.linalg.det(u @ v))]) @ v


def look_at(eye: np.ndarray, target: np.ndarray) -> np.ndarray:
    """Return the view matrix (4, 4) of a camera at `eye` that looks at `target`, +y up."""
    z = eye - target
    z = z / np.linalg.norm(z)
    x = np.cross((0, 1, 0), z)
    x /= np.linalg.norm(x)
    view = np.eye(4, dtype=np.float32)
    view[:3, :3] = x, np.cross(z, x), z
    view[:3, 3] = -view[:3, :3] @ eye
    return view


def perspective(fov: float, near: float, far: float) -> np.ndarray:
    """Return the projection (4, 4) of a square picture; `fov` is the angle of view in radians."""
    t = 1 / math.tan(fov / 2)
    rows = [
        [t, 0, 0, 0],
        [0, t, 0, 0],
        [0, 0, (far + near) / (near - far), 2 * far * near / (near - far)],
        [0, 0, -1, 0],
    ]
    return np.array(rows, np.float32)


def orthographic(half_width: float, depth: float) -> np.ndarray:
    """Return the parallel projection (4, 4) of what lies at most `depth` before the camera."""
    box = np.diag([1 / half_width, 1 / half_width, -2 / depth, 1]).astype(np.float32)
    box[2, 3] = -1.0
    return box


def smoothstep(x: np.ndarray, low: float, high: float) -> np.ndarray:
    """Rise smoothly from 0 at `low` to 1 at `high`, as GLSL's function of that name."""
    t = np.clip((x - low) / (high - low), 0, 1)
    return t * t * (3 - 2 * t)
