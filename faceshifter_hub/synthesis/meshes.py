"""Triangle meshes on the graphics device."""

from typing import Any

import moderngl
import numpy as np
from scipy import sparse


class Mesh:
    """One drawable: positions and normals change with each picture; uv, rest position and traits do not.

    Args:
        context: Graphics context.
        tri: Triangles, (m, 3) indices of vertices.
        uv: Texture coordinates, (k, 2).
        tri_uv: The same triangles, (m, 3) indices of `uv`.
        rest: Unmorphed vertices, (n, 3).
        traits: Share of the sky each vertex sees, and whether it lies inside the mouth, (n, 2); None for (1, 0).
    """

    def __init__(
        self,
        context: moderngl.Context,
        tri: np.ndarray,
        uv: np.ndarray,
        tri_uv: np.ndarray,
        rest: np.ndarray,
        traits: np.ndarray | None = None,
    ):
        pairs = tri.reshape(-1).astype(np.int64) << 24 | tri_uv.reshape(-1)
        unique, inverse = np.unique(pairs, return_inverse=True)
        self.corner = (unique >> 24).astype(np.int32)
        self.context, self.tri = context, tri
        triangles = np.repeat(np.arange(len(tri)), 3)
        entries = (np.ones(tri.size, np.float32), (tri.reshape(-1), triangles))
        self.vertex_of_triangle = sparse.csr_matrix(entries, shape=(int(tri.max()) + 1, len(tri)))
        traits = np.tile(np.array([1, 0], np.float32), (len(rest), 1)) if traits is None else traits
        static = [uv[unique & 0xFFFFFF], rest[self.corner], traits[self.corner]]
        self.static = context.buffer(np.concatenate(static, 1).astype("f4").tobytes())
        self.moving = context.buffer(reserve=len(self.corner) * 24, dynamic=True)
        self.elements = context.buffer(inverse.reshape(-1, 3).astype("i4").tobytes())
        self.arrays: dict[moderngl.Program, moderngl.VertexArray] = {}

    def normals(self, vertices: np.ndarray) -> np.ndarray:
        """Return the unit normal at each vertex up to the last one used, (n, 3)."""
        a, b, c = (vertices[self.tri[:, k]] for k in range(3))
        normal = self.vertex_of_triangle @ np.cross(b - a, c - a)
        return normal / (np.linalg.norm(normal, axis=1, keepdims=True) + 1e-9)

    def update(self, vertices: np.ndarray, inflate: float = 0.0) -> None:
        """Move the mesh to new vertices (n, 3), each shifted by `inflate` along its normal."""
        normal = self.normals(vertices)[self.corner]
        position = vertices[self.corner] + (inflate * normal if inflate else 0)
        self.moving.write(np.concatenate([position, normal], 1).astype("f4").tobytes())

    def draw(self, program: moderngl.Program) -> None:
        """Draw into the framebuffer in use."""
        if program not in self.arrays:
            moving = ("in_position", "in_normal") if "in_normal" in program else ("in_position",)
            widths = {"in_uv": 2, "in_rest": 3, "in_traits": 2}
            used = [name for name in widths if name in program]
            layout = " ".join(f"{n}f" if name in used else f"{4 * n}x" for name, n in widths.items())
            content: list[tuple] = [(self.moving, "3f 3f" if len(moving) == 2 else "3f 12x", *moving)]
            if used:
                content.append((self.static, layout, *used))
            self.arrays[program] = self.context.vertex_array(program, content, self.elements)
        self.arrays[program].render()

    def release(self) -> None:
        """Free the memory on the device."""
        items: tuple[Any, ...] = (*self.arrays.values(), self.static, self.moving, self.elements)
        for item in items:
            item.release()
