"""One file, whatever it is: a picture, one that moves, or a video."""

import dataclasses
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from faceshifter_hub.errors import NoFaceError
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
from faceshifter_hub.media.photographs import read_photograph, write_photograph
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


def swap_file(swapper: FrameSwapper, target: Path, output: Path, progress: Progress | None = None) -> Sequence[str]:
    """Swap the faces of a file and write the result, whole or not at all, with all else that the file holds.

    Args:
        swapper: Who swaps.
        target: A picture, an animated one, or a video. Of an animation a format that cannot move gets the first frame.
        output: Result; the extension chooses the format.
        progress: Called with frames done, frames altogether and seconds left; of what moves.

    Returns:
        What a user should know, in sentences.

    Raises:
        NoFaceError: It shows no face, or none that is meant; a video without any is copied.
        MediaError: It cannot be read, or the result not written.
    """
    if is_video(target):
        from faceshifter_hub.jobs.video import swap_video

        report = swap_video(swapper, target, output, progress=progress)
        note_run("video", swapper.pipeline.public_components(), swapper.mark_id)
        return report.notes
    if is_animated(target, output):
        swap_animation(swapper, target, output, progress)
        return ()
    return swap_photograph(swapper, target, output)


def swap_photograph(swapper: FrameSwapper, target: Path, output: Path) -> Sequence[str]:
    """Swap the faces of a photograph; see `swap_file`."""
    photograph = read_photograph(target)
    people: dict[Any, Any] = {role.person: role.source for role in swapper.roles if role.person is not None}
    source = people or swapper.roles[0].source
    swapped = swapper.pipeline(source, photograph.pixels, **swapper.options.model_dump())
    note_run("photograph", swapper.pipeline.public_components(), swapped.mark_ids[0])
    credentials = swapped.credentials_onto(target)
    write_photograph(photograph.with_pixels(np.asarray(swapped.images[0])), output, credentials)
    return swapped.notes


def swap_animation(swapper: FrameSwapper, target: Path, output: Path, progress: Progress | None = None) -> None:
    """Swap the faces of an animation; frames without any stay what they are. See `swap_file`."""
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
    note_run("animation", swapper.pipeline.public_components(), swapper.mark_id)
    write_animation(frames, output, read_loop(target), swapper.credentials(target))
