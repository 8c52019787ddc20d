"""Colours of 16 bits a channel, of which Pillow reads and writes only grey."""

import io
from collections.abc import Iterator
from typing import Any

import cv2
import numpy as np
from PIL import Image, ImageFile

PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"
PIXEL_CHUNKS = (b"IHDR", b"PLTE", b"IDAT", b"IEND")
TURNED = {  # by the EXIF orientation
    1: lambda stored: stored,
    2: lambda stored: stored[:, ::-1],
    3: lambda stored: stored[::-1, ::-1],
    4: lambda stored: stored[::-1],
    5: lambda stored: stored.swapaxes(0, 1),
    6: lambda stored: np.rot90(stored, -1),
    7: lambda stored: np.rot90(stored, 2).swapaxes(0, 1),
    8: lambda stored: np.rot90(stored),
}


def has_sixteen_bit_colour(image: ImageFile.ImageFile) -> bool:
    """Tell whether Pillow, which has just opened a file, would drop the lower halves of its 16 bits."""
    if image.format not in ("PNG", "TIFF") or image.mode.startswith("I") or not image.tile:
        return False
    return ";16" in str(image.tile[0].args)  # Pillow's raw mode, RGB;16B say


def decode_sixteen_bits(content: bytes, file_format: str, orientation: int) -> np.ndarray | None:
    """Decode a PNG or TIFF of 16 bits.

    Args:
        content: Of the file.
        file_format: PNG or TIFF.
        orientation: What its EXIF says.

    Returns:
        (H, W, 3) RGB or (H, W, 4) RGBA uint16, upright; None where OpenCV cannot.
    """
    stored = cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_UNCHANGED)
    if stored is None or stored.dtype != np.uint16 or stored.ndim != 3:
        return None
    if file_format == "PNG":  # OpenCV turns a TIFF upright by itself
        stored = TURNED.get(orientation, TURNED[1])(stored)
    return cv2.cvtColor(
        np.ascontiguousarray(stored), cv2.COLOR_BGR2RGB if stored.shape[2] == 3 else cv2.COLOR_BGRA2RGBA
    )


def encode_png(samples: np.ndarray, options: dict[str, Any]) -> bytes:
    """Encode a PNG of 16 bits.

    Args:
        samples: (H, W, C) uint16: grey, RGB or RGBA.
        options: With which Pillow would write the metadata.
    """
    if samples.shape[2] > 1:
        samples = cv2.cvtColor(samples, cv2.COLOR_RGB2BGR if samples.shape[2] == 3 else cv2.COLOR_RGBA2BGRA)
    encoded = cv2.imencode(".png", samples)[1].tobytes()
    header, *pixels = [chunk for kind, chunk in chunks_of(encoded) if kind in PIXEL_CHUNKS]
    small = io.BytesIO()
    Image.new("L" if samples.shape[2] == 1 else "RGB", (1, 1)).save(small, "PNG", **options)
    metadata = [chunk for kind, chunk in chunks_of(small.getvalue()) if kind not in PIXEL_CHUNKS]
    return b"".join([PNG_SIGNATURE, header, *metadata, *pixels])


def chunks_of(png: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Yield kind and bytes of each chunk of a PNG."""
    start = len(PNG_SIGNATURE)
    while start < len(png):
        end = start + 12 + int.from_bytes(png[start : start + 4], "big")  # length, kind, data, checksum
        yield png[start + 4 : start + 8], png[start:end]
        start = end
