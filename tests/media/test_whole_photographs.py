"""Photographs that keep what their files held: every bit that is not swapped, transparency, profile, metadata."""

import io
import os
import resource
import struct
from functools import cache

import cv2
import numpy as np
import pytest
from PIL import Image, ImageCms, IptcImagePlugin, PngImagePlugin
from PIL.ExifTags import IFD, Base

from faceshifter_hub.errors import (
    ImageTooLargeError,
    InaccessibleImageError,
    UnreadableImageError,
    UnwritableOutputError,
)
from faceshifter_hub.media import images
from faceshifter_hub.media.images import WRITE_OPTIONS, read_image, write_image
from faceshifter_hub.media.metadata import Metadata
from faceshifter_hub.media.photographs import Photograph, read_photograph, write_photograph
from faceshifter_hub.media.sixteen_bits import encode_png
from faceshifter_hub.media.tiff import encode_tiff

RNG = np.random.default_rng(0)
HEIGHT, WIDTH = 24, 32
FACE = np.s_[8:16, 10:20]
DEEP = RNG.integers(0, 65536, (HEIGHT, WIDTH, 4), np.uint16)
NOISE = (DEEP >> 8).astype(np.uint8)
XMP = b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><a tiff:Orientation="6" title="holiday"/></x:xmpmeta>'


def swapped(photograph: Photograph) -> Photograph:
    """Return a photograph with another face, as a pipeline gives it."""
    pixels = photograph.pixels.copy()
    pixels[FACE] = (200, 30, 60)
    return photograph.with_pixels(pixels)


def round_trip(path, suffix: str | None = None) -> Photograph:
    """Read a photograph, swap, write; return what is read of the result."""
    result = path.with_name(f"result{suffix or path.suffix}")
    write_photograph(swapped(read_photograph(path)), result)
    return read_photograph(result)


def outside(samples: np.ndarray) -> np.ndarray:
    """Return what is not the face."""
    samples = samples.copy()
    samples[FACE] = 0
    return samples


def save_deep(path, samples: np.ndarray) -> None:
    """Write 16 bits a channel by another library than the one under test."""
    order = {3: cv2.COLOR_RGB2BGR, 4: cv2.COLOR_RGBA2BGRA}
    cv2.imwrite(str(path), cv2.cvtColor(samples, order[samples.shape[2]]) if samples.ndim == 3 else samples)


def load_deep(path) -> np.ndarray:
    """Read 16 bits a channel by another library than the one under test."""
    stored = cv2.imread(str(path), cv2.IMREAD_UNCHANGED)
    order = {3: cv2.COLOR_BGR2RGB, 4: cv2.COLOR_BGRA2RGBA}
    return cv2.cvtColor(stored, order[stored.shape[2]]) if stored.ndim == 3 else stored


# ---- pixels


@pytest.mark.parametrize("suffix", [".png", ".tif", ".tiff"])
@pytest.mark.parametrize("mode", ["L", "RGB", "LA", "RGBA"])
def test_eight_bits_come_back_exactly_where_nothing_was_swapped(tmp_path, suffix, mode):
    picture = Image.fromarray(NOISE[..., :3]).convert(mode)
    if "A" in mode:
        picture.putalpha(Image.fromarray(NOISE[..., 3]))
    picture.save(tmp_path / f"target{suffix}")
    result = round_trip(tmp_path / f"target{suffix}")
    expected = np.asarray(picture.convert("RGBA" if "A" in mode else "RGB"))
    np.testing.assert_array_equal(outside(result.colours), outside(expected[..., :3]))
    if "A" in mode:
        np.testing.assert_array_equal(result.alpha, expected[..., 3])
    else:
        assert result.alpha is None
        np.testing.assert_array_equal(result.pixels[FACE], np.broadcast_to((200, 30, 60), (8, 10, 3)))


@pytest.mark.parametrize("suffix", [".png", ".tif"])
@pytest.mark.parametrize("channels", [3, 4])
def test_sixteen_bits_come_back_exactly_where_nothing_was_swapped(tmp_path, suffix, channels):
    save_deep(tmp_path / f"target{suffix}", DEEP[..., :channels])
    photograph = read_photograph(tmp_path / f"target{suffix}")
    assert photograph.pixels.dtype == np.uint8
    result = round_trip(tmp_path / f"target{suffix}")
    stored = load_deep(tmp_path / f"result{suffix}")
    assert stored.dtype == np.uint16
    np.testing.assert_array_equal(outside(stored)[..., :3], outside(DEEP)[..., :3])
    if channels == 4:
        np.testing.assert_array_equal(stored[..., 3], DEEP[..., 3])
    else:
        np.testing.assert_allclose(result.pixels[FACE], np.broadcast_to((200, 30, 60), (8, 10, 3)), atol=1)


@pytest.mark.parametrize("suffix", [".png", ".tif"])
def test_sixteen_bits_of_grey_stay_grey_only_while_the_result_is(tmp_path, suffix):
    path = tmp_path / f"target{suffix}"
    save_deep(path, DEEP[..., 0])
    photograph = read_photograph(path)
    pixels = photograph.pixels.copy()
    pixels[FACE] = 128
    write_photograph(photograph.with_pixels(pixels), path)
    stored = load_deep(path)
    assert stored.shape == (HEIGHT, WIDTH)
    np.testing.assert_array_equal(outside(stored), outside(DEEP[..., 0]))
    coloured = round_trip(path)
    assert coloured.colours.shape == (HEIGHT, WIDTH, 3)
    np.testing.assert_array_equal(outside(coloured.colours)[..., 1], outside(DEEP[..., 0]))


def test_a_swap_that_changes_nothing_changes_no_sample(tmp_path):
    save_deep(tmp_path / "deep.png", DEEP)
    photograph = read_photograph(tmp_path / "deep.png")
    same = photograph.with_pixels(photograph.pixels)
    np.testing.assert_array_equal(same.colours, photograph.colours)
    np.testing.assert_array_equal(same.alpha, photograph.alpha)


def test_a_translucent_face_looks_as_the_swap_does(tmp_path):
    alpha = np.full((HEIGHT, WIDTH), 128, np.uint8)
    alpha[:, :4] = 0
    Image.fromarray(np.dstack([np.full((HEIGHT, WIDTH, 3), 90, np.uint8), alpha])).save(tmp_path / "ghost.png")
    photograph = read_photograph(tmp_path / "ghost.png")
    pixels = photograph.pixels.copy()
    pixels[FACE] = (190, 160, 170)
    result = photograph.with_pixels(pixels)
    np.testing.assert_allclose(result.pixels, pixels, atol=1)
    np.testing.assert_array_equal(result.alpha, alpha)


def test_a_palette_with_transparency_becomes_colours_with_transparency(tmp_path):
    picture = Image.fromarray(NOISE[..., :3]).quantize(16)
    picture.info["transparency"] = 3
    picture.save(tmp_path / "target.png")
    expected = np.asarray(picture.convert("RGBA"))
    assert len(np.unique(expected[..., 3])) == 2
    result = round_trip(tmp_path / "target.png")
    np.testing.assert_array_equal(result.alpha, expected[..., 3])
    np.testing.assert_array_equal(outside(result.colours), outside(expected[..., :3]))


def test_a_cmyk_jpeg_becomes_rgb(tmp_path):
    Image.new("CMYK", (WIDTH, HEIGHT), (0, 255, 255, 0)).save(tmp_path / "print.jpg")
    np.testing.assert_allclose(round_trip(tmp_path / "print.jpg").pixels[0, 0], (255, 0, 0), atol=4)


@pytest.mark.parametrize("suffix", WRITE_OPTIONS)
def test_every_format_holds_the_photograph_and_its_transparency(tmp_path, suffix):
    colours = np.tile(np.linspace(40, 220, WIDTH, dtype=np.uint8)[:, None], (HEIGHT, 1, 3))
    alpha = np.where(np.arange(WIDTH) < 16, 255, 64).astype(np.uint8) * np.ones((HEIGHT, 1), np.uint8)
    photograph = Photograph(colours, alpha)
    write_photograph(photograph, tmp_path / f"picture{suffix}")
    read = read_photograph(tmp_path / f"picture{suffix}")
    np.testing.assert_allclose(read.pixels[:, :14].astype(int), photograph.pixels[:, :14], atol=8)
    np.testing.assert_allclose(read.pixels[:, 18:].astype(int), photograph.pixels[:, 18:], atol=8)
    if suffix in (".jpg", ".jpeg"):
        assert read.alpha is None
    else:
        np.testing.assert_allclose(read.alpha[:, 18:], alpha[:, 18:], atol=2)


@pytest.mark.parametrize("suffix", WRITE_OPTIONS)
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_every_format_takes_grey_of_one_pixel_with_transparency(tmp_path, suffix, dtype):
    most = np.iinfo(dtype).max
    pixel = Photograph(np.full((1, 1, 1), most // 5, dtype), np.full((1, 1), most, dtype))
    write_photograph(pixel, tmp_path / f"pixel{suffix}")
    np.testing.assert_allclose(read_photograph(tmp_path / f"pixel{suffix}").pixels, [[[51] * 3]], atol=3)


def test_an_array_and_a_pil_image_are_photographs_too():
    np.testing.assert_array_equal(read_photograph(NOISE[..., :3]).pixels, NOISE[..., :3])
    photograph = read_photograph(Image.fromarray(NOISE))
    np.testing.assert_array_equal(photograph.alpha, NOISE[..., 3])


# ---- upright


STORED_BY_ORIENTATION = {  # how a camera stores the upright picture under each orientation
    1: lambda upright: upright,
    2: lambda upright: upright[:, ::-1],
    3: lambda upright: upright[::-1, ::-1],
    4: lambda upright: upright[::-1],
    5: lambda upright: upright.swapaxes(0, 1),
    6: lambda upright: np.rot90(upright),
    7: lambda upright: np.rot90(upright, 2).swapaxes(0, 1),
    8: lambda upright: np.rot90(upright, -1),
}


@pytest.mark.parametrize("orientation", STORED_BY_ORIENTATION)
@pytest.mark.parametrize("suffix", [".png", ".tif"])
@pytest.mark.parametrize("deep", [False, True])
def test_what_lay_on_its_side_is_written_upright(tmp_path, orientation, suffix, deep):
    upright = DEEP[..., :3] if deep else NOISE[..., :3]
    stored = np.ascontiguousarray(STORED_BY_ORIENTATION[orientation](upright))
    exif = Image.Exif()
    exif[Base.Orientation] = orientation
    path = tmp_path / f"phone{suffix}"
    if deep:  # by the encoder under test, whose pixels other tests check, for want of another that writes EXIF
        png = suffix == ".png"
        path.write_bytes(encode_png(stored, {"exif": exif}) if png else encode_tiff(stored, exif, None, None))
    else:
        Image.fromarray(stored).save(path, exif=exif)
    photograph = read_photograph(path)
    np.testing.assert_array_equal(photograph.colours, upright)
    result = round_trip(path)
    np.testing.assert_array_equal(outside(result.colours), outside(upright))
    with Image.open(tmp_path / f"result{suffix}") as written:
        assert written.getexif().get(Base.Orientation, 1) == 1 and written.size == (WIDTH, HEIGHT)


# ---- what else a file says


@cache  # a profile holds the time
def foreign_profile() -> bytes:
    """Return a profile that is not sRGB: its red and green are exchanged."""
    profile = bytearray(ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes())
    red, green = profile.index(b"rXYZ"), profile.index(b"gXYZ")
    profile[red + 4 : red + 12], profile[green + 4 : green + 12] = (
        profile[green + 4 : green + 12],
        profile[red + 4 : red + 12],
    )
    at = profile.index("sRGB".encode("utf-16-be"))
    profile[at : at + 8] = "Swap".encode("utf-16-be")
    return bytes(profile)


def exif_of_a_camera() -> Image.Exif:
    exif = Image.Exif()
    exif[Base.Make], exif[Base.Artist], exif[Base.Orientation] = "Camera & Co", "Émile".encode(), 6
    exif[IFD.Exif] = {int(Base.DateTimeOriginal): "2024:05:06 07:08:09", int(Base.FNumber): 2.8}
    exif[IFD.GPSInfo] = {1: "N", 2: (48.0, 51.0, 24.0)}
    return exif


@pytest.mark.parametrize(
    ("suffix", "deep"), [*((suffix, False) for suffix in WRITE_OPTIONS), (".png", True), (".tif", True)]
)
def test_exif_xmp_profile_and_resolution_survive_a_swap(tmp_path, suffix, deep):
    text = PngImagePlugin.PngInfo()
    text.add_text("Title", "naïve")
    text.add_text("Author", "山田")
    text.add_itxt("XML:com.adobe.xmp", XMP.decode())
    first = tmp_path / "first.png"
    Image.fromarray(NOISE[..., :3]).save(
        first, exif=exif_of_a_camera(), icc_profile=foreign_profile(), dpi=(300, 300), pnginfo=text
    )
    photograph = read_photograph(first)
    if deep:
        photograph = Photograph(np.rot90(DEEP[..., :3], -1), None, photograph.metadata)
    path = tmp_path / f"target{suffix}"
    write_photograph(photograph, path)
    photograph = read_photograph(path)
    write_photograph(photograph.with_pixels(255 - photograph.pixels), path)
    metadata = read_photograph(path).metadata
    with Image.open(path) as written:
        assert written.info["icc_profile"] == foreign_profile()
        exif = written.getexif()
        assert exif[Base.Make] == "Camera & Co" and exif[Base.Artist].encode("latin-1").decode() == "Émile"
        assert exif.get_ifd(IFD.Exif)[Base.DateTimeOriginal] == "2024:05:06 07:08:09"
        assert float(exif.get_ifd(IFD.Exif)[Base.FNumber]) == 2.8
        assert exif.get_ifd(IFD.GPSInfo)[2] == (48.0, 51.0, 24.0)
        assert exif.get(Base.Orientation, 1) == 1
        if suffix in (".png", ".tif", ".tiff", ".jpg", ".jpeg"):
            assert metadata.dpi == pytest.approx((300, 300), abs=0.1)
    assert b"holiday" in metadata.xmp and b"Orientation" not in metadata.xmp
    if suffix == ".png":
        assert metadata.text == {"Title": "naïve", "Author": "山田"}


def test_the_thumbnail_of_the_face_that_was_there_does_not_survive(tmp_path):
    thumbnail = io.BytesIO()
    Image.fromarray(NOISE[..., :3]).save(thumbnail, "JPEG")
    exif = Image.Exif()
    exif[Base.Make] = "Camera"
    data = bytearray(exif.tobytes())
    behind = len(data) - 6  # where the first directory ends, counted from the TIFF header
    data[6 + 8 + 2 + 12 : 6 + 8 + 2 + 12 + 4] = behind.to_bytes(4, "big")
    entries = [(0x0201, 4, behind + 2 + 24 + 4), (0x0202, 4, len(thumbnail.getvalue()))]
    data += len(entries).to_bytes(2, "big")
    for tag, kind, value in entries:
        data += tag.to_bytes(2, "big") + kind.to_bytes(2, "big") + (1).to_bytes(4, "big")
        data += value.to_bytes(4, "big")
    data += bytes(4) + thumbnail.getvalue()
    path = tmp_path / "phone.jpg"
    Image.fromarray(NOISE[..., :3]).save(path, exif=bytes(data))
    with Image.open(path) as before:
        assert before.getexif().get_ifd(IFD.IFD1)
    round_trip(path)
    with Image.open(tmp_path / "result.jpg") as after:
        assert after.getexif()[Base.Make] == "Camera" and not after.getexif().get_ifd(IFD.IFD1)
    assert thumbnail.getvalue()[:200] not in (tmp_path / "result.jpg").read_bytes()


def test_a_comment_survives(tmp_path):
    Image.fromarray(NOISE[..., :3]).save(tmp_path / "target.jpg", comment="très joli")
    assert round_trip(tmp_path / "target.jpg").metadata.text == {"Comment": "très joli"}


CAPTION = (
    b"\x1c\x02\x00\x00\x02\x00\x04" + b"\x1c\x02\x78\x00\x07Caption" + b"\x1c\x02\x50\x00\x05Berta"
)  # of odd length


def photoshop_segment(*resources: tuple[int, bytes]) -> bytes:
    """Return a JPEG's segment as Photoshop writes it."""
    content = b"Photoshop 3.0\0"
    for number, data in resources:
        content += b"8BIM" + number.to_bytes(2, "big") + b"\0\0" + len(data).to_bytes(4, "big")
        content += data + bytes(len(data) % 2)
    return b"\xff\xed" + (len(content) + 2).to_bytes(2, "big") + content


@pytest.mark.parametrize("suffix", [".jpg", ".tif"])
def test_iptc_survives_and_photoshop_s_thumbnail_does_not(tmp_path, suffix):
    segment = photoshop_segment((0x040C, b"thumbnail of the old face"), (0x0404, CAPTION), (0x03F3, b"\0"))
    Image.fromarray(NOISE[..., :3]).save(tmp_path / "agency.jpg", extra=segment, comment="too")
    round_trip(tmp_path / "agency.jpg", suffix)
    with Image.open(tmp_path / f"result{suffix}") as written:
        assert written.size == (WIDTH, HEIGHT)
        assert IptcImagePlugin.getiptcinfo(written) == {(2, 0): b"\0\4", (2, 120): b"Caption", (2, 80): b"Berta"}
    assert b"old face" not in (tmp_path / f"result{suffix}").read_bytes()
    (tmp_path / f"result{suffix}").rename(tmp_path / f"again{suffix}")
    assert round_trip(tmp_path / f"again{suffix}", ".jpg").metadata.iptc == CAPTION


def test_iptc_that_a_tiff_calls_numbers_survives(tmp_path):
    iptc = CAPTION.ljust(-(-len(CAPTION) // 4) * 4, b"\0")
    scan = encode_tiff(NOISE[..., :3], {33723: iptc}, None, None)
    said = struct.pack("<HHI", 33723, 7, len(iptc))
    assert scan.count(said) == 1
    (tmp_path / "scan.tif").write_bytes(scan.replace(said, struct.pack("<HHI", 33723, 4, len(iptc) // 4)))
    assert round_trip(tmp_path / "scan.tif", ".jpg").metadata.iptc == iptc


def test_iptc_longer_than_a_segment_is_left_out_of_a_jpeg(tmp_path):
    photograph = Photograph(NOISE[..., :3], None, Metadata(iptc=bytes(70_000)))
    write_photograph(photograph, tmp_path / "long.jpg")
    assert read_photograph(tmp_path / "long.jpg").metadata.iptc == b""
    write_photograph(photograph, tmp_path / "long.tif")
    assert read_photograph(tmp_path / "long.tif").metadata.iptc == bytes(70_000)


@pytest.mark.filterwarnings("ignore:Corrupt EXIF data")
def test_damaged_metadata_do_not_spoil_a_photograph(tmp_path):
    Image.fromarray(NOISE[..., :3]).save(
        tmp_path / "odd.jpg", exif=b"Exif\0\0II*\0\x08\0\0\0\x05\0", icc_profile=b"no profile", xmp=b"\xff\xfe"
    )
    result = round_trip(tmp_path / "odd.jpg")
    assert (result.metadata.exif, result.metadata.xmp) == (b"", b"\xff\xfe")


def test_networks_see_srgb_and_the_file_keeps_its_own_colours(tmp_path):
    red = np.zeros((HEIGHT, WIDTH, 3), np.uint8)
    red[..., 0] = 255
    Image.fromarray(red).save(tmp_path / "target.png", icc_profile=foreign_profile())
    photograph = read_photograph(tmp_path / "target.png")
    np.testing.assert_allclose(photograph.pixels[0, 0], (0, 255, 0), atol=1)  # red and green are exchanged in it
    np.testing.assert_array_equal(read_image(tmp_path / "target.png"), photograph.pixels)  # of a source
    result = round_trip(tmp_path / "target.png")
    np.testing.assert_allclose(result.pixels[FACE], np.broadcast_to((200, 30, 60), (8, 10, 3)), atol=3)
    np.testing.assert_allclose(result.colours[FACE], np.broadcast_to((30, 200, 60), (8, 10, 3)), atol=3)
    np.testing.assert_array_equal(outside(result.colours), outside(red))


def test_a_profile_of_grey_goes_when_colours_come(tmp_path):
    grey = grey_profile()
    Image.fromarray(NOISE[..., 0]).save(tmp_path / "grey.png", icc_profile=grey)
    photograph = read_photograph(tmp_path / "grey.png")
    lighter = np.minimum(photograph.pixels, 250) + np.uint8(5)
    assert photograph.with_pixels(lighter).metadata.profile == grey
    assert swapped(photograph).metadata.profile is None
    np.testing.assert_array_equal(outside(swapped(photograph).pixels), outside(photograph.pixels))


def grey_profile() -> bytes:
    """Return a smallest profile of grey, gamma 1.8."""
    curve = b"curv" + bytes(4) + (1).to_bytes(4, "big") + bytes([1, 0xCD]) + bytes(2)
    white = b"XYZ " + bytes(4) + bytes.fromhex("0000f6d6000100000000d32d")
    text = "grey".encode("utf-16-be")
    name = b"mluc" + bytes(4) + (1).to_bytes(4, "big") + (12).to_bytes(4, "big") + b"enUS"
    name += len(text).to_bytes(4, "big") + (28).to_bytes(4, "big") + text
    parts, table, at = [(b"kTRC", curve), (b"wtpt", white), (b"desc", name)], b"", 128 + 4 + 36
    for tag, data in parts:
        table += tag + at.to_bytes(4, "big") + len(data).to_bytes(4, "big")
        at += len(data)
    header = at.to_bytes(4, "big") + bytes(4) + bytes.fromhex("04300000") + b"mntrGRAYXYZ " + bytes(12) + b"acsp"
    header += bytes(28) + bytes.fromhex("0000f6d6000100000000d32d")
    return header.ljust(128, b"\0") + (3).to_bytes(4, "big") + table + b"".join(data for _, data in parts)


# ---- bad files and places


@pytest.mark.parametrize("suffix", [".png", ".tif"])
def test_a_truncated_file_of_sixteen_bits_is_refused(tmp_path, suffix):
    path = tmp_path / f"cut{suffix}"
    save_deep(path, DEEP[..., :3])
    path.write_bytes(path.read_bytes()[: -HEIGHT * WIDTH])
    with pytest.raises(UnreadableImageError, match=r"is damaged|is not a picture"):
        read_photograph(path)


def test_empty_missing_and_huge_files_are_refused(tmp_path, bomb):
    (tmp_path / "empty.png").touch()
    with pytest.raises(UnreadableImageError, match="is empty"):
        read_photograph(tmp_path / "empty.png")
    with pytest.raises(InaccessibleImageError, match="No such file"):
        read_photograph(tmp_path / "missing.png")
    with pytest.raises(ImageTooLargeError, match="scale it down"):
        read_photograph(bomb(20000, 20000))


@pytest.mark.parametrize("name", ["a b.png", 'it\'s "quoted".png', "写真.png", "ÄÖÜ é.png", "-rf.png", "%s\n.png"])
def test_names_may_be_anything(tmp_path, name):
    write_image(NOISE[..., :3], tmp_path / name)
    write_photograph(swapped(read_photograph(tmp_path / name)), tmp_path / f"out {name}")
    assert {path.name for path in tmp_path.iterdir()} == {name, f"out {name}"}


def test_the_content_counts_not_the_extension(tmp_path):
    Image.fromarray(NOISE[..., :3]).save(tmp_path / "really.tiff")
    os.rename(tmp_path / "really.tiff", tmp_path / "target.jpg")
    np.testing.assert_array_equal(read_photograph(tmp_path / "target.jpg").colours, NOISE[..., :3])
    round_trip(tmp_path / "target.jpg")
    assert Image.open(tmp_path / "result.jpg").format == "JPEG"


@pytest.mark.fault
@pytest.mark.parametrize("suffix", [".png", ".tif"])
def test_a_full_disk_leaves_the_former_file_alone(tmp_path, suffix):
    path = tmp_path / f"result{suffix}"
    path.write_bytes(b"precious")
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1024, hard))
    try:
        with pytest.raises(UnwritableOutputError):
            write_photograph(Photograph(DEEP[..., :3]), path)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert path.read_bytes() == b"precious" and list(tmp_path.iterdir()) == [path]


def test_heic_without_its_library_is_told_what_to_install(tmp_path, monkeypatch):
    write_image(NOISE[..., :3], tmp_path / "phone.heic")
    np.testing.assert_allclose(read_image(tmp_path / "phone.heic").shape, (HEIGHT, WIDTH, 3))
    monkeypatch.setattr(images, "heic_is_at_hand", lambda: False)
    with pytest.raises(UnreadableImageError, match=r"is a HEIC picture; install `faceshifter-hub\[heif\]`"):
        read_photograph(tmp_path / "phone.heic")
    with pytest.raises(UnwritableOutputError, match=r"install `faceshifter-hub\[heif\]`"):
        write_image(NOISE[..., :3], tmp_path / "result.heic")
