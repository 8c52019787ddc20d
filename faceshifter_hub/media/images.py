"""Reading and writing pictures within the limits of the settings."""

import io
import os
import tempfile
import warnings
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps

from faceshifter_hub.errors import (
    ImageTooLargeError,
    InaccessibleImageError,
    UnreadableImageError,
    UnwritableOutputError,
)
from faceshifter_hub.settings import get_settings

ImageSource = str | Path | Image.Image | np.ndarray

READ_FORMATS = ("JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF")
WRITE_OPTIONS: dict[str, dict] = {  # by the file's extension
    ".png": {"format": "PNG"},
    ".jpg": {"format": "JPEG", "quality": 95, "subsampling": "4:4:4"},
    ".jpeg": {"format": "JPEG", "quality": 95, "subsampling": "4:4:4"},
    ".webp": {"format": "WEBP", "quality": 95},
}


def read_image(source: ImageSource) -> np.ndarray:
    """Read a picture as a photograph.

    A file is turned upright by its EXIF orientation, an animation gives its first frame, 16 bits become 8, and what is
    transparent shows white. Limits are checked before pixels are decoded.

    Args:
        source: A path, a PIL image, or an array (H, W, 3) uint8 RGB.

    Returns:
        (H, W, 3) uint8 RGB.

    Raises:
        UnreadableImageError: It is no picture, or a damaged one; `InaccessibleImageError` where that is not known.
        ImageTooLargeError: The file or the picture exceeds the limits.
    """
    if isinstance(source, np.ndarray):
        if source.dtype != np.uint8 or source.ndim != 3 or source.shape[2] != 3 or not source.size:
            raise UnreadableImageError(
                f"The array is {source.shape} {source.dtype}; give a picture as (height, width, 3) uint8, RGB."
            )
        _check_pixels(source.shape[1], source.shape[0], "The array")
        return source
    if isinstance(source, Image.Image):
        return _decode(source, "The picture")
    with _open(Path(source)) as image:
        return _decode(image, f"'{source}'")


def read_rgba(path: Path) -> np.ndarray:
    """Read a picture with its transparency, within the limits.

    Returns:
        (H, W, 4) uint8 RGBA; without an alpha channel everything is opaque.

    Raises:
        UnreadableImageError: It is no picture, or a damaged one; `InaccessibleImageError` where that is not known.
        ImageTooLargeError: The file or the picture exceeds the limits.
    """
    with _open(path) as image:
        return _decode(image, f"'{path}'", "RGBA")


def _open(path: Path) -> Image.Image:
    file = _read_file(path)  # by Pillow, a failure of the disk could not be told from a damaged picture
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)  # our own limit decides
            return Image.open(file, formats=READ_FORMATS)
    except Image.DecompressionBombError:
        # Pillow's own limit, which may be the smaller one
        raise ImageTooLargeError(f"'{path}' has more pixels than a picture may have; scale it down.") from None
    except Exception as error:  # damaged headers make Pillow's decoders fail in many ways
        raise UnreadableImageError(
            f"'{path}' is not a picture that can be read; use one of: {', '.join(READ_FORMATS)}."
        ) from error


def check_output(path: str | Path) -> Path:
    """Tell, before any work is done, whether a picture can be written to a path.

    Raises:
        UnwritableOutputError: The extension is unknown, or the folder does not exist or cannot be written to.
    """
    path = Path(path)
    if path.suffix.lower() not in WRITE_OPTIONS:
        raise UnwritableOutputError(f"'{path}' does not end in {', '.join(WRITE_OPTIONS)}; choose one of these.")
    if not os.path.isdir(path.parent):  # unlike Path.is_dir, raises nothing
        raise UnwritableOutputError(f"There is no folder '{path.parent}' for '{path.name}'; make it first.")
    if os.path.isdir(path) or not os.access(path.parent, os.W_OK):
        raise UnwritableOutputError(f"'{path}' cannot be written; choose another place.")
    return path


def write_image(image: np.ndarray, path: str | Path) -> None:
    """Write a photograph, whole or not at all; the extension chooses PNG (lossless), JPEG or WebP.

    Args:
        image: (H, W, 3) uint8 RGB.
        path: A file of that name is replaced.

    Raises:
        UnwritableOutputError: The extension is unknown, or the file cannot be written there.
    """
    path = check_output(path)
    try:
        encoded = io.BytesIO()  # into a file, Pillow does not notice when the disk takes only a part
        Image.fromarray(image).save(encoded, **WRITE_OPTIONS[path.suffix.lower()])
        with tempfile.TemporaryDirectory(dir=path.parent, prefix=".faceshifter-") as unfinished:
            Path(unfinished, path.name).write_bytes(encoded.getbuffer())
            os.replace(Path(unfinished, path.name), path)
    except (OSError, ValueError) as error:  # Pillow refuses what a format cannot hold with either
        reason = getattr(error, "strerror", None) or error
        raise UnwritableOutputError(
            f"'{path}' cannot be written ({reason}); choose another place or format."
        ) from error


def _read_file(path: Path) -> io.BytesIO:
    limit = get_settings().max_image_bytes
    try:
        size = path.stat().st_size
        is_file = path.is_file()
        content = path.read_bytes() if is_file and size <= limit else b""
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise InaccessibleImageError(f"'{path}' cannot be read ({reason}); check the name.") from error
    if not is_file:
        raise UnreadableImageError(f"'{path}' is no file; name a picture.")
    if size > limit:
        raise ImageTooLargeError(f"'{path}' has {size:,} bytes, more than the {limit:,} allowed; use a smaller file.")
    if not content:
        raise UnreadableImageError(f"'{path}' is empty; use another picture.")
    return io.BytesIO(content)


def _check_pixels(width: int, height: int, name: str) -> None:
    limit = get_settings().max_image_pixels
    if width * height > limit:
        raise ImageTooLargeError(
            f"{name} has {width} x {height} pixels, more than the {limit:,} a picture may have; scale it down."
        )


def _decode(image: Image.Image, name: str, mode: str = "RGB") -> np.ndarray:
    _check_pixels(*image.size, name)
    if image.mode == "F":
        raise UnreadableImageError(f"{name} has floating-point pixels, whose range is unknown; save it with 8 bits.")
    try:
        upright = ImageOps.exif_transpose(image)
        return np.asarray(_to_rgb(upright) if mode == "RGB" else upright.convert(mode))
    except Exception as error:  # damaged data make Pillow's decoders fail in many ways
        raise UnreadableImageError(f"{name} is damaged ({error}); use another copy.") from error


def _to_rgb(image: Image.Image) -> Image.Image:
    if image.mode.startswith("I"):  # 16 bits of grey, also where Pillow holds them in 32
        sixteen_bits = np.asarray(image).astype(np.float32).clip(0, 65535)
        image = Image.fromarray((sixteen_bits / 257).round().astype(np.uint8))
    if image.has_transparency_data:
        image = image.convert("RGBA")
        image = Image.alpha_composite(Image.new("RGBA", image.size, "white"), image)
    return image.convert("RGB")
