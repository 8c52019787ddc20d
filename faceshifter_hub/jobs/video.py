"""A whole video: decoded, swapped and encoded side by side, in segments that outlast an interruption."""

import glob
import hashlib
import json
import math
import shutil
import time
from collections import deque
from collections.abc import Callable, Generator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass, replace
from fractions import Fraction
from itertools import groupby, islice
from pathlib import Path
from typing import Any, Protocol, TypeVar

import numpy as np

import faceshifter_hub
from faceshifter_hub.datasets.folder import filling
from faceshifter_hub.datasets.whole import written_whole
from faceshifter_hub.errors import SettingsError, UnreadableVideoError, UnwritableOutputError
from faceshifter_hub.jobs.video_segments import SEGMENT_SECONDS, Segments, Swapped
from faceshifter_hub.media.video import Frame, VideoInfo, read_frame_times, read_frames, read_video_info, require_av
from faceshifter_hub.media.video_writing import (
    CONTAINERS,
    X264_OPTIONS,
    check_video_output,
    choose_copied,
    join_pieces,
)
from faceshifter_hub.provenance.credentials import Credentials, signed, unsignable
from faceshifter_hub.registry import sha256_of

FOREVER = 2**62  # later than any frame

Progress = Callable[[int, int | None, float | None], None]
Item = TypeVar("Item")


class Swapper(Protocol):
    """Who swaps: a `FrameSwapper`, or whatever does as it does."""

    def assign(self, frame: np.ndarray) -> Sequence[Any]:
        """Return what becomes of a frame (H, W, 3) uint8 RGB, empty if nothing; called in the order of frames."""

    def swap(self, frames: Sequence[np.ndarray], assigned: Sequence[Any]) -> Sequence[np.ndarray]:
        """Return the frames swapped, whatever was called before."""

    def reset(self) -> None:
        """Forget the frames before."""

    def state(self) -> dict[str, Any]:
        """Return what is remembered of the frames before, as JSON knows it."""

    def restore(self, state: dict[str, Any]) -> None:
        """Go on after the frames whose `state` it was."""

    def fingerprint(self) -> str:
        """Return a hash of all that decides what becomes of a frame."""

    def credentials(self, target: Path) -> Credentials | None:
        """Return what the swapped video's file says of itself, None for nothing."""


@dataclass(frozen=True)
class VideoReport:
    """What became of a video.

    Attributes:
        output: The file written.
        frames: How many it has.
        swapped: How many show a face that was changed.
        repeated: How many are like the one before, and were not swapped again.
        resumed: How many were kept from an earlier, interrupted run.
        seconds: How long it took.
        notes: What a user should know, in sentences.
    """

    output: Path
    frames: int
    swapped: int
    repeated: int
    resumed: int
    seconds: float
    notes: tuple[str, ...]


def swap_video(
    swapper: Swapper,
    video: str | Path,
    output: str | Path,
    *,
    start: float | None = None,
    end: float | None = None,
    batch: int = 4,
    work_dir: str | Path | None = None,
    progress: Progress | None = None,
) -> VideoReport:
    """Swap the faces of a video; frames, their times, sound and other streams stay what they are.

    What was done is kept in a folder `.OUT.faceshifter`, so that the same call goes on where an interrupted one
    stopped, and makes what that would have made; the output takes its name once it is whole. Without any face, the
    video is copied.

    Args:
        swapper: Who swaps.
        video: The file.
        output: Result: .mp4, .m4v, .mov or .mkv; a file of that name is replaced.
        start: Seconds after the first frame from which the video is kept; time begins with the first frame kept.
        end: Seconds after the first frame until which it is kept.
        batch: Frames swapped at once.
        work_dir: Where the folder is made; by default beside the output.
        progress: Called with frames done, frames altogether and seconds left; the last two None where unknown.

    Raises:
        UnreadableVideoError: It is no video, or a damaged one.
        ImageTooLargeError: Its frames exceed the limit.
        UnwritableOutputError: The output cannot be written there, or cannot hold the sound.
        SettingsError: No frame lies between `start` and `end`.
        FaceShifterError: As the swapper.
    """
    began = time.monotonic()
    video, output = Path(video), check_video_output(output)
    info = read_video_info(video)
    if output.exists() and output.samefile(video):
        raise UnwritableOutputError(f"'{output}' is the video itself; choose another name.")
    cut, total = _choose_cut(video, info, start, end)
    copied, notes = choose_copied(video, info, output)
    folder = (output.parent if work_dir is None else Path(work_dir)) / f".{output.name}.faceshifter"
    with filling(folder):
        for partial in output.parent.glob(f".{glob.escape(output.name)}.*.partial"):  # of a killed run
            partial.unlink()
        segments = Segments(folder, info, _fingerprint(swapper, video, cut))
        resumed = segments.frames
        _fill(segments, swapper, video, cut, batch, _with_time_left(progress, resumed, total))
        if not segments.frames:
            raise UnreadableVideoError(f"'{video}' holds no frame that can be decoded; use another copy.")
        credentials = swapper.credentials(video) if segments.swapped else None
        with written_whole(output) as file:
            if not segments.swapped and cut is None and output.suffix.lower() == video.suffix.lower():
                notes = ["No frame shows a face to swap: the video is copied as it is."]
                with video.open("rb") as original:
                    shutil.copyfileobj(original, file)
            else:
                with signed(file, output, credentials) as unsigned:
                    join_pieces(segments.pieces, video, info, copied, unsigned, output, cut=cut)
                notes += _notes(info, output, segments, total)
                notes += unsignable(output, credentials)
        shutil.rmtree(folder)
    return VideoReport(
        output=output,
        frames=segments.frames,
        swapped=segments.swapped,
        repeated=segments.repeated,
        resumed=resumed,
        seconds=time.monotonic() - began,
        notes=tuple(notes),
    )


def swap_one_frame(swapper: Swapper, video: str | Path, at: int | float) -> np.ndarray:
    """Swap a single frame, to see what a video will look like.

    Args:
        swapper: Who swaps.
        video: The file.
        at: A frame's number, from 0, if an integer; otherwise seconds after the first frame.

    Returns:
        (H, W, 3) uint8 RGB, upright.

    Raises:
        UnreadableVideoError: It is no video, or a damaged one.
        SettingsError: It has no such frame.
        FaceShifterError: As the swapper.
    """
    frame = read_one_frame(video, at)
    swapper.reset()
    assigned = swapper.assign(frame)
    return swapper.swap([frame], [assigned])[0] if assigned else frame


def read_one_frame(video: str | Path, at: int | float) -> np.ndarray:
    """Return a frame of a video, (H, W, 3) uint8 RGB, upright; see `swap_one_frame`."""
    info = read_video_info(video)
    if at < 0:
        raise _no_such_frame(video, info)
    if isinstance(at, int):
        frames, skipped = read_frames(video, info), at
    else:
        frames, skipped = read_frames(video, info, first=_time(info, at)), 0
    with closing(frames):
        frame = next(islice(frames, skipped, None), None)
    if frame is None:
        raise _no_such_frame(video, info)
    return frame.pixels


def _no_such_frame(video: str | Path, info: VideoInfo) -> SettingsError:
    return SettingsError(f"'{video}' has {info.frames} frames, {info.duration:.2f} seconds; choose one of these.")


def _fill(
    segments: Segments,
    swapper: Swapper,
    video: Path,
    cut: tuple[int, int] | None,
    batch: int,
    progress: Callable[[int], None],
) -> None:
    """Swap the frames that no segment holds yet."""
    swapper.reset()
    first, end = cut or (None, None)
    if segments.state is not None:
        swapper.restore(segments.state)
        first = segments.pieces[-1].last + 1
    begin = cut[0] if cut else segments.info.start
    done = segments.frames
    waiting: deque[Future] = deque()

    def number_of(frame: Frame) -> int:
        return math.floor((frame.pts - begin) * segments.info.time_base / SEGMENT_SECONDS)

    with (
        closing(_ahead(read_frames(video, segments.info, first=first, end=end), batch)) as frames,
        ThreadPoolExecutor(1, "encoder") as encoder,
    ):
        # a segment is made of its frames and the state before it alone, whether or not a run begins with it
        for _, segment in groupby(frames, number_of):
            last: Swapped | None = None
            while chunk := list(islice(segment, batch)):
                for swapped in _swap_chunk(swapper, chunk, last):
                    waiting.append(encoder.submit(segments.add, swapped))
                    last = swapped
                while len(waiting) > batch:
                    waiting.popleft().result()
                done += len(chunk)
                progress(done)
            waiting.append(encoder.submit(segments.finish, swapper.state()))
        for future in waiting:
            future.result()


def _swap_chunk(swapper: Swapper, frames: Sequence[Frame], before: Swapped | None) -> list[Swapped]:
    """Swap frames that follow one another, and `before`; those like the one before share its result."""
    previous = [before.pixels if before else None, *(frame.pixels for frame in frames)]
    is_new = [
        last is None or not np.array_equal(frame.pixels, last) for frame, last in zip(frames, previous, strict=False)
    ]
    assigned = [swapper.assign(frame.pixels) if new else () for frame, new in zip(frames, is_new, strict=True)]
    chosen = [n for n, faces in enumerate(assigned) if faces]
    results: dict[int, np.ndarray] = {}
    if chosen:
        swapped = swapper.swap([frames[n].pixels for n in chosen], [assigned[n] for n in chosen])
        results = dict(zip(chosen, swapped, strict=True))
    done: list[Swapped] = []
    for n, frame in enumerate(frames):
        if is_new[n]:
            before = Swapped(frame.pixels, replace(frame, pixels=results.get(n, frame.pixels)), n in results, False)
        else:
            assert before
            before = replace(before, result=replace(frame, pixels=before.result.pixels), is_repeated=True)
        done.append(before)
    return done


def _ahead(items: Generator[Item], number: int) -> Generator[Item]:
    """Yield items that a thread of its own computes, some of them ahead."""
    end = object()
    executor = ThreadPoolExecutor(1, "decoder")
    try:
        coming = deque(executor.submit(next, items, end) for _ in range(number))
        while (item := coming.popleft().result()) is not end:
            coming.append(executor.submit(next, items, end))
            yield item  # type: ignore[misc]
    finally:
        executor.shutdown(cancel_futures=True)
        items.close()


def _with_time_left(progress: Progress | None, resumed: int, total: int) -> Callable[[int], None]:
    began = time.monotonic()

    def tell(done: int) -> None:
        if progress:
            left = (total - done) * (time.monotonic() - began) / max(done - resumed, 1)
            progress(done, max(total, done), max(left, 0))

    return tell


def check_part(start: float | None, end: float | None) -> None:
    """Refuse a part of a video that is none, whatever the video.

    Raises:
        SettingsError: It ends before it starts.
    """
    if not 0 <= (start or 0) < (math.inf if end is None else end):
        raise SettingsError(f"The part from {start or 0} to {end} seconds is none; give a start before its end.")


def _choose_cut(
    video: Path, info: VideoInfo, start: float | None, end: float | None
) -> tuple[tuple[int, int] | None, int]:
    """Return from when until when frames are kept, if not all are, and how many that are."""
    if start is None and end is None:
        return None, info.frames
    check_part(start, end)
    first = info.start if start is None else _time(info, start)
    until = FOREVER if end is None else _time(info, end)
    total, begin = 0, first
    for moment in read_frame_times(video):
        if first <= moment < until:
            begin = begin if total else moment
            total += 1
    if not total:
        raise SettingsError(
            f"'{video}' has no frame there: it lasts {info.duration:.2f} seconds; choose another part."
        )
    return (begin, until), total


def _time(info: VideoInfo, seconds: float) -> int:
    """Return the first time, in units of the time base, so many seconds after the first frame."""
    return info.start + math.ceil(Fraction(str(seconds)) / info.time_base)


def _fingerprint(swapper: Swapper, video: Path, cut: tuple[int, int] | None) -> str:
    made_by = [faceshifter_hub.__version__, require_av().__version__, X264_OPTIONS, SEGMENT_SECONDS]
    facts = [swapper.fingerprint(), sha256_of(video), cut, made_by]
    return hashlib.sha256(json.dumps(facts).encode()).hexdigest()


def _notes(info: VideoInfo, output: Path, segments: Segments, total: int) -> list[str]:
    """Say what a user may not expect of the output."""
    notes = []
    if not segments.swapped:
        notes.append("No frame shows a face to swap.")
    if segments.frames < total:
        notes.append(f"Of {total} frames, {total - segments.frames} cannot be decoded and are left out.")
    if info.hdr:
        notes.append("The video has a high dynamic range; it keeps it, with 8 bits a colour, so that bands may show.")
    elif info.depth > 8:
        notes.append(f"Of {info.depth} bits a colour, 8 are kept.")
    if info.interlaced:
        notes.append("The video is interlaced; its frames stay woven. Deinterlace it first if faces come out striped.")
    if info.alpha:
        notes.append("The video's transparency is lost; H.264 has none.")
    if info.width % 2 or info.height % 2:
        notes.append(f"Sides of {info.width} and {info.height} pixels become even: the last line is there twice.")
    if CONTAINERS[output.suffix.lower()] == "matroska" and (info.time_base * 1000).denominator > 1:
        notes.append("Matroska keeps times in whole milliseconds; choose an output ending in .mp4 for exact ones.")
    return notes
