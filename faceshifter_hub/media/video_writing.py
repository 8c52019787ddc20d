"""Writing video: frames to pieces of H.264, and pieces, with every other stream of the original, to one file."""

import heapq
import io
import math
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from fractions import Fraction
from itertools import zip_longest
from pathlib import Path
from typing import Any, BinaryIO, Self

import numpy as np

from faceshifter_hub.errors import UnreadableVideoError, UnwritableOutputError, first_line
from faceshifter_hub.media.apart import apart
from faceshifter_hub.media.images import check_place
from faceshifter_hub.media.subtitles import TEXT_CODECS, add_rewritten, is_text, rewrite
from faceshifter_hub.media.video import Frame, VideoInfo, exact_conversion, is_cover, open_video, require_av

CONTAINERS = {".mp4": "mp4", ".m4v": "mp4", ".mov": "mov", ".mkv": "matroska"}  # by the file's extension
PIECE_CONTAINER = "mp4"  # keeps any time base; Matroska rounds to milliseconds
# without B-frames the order of time is that of the file, so that pieces can follow one another
X264_OPTIONS = {"preset": "veryfast", "crf": "16", "bf": "0", "x264-params": "stitchable=1"}
CODED_MATRIX = {5: 6}  # H.273's number where it is not swscale's
LARGEST_TIMESCALE = 2**31 - 1  # of an MP4 file
OF_ONE_FILE = {"major_brand", "minor_version", "compatible_brands", "encoder"}  # not said of another one


@dataclass(frozen=True)
class Piece:
    """Frames that follow one another, encoded as a file of their own.

    Attributes:
        path: The file, in which time begins at 0.
        frames: How many there are.
        start: Time of the first, in units of the video's time base.
        last: Time of the last.
        end: Time until which the last is shown.
    """

    path: Path
    frames: int
    start: int
    last: int
    end: int


def check_video_output(path: str | Path) -> Path:
    """Tell, before any work is done, whether a video can be written to a path.

    Raises:
        UnwritableOutputError: The extension is unknown, or the folder does not exist or cannot be written to.
        MissingPackageError: PyAV is not installed.
    """
    require_av()
    path = Path(path)
    if path.suffix.lower() not in CONTAINERS:
        raise UnwritableOutputError(f"'{path}' does not end in {', '.join(CONTAINERS)}; choose one of these.")
    check_place(path)
    return path


@contextmanager
def failures_mean_unwritable(path: Path) -> Iterator[None]:
    """Turn what goes wrong while a video is written into one sentence."""
    av = require_av()
    try:
        yield
    except (OSError, ValueError, av.error.FFmpegError) as error:
        reason = getattr(error, "strerror", None) or first_line(error)
        raise UnwritableOutputError(
            f"'{path}' cannot be written ({reason}). What was finished before is kept: make room, then give the same "
            "command again."
        ) from error


class PieceWriter:
    """Encodes frames to a piece; as a context manager, it lets go of the file if the piece is given up.

    Args:
        path: The file, which is complete once `finish` has returned.
        info: Of the video that the frames come from.
        start: Time of the first frame.
    """

    def __init__(self, path: Path, info: VideoInfo, start: int):
        self.path, self.info, self.start = path, info, start
        self.frames = 0
        self.last = self.end = start
        self._durations: dict[int, int] = {}
        av = require_av()
        self._reformatter = av.video.reformatter.VideoReformatter()
        with failures_mean_unwritable(path):
            self._file = path.open("wb")
            self._container = av.open(self._file, "w", format=PIECE_CONTAINER)
            self._stream = self._container.add_stream("libx264", rate=info.average_rate, options=X264_OPTIONS)
        self._stream.width, self._stream.height = info.width + info.width % 2, info.height + info.height % 2
        self._stream.pix_fmt = "yuv420p"
        self._stream.time_base = self._stream.codec_context.time_base = info.time_base
        self._stream.sample_aspect_ratio = info.aspect
        context, colours = self._stream.codec_context, info.colours
        context.colorspace = CODED_MATRIX.get(colours.matrix, colours.matrix)
        context.color_range = colours.range_number
        context.color_primaries, context.color_trc = colours.primaries, colours.transfer

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    def write(self, frame: Frame) -> None:
        """Add a frame; its time is later than that of the one before.

        Raises:
            UnwritableOutputError: The disk is full.
        """
        picture = self._picture(frame.pixels)
        picture.pts, picture.time_base = frame.pts - self.start, self.info.time_base
        self._durations[picture.pts] = duration = frame.duration or self.info.usual_duration
        self.frames += 1
        self.last, self.end = frame.pts, frame.pts + duration
        with failures_mean_unwritable(self.path):
            self._mux(self._stream.encode(picture))

    def finish(self) -> Piece:
        """Write what the encoder still holds and bring the file to the disk.

        Raises:
            UnwritableOutputError: The disk is full.
        """
        with failures_mean_unwritable(self.path):
            self._mux(self._stream.encode())
            self._container.close()
            self._file.flush()
            os.fsync(self._file.fileno())
            self._file.close()
        return Piece(self.path, self.frames, self.start, self.last, self.end)

    def _mux(self, packets: Sequence[Any]) -> None:
        for packet in packets:
            packet.duration = self._durations.pop(packet.pts)
            self._container.mux(packet)

    def _picture(self, pixels: np.ndarray) -> Any:
        height, width = pixels.shape[:2]
        if height % 2 or width % 2:  # 4:2:0 has no odd sizes
            pixels = np.pad(pixels, ((0, height % 2), (0, width % 2), (0, 0)), "edge")
        rgb = require_av().VideoFrame.from_ndarray(pixels, format="rgb24")
        colours = self.info.colours
        return self._reformatter.reformat(
            rgb,
            format="yuv420p",
            dst_colorspace=colours.matrix,
            dst_color_range=colours.range_number,
            interpolation=exact_conversion(),
        )


@apart(UnreadableVideoError, "video")
def choose_copied(video: Path, info: VideoInfo, output: Path) -> tuple[list[int], list[str]]:
    """Tell which of a video's other streams a file of another name can hold.

    Returns:
        Their indices, and a sentence for each that is left out or, being text, written as another kind of subtitles.

    Raises:
        UnwritableOutputError: Sound would be lost.
    """
    copied, notes = [], []
    with open_video(video) as (container, _):
        others = [stream for stream in container.streams if stream.index != info.stream]
        first = _first_packets(container, [stream for stream in others if stream.type != "attachment"])
        for stream in others:
            what = f"stream {stream.index} ({info.streams[stream.index].codec or stream.type})"
            container_name = CONTAINERS[output.suffix.lower()]
            if _fits(stream, first.get(stream.index), container_name):
                copied.append(stream.index)
            elif is_text(stream):
                copied.append(stream.index)
                notes.append(
                    f"A file ending in {output.suffix} cannot hold {what} of '{video.name}': its text is written as "
                    f"{TEXT_CODECS[container_name]}."
                )
            elif stream.type == "audio":
                remedy = "choose a name in .mkv" if _fits(stream, None, "matroska") else "convert it to AAC first"
                raise UnwritableOutputError(
                    f"'{output.name}' cannot hold the sound of '{video.name}', {what}; {remedy}."
                )
            elif not _holds_chapters(stream, container):
                notes.append(f"A file ending in {output.suffix} cannot hold {what} of '{video.name}': it is left out.")
    return copied, notes


def _holds_chapters(stream: Any, container: Any) -> bool:
    """Tell whether a stream is an MP4 file's chapters, which are written anew."""
    return stream.type == "data" and stream.name == "bin_data" and bool(container.chapters())


def _first_packets(container: Any, streams: Sequence[Any]) -> dict[int, Any]:
    first: dict[int, Any] = {}
    for packet in container.demux(streams) if streams else ():
        if packet.size:
            first.setdefault(packet.stream.index, packet)
        if len(first) == len(streams):
            break
    return first


def _fits(stream: Any, packet: Any, container: str) -> bool:
    av = require_av()
    try:
        with av.open(io.BytesIO(), "w", format=container) as trial:  # some refuse only at the end
            copy = _add_copy(trial, stream)
            trial.start_encoding()
            if packet is not None:
                packet.stream = copy
                trial.mux(packet)
    except (av.error.FFmpegError, ValueError):
        return False
    return True


def _add_copy(container: Any, stream: Any) -> Any:
    copy = container.add_stream_from_template(stream, opaque=True)
    copy.disposition = stream.disposition
    copy.metadata.update(stream.metadata)
    return copy


@apart(UnreadableVideoError, "video")
def join_pieces(
    pieces: Sequence[Piece],
    video: Path,
    info: VideoInfo,
    copied: Sequence[int],
    file: BinaryIO,
    output: Path,
    *,
    cut: tuple[int, int] | None = None,
) -> None:
    """Write pieces, one after the other, and other streams of the original as one video; nothing is encoded again.

    Args:
        pieces: In order; one at least.
        video: The original.
        info: What is known of it.
        copied: Indices of its other streams, whose packets are copied as they are, or written anew where they are text
            that does not fit; `choose_copied` tells.
        file: What is written, open for writing.
        output: The name it will have; its extension chooses the container.
        cut: From when until when, in units of the video's time base, if only a part is kept: packets that begin in it
            are, and time begins with it. Otherwise all are, with their own times.

    Raises:
        UnreadableVideoError: The original can no longer be read.
        UnwritableOutputError: The disk is full.
    """
    container = CONTAINERS[output.suffix.lower()]
    begin = cut[0] if cut else 0
    with (
        open_video(video) as (original, _),
        failures_mean_unwritable(output),
        require_av().open(
            file, "w", format=container, container_options=_exact_times(container, original, info)
        ) as result,
    ):
        copies, rewritten = dict[int, Any](), set[int]()
        for stream in original.streams:
            if stream.index == info.stream:
                with _opened_piece(pieces[0]) as template:
                    joined = result.add_stream_from_template(template, opaque=True)
                joined.disposition = stream.disposition
                joined.metadata.update({name: text for name, text in stream.metadata.items() if name != "rotate"})
            elif stream.index in copied and is_text(stream) and not _fits(stream, None, container):
                copies[stream.index] = add_rewritten(result, stream, TEXT_CODECS[container])
                rewritten.add(stream.index)
            elif stream.index in copied:
                copies[stream.index] = _add_copy(result, stream)
        result.metadata.update({name: text for name, text in original.metadata.items() if name not in OF_ONE_FILE})
        result.set_chapters(_cut_chapters(original.chapters(), info.time_base, cut))
        encoded = _joined_packets(pieces, info, begin, joined)
        others = _copied_packets(original, copies, rewritten, info, cut) if copies else iter(())
        for packet in heapq.merge(encoded, others, key=lambda packet: float(packet.dts * packet.time_base)):
            result.mux(packet)


def _exact_times(container: str, original: Any, info: VideoInfo) -> dict[str, str]:
    options = {"avoid_negative_ts": "disabled"}  # as sound's may be; else all others would move
    if container in ("mp4", "mov"):  # the unit of when a stream begins, a millisecond by default
        units = math.lcm(info.time_base.denominator, *(s.time_base.denominator for s in original.streams.audio))
        options["movie_timescale"] = str(min(units, LARGEST_TIMESCALE))
    return options


@contextmanager
def _opened_piece(piece: Piece) -> Iterator[Any]:
    with require_av().open(str(piece.path.absolute())) as container:
        yield container.streams.video[0]


def _joined_packets(pieces: Sequence[Piece], info: VideoInfo, begin: int, joined: Any) -> Iterator[Any]:
    for piece, following in zip_longest(pieces, pieces[1:]):
        with _opened_piece(piece) as stream:
            packets = [packet for packet in stream.container.demux(stream) if packet.size]
        times = [piece.start + round(packet.pts * packet.time_base / info.time_base) for packet in packets]
        if len(packets) != piece.frames:
            raise UnwritableOutputError(f"'{piece.path}' is damaged; delete its folder and give the command again.")
        ends = [*times[1:], following.start if following else piece.end]
        for packet, time, end in zip(packets, times, ends, strict=True):
            packet.time_base = info.time_base
            packet.pts = packet.dts = time - begin
            packet.duration = end - time
            packet.stream = joined
            yield packet


def _copied_packets(
    original: Any, copies: dict[int, Any], rewritten: set[int], info: VideoInfo, cut: tuple[int, int] | None
) -> Iterator[Any]:
    for packet in original.demux([original.streams[index] for index in copies]):
        if not packet.size:  # of what flushes a decoder
            continue
        if is_cover(packet.stream):
            packet.pts = packet.dts = 0
        elif packet.pts is None or packet.dts is None:
            packet.pts = packet.dts = packet.dts if packet.pts is None else packet.pts
        if cut is not None and not is_cover(packet.stream):
            unit = packet.time_base / info.time_base
            if not cut[0] <= packet.pts * unit < cut[1]:
                continue
            shift = round(cut[0] / unit)
            packet.pts, packet.dts = packet.pts - shift, packet.dts - shift
        copy = copies[packet.stream.index]
        if packet.stream.index in rewritten:
            packet = rewrite(packet, copy)
            if packet is None:
                continue
        packet.stream = copy
        yield packet


def _cut_chapters(chapters: list[dict], unit: Fraction, cut: tuple[int, int] | None) -> list[dict]:
    if cut is None:
        return chapters
    kept = []
    for chapter in chapters:
        begin, end = (round(time * unit / chapter["time_base"]) for time in cut)
        if chapter["start"] < end and chapter["end"] > begin:
            start, stop = max(chapter["start"], begin), min(chapter["end"], end)
            kept.append({**chapter, "start": start - begin, "end": stop - begin})
    return kept
