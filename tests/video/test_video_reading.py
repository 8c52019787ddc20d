"""What is read of video files: frames upright, times exact, colours true; what is refused, in which words."""

from fractions import Fraction

import av
import numpy as np
import pytest
from made_videos import make_video, picture

from faceshifter_hub.errors import ImageTooLargeError, MissingPackageError, UnreadableVideoError
from faceshifter_hub.media.video import read_frame_times, read_frames, read_video_info
from faceshifter_hub.settings import get_settings


def read(path, **part):
    """Return what is known of a video, and its frames."""
    info = read_video_info(path)
    return info, list(read_frames(path, info, **part))


def test_frames_come_with_their_times_and_pixels(tmp_path):
    path = make_video(tmp_path / "v.mp4", sound="aac", options={"crf": "4"})
    info, frames = read(path)
    assert (info.width, info.height, info.frames, info.average_rate) == (64, 48, 30, 25)
    assert (info.duration, info.variable_rate, info.depth, info.hdr, info.alpha) == (1.2, False, 8, False, False)
    assert [(s.type, s.codec) for s in info.streams] == [("video", "h264"), ("audio", "aac")]
    assert [frame.pts * info.time_base for frame in frames] == [Fraction(n, 25) for n in range(30)]
    assert [frame.duration * info.time_base for frame in frames] == [Fraction(1, 25)] * 30
    for n, frame in enumerate(frames):
        assert frame.pixels.shape == (48, 64, 3) and frame.pixels.dtype == np.uint8
        assert np.abs(frame.pixels.astype(int) - picture(n)).mean() < 3
        assert abs(int(frame.pixels[0, 0, 0]) - int(picture(n)[0, 0, 0])) <= 1  # neither darker nor brighter


def test_a_variable_rate_is_told_and_kept(tmp_path):
    times = [7 * n + 3 * n * n for n in range(20)]
    path = make_video(tmp_path / "v.mp4", 20, times=times, time_base=Fraction(1, 90000))
    info, frames = read(path)
    assert info.variable_rate
    assert [frame.pts for frame in frames] == list(read_frame_times(path)) == times


def test_milliseconds_of_a_steady_rate_are_not_a_variable_one(tmp_path):
    times = [round(n * 1000 / 30) for n in range(20)]
    path = make_video(tmp_path / "v.mkv", 20, times=times, time_base=Fraction(1, 1000))
    assert not read_video_info(path).variable_rate


@pytest.mark.parametrize("mirrored", [False, True])
@pytest.mark.parametrize("degrees", [0, 90, 180, -90])
def test_frames_are_upright(tmp_path, degrees, mirrored):
    path = make_video(tmp_path / "v.mp4", 2, rotation=(degrees, mirrored), options={"crf": "4"})
    info, frames = read(path)
    # FFmpeg's matrix mirrors what is turned
    stored = np.rot90(picture(0), degrees // 90)
    expected = stored[:, ::-1] if mirrored else stored
    assert info.rotation == degrees % 360
    assert (info.height, info.width) == expected.shape[:2] == frames[0].pixels.shape[:2]
    assert np.abs(frames[0].pixels.astype(int) - expected).mean() < 5


@pytest.mark.parametrize(
    ("name", "made", "told"),
    [
        ("v.webm", {"codec": "libvpx-vp9", "sound": "libopus"}, {"codec": "vp9"}),
        ("v.avi", {"codec": "mpeg4", "sound": "pcm_s16le"}, {"codec": "mpeg4"}),
        ("v.ts", {"sound": "aac"}, {"codec": "h264"}),
        ("v.h264", {}, {"codec": "h264"}),  # no times at all: they are made up
        ("v.mkv", {"codec": "ffv1", "pix_fmt": "yuv444p", "size": (33, 51)}, {"width": 51, "height": 33}),
        ("one.mkv", {"codec": "ffv1", "pix_fmt": "yuv444p", "size": (1, 1)}, {"width": 1, "height": 1}),
        ("v.mov", {"codec": "qtrle", "pix_fmt": "argb"}, {"alpha": True}),
        ("p.mov", {"codec": "prores_ks", "pix_fmt": "yuva444p10le"}, {"alpha": True, "depth": 12}),
        ("a.webm", {"codec": "libvpx-vp9", "pix_fmt": "yuva420p"}, {"alpha": True}),
        ("f.mp4", {"pix_fmt": "yuvj420p"}, {"codec": "h264"}),
    ],
)
def test_containers_and_formats(tmp_path, name, made, told):
    info, frames = read(make_video(tmp_path / name, 12, **made))
    assert {field: getattr(info, field) for field in told} == told
    assert info.frames == len(frames) == 12
    begin = frames[0].pts
    assert [(frame.pts - begin) * info.time_base for frame in frames] == [Fraction(n, 25) for n in range(12)]
    assert np.abs(frames[5].pixels.astype(int) - picture(5, (info.height, info.width))).mean() < 8


def test_ten_bits_of_high_dynamic_range_are_flagged(tmp_path):
    path = make_video(
        tmp_path / "v.mp4",
        5,
        codec="libx265",
        pix_fmt="yuv420p10le",
        options={"x265-params": "log-level=none"},
        colours={"color_trc": 16, "color_primaries": 9, "colorspace": 9},
    )
    info = read_video_info(path)
    assert (info.depth, info.hdr) == (10, True)


@pytest.mark.parametrize("name", ["v.mp4", "v.mkv", "v.ts", "v.h264"])
def test_a_part_is_the_same_as_in_the_whole(tmp_path, name):
    path = make_video(tmp_path / name, 120, options={"g": "40", "bf": "3"})
    info, whole = read(path)
    for first, end in [(0, 7), (37, 45), (41, 120), (119, 120)]:
        part = list(read_frames(path, info, first=whole[first].pts, end=whole[end - 1].pts + 1))
        assert [frame.pts for frame in part] == [frame.pts for frame in whole[first:end]]
        assert all(np.array_equal(a.pixels, b.pixels) for a, b in zip(part, whole[first:end], strict=True))


def test_names_are_only_names(tmp_path):
    for name in ["with space.mp4", 'it\'s "quoted".mp4', "ünï-人.mp4", "100%03d.mp4", "pipe:0.mp4", "-y.mp4"]:
        path = tmp_path / name
        make_video(tmp_path / "v.mp4", 3).rename(path)
        assert read_video_info(path).frames == 3


def test_a_playlist_reads_no_other_file(tmp_path):
    make_video(tmp_path / "secret.mp4", 3)
    for text in ("ffconcat version 1.0\nfile 'secret.mp4'\n", "#EXTM3U\n#EXTINF:10,\nsecret.mp4\n#EXT-X-ENDLIST\n"):
        (tmp_path / "v.mp4").write_text(text)
        with pytest.raises(UnreadableVideoError, match=r"is not a video that can be read \(.*\); use another"):
            read_video_info(tmp_path / "v.mp4")


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (None, "There is no file"),
        (b"", "is empty; use another copy"),
        (b"this is a text, not a video. " * 50, "is not a video that can be read"),
        (b"\0" * 5000, "is not a video that can be read"),
    ],
)
def test_what_is_no_video(tmp_path, content, words):
    path = tmp_path / "v.mp4"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(UnreadableVideoError, match=words):
        read_video_info(path)


def test_sound_alone_is_no_video(tmp_path):
    path = tmp_path / "v.mp4"
    with av.open(str(path), "w") as container:
        audio = container.add_stream("aac", rate=48000)
        frame = av.AudioFrame.from_ndarray(np.zeros((2, 4800), np.float32), format="fltp", layout="stereo")
        frame.sample_rate = 48000
        container.mux(audio.encode(frame))
        container.mux(audio.encode())
    with pytest.raises(UnreadableVideoError, match="holds no video"):
        read_video_info(path)


@pytest.mark.parametrize("name", ["v.mkv", "v.mp4", "v.ts"])
def test_a_video_without_frames(tmp_path, name):
    path = make_video(tmp_path / name, 0, sound="aac")
    with pytest.raises(UnreadableVideoError, match=r"holds no (frame|video)|is not a video|is empty"):
        read_video_info(path)


def test_a_truncated_video_is_read_as_far_as_it_goes(tmp_path):
    path = make_video(tmp_path / "v.mkv", 50)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    info, frames = read(path)
    assert 5 < len(frames) < 50 and info.frames >= len(frames)


def test_a_truncated_index_is_said(tmp_path):
    path = make_video(tmp_path / "v.mp4", 50)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    with pytest.raises(UnreadableVideoError, match="is not a video that can be read"):
        read_video_info(path)


def test_frames_are_limited_as_pictures_are(tmp_path, monkeypatch):
    path = make_video(tmp_path / "v.mp4", 3)
    monkeypatch.setenv("FACESHIFTER_MAX_IMAGE_PIXELS", "3000")
    get_settings.cache_clear()
    try:
        with pytest.raises(ImageTooLargeError, match="64 x 48 pixels, more than the 3,000"):
            read_video_info(path)
    finally:
        get_settings.cache_clear()


def test_without_pyav_it_is_said_how_to_get_it(tmp_path, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "av", None)
    with pytest.raises(MissingPackageError, match=r"pip install 'faceshifter-hub\[video\]'"):
        read_video_info(tmp_path / "v.mp4")
