"""The asset pack: what the geometry lacks, as skins, irises, brows, lashes, hair, teeth and a hat.

A pack is a folder with `index.json` (names, sizes and SHA-256 of the files), `meshes.npz` (proxies that hang on the
base mesh, and cuts of it) and pictures; `docs/synthesis.md` describes it. Without one, procedural.py makes the same
parts.
"""

import hashlib
import io
import json
import zipfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from faceshifter_hub.errors import RenderError
from faceshifter_hub.synthesis.catalogue import HairStyle, Looks

HAIR = {
    style.name: style
    for style in (
        HairStyle("short01"),
        HairStyle("short02", fringe=True),
        HairStyle("short03", fringe=True, hides=0.6),
        HairStyle("short04"),
        HairStyle("bob01", long=True, fringe=True, hides=0.85, lengths=(0.7, 1.5)),
        HairStyle("bob02", long=True, fringe=True, hides=0.7, lengths=(0.7, 1.6)),
        HairStyle("long01", long=True, lengths=(0.32, 0.9)),
        HairStyle("ponytail01", long=True, lengths=(0.4, 1.2)),
        HairStyle("braid01", long=True, fringe=True, hides=0.5, lengths=(0.4, 1.0)),
        HairStyle("afro01", curly=True, lengths=(0.8, 1.6)),
    )
}
PLUCKED_BROWS = ("brow06", "brow07", "brow10")
HELD_OUT = frozenset(("bob02", "short03", "brow03", "brow07", "brow11", "green", "deepblue"))
MAKE_UP_LASHES = {"lash01": 0.35, "lash02": 0.3, "lash03": 0.3, "lash04": 0.05}


@dataclass(frozen=True)
class AssetPack:
    """What an asset pack holds.

    Attributes:
        meshes: Arrays named as in `meshes.npz`: `skin/tri`, `eyes/ref`, `joints/head`, ...
        skins: (H, W, 3) uint8 each, first row at the bottom, all of one size.
        textures: (H, W, 4) uint8 RGBA each, first row at the bottom, by the name of mesh or iris.
        looks: What may be sampled.
    """

    meshes: dict[str, np.ndarray]
    skins: dict[str, np.ndarray]
    textures: dict[str, np.ndarray]
    looks: Looks


def load_pack(folder: Path, *, halve_skins: bool) -> AssetPack:
    """Read an asset pack, every file checked against the index.

    Args:
        folder: Of the pack.
        halve_skins: Halve the skins' resolution, which is enough for pictures of 256 pixels.

    Raises:
        RenderError: The pack or a file of it is missing or damaged; the message names the file.
    """
    try:
        index = json.loads((folder / "index.json").read_text("utf-8"))
        files = {name: entry["sha256"] for name, entry in index["files"].items()}
        names, male, hair, irises = (tuple(index[key]) for key in ("skins", "male_skins", "hair", "irises"))
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise RenderError(
            f"{folder / 'index.json'} cannot be read ({type(error).__name__}: {error}); set FACESHIFTER_ASSETS to the "
            "folder of an asset pack, or unset it to render procedural skin and hair."
        ) from error
    meshes = read_meshes(folder, files)
    proxies = {name.split("/")[0] for name in meshes if name.endswith("/ref")}
    paths = {name: f"hair/{name}.webp" for name in hair} | {name: f"irises/{name}.webp" for name in irises}
    for name in proxies - paths.keys():
        path = next((f"{sub}{name}.webp" for sub in ("", "brows/", "lashes/") if f"{sub}{name}.webp" in files), None)
        if path:
            paths[name] = path
    brows = tuple(sorted(name for name in proxies if name.startswith("brow")))
    skins_of = {sex: [name for name in names if (name in male) == (sex == "male")] for sex in ("female", "male")}
    looks = Looks(
        light_skins={sex: [name for name in own if "light" in name] for sex, own in skins_of.items()},
        dark_skins={sex: [name for name in own if "dark" in name] for sex, own in skins_of.items()},
        brown_irises=[name for name in irises if "brown" in name],
        pale_irises=[name for name in irises if "brown" not in name],
        brows={"female": brows, "male": [name for name in brows if name not in PLUCKED_BROWS]},
        lashes={"female": list(MAKE_UP_LASHES), "male": ["lash01", "lash03"]},
        lash_shares={"female": list(MAKE_UP_LASHES.values()), "male": None},
        hair=[HAIR.get(name, HairStyle(name)) for name in hair],
        hats=["fedora"],
        held_out=HELD_OUT,
    )
    return AssetPack(
        meshes=meshes,
        skins={name: read_skin(folder, files, name, halve=halve_skins) for name in names},
        textures={name: read_texture(folder, files, path) for name, path in sorted(paths.items())},
        looks=looks,
    )


def read_file(folder: Path, files: dict[str, str], name: str) -> bytes:
    """Return a file of a pack.

    Raises:
        RenderError: It is not in the index, missing, or not what the index says.
    """
    try:
        content = (folder / name).read_bytes()
    except OSError as error:
        raise RenderError(
            f"The asset pack lacks {folder / name}; copy the pack to FACESHIFTER_ASSETS again."
        ) from error
    if hashlib.sha256(content).hexdigest() != files.get(name):
        raise RenderError(
            f"{folder / name} is damaged: its SHA-256 is not the one in index.json; copy the pack to "
            "FACESHIFTER_ASSETS again."
        )
    return content


def read_meshes(folder: Path, files: dict[str, str]) -> dict[str, np.ndarray]:
    """Return the arrays of `meshes.npz`."""
    content = read_file(folder, files, "meshes.npz")
    try:
        return dict(np.load(io.BytesIO(content), allow_pickle=False))
    except (ValueError, zipfile.BadZipFile) as error:
        raise RenderError(f"{folder / 'meshes.npz'} is no archive of arrays: {error}.") from error


def read_picture(folder: Path, files: dict[str, str], name: str) -> Image.Image:
    """Return a picture of a pack."""
    content = read_file(folder, files, name)
    try:
        image = Image.open(io.BytesIO(content))
        image.load()
    except (OSError, ValueError) as error:
        raise RenderError(f"{folder / name} is no picture: {error}.") from error
    return image


def read_texture(folder: Path, files: dict[str, str], name: str) -> np.ndarray:
    """Return a picture as RGBA, first row at the bottom."""
    return np.asarray(read_picture(folder, files, name).convert("RGBA"))[::-1].copy()


def read_skin(folder: Path, files: dict[str, str], name: str, *, halve: bool) -> np.ndarray:
    """Return a skin atlas, first row at the bottom."""
    image = read_picture(folder, files, f"skins/{name}.webp").convert("RGB")
    divisor = 2 if halve else 1
    image = image.resize((image.width // divisor, image.height // divisor), Image.Resampling.BOX)
    pixels = np.asarray(image)[::-1].copy()
    if "dark" in name:  # some dark skins are far too red: bring all to one hue, judged by the neck
        red, green, blue = pixels[: len(pixels) // 5].reshape(-1, 3).mean(0)
        gain = np.clip([1.0, 0.63 * red / green, 0.46 * red / blue], 0.9, 1.5)
        pixels = np.minimum(pixels * gain, 255).astype(np.uint8)
    return pixels
