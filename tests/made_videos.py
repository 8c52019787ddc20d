"""Small videos made on the spot: a bright square that moves over a dark ground, with sound, subtitles and more."""

from fractions import Fraction
from itertools import count, islice
from pathlib import Path

import av
import numpy as np

SIZE = (48, 64)  # height, width
# Of a width of which x264's macroblock tree always makes the same bytes: with AVX-512, what it weighs depends on the
# memory beside it unless eight blocks of 16 fill a row.
REPEATABLE_SIZE = (64, 128)


def picture(n: int, size: tuple[int, int] = SIZE, channels: int = 3) -> np.ndarray:
    """Return frame n, (H, W, channels) uint8; no two in a row look alike, however coarsely encoded."""
    height, width = size
    pixels = np.full((height, width, channels), 40 + 3 * (n % 40), np.uint8)
    side = max(min(height, width) // 3, 1)
    x = (5 * n) % max(width - side, 1)
    pixels[height // 4 : height // 4 + side, x : x + side, :3] = 200, 120, 60
    return pixels


def make_video(
    path: Path,
    frames: int = 30,
    *,
    size: tuple[int, int] = SIZE,
    codec: str = "libx264",
    pix_fmt: str = "yuv420p",
    times: list[int] | None = None,
    time_base: Fraction = Fraction(1, 25),
    options: dict[str, str] | None = None,
    sound: str | None = None,
    subtitles: bool = False,
    rotation: tuple[int, bool] | None = None,
    still: bool = False,
    colours: dict[str, int] | None = None,
    pictures: list[np.ndarray] | None = None,
    prepare=lambda container: None,
) -> Path:
    """Write a video; `times` are in units of `time_base`, one after the other by default."""
    with av.open(str(path), "w") as container:
        fast = {"preset": "ultrafast"} if codec == "libx264" else {}
        video = container.add_stream(codec, rate=25, options=fast | (options or {}))
        video.height, video.width = size
        video.pix_fmt = pix_fmt
        video.time_base = video.codec_context.time_base = time_base
        for name, value in (colours or {}).items():
            setattr(video.codec_context, name, value)
        if rotation:
            degrees, mirrored = rotation
            video.set_display_rotation(degrees, hflip=mirrored)
        audio = container.add_stream(sound, rate=48000) if sound else None
        text = container.add_mux_stream("subrip") if subtitles else None
        prepare(container)
        channels = 4 if pix_fmt.startswith(("argb", "yuva")) else 3
        container.start_encoding()
        for n, time in enumerate(islice(count() if times is None else times, frames)):
            pixels = picture(0 if still else n, size, channels) if pictures is None else pictures[n]
            frame = av.VideoFrame.from_ndarray(pixels, format="rgba" if channels == 4 else "rgb24")
            frame.pts, frame.time_base = time, time_base
            container.mux(video.encode(frame))
            if audio is not None and n < frames - 1:  # a little shorter than the pictures
                container.mux(audio.encode(_tone(n, audio)))
            if text is not None and n % 10 == 0:
                container.mux(_line(f"line {n}", n, text))
        container.mux(video.encode())
        if audio is not None:
            container.mux(audio.encode())
    return path


def _tone(n: int, audio) -> av.AudioFrame:
    samples = np.sin((np.arange(1920) + 1920 * n) * 0.06)[None].astype(np.float32) / 4  # 1/25 s
    is_planar = audio.codec_context.format.is_planar
    stereo = np.repeat(samples, 2, 0) if is_planar else np.repeat(samples, 2, 1)
    if "s16" in audio.codec_context.format.name:
        stereo = (stereo * 32767).astype(np.int16)
    frame = av.AudioFrame.from_ndarray(stereo, format=audio.codec_context.format.name, layout="stereo")
    frame.sample_rate, frame.pts, frame.time_base = 48000, 1920 * n, Fraction(1, 48000)
    return frame


def _line(words: str, n: int, stream) -> av.Packet:
    packet = av.Packet(words.encode())
    packet.stream, packet.time_base = stream, Fraction(1, 25)
    packet.pts = packet.dts = n
    packet.duration = 5
    return packet


def read_packets(path: Path, kind: str) -> list[tuple[Fraction, bytes]]:
    """Return the time of each packet of the streams of a kind, in seconds, and its content."""
    with av.open(str(path)) as container:
        streams = [stream for stream in container.streams if stream.type == kind]
        return [(p.pts * p.time_base, bytes(p)) for p in container.demux(streams) if p.size] if streams else []
