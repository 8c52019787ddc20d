"""`faceshifter live`: a camera, swapped as it films, in a window."""

import argparse
from typing import TYPE_CHECKING

from faceshifter_hub.jobs.option_arguments import (
    add_option_arguments,
    add_people_arguments,
    add_runtime_argument,
    options_from,
    source_from,
)

if TYPE_CHECKING:
    Subparsers = argparse._SubParsersAction[argparse.ArgumentParser]

TITLE = "FaceShifter Hub: Q ends"


def add_live(subparsers: "Subparsers") -> None:
    """Add `faceshifter live`."""
    parser = subparsers.add_parser("live", help="put the identity of a photograph's face into what a camera films")
    parser.add_argument("source", metavar="SOURCE", nargs="?", help="photograph whose identity is taken")
    parser.add_argument(
        "--camera", metavar="N", default="0", help="number of the camera, the first is 0; or a device or an address"
    )
    add_people_arguments(parser)
    add_option_arguments(parser)
    add_runtime_argument(parser)
    parser.set_defaults(run=run_live)


def run_live(arguments: argparse.Namespace) -> None:
    """Show the swapped camera until the window is closed."""
    from faceshifter_hub.frames import FrameSwapper
    from faceshifter_hub.jobs.live import swap_live, window
    from faceshifter_hub.jobs.told_runtime import tell_runtime
    from faceshifter_hub.pipeline import FaceShifterPipeline
    from faceshifter_hub.safety.audit import note_run

    options = options_from(arguments)
    camera = int(arguments.camera) if arguments.camera.isdecimal() else arguments.camera
    with window(TITLE) as show:
        pipeline = FaceShifterPipeline.from_pretrained(arguments.pipeline, runtime=arguments.runtime)
        swapper = FrameSwapper(pipeline, source_from(arguments, pipeline), options)
        tell_runtime(pipeline)
        note_run("live", pipeline.public_components(), swapper.mark_id)
        shown = swap_live(swapper, camera, show)
    print(f"{shown} frames shown.")
