"""Animations in and out: every frame with its time, how often they are shown, what is transparent."""

import io

import numpy as np
import pytest
from PIL import Image

from faceshifter_hub.errors import ImageTooLargeError, UnreadableImageError, UnwritableOutputError
from faceshifter_hub.media.animations import (
    ANIMATION_SUFFIXES,
    Frame,
    check_animation_output,
    count_frames,
    is_animation,
    read_frames,
    read_loop,
    write_animation,
)
from faceshifter_hub.media.photographs import Photograph

COLOURS = [(250, 0, 0), (0, 240, 0), (0, 0, 230)]
TIMES = [40, 250, 100]
LOSSLESS = (".gif", ".png")


def frames(alpha: np.ndarray | None = None) -> list[Frame]:
    pictures = [np.broadcast_to(np.uint8(colour), (12, 16, 3)).copy() for colour in COLOURS]
    return [Frame(Photograph(picture, alpha), time) for picture, time in zip(pictures, TIMES, strict=True)]


@pytest.mark.parametrize("suffix", ANIMATION_SUFFIXES)
@pytest.mark.parametrize("loop", [0, 3])
def test_frames_times_and_loops_come_back(tmp_path, suffix, loop):
    path = tmp_path / f"clip{suffix}"
    write_animation(frames(), path, loop)
    assert is_animation(path) and count_frames(path) == 3
    read = list(read_frames(path))
    assert [frame.milliseconds for frame in read] == TIMES
    for frame, colour in zip(read, COLOURS, strict=True):
        expected = np.broadcast_to(colour, (12, 16, 3))
        np.testing.assert_allclose(frame.photograph.pixels, expected, atol=0 if suffix in LOSSLESS else 9)
    if suffix != ".avif":  # which has no place for it
        assert read_loop(path) == loop


def test_a_gif_that_is_shown_once_stays_so(tmp_path):
    write_animation(frames(), tmp_path / "once.gif", None)
    assert read_loop(tmp_path / "once.gif") is None


@pytest.mark.parametrize("suffix", ANIMATION_SUFFIXES)
def test_what_is_transparent_stays_transparent(tmp_path, suffix):
    alpha = np.full((12, 16), 255, np.uint8)
    alpha[:6, :8] = 0  # a corner: of a whole side, libwebp makes frames that are narrower and opaque
    path = tmp_path / f"sticker{suffix}"
    write_animation(frames(alpha), path)
    for frame, colour in zip(read_frames(path), COLOURS, strict=True):
        np.testing.assert_allclose(frame.photograph.alpha, alpha, atol=2 if suffix == ".avif" else 0)
        np.testing.assert_allclose(frame.photograph.pixels[:, 9:], np.broadcast_to(colour, (12, 7, 3)), atol=30)
        assert frame.photograph.pixels[:5, :7].min() > 225


def test_a_frame_that_is_stored_in_part_is_read_whole(tmp_path):
    still = Image.new("RGB", (16, 12), "white")
    moved = still.copy()
    moved.paste((0, 0, 0), (4, 4, 6, 6))
    still.save(tmp_path / "blink.gif", save_all=True, append_images=[moved], duration=50)
    _, second = read_frames(tmp_path / "blink.gif")
    np.testing.assert_array_equal(second.photograph.pixels, np.asarray(moved))


def test_the_still_of_a_png_that_moves_is_no_frame(tmp_path):
    hidden, *shown = [Image.new("RGB", (4, 4), colour) for colour in COLOURS]
    hidden.save(tmp_path / "a.png", save_all=True, append_images=shown, default_image=True, duration=50)
    read = list(read_frames(tmp_path / "a.png"))
    assert [tuple(frame.photograph.pixels[0, 0]) for frame in read] == COLOURS[1:]


def test_a_still_picture_and_pages_are_no_animation(tmp_path):
    page = Image.new("RGB", (4, 4))
    page.save(tmp_path / "still.webp")
    page.save(tmp_path / "pages.tif", save_all=True, append_images=[Image.new("RGB", (4, 4), "red")])
    assert not is_animation(tmp_path / "still.webp") and not is_animation(tmp_path / "pages.tif")


def test_too_many_frames_or_pixels_are_refused(tmp_path, limit):
    write_animation(frames(), tmp_path / "clip.gif")
    limit(max_animation_frames=2)
    with pytest.raises(ImageTooLargeError, match="3 frames, more than the 2"):
        next(read_frames(tmp_path / "clip.gif"))
    limit(max_animation_frames=3, max_animation_pixels=3 * 12 * 16 - 1)
    with pytest.raises(ImageTooLargeError, match="3 frames of 16 x 12 pixels"):
        next(read_frames(tmp_path / "clip.gif"))


@pytest.mark.parametrize("suffix", [".gif", ".webp"])
def test_a_truncated_animation_is_refused(tmp_path, suffix):
    noise = np.random.default_rng(0).integers(0, 256, (3, 40, 40, 3), np.uint8)
    stream = io.BytesIO()
    first, *others = [Image.fromarray(picture) for picture in noise]
    first.save(stream, suffix[1:], save_all=True, append_images=others)
    (tmp_path / f"cut{suffix}").write_bytes(stream.getvalue()[: len(stream.getvalue()) // 2])
    with pytest.raises(UnreadableImageError, match=r"is damaged|is not a picture"):
        list(read_frames(tmp_path / f"cut{suffix}"))


def test_places_that_cannot_be_written_are_refused(tmp_path):
    with pytest.raises(UnwritableOutputError, match="which can move"):
        check_animation_output(tmp_path / "clip.jpg")
    with pytest.raises(UnwritableOutputError, match="There is no folder"):
        write_animation(frames(), tmp_path / "nowhere" / "clip.gif")
    assert not list(tmp_path.iterdir())
