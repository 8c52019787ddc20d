"""Colours between a file's ICC profile and sRGB, which networks and screens expect."""

import io

from PIL import Image, ImageCms

SRGB = ImageCms.createProfile("sRGB")


def to_srgb(image: Image.Image, profile: bytes | None) -> Image.Image:
    """Return a picture of mode L, RGB or CMYK in sRGB, mode RGB; a profile that cannot be used counts as none."""
    colours = readable_profile(profile)
    if colours is not None:
        try:
            converted = ImageCms.profileToProfile(image, colours, SRGB, outputMode="RGB")
            assert converted is not None  # it is, unless done in place
            return converted
        except ImageCms.PyCMSError:  # a profile of another number of channels
            pass
    return image.convert("RGB")


def from_srgb(image: Image.Image, profile: bytes | None, mode: str) -> Image.Image:
    """Undo `to_srgb`, as far as the profile has the colours; `mode` is L or RGB."""
    colours = readable_profile(profile)
    if colours is not None:
        try:
            converted = ImageCms.profileToProfile(image, SRGB, colours, outputMode=mode)
            assert converted is not None
            return converted
        except ImageCms.PyCMSError:
            pass
    return image.convert(mode)


def readable_profile(profile: bytes | None) -> ImageCms.ImageCmsProfile | None:
    """Return a profile that differs from sRGB, opened; None where there is none or it is damaged."""
    if profile is None:
        return None
    try:
        opened = ImageCms.ImageCmsProfile(io.BytesIO(profile))
        return None if "sRGB" in ImageCms.getProfileDescription(opened) else opened
    except (OSError, ImageCms.PyCMSError):
        return None
