"""Fur: short hair as shells over a surface, each farther out and sparser than the one below."""

import numpy as np
from scipy import sparse

SHELLS = 6

FUR: dict[str, object] = {"grey": 0.0, "curl": 0.0, "density": 0.9, "scalp": (0.0, 0.0)}  # straight, without grey


class Fur:
    """Shells over some triangles of a mesh, as one mesh; the outermost first, so that it hides the others early.

    Args:
        tri: Triangles of the surface, (m, 3) indices of vertices.
        tri_uv: The same triangles, (m, 3) indices of texture coordinates.

    Attributes:
        used: Vertices of the surface that fur grows from, (n,).
        tri, tri_uv: Triangles of all shells; vertices are numbered shell by shell.
        levels: How far out each vertex of the shells is, 1 at the tips, (SHELLS n,).
    """

    def __init__(self, tri: np.ndarray, tri_uv: np.ndarray):
        self.used, local = np.unique(tri, return_inverse=True)
        local = local.reshape(-1, 3)
        count = len(self.used)
        self.surface = local
        self.tri = np.concatenate([local + shell * count for shell in range(SHELLS)])
        self.tri_uv = np.tile(tri_uv, (SHELLS, 1))
        self.steps = np.arange(SHELLS, 0, -1, dtype=np.float32) / SHELLS
        self.levels = np.repeat(self.steps, count)
        entries = np.ones(local.size, np.float32), (local.reshape(-1), np.repeat(np.arange(len(local)), 3))
        self.vertex_of_triangle = sparse.csr_matrix(entries, shape=(count, len(local)))

    def grow(self, vertices: np.ndarray, height: np.ndarray, droop: float = 0.0) -> np.ndarray:
        """Return the shells' vertices (SHELLS n, 3).

        Args:
            vertices: Of the mesh that the fur grows on.
            height: Of the outermost shell at each used vertex, (n,) decimetres.
            droop: How much farther than its height hair hangs down, as a share of the height.
        """
        root = vertices[self.used]
        a, b, c = (root[self.surface[:, k]] for k in range(3))
        normal = self.vertex_of_triangle @ np.cross(b - a, c - a)
        normal /= np.linalg.norm(normal, axis=1, keepdims=True) + 1e-9
        rise, hang = height[:, None] * normal, height[:, None] * np.array([0, -droop, 0])
        return np.concatenate([root + rise * step + hang * step**2 for step in self.steps]).astype(np.float32)
