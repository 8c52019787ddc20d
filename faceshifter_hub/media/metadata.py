"""What a picture's file says besides its pixels: read from any format, written to any, as far as it has a place."""

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from PIL import Image, PngImagePlugin, TiffImagePlugin
from PIL.ExifTags import IFD, Base

# what describes the photograph; not how its file is laid out, nor the thumbnail, which shows the face that was there
EXIF_TAGS = (
    Base.ImageDescription,
    Base.Make,
    Base.Model,
    Base.XResolution,
    Base.YResolution,
    Base.ResolutionUnit,
    Base.Software,
    Base.DateTime,
    Base.Artist,
    Base.HostComputer,
    Base.Copyright,
    Base.Rating,
    Base.XPTitle,
    Base.XPComment,
    Base.XPAuthor,
    Base.XPKeywords,
    Base.XPSubject,
)
EXIF_GROUPS = (IFD.Exif, IFD.GPSInfo)
ORIENTATION_IN_XMP = re.compile(rb'tiff:Orientation="\d"|<tiff:Orientation>\d</tiff:Orientation>')
NOT_TEXT = ("XML:com.adobe.xmp", "Raw profile type")  # text chunks that hold what is kept by other names
MOST_DPI = 65535  # as many as a JPEG can say
IPTC = 0x0404  # number of IPTC among Photoshop's resources, of which the thumbnail shows the face that was there
PHOTOSHOP = b"Photoshop 3.0\0"
MOST_OF_A_SEGMENT = 65533  # bytes that a segment of a JPEG holds


@dataclass(frozen=True)
class Metadata:
    """What is kept of a file.

    Attributes:
        profile: ICC profile of its colours; None where it has none, which means sRGB.
        exif: EXIF, without orientation and thumbnail; empty where it has none.
        xmp: XMP, without orientation; empty where it has none.
        iptc: IPTC, by which agencies say who took the photograph; empty where it has none.
        dpi: dots per inch, horizontal and vertical.
        text: a PNG's text chunks; the comment of a JPEG or GIF stands under `Comment`.
    """

    profile: bytes | None = None
    exif: bytes = b""
    xmp: bytes = b""
    iptc: bytes = b""
    dpi: tuple[float, float] | None = None
    text: Mapping[str, str] = field(default_factory=dict)


def metadata_of(image: Image.Image) -> Metadata:
    """Return what a picture's file says; what is damaged is left out. Its pixels are decoded."""
    image.load()  # a PNG may have text and EXIF behind its pixels
    xmp = image.info.get("xmp")
    return Metadata(
        profile=image.info.get("icc_profile") or None,
        exif=exif_of(image),
        xmp=ORIENTATION_IN_XMP.sub(b"", xmp) if isinstance(xmp, bytes) else b"",
        iptc=iptc_of(image),
        dpi=dpi_of(image),
        text=text_of(image),
    )


def exif_of(image: Image.Image) -> bytes:
    """Return the EXIF that describes a photograph, anew, so that nothing else is in it."""
    kept = Image.Exif()
    try:
        found = image.getexif()
        for tag in EXIF_TAGS:
            if tag in found:
                kept[tag] = unchanged(found[tag])
        for group in EXIF_GROUPS:
            values = {tag: unchanged(value) for tag, value in found.get_ifd(group).items()}
            values.pop(IFD.Interop, None)  # the place of another group
            if values:
                kept[group] = values
        return kept.tobytes() if kept else b""
    except Exception:  # damaged EXIF makes Pillow fail in many ways, and does not spoil a picture
        return b""


def unchanged(value: Any) -> Any:
    """Return a value of EXIF so that Pillow, which reads text as Latin-1 but writes ASCII, writes what it read."""
    return value.encode("latin-1") if isinstance(value, str) and not value.isascii() else value


def iptc_of(image: Image.Image) -> bytes:
    """Return the IPTC of a JPEG or TIFF, as it stands there."""
    if isinstance(image, TiffImagePlugin.TiffImageFile):
        # undecoded, since Photoshop says that these bytes were one number
        return image.tag_v2._tagdata.get(TiffImagePlugin.IPTC_NAA_CHUNK, b"")
    resources = image.info.get("photoshop", {})
    return resources.get(IPTC, b"") if isinstance(resources, dict) else b""


def iptc_segment(iptc: bytes) -> bytes:
    """Return the segment of a JPEG that holds IPTC; none if it is too long for one."""
    padded = iptc + bytes(len(iptc) % 2)
    resource = b"8BIM" + IPTC.to_bytes(2, "big") + bytes(2) + len(iptc).to_bytes(4, "big") + padded
    content = PHOTOSHOP + resource
    if len(content) > MOST_OF_A_SEGMENT:
        return b""
    return b"\xff\xed" + (len(content) + 2).to_bytes(2, "big") + content


def dpi_of(image: Image.Image) -> tuple[float, float] | None:
    """Return a picture's dots per inch, where it says something possible."""
    try:
        horizontal, vertical = map(float, image.info["dpi"])
    except (KeyError, TypeError, ValueError, ZeroDivisionError):
        return None
    possible = all(math.isfinite(dpi) and 1 <= dpi <= MOST_DPI for dpi in (horizontal, vertical))
    return (horizontal, vertical) if possible else None


def text_of(image: Image.Image) -> dict[str, str]:
    """Return a picture's text chunks or comment."""
    chunks = {name: text for name, text in getattr(image, "text", {}).items() if not name.startswith(NOT_TEXT)}
    comment = image.info.get("comment")
    return chunks | {"Comment": comment.decode("utf-8", "replace")} if isinstance(comment, bytes) else chunks


def save_options(metadata: Metadata, file_format: str) -> dict[str, Any]:
    """Return the arguments with which Pillow writes metadata into a file of a format other than TIFF."""
    options: dict[str, Any] = {"icc_profile": metadata.profile}
    if metadata.dpi:
        options["dpi"] = metadata.dpi
    if metadata.exif:
        options["exif"] = metadata.exif
    if file_format == "PNG":
        chunks = PngImagePlugin.PngInfo()
        for name, text in metadata.text.items():
            # Pillow chooses between the sorts of text chunks by whether the text is Latin-1
            chunks.add_text(name, text)
        if metadata.xmp:
            chunks.add_itxt("XML:com.adobe.xmp", metadata.xmp.decode("utf-8", "replace"))
        return options | {"pnginfo": chunks}
    if metadata.xmp:
        options["xmp"] = metadata.xmp
    if file_format == "JPEG":
        if "Comment" in metadata.text:
            options["comment"] = metadata.text["Comment"].encode()
        if metadata.iptc:
            options["extra"] = iptc_segment(metadata.iptc)
    return options


def tiff_tags(metadata: Metadata) -> dict[int, Any]:
    """Return the tags that a TIFF has in place of EXIF, XMP and IPTC, a group's as a dictionary."""
    exif = Image.Exif()
    exif.load(metadata.exif)
    tags = {tag: unchanged(value) for tag, value in exif.items() if tag not in EXIF_GROUPS}
    for group in EXIF_GROUPS:
        if values := exif.get_ifd(group):
            tags[group] = {tag: unchanged(value) for tag, value in values.items()}
    others = {int(Base.XMLPacket): metadata.xmp, TiffImagePlugin.IPTC_NAA_CHUNK: metadata.iptc}
    return tags | {tag: value for tag, value in others.items() if value}
