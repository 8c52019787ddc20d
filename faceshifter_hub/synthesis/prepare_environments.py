"""Pack panoramas into environments.npz: `python -m faceshifter_hub.synthesis.prepare_environments FOLDER`.

FOLDER holds two archives, unpacked: the npm package @pmndrs/assets 1.7.0 (`npm pack`, then `tar xf`) and the Debian
package blender-data 3.4.1+dfsg-2 (`apt-get download`, then `dpkg -x`). Reading EXR takes `pip install OpenEXR`, which
nothing else of this project needs.
"""

import argparse
import base64
import hashlib
import io
import json
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from faceshifter_hub.errors import FaceShifterError, RenderError
from faceshifter_hub.synthesis.environments import LUMINANCE, MAP_HEIGHT, MAP_WIDTH, PACKED, encode, to_rgbe

HEIGHT, WIDTH = 256, 512  # of a packed panorama
BLOCK = 8  # of the compression of EXR files
MIDDLE = 0.3  # what the horizon's mean radiance becomes, where `encode` is most precise


@dataclass(frozen=True)
class Source:
    """A package with panoramas, all CC0."""

    package: str
    pattern: str
    left_out: tuple[str, ...] = ()


SOURCES = {
    "blender": Source("Debian package blender-data 3.4.1+dfsg-2", "**/studiolights/world/*.exr"),
    "pmndrs": Source("npm package @pmndrs/assets 1.7.0", "**/hdri/*.exr.js", ("sunrise",)),  # blender's, but damaged
}


def read_exr(content: bytes) -> np.ndarray:
    """Return the linear RGB (H, W, 3) float32 of an EXR file.

    Raises:
        RenderError: OpenEXR is not installed.
    """
    try:
        import OpenEXR
    except ImportError as error:
        raise RenderError("Panoramas are EXR files; run `pip install OpenEXR` to read them.") from error
    with tempfile.NamedTemporaryFile(suffix=".exr") as file:
        file.write(content)
        file.flush()
        with OpenEXR.File(file.name) as exr:
            return exr.channels()["RGB"].pixels.astype(np.float32)


def unwrap(content: bytes) -> bytes:
    """Return the EXR file that a JavaScript module exports as a data URL."""
    return base64.b64decode(content.split(b"base64,")[1].split(b"'")[0])


def resize(image: np.ndarray, height: int, width: int) -> np.ndarray:
    """Return the means (height, width, 3) of a picture's cells."""
    rows, columns = image.shape[0] // height, image.shape[1] // width
    return image.reshape(height, rows, width, columns, 3).mean((1, 3))


def repair(image: np.ndarray) -> np.ndarray:
    """Return a panorama without the false colours that the compression left round lamps, where light is negative.

    Args:
        image: (H, W, 3) linear RGB, H and W multiples of the compression's blocks.
    """
    height, width, _ = image.shape
    darkest = image.min(-1)
    blocks = darkest.reshape(height // BLOCK, BLOCK, width // BLOCK, BLOCK).min((1, 3)) < -1
    damaged = (darkest < 0) | blocks.repeat(BLOCK, 0).repeat(BLOCK, 1)
    return np.where(damaged[..., None], np.maximum(image @ LUMINANCE, 0)[..., None], image)


def develop(image: np.ndarray) -> np.ndarray:
    """Return a panorama in a common exposure."""
    horizon = image[len(image) // 3 : -len(image) // 3] @ LUMINANCE
    return image * (MIDDLE / np.exp(np.log(horizon + 1e-4).mean()))


def pack_environment(image: np.ndarray) -> dict[str, np.ndarray]:
    """Return the packed arrays of a panorama (H, 2 H, 3): `radiance` (RGBE) and `panorama` (a WebP file)."""
    image = develop(repair(image))
    panorama = io.BytesIO()
    Image.fromarray(encode(resize(image, HEIGHT, WIDTH))).save(panorama, "webp", quality=80, method=6)
    return {
        "radiance": to_rgbe(resize(image, MAP_HEIGHT, MAP_WIDTH)),
        "panorama": np.frombuffer(panorama.getvalue(), np.uint8),
    }


def pack_environments(folder: Path) -> dict[str, np.ndarray]:
    """Return the arrays of environments.npz.

    Raises:
        RenderError: A source is missing.
    """
    arrays: dict[str, np.ndarray] = {}
    records = {}
    for prefix, source in SOURCES.items():
        paths = sorted(folder.glob(source.pattern))
        if not paths:
            raise RenderError(f"{folder} holds no {source.pattern}; unpack the {source.package} there.")
        for path in paths:
            stem = path.name.split(".")[0]
            if stem in source.left_out:
                continue
            content = path.read_bytes()
            packed = pack_environment(read_exr(unwrap(content) if path.suffix == ".js" else content))
            name = f"{prefix}-{stem}"
            arrays |= {f"{name}/{part}": array for part, array in packed.items()}
            records[name] = {
                "source": source.package,
                "file": path.name,
                "licence": "CC0-1.0",
                "sha256": hashlib.sha256(content).hexdigest(),
                "packed_sha256": hashlib.sha256(b"".join(array.tobytes() for array in packed.values())).hexdigest(),
            }
    return {"records": np.frombuffer(json.dumps(records).encode(), np.uint8), **arrays}


def main() -> None:
    """Read the command line and write the file."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, help="where the packages are unpacked")
    np.savez_compressed(PACKED, **pack_environments(parser.parse_args().folder))  # type: ignore[arg-type]
    print(f"{PACKED}: {PACKED.stat().st_size} bytes")


if __name__ == "__main__":
    try:
        main()
    except FaceShifterError as error:
        sys.exit(str(error))
