"""GIF, WebP, PNG and AVIF that move: photographs with their times, in and out."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, ImageFile, ImageSequence

from faceshifter_hub.errors import ImageTooLargeError, UnreadableImageError, UnwritableOutputError
from faceshifter_hub.media.apart import apart
from faceshifter_hub.media.images import (
    WRITE_OPTIONS,
    Signature,
    check_place,
    failures_mean_damage,
    open_image,
    written_whole,
)
from faceshifter_hub.media.photographs import Photograph, photograph_of
from faceshifter_hub.settings import get_settings

ANIMATION_SUFFIXES = (".gif", ".webp", ".png", ".avif")
ANIMATED_FORMATS = ("GIF", "WEBP", "PNG", "AVIF")  # others hold pages, or the same scene from two sides
OPAQUE = 128  # a GIF's pixel is wholly opaque or not at all: from this opacity on it is
CLEAR_FIRST = {"disposal": 2, "blend": 0}  # of an APNG: each frame replaces the former one, transparency too


@dataclass(frozen=True)
class Frame:
    """A frame of an animation.

    Attributes:
        photograph: All of it, however little of it the file holds.
        milliseconds: How long it is shown.
    """

    photograph: Photograph
    milliseconds: int


@apart(UnreadableImageError)
def is_animation(path: str | Path) -> bool:
    """Tell whether a picture's file holds several frames.

    Raises:
        UnreadableImageError: It is no picture; `InaccessibleImageError` where that is not known.
        ImageTooLargeError: The file exceeds the limit.
    """
    with open_image(Path(path)) as image:
        return image.format in ANIMATED_FORMATS and getattr(image, "is_animated", False)


@apart(UnreadableImageError)
def count_pages(path: str | Path) -> int:
    """Return how many pages a picture's file has: a TIFF one or more, any other one.

    Raises:
        UnreadableImageError: It is no picture, or a damaged one.
        ImageTooLargeError: The file exceeds the limit.
    """
    with open_image(Path(path)) as image, failures_mean_damage(f"'{path}'"):
        return getattr(image, "n_frames", 1) if image.format == "TIFF" else 1


@apart(UnreadableImageError)
def count_frames(path: str | Path) -> int:
    """Return how many frames an animation has.

    Raises:
        UnreadableImageError: It is no picture, or a damaged one.
        ImageTooLargeError: It has more frames, or all together more pixels, than the settings allow.
    """
    with open_image(Path(path)) as image, failures_mean_damage(f"'{path}'"):
        frames = getattr(image, "n_frames", 1)
        width, height = image.size
    limits = get_settings()
    if frames > limits.max_animation_frames:
        raise ImageTooLargeError(
            f"'{path}' has {frames:,} frames, more than the {limits.max_animation_frames:,} an animation may have; "
            "shorten it."
        )
    if frames * width * height > limits.max_animation_pixels:
        raise ImageTooLargeError(
            f"'{path}' has {frames:,} frames of {width} x {height} pixels, more than the "
            f"{limits.max_animation_pixels:,} pixels an animation may have; scale it down."
        )
    return frames


@apart(UnreadableImageError)
def read_loop(path: str | Path) -> int | None:
    """Return how often an animation is shown: 0 for ever, None where its file does not say, which means once."""
    with open_image(Path(path)) as image:
        return image.info.get("loop")


@apart(UnreadableImageError)
def read_frames(path: str | Path) -> Iterator[Frame]:
    """Yield the frames of an animation, decoded one after the other.

    Raises:
        UnreadableImageError: It is damaged.
        ImageTooLargeError: It exceeds the limits.
    """
    count_frames(path)
    with open_image(Path(path)) as image:
        for number, frame in enumerate(frames_of(image, f"'{path}'")):
            photograph = photograph_of(frame, f"'{path}'")
            hidden = number == 0 and getattr(image, "default_image", False)  # of an APNG: for who shows no animation
            if not hidden:
                yield Frame(photograph, round(frame.info.get("duration", 0)))


def frames_of(image: ImageFile.ImageFile, name: str) -> Iterator[Image.Image]:
    """Yield the frames as PIL images; `name` is how to call the animation."""
    frames = ImageSequence.Iterator(image)
    while True:
        with failures_mean_damage(name):
            frame = next(frames, None)
            if frame is None:
                return
            frame.load()  # tells how long a WebP's frame is shown
        yield frame


def check_animation_output(path: str | Path) -> Path:
    """Tell, before any work is done, whether an animation can be written to a path.

    Raises:
        UnwritableOutputError: The extension is not that of an animation, or the folder cannot be written to.
    """
    path = Path(path)
    if path.suffix.lower() not in ANIMATION_SUFFIXES:
        raise UnwritableOutputError(
            f"'{path}' does not end in {', '.join(ANIMATION_SUFFIXES)}, which can move; choose one of these."
        )
    check_place(path)
    return path


def write_animation(
    frames: Sequence[Frame], path: str | Path, loop: int | None = 0, signature: Signature | None = None
) -> None:
    """Write an animation, whole or not at all; the extension chooses GIF, WebP, PNG or AVIF.

    Profile and metadata are those of the first frame; a GIF has neither, 256 colours a frame and times of 10 ms.

    Args:
        frames: At least one, all of one size.
        path: A file of that name is replaced.
        loop: How often it is shown, 0 for ever; None for once.
        signature: Signs the file.

    Raises:
        UnwritableOutputError: The extension is not that of an animation, or the file cannot be written there.
    """
    path = check_animation_output(path)
    suffix, metadata = path.suffix.lower(), frames[0].photograph.metadata
    transparent = any(frame.photograph.alpha is not None for frame in frames)
    if suffix == ".gif":
        pictures = [as_gif_frame(frame.photograph) for frame in frames]
        options: dict[str, Any] = {"format": "GIF", "disposal": 2 if transparent else 1}
    else:
        pictures = [as_frame(frame.photograph).convert("RGBA" if transparent else "RGB") for frame in frames]
        options = WRITE_OPTIONS[suffix] | {"icc_profile": metadata.profile, "exif": metadata.exif}
    if suffix == ".png":
        options |= CLEAR_FIRST
    if loop is not None or suffix != ".gif":  # a GIF that does not say is shown once, the others for ever
        options["loop"] = 1 if loop is None else loop
    durations = [frame.milliseconds for frame in frames]
    with written_whole(path, signature) as file:
        pictures[0].save(file, save_all=True, append_images=pictures[1:], duration=durations, **options)


def as_frame(photograph: Photograph) -> Image.Image:
    """Return a frame as RGB, or RGBA where it has transparency."""
    image = Image.fromarray(photograph.opaque)
    if photograph.alpha is not None:
        image.putalpha(Image.fromarray(photograph.alpha))
    return image


def as_gif_frame(photograph: Photograph) -> Image.Image:
    """Return a frame with a palette of 256 colours, of which the last means transparent where something is."""
    image = Image.fromarray(photograph.opaque)
    if photograph.alpha is None:
        return image.quantize(256)
    frame = image.quantize(255)
    indices = np.asarray(frame).copy()
    indices[photograph.alpha < OPAQUE] = 255
    with_hole = Image.fromarray(indices)
    with_hole.putpalette(frame.getpalette() or [])
    with_hole.info["transparency"] = 255
    return with_hole
