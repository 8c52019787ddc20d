"""Files decoded in a process of their own: the same comes out, and whatever happens there is a sentence here."""

import os
import signal
import subprocess
import sys
import time
from contextlib import closing
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from made_videos import REPEATABLE_SIZE, make_video, read_packets
from PIL import Image, PngImagePlugin
from square_swapper import SquareSwapper

from faceshifter_hub.errors import (
    InaccessibleImageError,
    UnreadableImageError,
    UnreadableVideoError,
    UnwritableOutputError,
)
from faceshifter_hub.jobs.video import swap_video
from faceshifter_hub.media import animations, apart, images, photographs, video
from faceshifter_hub.media.wire import NONSENSE, pack, unpack


@pytest.fixture(autouse=True)
def processes_end():
    """Processes of one test, with its settings, do not serve the next."""
    yield
    apart._end_all()


@pytest.fixture
def decoded_apart(limit):
    """Decode apart from now on; returns the ids of processes that wait for the next file."""
    limit(decode_apart=1)
    return lambda: [process._process.pid for process in apart._idle]


@pytest.fixture
def photo(tmp_path):
    """A PNG with transparency, text and a profile's worth of bytes."""
    text = PngImagePlugin.PngInfo()
    text.add_text("Comment", "ein Gruß")
    path = tmp_path / "ein Foto's.png"
    pixels = np.random.default_rng(0).integers(0, 256, (41, 30, 4), np.uint8)
    Image.fromarray(pixels).save(path, pnginfo=text, dpi=(72, 72))
    return path


def same(a, b) -> bool:
    """Compare photographs, frames and arrays by all they hold."""
    return pack(a, x := []) == pack(b, y := []) and [bytes(v) for v in x] == [bytes(v) for v in y]


def test_what_comes_out_is_the_same(photo, tmp_path, limit):
    deep, moving = tmp_path / "deep.png", tmp_path / "moving.gif"
    grey = np.arange(600, dtype=np.uint16).reshape(20, 30) * 100
    Image.fromarray(grey).save(deep)
    loop = [Image.new("RGB", (9, 7), (40 * n, 10, 200)) for n in range(3)]
    loop[0].save(moving, save_all=True, append_images=loop[1:], duration=70, loop=0)
    film = make_video(tmp_path / "film.mp4", 12, sound="aac", rotation=(90, False))
    info = video.read_video_info(film)

    def read_all():
        return [
            *(images.read_image(path) for path in (photo, str(deep), moving)),
            images.read_rgba(photo),
            *(photographs.read_photograph(path) for path in (photo, deep)),
            [animations.is_animation(moving), animations.count_frames(moving), animations.read_loop(moving)],
            *animations.read_frames(moving),
            video.read_video_info(film),
            list(video.read_frame_times(film)),
            *video.read_frames(film, info, first=info.start + 3),
        ]

    here = read_all()
    limit(decode_apart=1)
    there = read_all()
    assert len(apart._idle) == 1
    assert all(same(a, b) for a, b in zip(here, there, strict=True))


def test_errors_come_as_they_are(tmp_path, decoded_apart):
    (tmp_path / "text.png").write_text("no picture")
    with pytest.raises(UnreadableImageError, match=r"'.*text.png' is not a picture"):
        images.read_image(tmp_path / "text.png")
    with pytest.raises(InaccessibleImageError, match="check the name"):
        photographs.read_photograph(tmp_path / "none.png")
    with pytest.raises(UnreadableVideoError, match="holds no frame"):
        video.read_video_info(tmp_path / "text.png")
    assert len(decoded_apart()) == 1  # it answered, so it serves on


def test_names_are_relative_to_where_one_is(photo, decoded_apart, monkeypatch):
    images.read_image(photo)
    monkeypatch.chdir(photo.parent)
    assert len(images.read_image(photo.name)) == 41
    assert len(decoded_apart()) == 1


def test_what_is_no_file_stays_here(decoded_apart):
    pixels = np.zeros((4, 5, 3), np.uint8)
    assert images.read_image(pixels) is pixels
    assert not decoded_apart()


def test_a_video_is_swapped_as_it_would_be_here(tmp_path, limit):
    film = make_video(tmp_path / "film.mkv", 70, size=REPEATABLE_SIZE, sound="aac", subtitles=True)
    swap_video(SquareSwapper(), film, tmp_path / "here.mkv")
    limit(decode_apart=1)
    report = swap_video(SquareSwapper(), film, tmp_path / "there.mkv")
    assert report.swapped == 70 and apart._idle
    for kind in ("video", "audio", "subtitle"):
        assert read_packets(tmp_path / "there.mkv", kind) == read_packets(tmp_path / "here.mkv", kind)
    with pytest.raises(UnwritableOutputError, match=r"choose a name in \.mkv"):
        swap_video(SquareSwapper(), make_video(tmp_path / "flac.mkv", 9, sound="pcm_s16le"), tmp_path / "o.mp4")


@pytest.mark.fault
def test_a_decoder_that_dies_is_one_sentence(tmp_path, photo, decoded_apart):
    film = make_video(tmp_path / "film.mp4", 200, size=(240, 320))
    info = video.read_video_info(film)
    (pid,) = decoded_apart()
    frames = video.read_frames(film, info)
    next(frames)
    assert not decoded_apart()  # it is at work
    os.kill(pid, signal.SIGSEGV)
    with pytest.raises(UnreadableVideoError, match=r"'.*film.mp4' cannot be decoded: its decoder crashed; use"):
        list(frames)
    assert len(images.read_image(photo)) == 41
    assert decoded_apart() != [pid]


@pytest.mark.fault
def test_an_idle_decoder_that_died_is_replaced(photo, decoded_apart):
    images.read_image(photo)
    (pid,) = decoded_apart()
    os.kill(pid, signal.SIGKILL)
    while apart._idle[0].lives():
        time.sleep(0.01)
    assert len(images.read_image(photo)) == 41


def test_frames_that_nobody_wants_are_not_decoded(tmp_path, decoded_apart):
    film = make_video(tmp_path / "film.mp4", 200, size=(240, 320))
    info = video.read_video_info(film)
    before = decoded_apart()
    with closing(video.read_frames(film, info)) as frames:
        next(frames)
    assert decoded_apart() == before  # asked to stop, it serves the next
    assert len(list(video.read_frames(film, info))) == 200


def test_memory_is_bounded(tmp_path, photo, decoded_apart, limit):
    limit(decoder_memory=700_000_000)
    large = tmp_path / "large.png"
    Image.new("RGB", (7000, 7000)).save(large)
    with pytest.raises(UnreadableImageError, match="needs more than the 700,000,000 bytes of memory it may have"):
        photographs.read_photograph(large)
    assert len(images.read_image(photo)) == 41


def test_time_is_bounded(tmp_path, photo, decoded_apart, limit):
    images.read_image(photo)
    limit(decoder_seconds=0.05)
    large = tmp_path / "large.png"
    Image.new("RGB", (7000, 7000)).save(large)
    with pytest.raises(UnreadableImageError, match=r"took longer than 0.05 seconds; use another copy"):
        images.read_image(large)
    assert not decoded_apart()


def test_it_is_told_no_secrets(photo, decoded_apart, monkeypatch):
    monkeypatch.setenv("HF_TOKEN", "hf_secret")
    images.read_image(photo)
    (pid,) = decoded_apart()
    environment = Path(f"/proc/{pid}/environ").read_bytes()
    assert b"FACESHIFTER_DECODE_APART=1" in environment
    assert b"HF_TOKEN" not in environment


READ_AND_DIE = """
import os, sys
from faceshifter_hub.media import apart, images
images.read_image(sys.argv[1])
print(apart._idle[0]._process.pid, flush=True)
os.kill(os.getpid(), 9)
"""


@pytest.mark.fault
def test_it_ends_with_whom_it_serves(photo):
    environment = os.environ | {"FACESHIFTER_DECODE_APART": "1"}
    command = [sys.executable, "-c", READ_AND_DIE, photo]
    pid = int(subprocess.run(command, env=environment, stdout=subprocess.PIPE, check=False).stdout)
    deadline = time.monotonic() + 10
    while Path(f"/proc/{pid}/stat").exists() and "Z" not in Path(f"/proc/{pid}/stat").read_text().split():
        assert time.monotonic() < deadline
        time.sleep(0.02)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=9),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(["bytes", "array", "tuple", "mapping", "fraction", "path", "file", "of", "other"]),
            inner,
            max_size=2,
        )
    ),
    max_leaves=20,
)


@given(json_values)
def test_nonsense_is_refused(packed):
    try:
        unpack(packed, [np.zeros(12, np.uint8)])
    except NONSENSE:
        pass


@pytest.mark.parametrize(
    "packed",
    [
        {"of": ["subprocess", "Popen", {"args": "true"}]},
        {"of": ["faceshifter_hub.media.apart", "DecoderProcess", {}]},
        {"of": ["faceshifter_hub.media.apart", "Path", {}]},
        {"of": ["faceshifter_hub.settings", "Settings", {}]},
        {"array": [0, "O", [1]]},
        {"array": [0, "u1", [13]]},
        {"array": [9, "u1", [1]]},
        {"fraction": [1, 0]},
        {"fraction": ["1e999999999", 1]},
    ],
)
def test_only_data_of_the_room_is_made(packed):
    with pytest.raises(NONSENSE):
        unpack(packed, [np.zeros(12, np.uint8)])


def test_values_arrive_as_they_were_sent():
    value = [None, True, -1, 0.5, "a\udc80", b"", b"ab", (1, [2]), {"k": Fraction(1, 3)}, Path("a b")]
    buffers: list = []
    assert unpack(pack(value, buffers), [np.frombuffer(b, np.uint8) for b in buffers]) == value
