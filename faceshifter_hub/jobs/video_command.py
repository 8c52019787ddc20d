"""`faceshifter video`: swap the faces of a video."""

import argparse
import dataclasses
import json
import math
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

from faceshifter_hub.errors import SettingsError
from faceshifter_hub.jobs.option_arguments import (
    add_option_arguments,
    add_people_arguments,
    add_runtime_argument,
    options_from,
    source_from,
)

if TYPE_CHECKING:
    Subparsers = argparse._SubParsersAction[argparse.ArgumentParser]


def add_video(subparsers: "Subparsers") -> None:
    """Add `faceshifter video`."""
    parser = subparsers.add_parser("video", help="put the identity of a photograph's face into a video")
    parser.add_argument("source", metavar="SOURCE", nargs="?", help="photograph whose identity is taken")
    parser.add_argument("video", metavar="VIDEO", help="video that gives everything else; its sound is kept as it is")
    result = parser.add_mutually_exclusive_group(required=True)
    result.add_argument(
        "-o",
        "--output",
        metavar="OUT",
        help="result: .mp4, .mov or .mkv; the same command again goes on where one was stopped",
    )
    result.add_argument(
        "--preview", nargs=2, metavar=("AT", "OUT"), help="write only the frame of this number or time, as a picture"
    )
    parser.add_argument("--start", metavar="TIME", help="swap from here on: seconds, or 1:02.5")
    parser.add_argument("--end", metavar="TIME", help="until here")
    add_people_arguments(parser)
    add_option_arguments(parser)
    add_runtime_argument(parser)
    parser.add_argument("--json", action="store_true", help="print what was done as JSON")
    parser.set_defaults(run=run_video)


def run_video(arguments: argparse.Namespace) -> None:
    """Swap a video or a frame of it, write the result, say what was done."""
    from faceshifter_hub.datasets.progress import tell
    from faceshifter_hub.frames import FrameSwapper
    from faceshifter_hub.jobs.told_runtime import tell_runtime
    from faceshifter_hub.jobs.video import swap_one_frame, swap_video
    from faceshifter_hub.media.images import check_output, write_image
    from faceshifter_hub.media.video import read_video_info
    from faceshifter_hub.media.video_writing import check_video_output
    from faceshifter_hub.pipeline import FaceShifterPipeline
    from faceshifter_hub.safety.audit import note_run

    options = options_from(arguments)
    start, end = (None if text is None else read_time(text) for text in (arguments.start, arguments.end))
    if arguments.preview:
        at, output = read_moment(arguments.preview[0]), check_output(arguments.preview[1])
    else:
        output = check_video_output(arguments.output)
    read_video_info(arguments.video)  # before networks are loaded, for nothing
    pipeline = FaceShifterPipeline.from_pretrained(arguments.pipeline, runtime=arguments.runtime)
    swapper = FrameSwapper(pipeline, source_from(arguments, pipeline), options)
    tell_runtime(pipeline)
    for note in swapper.notes:
        print(note, file=sys.stderr)
    if arguments.preview:
        frame = swap_one_frame(swapper, arguments.video, at)
        note_run("video preview", pipeline.public_components(), swapper.mark_id)
        write_image(frame, output, swapper.credentials(Path(arguments.video)))
        print(json.dumps({"output": str(Path(output).resolve())}) if arguments.json else output)
        return
    try:
        report = swap_video(swapper, arguments.video, output, start=start, end=end, progress=ProgressLine())
    except KeyboardInterrupt:
        tell("", "\n")
        print("Stopped. The same command goes on where this one stopped.", file=sys.stderr)
        raise
    tell("", "\n")
    note_run("video", pipeline.public_components(), swapper.mark_id)
    for note in report.notes:
        print(note, file=sys.stderr)
    if arguments.json:
        facts = dataclasses.asdict(report) | {"output": str(report.output.resolve())}
        facts["notes"] = [*swapper.notes, *report.notes]
        print(json.dumps(facts, indent=2, ensure_ascii=False))
    else:
        print(report.output)


class ProgressLine:
    """Says on stderr how many frames are done and how long the others may take, now and then."""

    def __init__(self) -> None:
        self.every = 0.2 if sys.stderr.isatty() else 30  # seconds
        self.told = -math.inf

    def __call__(self, done: int, total: int | None, left: float | None) -> None:
        from faceshifter_hub.datasets.progress import clock, tell

        if done == total or time.monotonic() - self.told >= self.every:
            self.told = time.monotonic()
            of = f" of {total}" if total is not None else ""
            tell(f"frame {done}{of}{f', {clock(left)} left' if left is not None else ''}")


def read_time(text: str) -> float:
    """Return the seconds of `90`, `1:30` or `0:01:30.5`.

    Raises:
        SettingsError: It is no time.
    """
    parts = text.split(":")
    try:
        if len(parts) > 3 or not all(part.replace(".", "", 1).isdecimal() for part in parts):
            raise ValueError
        return sum(float(part) * 60**n for n, part in enumerate(reversed(parts)))
    except ValueError:
        raise SettingsError(f"'{text}' is no time; write seconds, or minutes and seconds: 62.5 or 1:02.5.") from None


def read_moment(text: str) -> int | float:
    """Return a frame's number, if the text is one, else a time in seconds.

    Raises:
        SettingsError: It is neither.
    """
    return int(text) if text.isdecimal() else read_time(text)
