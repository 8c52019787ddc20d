"""One file, whatever it is: a picture, one that moves, or a video."""

import dataclasses
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from faceshifter_hub.errors import NoFaceError, SettingsError
from faceshifter_hub.frames import FrameSwapper
from faceshifter_hub.jobs.folder import VIDEOS
from faceshifter_hub.media.animations import (
    ANIMATION_SUFFIXES,
    check_animation_output,
    count_frames,
    is_animation,
    read_frames,
    read_loop,
    write_animation,
)
from faceshifter_hub.media.images import check_output
from faceshifter_hub.options import SwapOptions
from faceshifter_hub.pipeline import FaceShifterPipeline, Source
from faceshifter_hub.safety.audit import note_run

Progress = Callable[[int, int | None, float | None], None]


def is_video(path: Path) -> bool:
    """Tell by its name whether a file is a video."""
    return path.suffix.lower() in VIDEOS


def is_animated(target: Path, output: Path) -> bool:
    """Tell whether the result of a picture moves; a GIF is written as such even if it does not."""
    suffix = output.suffix.lower()
    return suffix == ".gif" or (suffix in ANIMATION_SUFFIXES and is_animation(target))


def check_result(target: Path, output: Path) -> None:
    """Tell, before any work is done, whether the swap of a file can be written to a path.

    Raises:
        UnwritableOutputError: It cannot.
        MissingPackageError: Videos need a package that is not installed.
    """
    if is_video(target):
        from faceshifter_hub.media.video_writing import check_video_output

        check_video_output(output)
    elif output.suffix.lower() == ".gif":
        check_animation_output(output)
    else:
        check_output(output)


def swap_file(
    pipeline: FaceShifterPipeline,
    source: Source,
    target: str | Path,
    output: str | Path,
    *,
    start: float | None = None,
    end: float | None = None,
    progress: Progress | None = None,
    **options: Any,
) -> list[str]:
    """Swap the faces of a photograph, an animation or a video, file to file, and keep all else that the file holds.

    It is what `faceshifter swap` and `faceshifter video` do: 16 bits, transparency, colour profile and metadata stay,
    an animation's frames and their times, a video's sound, all as far as the result's format can hold them.

    Args:
        pipeline: That swaps.
        source: As the pipeline's call takes it, but no list.
        target: The file. Of an animation, a format that cannot move gets the first frame.
        output: Result; the extension chooses the format. A file of that name is replaced, whole or not at all.
        start: Seconds after its first frame from which a video is kept.
        end: Seconds after its first frame until which it is kept.
        progress: Called with frames done, frames altogether and seconds left, the last two None where unknown; of
            what moves.
        **options: Fields of `SwapOptions`.

    Returns:
        What a user should know, in sentences.

    Raises:
        NoFaceError: It shows no face, or none that is meant; a video without any is copied.
        FaceShifterError: As the pipeline's call and `swap_video`; the result cannot be written.
    """
    target, output = Path(target), Path(output)
    chosen = SwapOptions.of(**options)
    if (start, end) != (None, None) and not is_video(target):
        raise SettingsError("start and end say which part of a video is kept; leave them out of any other file.")
    check_result(target, output)
    swapper = FrameSwapper(pipeline, source, chosen)
    return [*swapper.notes, *swap_with(swapper, target, output, progress, start=start, end=end, door="python")]


def swap_with(
    swapper: FrameSwapper,
    target: Path,
    output: Path,
    progress: Progress | None = None,
    *,
    start: float | None = None,
    end: float | None = None,
    door: str,
) -> Sequence[str]:
    """Swap the faces of a file as `swap_file` does, by a swapper that may go on to others.

    Args:
        swapper: Who swaps.
        target: A picture, an animated one, or a video.
        output: Result.
        progress: See `swap_file`.
        start: See `swap_file`; `end` likewise.
        end: See `start`.
        door: For the audit log.

    Returns:
        What a user should know, in sentences.

    Raises:
        NoFaceError: It shows no face, or none that is meant; a video without any is copied.
        MediaError: It cannot be read, or the result not written.
    """
    if is_video(target):
        from faceshifter_hub.jobs.video import swap_video

        report = swap_video(swapper, target, output, start=start, end=end, progress=progress)
        note_run(door, swapper.pipeline.public_components(), swapper.mark_id)
        return report.notes
    if is_animated(target, output):
        swap_animation(swapper, target, output, progress, door=door)
        return ()
    return swap_photograph(swapper, target, output, door)


def swap_photograph(swapper: FrameSwapper, target: Path, output: Path, door: str) -> Sequence[str]:
    """Swap the faces of a photograph; see `swap_with`."""
    people: dict[Any, Any] = {role.person: role.source for role in swapper.roles if role.person is not None}
    source = people or swapper.roles[0].source
    swapped = swapper.pipeline(source, target, **swapper.options.model_dump())
    note_run(door, swapper.pipeline.public_components(), swapped.mark_ids[0])
    swapped.save(output)
    return swapped.notes


def swap_animation(
    swapper: FrameSwapper,
    target: Path,
    output: Path,
    progress: Progress | None = None,
    *,
    door: str,
    consent: bool | None = None,
) -> None:
    """Swap the faces of an animation; frames without any stay what they are. See `swap_with`."""
    swapper.reset()
    total, frames, found = count_frames(target), [], False
    for frame in read_frames(target):
        pixels = frame.photograph.pixels
        if assigned := swapper.assign(pixels):
            found = True
            swapped = swapper.swap([pixels], [assigned])[0]
            frame = dataclasses.replace(frame, photograph=frame.photograph.with_pixels(swapped))
        frames.append(frame)
        if progress:
            progress(len(frames), total, None)
    if not found:
        raise NoFaceError(f"No face to swap was found in '{target}'; use one that shows a face clearly.")
    note_run(door, swapper.pipeline.public_components(), swapper.mark_id, consent=consent)
    write_animation(frames, output, read_loop(target), swapper.credentials(target))
