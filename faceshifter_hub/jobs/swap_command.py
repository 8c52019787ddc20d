"""`faceshifter swap`: one photograph, or one that moves."""

import argparse
import json
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
    from faceshifter_hub.options import SwapOptions

    Subparsers = argparse._SubParsersAction[argparse.ArgumentParser]


def add_swap(subparsers: "Subparsers") -> None:
    """Add `faceshifter swap`."""
    parser = subparsers.add_parser("swap", help="put the identity of one photograph's face into another photograph")
    parser.add_argument("source", metavar="SOURCE", nargs="?", help="photograph whose identity is taken")
    parser.add_argument("target", metavar="TARGET", help="photograph that gives everything else")
    parser.add_argument(
        "-o", "--output", metavar="OUT", required=True, help="result, as its extension says: .png, ..."
    )
    add_people_arguments(parser)
    add_option_arguments(parser)
    add_runtime_argument(parser)
    parser.add_argument("--stages", metavar="DIR", help="write the pictures of every stage to this folder")
    parser.add_argument("--json", action="store_true", help="print faces, components and times as JSON")
    parser.set_defaults(run=run_swap)


def run_swap(arguments: argparse.Namespace) -> None:
    """Swap the faces of one photograph, write the result, say what was done."""
    import numpy as np

    from faceshifter_hub.jobs.folder import make_folder
    from faceshifter_hub.jobs.swap_file import is_animated
    from faceshifter_hub.jobs.told_runtime import tell_runtime
    from faceshifter_hub.media.images import check_output, write_image
    from faceshifter_hub.pipeline import FaceShifterPipeline
    from faceshifter_hub.safety.audit import note_run

    options = options_from(arguments)
    if is_animated(Path(arguments.target), Path(arguments.output)):
        run_swap_animation(arguments, options)
        return
    check_output(arguments.output)
    stages = Path(arguments.stages) if arguments.stages else None
    if stages is not None:
        make_folder(stages)
    pipeline = FaceShifterPipeline.from_pretrained(arguments.pipeline, runtime=arguments.runtime)
    output = pipeline(
        source_from(arguments, pipeline), arguments.target, return_stages=stages is not None, **options.model_dump()
    )
    note_run("swap", pipeline.public_components(), output.mark_ids[0])
    output.save(arguments.output)
    if stages is not None:
        for number, face in enumerate(output.stages[0], 1):
            folder = stages / str(number) if len(output.stages[0]) > 1 else stages
            make_folder(folder)
            for name, picture in face.items():
                write_image(np.asarray(picture), folder / f"{name}.png")
    for note in output.notes:
        print(note, file=sys.stderr)
    if arguments.json:
        faces = [{"box": face.box.round(1).tolist(), "score": round(face.score, 4)} for face in output.faces[0]]
        told = {
            "output": str(Path(arguments.output).resolve()),
            "faces": faces,
            "notes": output.notes,
            "components": pipeline.describe_components(),
            "runtime": pipeline.runtime,
            "watermark": output.mark_ids[0],
            "milliseconds": output.milliseconds,
        }
        print(json.dumps(told, indent=2, ensure_ascii=False))
    else:
        tell_runtime(pipeline)
        print(arguments.output)


def run_swap_animation(arguments: argparse.Namespace, options: "SwapOptions") -> None:
    """Swap the faces of every frame of an animated picture."""
    from faceshifter_hub.frames import FrameSwapper
    from faceshifter_hub.jobs.swap_file import check_result, swap_animation
    from faceshifter_hub.jobs.told_runtime import tell_runtime
    from faceshifter_hub.pipeline import FaceShifterPipeline

    if arguments.stages:
        raise SettingsError("Of an animation no stages are shown; leave out --stages.")
    began = time.monotonic()
    target, output = Path(arguments.target), Path(arguments.output)
    check_result(target, output)
    pipeline = FaceShifterPipeline.from_pretrained(arguments.pipeline, runtime=arguments.runtime)
    swapper = FrameSwapper(pipeline, source_from(arguments, pipeline), options)
    swap_animation(swapper, target, output, door="swap")
    for note in swapper.notes:
        print(note, file=sys.stderr)
    if arguments.json:
        told = {
            "output": str(output.resolve()),
            "frames": swapper.number,
            "swapped": swapper.changed,
            "notes": swapper.notes,
            "components": pipeline.describe_components(),
            "runtime": pipeline.runtime,
            "watermark": swapper.mark_id,
            "seconds": time.monotonic() - began,
        }
        print(json.dumps(told, indent=2, ensure_ascii=False))
    else:
        tell_runtime(pipeline)
        print(output)
