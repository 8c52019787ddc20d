"""Pictures of every sort read as photographs, what is none refused, results written whole or not at all."""

import io
import re
import resource
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image

from faceshifter_hub.errors import (
    ImageTooLargeError,
    InaccessibleImageError,
    MediaError,
    UnreadableImageError,
    UnwritableOutputError,
)
from faceshifter_hub.media.images import READ_FORMATS, WRITE_OPTIONS, check_output, read_image, write_image

RNG = np.random.default_rng(0)
NOISE = RNG.integers(0, 256, (6, 8, 3), np.uint8)
RED = (255, 0, 0)


def refused(error: type[MediaError], action, *arguments) -> str:
    """Check that an action is refused in one sentence: what is wrong; what to do."""
    with pytest.raises(error) as refusal:
        action(*arguments)
    message = str(refusal.value)
    assert re.fullmatch(r"[^\n]+; [^\n]+\.", message), message
    return message


def encoded(image: Image.Image, file_format: str, **options) -> bytes:
    stream = io.BytesIO()
    image.save(stream, file_format, **options)
    return stream.getvalue()


# ---- every sort of picture


@pytest.mark.parametrize("file_format", READ_FORMATS)
@pytest.mark.parametrize("size", [(1, 1), (7, 5)])
def test_every_admitted_format_reads_as_rgb(tmp_path, file_format, size):
    path = tmp_path / "picture.jpg"  # the content counts, not the name
    path.write_bytes(encoded(Image.new("RGB", size, (200, 30, 60)), file_format))
    image = read_image(path)
    assert image.shape == (*size[::-1], 3) and image.dtype == np.uint8
    np.testing.assert_allclose(image[0, 0], (200, 30, 60), atol=5)


def transparent_gif() -> Image.Image:
    image = Image.new("P", (2, 1))
    image.putpalette([255, 0, 0, 0, 255, 0])
    image.putpixel((1, 0), 1)
    image.info["transparency"] = 1
    return image


@pytest.mark.parametrize(
    ("image", "suffix", "pixels"),
    [
        pytest.param(Image.new("CMYK", (2, 1), (0, 255, 255, 0)), "tif", [RED, RED], id="CMYK"),
        pytest.param(Image.new("CMYK", (2, 1), (0, 255, 255, 0)), "jpg", [RED, RED], id="CMYK JPEG"),
        pytest.param(Image.new("L", (2, 1), 77), "png", [(77, 77, 77)] * 2, id="grey"),
        pytest.param(Image.new("1", (2, 1), 1), "png", [(255, 255, 255)] * 2, id="black and white"),
        pytest.param(Image.new("RGB", (2, 1), "red").quantize(2), "png", [RED, RED], id="palette"),
        pytest.param(transparent_gif(), "png", [RED, (255, 255, 255)], id="transparent palette"),
        pytest.param(transparent_gif(), "gif", [RED, (255, 255, 255)], id="transparent GIF"),
        pytest.param(Image.new("RGBA", (2, 1), (255, 0, 0, 0)), "png", [(255, 255, 255)] * 2, id="transparent"),
        pytest.param(Image.new("RGBA", (2, 1), (255, 0, 0, 51)), "png", [(255, 204, 204)] * 2, id="translucent"),
        pytest.param(Image.new("LA", (2, 1), (0, 51)), "png", [(204, 204, 204)] * 2, id="translucent grey"),
        pytest.param(
            Image.fromarray(np.array([[254 * 257 + 128, 65535]], np.uint16)),
            "png",
            [(254,) * 3, (255,) * 3],
            id="16-bit grey",
        ),
        pytest.param(
            Image.fromarray(np.array([[-5, 10**6]], np.int32)), "tif", [(0, 0, 0), (255, 255, 255)], id="32-bit grey"
        ),
    ],
)
def test_every_pixel_format_becomes_eight_bit_rgb_on_white(tmp_path, image, suffix, pixels):
    path = tmp_path / f"picture.{suffix}"
    image.save(path)
    for source in (path, Image.open(path)):
        np.testing.assert_allclose(read_image(source), [pixels], atol=2 if suffix == "jpg" else 0)


def test_sixteen_bit_colour_keeps_its_high_byte(tmp_path):
    cv2.imwrite(str(tmp_path / "deep.png"), NOISE[..., ::-1].astype(np.uint16) * 257)
    np.testing.assert_array_equal(read_image(tmp_path / "deep.png"), NOISE)


STORED_BY_ORIENTATION = {  # how a camera stores the upright picture under each orientation
    1: NOISE,
    2: NOISE[:, ::-1],
    3: NOISE[::-1, ::-1],
    4: NOISE[::-1],
    5: NOISE.swapaxes(0, 1),
    6: np.rot90(NOISE),
    7: np.rot90(NOISE, 2).swapaxes(0, 1),
    8: np.rot90(NOISE, -1),
}


@pytest.mark.parametrize(("orientation", "stored"), STORED_BY_ORIENTATION.items())
def test_exif_orientation_is_turned_upright(tmp_path, orientation, stored):
    exif = Image.Exif()
    exif[0x0112] = orientation
    Image.fromarray(np.ascontiguousarray(stored)).save(tmp_path / "phone.png", exif=exif)
    np.testing.assert_array_equal(read_image(tmp_path / "phone.png"), NOISE)
    with Image.open(tmp_path / "phone.png") as picture:
        np.testing.assert_array_equal(read_image(picture), NOISE)


@pytest.mark.filterwarnings("ignore:Corrupt EXIF data")
@pytest.mark.parametrize("exif", [b"Exif\0\0garbage", b"Exif\0\0II*\0\x08\0\0\0\x05\0"])
def test_damaged_exif_does_not_spoil_a_picture(tmp_path, exif):
    Image.fromarray(NOISE).save(tmp_path / "edited.jpg", exif=exif)
    assert read_image(tmp_path / "edited.jpg").shape == NOISE.shape


@pytest.mark.parametrize("file_format", ["GIF", "WEBP", "PNG", "TIFF"])
def test_an_animation_gives_its_first_frame(tmp_path, file_format):
    frames = [Image.new("RGB", (4, 4), colour) for colour in ("red", "blue", "lime")]
    path = tmp_path / "animation"
    path.write_bytes(encoded(frames[0], file_format, save_all=True, append_images=frames[1:]))
    assert Image.open(path).n_frames == 3
    np.testing.assert_allclose(read_image(path), np.broadcast_to(np.uint8(RED), (4, 4, 3)), atol=2)


def test_a_path_a_string_a_pil_image_and_an_array_are_the_same_picture(tmp_path):
    path = tmp_path / "picture.png"
    Image.fromarray(NOISE).save(path)
    for source in (path, str(path), Image.open(path), Image.fromarray(NOISE), NOISE):
        np.testing.assert_array_equal(read_image(source), NOISE)


# ---- what is no picture


def flip_a_byte_of_pixels(data: bytes) -> bytes:
    middle = data.index(b"IDAT") + 20
    return data[:middle] + bytes([data[middle] ^ 255]) + data[middle + 1 :]


PNG, JPEG = (encoded(Image.fromarray(NOISE), name) for name in ("PNG", "JPEG"))


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        pytest.param(b"", "is empty", id="zero bytes"),
        pytest.param(b"Dear all, the photo is attached.", "is not a picture", id="text"),
        pytest.param(bytes(1000), "is not a picture", id="zeros"),
        pytest.param(JPEG[:3], "is not a picture", id="three bytes"),
        pytest.param(JPEG[:-20], "is damaged", id="truncated JPEG"),
        pytest.param(PNG[:-30], "is damaged", id="truncated PNG"),
        pytest.param(flip_a_byte_of_pixels(PNG), "is damaged", id="flipped bits"),
        pytest.param(encoded(Image.fromarray(NOISE), "EPS"), "is not a picture", id="PostScript, which is a program"),
        pytest.param(encoded(Image.new("F", (2, 2)), "TIFF"), "has floating-point pixels", id="floating-point pixels"),
    ],
)
def test_what_is_no_picture_is_refused(tmp_path, content, reason):
    path = tmp_path / "portrait.jpg"
    path.write_bytes(content)
    assert refused(UnreadableImageError, read_image, path).startswith(f"'{path}' {reason}")


def test_a_folder_and_a_missing_file_are_refused(tmp_path):
    assert "is no file" in refused(UnreadableImageError, read_image, tmp_path)
    assert "No such file" in refused(InaccessibleImageError, read_image, tmp_path / "nobody.jpg")
    assert "cannot be read" in refused(InaccessibleImageError, read_image, tmp_path / ("x" * 300))
    assert "cannot be read" in refused(InaccessibleImageError, read_image, "nul\0.png")


def test_a_damaged_pil_image_is_refused():
    assert refused(UnreadableImageError, read_image, Image.open(io.BytesIO(JPEG[:-20]))).startswith("The picture")


@pytest.mark.parametrize(
    "array",
    [
        NOISE.astype(np.float32) / 255,
        NOISE.astype(np.int64),
        NOISE[..., 0],
        NOISE[..., :1],
        np.concatenate([NOISE, NOISE[..., :1]], 2),
        NOISE[None],
        NOISE[:0],
        NOISE[:, :0],
    ],
    ids=lambda array: f"{array.shape} {array.dtype}",
)
def test_an_array_that_is_no_photograph_is_refused_with_its_shape_and_type(array):
    assert f"{array.shape} {array.dtype}" in refused(UnreadableImageError, read_image, array)


# ---- what is too large


@pytest.mark.parametrize("side", [8000, 20000])  # beyond our limit; beyond the one at which Pillow itself gives up
def test_a_huge_picture_is_refused_by_its_header(bomb, side):
    path = bomb(side, side)
    message = refused(ImageTooLargeError, read_image, path)
    assert str(path) in message and "scale it down" in message
    assert "is damaged" in refused(UnreadableImageError, read_image, bomb(2, 2))  # where pixels are decoded


def test_a_picture_within_our_limit_but_beyond_pillows_is_not_told_a_limit_it_keeps(bomb, limit):
    limit(max_image_pixels=10**9)
    assert "1,000,000,000" not in refused(ImageTooLargeError, read_image, bomb(20000, 20000))


def test_the_limits_are_those_of_the_settings(tmp_path, limit):
    path = tmp_path / "picture.png"
    Image.fromarray(NOISE).save(path)
    limit(max_image_pixels=48, max_image_bytes=path.stat().st_size)
    for source in (path, Image.fromarray(NOISE), NOISE):
        read_image(source)
    limit(max_image_pixels=47)
    for source in (path, Image.fromarray(NOISE), NOISE):
        assert "8 x 6 pixels, more than the 47" in refused(ImageTooLargeError, read_image, source)
    limit(max_image_bytes=path.stat().st_size - 1)
    assert "bytes, more than the" in refused(ImageTooLargeError, read_image, path)


# ---- writing


@pytest.mark.parametrize("suffix", [*WRITE_OPTIONS, ".PNG"])
def test_what_is_written_can_be_read_again(tmp_path, suffix):
    smooth = np.tile(np.linspace(0, 255, 64, dtype=np.uint8)[:, None, None], (1, 48, 3))
    path = tmp_path / f"result{suffix}"
    for image in (255 - smooth, smooth):  # the second replaces the first
        write_image(image, str(path))
    assert list(tmp_path.iterdir()) == [path]
    lossless = suffix.lower() == ".png"
    np.testing.assert_allclose(read_image(path), smooth, atol=0 if lossless else 6)


def test_places_that_cannot_be_written_are_refused_before_and_after_the_work(tmp_path):
    (tmp_path / "folder.png").mkdir()
    (tmp_path / "file").write_text("")
    for name, reason in {
        "result.gif": "does not end in",
        "result": "does not end in",
        "missing/result.png": "There is no folder",
        "file/result.png": "There is no folder",
        "folder.png": "cannot be written",
        "x" * 300 + ".png": "cannot be written",
    }.items():
        assert reason in refused(UnwritableOutputError, write_image, NOISE, tmp_path / name)
        if "x" not in name:  # how long a name may be, the file system tells when it is used
            assert reason in refused(UnwritableOutputError, check_output, tmp_path / name)
    assert {path.name for path in tmp_path.iterdir()} == {"folder.png", "file"}


@pytest.mark.fault
def test_a_read_only_folder_is_refused(nobody):
    assert "cannot be written" in refused(UnwritableOutputError, check_output, Path("/usr/result.png"))


@pytest.mark.parametrize(("width", "name"), [(65501, "wide.jpg"), (16384, "wide.webp")])
def test_a_picture_too_wide_for_its_format_is_refused_and_leaves_nothing(tmp_path, width, name):
    picture = np.zeros((1, width, 3), np.uint8)
    assert "another place or format" in refused(UnwritableOutputError, write_image, picture, tmp_path / name)
    assert not list(tmp_path.iterdir())
    write_image(picture, tmp_path / "wide.png")


@pytest.mark.fault
@pytest.mark.parametrize("suffix", WRITE_OPTIONS)
def test_a_write_that_breaks_off_leaves_the_former_file_alone(tmp_path, suffix):
    path = tmp_path / f"result{suffix}"
    write_image(NOISE, path)
    before = path.read_bytes()
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1024, hard))  # as if the disk were full
    try:
        message = refused(UnwritableOutputError, write_image, RNG.integers(0, 256, (99, 99, 3), np.uint8), path)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert str(path) in message
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]
