"""Photographs as they came out of a file: what networks see of them, and what must survive when they are written."""

import dataclasses
import io
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

import numpy as np
from PIL import Image, ImageFile
from PIL.ExifTags import Base

from faceshifter_hub.errors import UnreadableImageError
from faceshifter_hub.media.apart import apart
from faceshifter_hub.media.colour_profiles import from_srgb, to_srgb
from faceshifter_hub.media.images import (
    WRITE_OPTIONS,
    ImageSource,
    Signature,
    check_output,
    decode_upright,
    failures_mean_damage,
    on_white,
    open_image,
    read_image,
    written_whole,
)
from faceshifter_hub.media.metadata import Metadata, metadata_of, save_options, tiff_tags
from faceshifter_hub.media.sixteen_bits import (
    decode_sixteen_bits,
    encode_png,
    has_sixteen_bit_colour,
)
from faceshifter_hub.media.tiff import encode_tiff

GREY_FORMATS = ("PNG", "TIFF", "JPEG")  # the others know only RGB


@dataclass(frozen=True, eq=False)
class Photograph:
    """A photograph, upright, with all that its file held.

    Attributes:
        colours: (H, W, 1) grey or (H, W, 3) RGB, uint8 or uint16, in the colours of its profile.
        alpha: (H, W) of the same type, 0 where it is transparent; None where it is opaque.
        metadata: What else the file says.
    """

    colours: np.ndarray
    alpha: np.ndarray | None = None
    metadata: Metadata = field(default_factory=Metadata)

    @cached_property
    def pixels(self) -> np.ndarray:
        """What is seen: (H, W, 3) uint8 sRGB, white where it is transparent."""
        if self.alpha is None:
            return self.opaque
        return np.asarray(on_white(Image.fromarray(np.dstack([self.opaque, eight_bits(self.alpha)]))))

    @cached_property
    def opaque(self) -> np.ndarray:
        """(H, W, 3) uint8 sRGB, as if nothing were transparent."""
        return np.asarray(to_srgb(as_image(eight_bits(self.colours)), self.metadata.profile))

    def with_pixels(self, pixels: np.ndarray) -> "Photograph":
        """Return the photograph with something changed: what is seen the same stays exactly what it was.

        Only the difference is added: to all 16 bits, below the transparency, which stays, and in the profile's own
        colours. A grey photograph stays grey where the new pixels are; else it becomes RGB.

        Args:
            pixels: (H, W, 3) uint8 sRGB, as `pixels` with something changed.
        """
        changed = (pixels != self.pixels).any(axis=2)
        if not changed.any():
            return self
        rows, columns = changed.any(axis=1).nonzero()[0], changed.any(axis=0).nonzero()[0]
        box = np.s_[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]  # a face is a small part of most photographs
        change = pixels[box].astype(np.int16) - self.pixels[box]  # (h, w, 3)
        if self.colours.shape[2] == 1 and (change != change[..., :1]).any():
            return self.in_colour().with_pixels(pixels)
        before = self.opaque[box]
        if self.alpha is not None:  # seen through, a change must be the stronger
            opacity = eight_bits(self.alpha[box])[..., None] / 255
            change = np.where(opacity > 0, change / np.maximum(opacity, 1 / 255), 0).round()
        after = (before + change).clip(0, 255).astype(np.uint8)
        shift = self._in_own_colours(after).astype(np.int32) - self._in_own_colours(before)
        most = np.iinfo(self.colours.dtype).max
        colours = self.colours.copy()
        colours[box] = (colours[box] + shift * (most // 255)).clip(0, most)
        return dataclasses.replace(self, colours=colours)

    def _in_own_colours(self, opaque: np.ndarray) -> np.ndarray:
        """Turn (h, w, 3) uint8 sRGB into the channels and colours of this photograph, (h, w, 1) or (h, w, 3)."""
        mode = "L" if self.colours.shape[2] == 1 else "RGB"
        own = np.asarray(from_srgb(Image.fromarray(opaque), self.metadata.profile, mode))
        return own.reshape(*opaque.shape[:2], -1)

    def in_colour(self) -> "Photograph":
        """Return a grey photograph as RGB; a profile of grey, which RGB cannot have, becomes sRGB."""
        if self.metadata.profile is None:
            return dataclasses.replace(self, colours=self.colours.repeat(3, axis=2))
        scale = np.iinfo(self.colours.dtype).max // 255
        colours = self.opaque.astype(self.colours.dtype) * self.colours.dtype.type(scale)
        return dataclasses.replace(self, colours=colours, metadata=dataclasses.replace(self.metadata, profile=None))


@apart(UnreadableImageError, "source")
def read_photograph(source: ImageSource) -> Photograph:
    """Read a picture with all that must survive. An animation gives its first frame, CMYK becomes sRGB.

    Args:
        source: A path, a PIL image, or an array (H, W, 3) uint8 RGB.

    Raises:
        UnreadableImageError: It is no picture, or a damaged one; `InaccessibleImageError` where that is not known.
        ImageTooLargeError: The file or the picture exceeds the limits.
    """
    if isinstance(source, np.ndarray):
        return Photograph(read_image(source))
    if isinstance(source, Image.Image):
        return photograph_of(source, "The picture")
    with open_image(Path(source)) as image:
        name = f"'{source}'"
        if not has_sixteen_bit_colour(image):
            return photograph_of(image, name)
        return _deep_photograph(image, name)


def photograph_of(image: Image.Image, name: str) -> Photograph:
    """Return a PIL image, or an animation's current frame, as a photograph; `name` is how to call it.

    Raises:
        UnreadableImageError: It is damaged.
        ImageTooLargeError: It has too many pixels.
    """
    upright = decode_upright(image, name)
    with failures_mean_damage(name):
        metadata = metadata_of(image)
        if upright.mode.startswith("I"):  # 16 bits of grey, also where Pillow holds them in 32
            return Photograph(np.asarray(upright).clip(0, 65535).astype(np.uint16)[..., None], None, metadata)
        alpha = None
        if upright.has_transparency_data:
            upright = upright.convert("LA" if upright.mode == "LA" else "RGBA")
            alpha = np.asarray(upright.getchannel("A"))
            upright = upright.convert("L" if upright.mode == "LA" else "RGB")
        if upright.mode == "CMYK":
            upright = to_srgb(upright, metadata.profile)
            metadata = dataclasses.replace(metadata, profile=None)
        colours = np.asarray(upright.convert("L" if upright.mode in ("1", "L") else "RGB"))
        return Photograph(colours.reshape(*colours.shape[:2], -1), alpha, metadata)


def _deep_photograph(image: ImageFile.ImageFile, name: str) -> Photograph:
    """Return a picture of 16 bits a channel."""
    assert isinstance(image.fp, io.BytesIO)
    content = image.fp.getvalue()  # before Pillow lets go of it
    decode_upright(image, name)  # tells what is damaged or too large; OpenCV does not
    samples = decode_sixteen_bits(content, str(image.format), image.getexif().get(Base.Orientation, 1))
    if samples is None:
        raise UnreadableImageError(f"{name} has 16 bits in a form that cannot be read; save it as a PNG.")
    grey = image.mode == "LA"
    alpha = np.ascontiguousarray(samples[..., 3]) if samples.shape[2] == 4 else None
    return Photograph(np.ascontiguousarray(samples[..., : 1 if grey else 3]), alpha, metadata_of(image))


def write_photograph(photograph: Photograph, path: str | Path, signature: Signature | None = None) -> None:
    """Write a photograph with all that the format can hold, whole or not at all; the extension chooses the format.

    PNG and TIFF are lossless and hold 16 bits; JPEG shows white where the photograph is transparent. Grey with
    transparency is written as RGB.

    Args:
        photograph: As read, or `with_pixels`.
        path: A file of that name is replaced.
        signature: Signs the file.

    Raises:
        UnwritableOutputError: The extension is unknown, or the file cannot be written there.
    """
    path = check_output(path)
    options = WRITE_OPTIONS[path.suffix.lower()]
    file_format = options["format"]
    if photograph.colours.shape[2] == 1 and (photograph.alpha is not None or file_format not in GREY_FORMATS):
        photograph = photograph.in_colour()
    metadata = photograph.metadata
    with written_whole(path, signature) as file:
        if file_format == "TIFF":
            file.write(encode_tiff(_samples(photograph), tiff_tags(metadata), metadata.profile, metadata.dpi))
        elif file_format == "PNG" and photograph.colours.dtype == np.uint16:
            file.write(encode_png(_samples(photograph), save_options(metadata, "PNG")))
        else:
            _picture(photograph, file_format).save(file, **options, **save_options(metadata, file_format))


def _samples(photograph: Photograph) -> np.ndarray:
    """Return grey (H, W, 1), RGB (H, W, 3) or RGBA (H, W, 4) of all bits."""
    return photograph.colours if photograph.alpha is None else np.dstack([photograph.colours, photograph.alpha])


def _picture(photograph: Photograph, file_format: str) -> Image.Image:
    """Return the picture of 8 bits that Pillow writes."""
    image = as_image(eight_bits(photograph.colours))
    if photograph.alpha is None:
        return image
    image.putalpha(Image.fromarray(eight_bits(photograph.alpha)))
    return on_white(image) if file_format == "JPEG" else image


def as_image(colours: np.ndarray) -> Image.Image:
    """Return (H, W, 1) or (H, W, 3) uint8 as a PIL image."""
    return Image.fromarray(colours[..., 0] if colours.shape[2] == 1 else colours)


def eight_bits(samples: np.ndarray) -> np.ndarray:
    """Return uint8 or uint16 samples as uint8."""
    return samples if samples.dtype == np.uint8 else ((samples.astype(np.uint32) + 128) // 257).astype(np.uint8)
