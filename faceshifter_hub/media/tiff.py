"""Writing TIFF: Pillow writes neither 16 bits of colour nor, where it compresses, EXIF."""

import io
import zlib
from collections.abc import Mapping
from typing import Any

import numpy as np
from PIL import TiffImagePlugin

INTERLEAVED, UNASSOCIATED_ALPHA, DEFLATE, GREY, RGB = 1, 2, 8, 1, 2  # numbers of the TIFF specification


def encode_tiff(
    samples: np.ndarray, tags: Mapping[int, Any], profile: bytes | None, dpi: tuple[float, float] | None
) -> bytes:
    """Encode a TIFF, compressed without loss.

    Args:
        samples: (H, W, C) uint8 or uint16: grey, RGB or RGBA.
        tags: What else it says, by the numbers of TIFF; those of a group in a dictionary.
        profile: ICC profile.
        dpi: Dots per inch.
    """
    height, width, channels = samples.shape
    pixels = zlib.compress(samples.astype(samples.dtype.newbyteorder("<")).tobytes())
    directory = TiffImagePlugin.ImageFileDirectory_v2()
    for tag, value in tags.items():
        directory[tag] = value
    directory[TiffImagePlugin.IMAGEWIDTH] = width
    directory[TiffImagePlugin.IMAGELENGTH] = height
    directory[TiffImagePlugin.BITSPERSAMPLE] = (8 * samples.itemsize,) * channels
    directory[TiffImagePlugin.SAMPLESPERPIXEL] = channels
    directory[TiffImagePlugin.COMPRESSION] = DEFLATE
    directory[TiffImagePlugin.PHOTOMETRIC_INTERPRETATION] = GREY if channels == 1 else RGB
    directory[TiffImagePlugin.PLANAR_CONFIGURATION] = INTERLEAVED
    directory[TiffImagePlugin.ROWSPERSTRIP] = height
    directory[TiffImagePlugin.STRIPOFFSETS] = 0  # behind the directory, as Pillow corrects it
    directory[TiffImagePlugin.STRIPBYTECOUNTS] = len(pixels)
    if channels == 4:
        directory[TiffImagePlugin.EXTRASAMPLES] = UNASSOCIATED_ALPHA
    if profile:
        directory[TiffImagePlugin.ICCPROFILE] = profile
    if dpi:
        directory[TiffImagePlugin.X_RESOLUTION], directory[TiffImagePlugin.Y_RESOLUTION] = dpi
        directory[TiffImagePlugin.RESOLUTION_UNIT] = 2  # inches
    header = io.BytesIO()
    directory.save(header)
    return header.getvalue() + pixels
