"""Reading video within the limits of the settings: what a file holds, and its frames, upright, with their exact times.

Every container and codec that PyAV reads is read, but only from the one file: a playlist, which may name any other
file or host, is refused.
"""

import heapq
import itertools
import math
import os
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np

from faceshifter_hub.errors import MissingPackageError, UnreadableVideoError, first_line
from faceshifter_hub.media.apart import apart
from faceshifter_hub.media.images import check_pixels
from faceshifter_hub.settings import get_settings

INDEXED = ("mov", "matroska", "avi")  # containers in which seeking is exact
HDR_TRANSFERS = (16, 18)  # smpte2084 (PQ) and arib-std-b67 (HLG), as numbered by ITU-T H.273
USUAL_RATE = 25  # frames a second, where a file does not say
REORDERED = 32  # frames at most by which a codec's order differs from that of time; H.264 allows 16
HIGH_DEFINITION = 720  # lines from which a video that does not say so is BT.709, as players have it
BT601, BT709, FULL_RANGE, LIMITED_RANGE = 5, 1, 2, 1
# H.273's matrix coefficients, and what swscale calls them
MATRICES = {1: BT709, 4: 4, 5: BT601, 6: BT601, 7: 7, 9: 9}


@dataclass(frozen=True)
class Colours:
    """How a video's numbers mean colours, by the numbers of ITU-T H.273.

    Attributes:
        matrix: Of Y'CbCr, as swscale numbers it.
        full_range: Whether luma uses all of its range, as pictures do, and not 16 to 235.
        primaries: Colour primaries.
        transfer: Transfer characteristics.
    """

    matrix: int
    full_range: bool
    primaries: int
    transfer: int

    @property
    def range_number(self) -> int:
        """The range as FFmpeg numbers it."""
        return FULL_RANGE if self.full_range else LIMITED_RANGE


@dataclass(frozen=True)
class StreamInfo:
    """One stream of a file.

    Attributes:
        index: In the file, from 0.
        type: `video`, `audio`, `subtitle`, `data` or `attachment`.
        codec: Its name; empty where it has none.
    """

    index: int
    type: str
    codec: str


@dataclass(frozen=True)
class VideoInfo:
    """What a video file holds; of several video streams the first that is no cover picture.

    Attributes:
        width: In pixels, upright.
        height: In pixels, upright.
        frames: How many the container holds.
        start: Time of the first frame, in units of `time_base`.
        duration: From the first frame's time to the last one's end, in seconds.
        time_base: Unit of timestamps, in seconds.
        average_rate: Frames a second.
        variable_rate: Whether frames last differently long, by more than rounding.
        rotation: Quarter turns anticlockwise that the file asks players for, in degrees; mirrored or not.
        depth: Bits of a channel.
        alpha: Whether pixels have transparency.
        hdr: Whether the range of light is high: PQ or HLG.
        interlaced: Whether a frame may hold two moments in alternate lines.
        aspect: Width of a pixel by its height, upright.
        colours: What its numbers mean.
        codec: Name of the video's codec.
        stream: Index of the video stream.
        streams: All streams of the file.
    """

    width: int
    height: int
    frames: int
    start: int
    duration: float
    time_base: Fraction
    average_rate: Fraction
    variable_rate: bool
    rotation: int
    depth: int
    alpha: bool
    hdr: bool
    interlaced: bool
    aspect: Fraction
    colours: Colours
    codec: str
    stream: int
    streams: tuple[StreamInfo, ...]

    @property
    def usual_duration(self) -> int:
        """How long a frame is shown at the average rate, in units of `time_base`; 1 at least."""
        return _usual_duration(self.average_rate, self.time_base)


@dataclass(frozen=True, eq=False)
class Frame:
    """A frame and when it is shown.

    Attributes:
        pixels: (H, W, 3) uint8 RGB, upright.
        pts: Time of showing, in units of the video's `time_base`.
        duration: In the same unit; 0 where the file does not say.
    """

    pixels: np.ndarray
    pts: int
    duration: int


def require_av() -> ModuleType:
    """Return PyAV.

    Raises:
        MissingPackageError: It is not installed.
    """
    try:
        import av
    except ImportError:
        raise MissingPackageError("Video needs PyAV: run `pip install 'faceshifter-hub[video]'`.") from None
    av.logging.set_level(None)  # a damaged file would have FFmpeg fill the terminal; errors are raised all the same
    return av


@contextmanager
def open_video(path: Path) -> Iterator[tuple[Any, Any]]:
    """Open a file as PyAV's container and its video stream.

    Raises:
        UnreadableVideoError: It cannot be read, is no video, or names other files.
        ImageTooLargeError: Its frames exceed the limit.
    """
    av = require_av()
    if not os.path.isfile(path):  # unlike Path.is_file, raises nothing
        raise UnreadableVideoError(f"There is no file '{path}'; check the name.")
    if not os.path.getsize(path):
        raise UnreadableVideoError(f"'{path}' is empty; use another copy.")
    options = {"max_pixels": str(get_settings().max_image_pixels)}  # also of frames larger than the header says
    try:
        # not by name, which FFmpeg takes for an address or a pattern where it looks like one
        with (
            path.open("rb") as file,
            av.open(file, options=options, container_options={"protocol_whitelist": "none"}) as container,
        ):
            streams = [stream for stream in container.streams.video if not is_cover(stream)]
            if not streams:
                raise UnreadableVideoError(f"'{path}' holds no video; name a file that does.")
            if streams[0].codec_context is None:
                raise UnreadableVideoError(f"The codec of '{path}' is unknown; convert it to H.264, say.")
            check_pixels(streams[0].width, streams[0].height, f"A frame of '{path}'")
            streams[0].codec_context.options = options
            streams[0].thread_type = "AUTO"
            yield container, streams[0]
    except av.error.FFmpegError as error:
        raise UnreadableVideoError(
            f"'{path}' is not a video that can be read ({error.strerror}); use another copy or format."
        ) from error
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or first_line(error)
        raise UnreadableVideoError(f"'{path}' cannot be read ({reason}); name a video file.") from error


def is_cover(stream: Any) -> bool:
    """Tell whether a stream is a cover picture, not a video."""
    return bool(stream.disposition & require_av().stream.Disposition.attached_pic)


@apart(UnreadableVideoError)
def read_video_info(path: str | Path) -> VideoInfo:
    """Tell what a video holds; reads all of the file but decodes one frame only.

    Raises:
        UnreadableVideoError: It is no video, or a damaged one.
        ImageTooLargeError: Its frames exceed the limit.
    """
    path = Path(path)
    first = next(_decode(path, None), None)
    with open_video(path) as (container, stream):
        times = FrameTimes()
        for time in _frame_times(container, stream):
            times.add(time)
        if first is None or times.count == 0:
            raise UnreadableVideoError(f"'{path}' holds no frame that can be decoded; use another copy.")
        turn = Orientation.of(first)
        height, width = turn.shape(stream.height, stream.width)
        aspect = stream.sample_aspect_ratio or Fraction(1)
        return VideoInfo(
            width=width,
            height=height,
            frames=times.count,
            start=times.first,
            duration=float((times.last - times.first) * stream.time_base + 1 / _average_rate(stream)),
            time_base=stream.time_base,
            average_rate=_average_rate(stream),
            variable_rate=times.longest - times.shortest > 1,
            rotation=turn.rotation,
            depth=max(component.bits for component in first.format.components),
            alpha=any(component.is_alpha for component in first.format.components)
            or stream.metadata.get("alpha_mode") == "1",
            hdr=first.color_trc in HDR_TRANSFERS,
            interlaced=first.interlaced_frame,
            aspect=1 / aspect if turn.transposed else aspect,
            colours=_colours(first),
            codec=stream.codec_context.name,
            stream=stream.index,
            streams=tuple(StreamInfo(s.index, s.type, _codec_name(s)) for s in container.streams),
        )


@dataclass
class FrameTimes:
    """What is kept of the times of frames, whose number is not bounded."""

    count: int = 0
    first: int = 0
    last: int = 0
    shortest: int = 0
    longest: int = 0

    def add(self, time: int) -> None:
        """Count the next frame."""
        if self.count == 0:
            self.first = time
        else:
            lasted = time - self.last
            self.shortest = lasted if self.count == 1 else min(self.shortest, lasted)
            self.longest = max(self.longest, lasted)
        self.last = time
        self.count += 1


@apart(UnreadableVideoError)
def read_frame_times(path: str | Path) -> Iterator[int]:
    """Yield the time of each frame that the container holds, in order and in units of the time base, without decoding.

    Raises:
        UnreadableVideoError: It is no video.
    """
    with open_video(Path(path)) as (container, stream):
        yield from _frame_times(container, stream)


def _frame_times(container: Any, stream: Any) -> Iterator[int]:
    waiting: list[int] = []  # packets come in the codec's order
    made_up = itertools.count(0, _usual_duration(_average_rate(stream), stream.time_base))
    for packet in container.demux(stream):
        if packet.size and not packet.is_discard:
            time = packet.dts if packet.pts is None else packet.pts
            heapq.heappush(waiting, next(made_up) if time is None else time)
        if len(waiting) > REORDERED:
            yield heapq.heappop(waiting)
    while waiting:
        yield heapq.heappop(waiting)


@apart(UnreadableVideoError)
def read_frames(
    path: str | Path, info: VideoInfo, *, first: int | None = None, end: int | None = None
) -> Generator[Frame]:
    """Yield the frames of a video; what cannot be decoded is left out.

    Args:
        path: The file.
        info: What `read_video_info` says of it.
        first: Time from which frames are yielded, in units of the time base; the rest is skipped, not decoded, where
            the container allows.
        end: Time from which they no longer are.

    Raises:
        UnreadableVideoError: It cannot be read, or no longer.
    """
    path = Path(path)
    reformatter = require_av().video.reformatter.VideoReformatter()
    last: int | None = None
    for frame in _decode_from(path, first):
        pts = frame.pts
        if pts is None:
            pts = info.start if last is None else last + info.usual_duration
        if last is not None:
            pts = max(pts, last + 1)  # two frames of one time can be neither shown nor written
        last = pts
        if end is not None and pts >= end:
            return
        if first is None or pts >= first:
            yield Frame(_upright_pixels(frame, info, reformatter), pts, frame.duration or 0)


def _decode_from(path: Path, first: int | None) -> Iterator[Any]:
    """Decode from a keyframe before a time, or all where there is none to be found."""
    if first is not None:
        frames = _decode(path, first)
        head = next(frames, None)
        if head is not None and head.pts is not None and head.pts <= first:
            yield head
            yield from frames
            return
    yield from _decode(path, None)


def _decode(path: Path, first: int | None) -> Iterator[Any]:
    av = require_av()
    with open_video(path) as (container, stream):
        if first is not None and container.format.name.startswith(INDEXED):
            # a second earlier, since what precedes a keyframe in time may follow it in the file
            container.seek(first - math.ceil(1 / stream.time_base), stream=stream)
        for packet in container.demux(stream):  # the last, empty one flushes the decoder
            try:
                yield from packet.decode()
            except av.error.InvalidDataError:
                continue
            except av.error.EOFError:
                return


def _upright_pixels(frame: Any, info: VideoInfo, reformatter: Any) -> np.ndarray:
    turn = Orientation.of(frame)
    height, width = turn.shape(info.height, info.width)
    rgb = reformatter.reformat(
        frame,
        width=width,  # a stream may change its size on the way
        height=height,
        format="rgb24",
        src_colorspace=info.colours.matrix,
        src_color_range=info.colours.range_number,
        interpolation=exact_conversion(),
    )
    return turn.apply(rgb.to_ndarray())


def exact_conversion() -> int:
    """Return swscale's flags with which Y'CbCr to RGB and back leaves luma as it is; by default it gets darker."""
    flags = require_av().video.reformatter.Interpolation
    return flags.BICUBIC | flags.ACCURATE_RND | flags.FULL_CHR_H_INT | flags.FULL_CHR_H_INP


@dataclass(frozen=True)
class Orientation:
    """How a stored frame becomes an upright one: rows and columns exchanged first, then mirrored."""

    transposed: bool = False
    mirrored: bool = False
    upended: bool = False

    @classmethod
    def of(cls, frame: Any) -> "Orientation":
        """Return what a frame's display matrix says, to the nearest quarter turn."""
        matrix = frame.side_data.get("DISPLAYMATRIX")
        if matrix is None:
            return cls()
        # of a point (x, y), in fixed point: x' = a x + c y, y' = b x + d y
        a, b, _, c, d, *_ = np.frombuffer(bytes(matrix), np.int32)
        if abs(int(a)) >= abs(int(b)):
            return cls(False, bool(a < 0), bool(d < 0))
        return cls(True, bool(c < 0), bool(b < 0))

    @property
    def rotation(self) -> int:
        """Quarter turns anticlockwise, in degrees."""
        if self.transposed:
            return 90 if self.upended else 270
        return 180 if self.upended else 0

    def shape(self, height: int, width: int) -> tuple[int, int]:
        """Return the height and width of the other: upright of stored, stored of upright."""
        return (width, height) if self.transposed else (height, width)

    def apply(self, pixels: np.ndarray) -> np.ndarray:
        """Turn stored pixels (H, W, 3) upright."""
        if self.transposed:
            pixels = pixels.transpose(1, 0, 2)
        if self.mirrored:
            pixels = pixels[:, ::-1]
        if self.upended:
            pixels = pixels[::-1]
        return np.ascontiguousarray(pixels)


def _colours(frame: Any) -> Colours:
    guess = BT709 if min(frame.height, frame.width) >= HIGH_DEFINITION else BT601
    is_rgb = frame.format.is_rgb
    return Colours(
        matrix=guess if is_rgb else MATRICES.get(frame.colorspace, guess),
        full_range=not is_rgb and frame.color_range == FULL_RANGE,
        primaries=frame.color_primaries,
        transfer=frame.color_trc,
    )


def _average_rate(stream: Any) -> Fraction:
    return stream.average_rate or stream.guessed_rate or Fraction(USUAL_RATE)


def _usual_duration(rate: Fraction, time_base: Fraction) -> int:
    return max(1, round(1 / (rate * time_base)))


def _codec_name(stream: Any) -> str:
    return stream.codec_context.name if stream.codec_context is not None else (getattr(stream, "name", "") or "")
