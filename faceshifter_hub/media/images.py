"""Reading and writing pictures within the limits of the settings."""

import io
import os
import tempfile
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import BinaryIO, Protocol

import numpy as np
from PIL import Image, ImageFile, ImageOps

from faceshifter_hub.errors import (
    ImageTooLargeError,
    InaccessibleImageError,
    UnreadableImageError,
    UnwritableOutputError,
)
from faceshifter_hub.media.apart import apart
from faceshifter_hub.media.colour_profiles import to_srgb
from faceshifter_hub.settings import get_settings

ImageSource = str | Path | Image.Image | np.ndarray


class Signature(Protocol):
    """What signs files: `provenance`'s credentials."""

    def sign(self, content: BinaryIO, suffix: str, signed: BinaryIO) -> None:
        """Write `content`, a file of that extension, signed."""


READ_FORMATS = ("JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF", "AVIF")  # and HEIC where pillow-heif is installed
HEIC_BRANDS = (b"heic", b"heix", b"heim", b"heis", b"hevc", b"mif1", b"msf1")  # what such a file calls itself
WRITE_OPTIONS: dict[str, dict] = {  # by the file's extension
    ".png": {"format": "PNG", "compress_level": 2},  # half of the time of 4, files a seventh larger
    ".jpg": {"format": "JPEG", "quality": 95, "subsampling": "4:4:4"},
    ".jpeg": {"format": "JPEG", "quality": 95, "subsampling": "4:4:4"},
    ".webp": {"format": "WEBP", "quality": 95, "exact": True},  # also the colours of what is transparent
    ".avif": {"format": "AVIF", "quality": 95, "subsampling": "4:4:4"},
    ".tif": {"format": "TIFF", "compression": "tiff_adobe_deflate"},
    ".tiff": {"format": "TIFF", "compression": "tiff_adobe_deflate"},
    ".heic": {"format": "HEIF", "quality": 95, "chroma": 444},
}


@apart(UnreadableImageError, "source")
def read_image(source: ImageSource) -> np.ndarray:
    """Read a picture as a photograph.

    A file is turned upright by its EXIF orientation, an animation gives its first frame, 16 bits become 8, what is
    transparent shows white, and colours of another profile become sRGB. Limits are checked before pixels are decoded.

    Args:
        source: A path, a PIL image, or an array (H, W, 3) uint8 RGB.

    Returns:
        (H, W, 3) uint8 sRGB.

    Raises:
        UnreadableImageError: It is no picture, or a damaged one; `InaccessibleImageError` where that is not known.
        ImageTooLargeError: The file or the picture exceeds the limits.
    """
    if isinstance(source, np.ndarray):
        if source.dtype != np.uint8 or source.ndim != 3 or source.shape[2] != 3 or not source.size:
            raise UnreadableImageError(
                f"The array is {source.shape} {source.dtype}; give a picture as (height, width, 3) uint8, RGB."
            )
        check_pixels(source.shape[1], source.shape[0], "The array")
        return source
    if isinstance(source, Image.Image):
        return _decode(source, "The picture")
    with open_image(Path(source)) as image:
        return _decode(image, f"'{source}'")


@apart(UnreadableImageError)
def read_rgba(path: Path) -> np.ndarray:
    """Read a picture with its transparency, within the limits.

    Returns:
        (H, W, 4) uint8 RGBA; without an alpha channel everything is opaque.

    Raises:
        UnreadableImageError: It is no picture, or a damaged one; `InaccessibleImageError` where that is not known.
        ImageTooLargeError: The file or the picture exceeds the limits.
    """
    with open_image(path) as image:
        return _decode(image, f"'{path}'", "RGBA")


def open_image(path: Path) -> ImageFile.ImageFile:
    """Open a picture's file, whose size is within the limits; its pixels are neither decoded nor counted.

    Raises:
        UnreadableImageError: It is no picture; `InaccessibleImageError` where that is not known.
        ImageTooLargeError: The file exceeds the limit.
    """
    file = _read_file(path)  # by Pillow, a failure of the disk could not be told from a damaged picture
    heic = heic_is_at_hand()
    if not heic and file.getbuffer()[4:8] == b"ftyp" and bytes(file.getbuffer()[8:12]) in HEIC_BRANDS:
        raise UnreadableImageError(
            f"'{path}' is a HEIC picture; install `faceshifter-hub[heif]` to read it, or save it as a JPEG."
        )
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)  # our own limit decides
            return Image.open(file, formats=(*READ_FORMATS, "HEIF") if heic else READ_FORMATS)
    except Image.DecompressionBombError:
        # Pillow's own limit, which may be the smaller one
        raise ImageTooLargeError(f"'{path}' has more pixels than a picture may have; scale it down.") from None
    except Exception as error:  # damaged headers make Pillow's decoders fail in many ways
        raise UnreadableImageError(
            f"'{path}' is not a picture that can be read; use one of: {', '.join(READ_FORMATS)}."
        ) from error


@cache
def heic_is_at_hand() -> bool:
    """Tell whether HEIC can be read and written: whether pillow-heif, which is optional, is installed."""
    try:
        import pillow_heif
    except ImportError:
        return False
    pillow_heif.register_heif_opener()
    return True


def check_output(path: str | Path) -> Path:
    """Tell, before any work is done, whether a picture can be written to a path.

    Raises:
        UnwritableOutputError: The extension is unknown, or the folder does not exist or cannot be written to.
    """
    path = Path(path)
    if path.suffix.lower() not in WRITE_OPTIONS:
        raise UnwritableOutputError(f"'{path}' does not end in {', '.join(WRITE_OPTIONS)}; choose one of these.")
    if WRITE_OPTIONS[path.suffix.lower()]["format"] == "HEIF" and not heic_is_at_hand():
        raise UnwritableOutputError(f"'{path}' cannot be HEIC; install `faceshifter-hub[heif]`, or choose .avif.")
    check_place(path)
    return path


def check_place(path: Path) -> None:
    """Tell whether a file can be written to a path, whatever it is.

    Raises:
        UnwritableOutputError: The folder does not exist or cannot be written to.
    """
    if not os.path.isdir(path.parent):  # unlike Path.is_dir, raises nothing
        raise UnwritableOutputError(f"There is no folder '{path.parent}' for '{path.name}'; make it first.")
    if os.path.isdir(path) or not os.access(path.parent, os.W_OK):
        raise UnwritableOutputError(f"'{path}' cannot be written; choose another place.")


def write_image(image: np.ndarray, path: str | Path, signature: Signature | None = None) -> None:
    """Write a photograph, whole or not at all; the extension chooses PNG or TIFF (lossless), JPEG, WebP, AVIF or HEIC.

    Args:
        image: (H, W, 3) uint8 RGB.
        path: A file of that name is replaced.
        signature: Signs the file.

    Raises:
        UnwritableOutputError: The extension is unknown, or the file cannot be written there.
    """
    path = check_output(path)
    with written_whole(path, signature) as file:
        Image.fromarray(image).save(file, **WRITE_OPTIONS[path.suffix.lower()])


@contextmanager
def written_whole(path: Path, signature: Signature | None = None) -> Iterator[io.BytesIO]:
    """Take what is to become a file; it takes its name, and any other's of that name, once all of it is on the disk.

    Raises:
        UnwritableOutputError: It cannot be encoded, or written there; nothing of it stays.
    """
    encoded = io.BytesIO()  # into a file, Pillow does not notice when the disk takes only a part
    try:
        yield encoded
        if signature is not None:
            signed = io.BytesIO()
            signature.sign(encoded, path.suffix, signed)
            encoded = signed
        with tempfile.TemporaryDirectory(dir=path.parent, prefix=".faceshifter-") as unfinished:
            Path(unfinished, path.name).write_bytes(encoded.getbuffer())
            os.replace(Path(unfinished, path.name), path)
    except (OSError, ValueError, RuntimeError) as error:  # Pillow refuses what a format cannot hold with any of these
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


def check_pixels(width: int, height: int, name: str) -> None:
    """Raise ImageTooLargeError if a picture has more pixels than the settings allow; `name` is how to call it."""
    limit = get_settings().max_image_pixels
    if width * height > limit:
        raise ImageTooLargeError(
            f"{name} has {width} x {height} pixels, more than the {limit:,} a picture may have; scale it down."
        )


def _decode(image: Image.Image, name: str, mode: str = "RGB") -> np.ndarray:
    upright = decode_upright(image, name)
    with failures_mean_damage(name):
        if mode != "RGB":
            return np.asarray(upright.convert(mode))
        seen = upright if upright.mode == "CMYK" else on_white(to_eight_bits(upright))
        return np.asarray(to_srgb(seen, image.info.get("icc_profile")))


def decode_upright(image: Image.Image, name: str) -> Image.Image:
    """Decode a picture within the limits and turn it upright; `name` is how to call it.

    Raises:
        UnreadableImageError: It is damaged, or its range is unknown.
        ImageTooLargeError: It has too many pixels.
    """
    check_pixels(*image.size, name)
    if image.mode == "F":
        raise UnreadableImageError(f"{name} has floating-point pixels, whose range is unknown; save it with 8 bits.")
    with failures_mean_damage(name):
        return ImageOps.exif_transpose(image)


@contextmanager
def failures_mean_damage(name: str) -> Iterator[None]:
    """Turn whatever decoding raises into an UnreadableImageError; `name` is how to call the picture."""
    try:
        yield
    except MemoryError:
        raise
    except Exception as error:  # damaged data make Pillow's decoders fail in many ways
        raise UnreadableImageError(f"{name} is damaged ({error}); use another copy.") from error


def to_eight_bits(image: Image.Image) -> Image.Image:
    """Return grey of 16 bits, which Pillow may hold in 32, as grey of 8 bits; else the picture itself."""
    if not image.mode.startswith("I"):
        return image
    sixteen_bits = np.asarray(image).astype(np.float32).clip(0, 65535)
    return Image.fromarray((sixteen_bits / 257).round().astype(np.uint8))


def on_white(image: Image.Image) -> Image.Image:
    """Return a picture as RGB, where what is transparent shows white."""
    if image.has_transparency_data:
        image = image.convert("RGBA")
        image = Image.alpha_composite(Image.new("RGBA", image.size, "white"), image)
    return image.convert("RGB")
