"""The options of a swap and whose face changes, as arguments of commands."""

import argparse
from typing import Any

from faceshifter_hub.errors import SettingsError
from faceshifter_hub.options import COLOURS, MOST_BOOST, REGIONS, SwapOptions
from faceshifter_hub.runtimes import RUNTIMES

NEGATED = ("refine", "mark")  # on unless an argument says no


def add_option_arguments(parser: argparse.ArgumentParser) -> None:
    """Add an argument for each option of a swap, and the pipeline's address."""

    def said(name: str) -> str | None:
        return SwapOptions.model_fields[name].description

    default = SwapOptions()
    parser.add_argument("--pipeline", metavar="ADDRESS", help="registered name, folder or hf://owner/repo")
    group = parser.add_argument_group("the swap")
    group.add_argument("--faces", metavar="WHICH", default=default.faces, help=said("faces"))
    group.add_argument("--min-score", metavar="S", type=float, default=default.min_score, help=said("min_score"))
    group.add_argument("--no-refine", action="store_true", help="leave out stage 2")
    group.add_argument("--strength", metavar="S", type=float, default=default.strength, help=said("strength"))
    group.add_argument(
        "--boost", type=int, choices=range(1, MOST_BOOST + 1), default=default.boost, help=said("boost")
    )
    group.add_argument("--keep", nargs="+", choices=REGIONS, metavar="REGION", default=[], help=said("keep"))
    group.add_argument("--colour", choices=COLOURS, default=default.colour, help=said("colour"))
    group.add_argument("--grain", action="store_true", help=said("grain"))
    group.add_argument("--label", action="store_true", help=said("label"))
    group.add_argument("--no-mark", action="store_true", help="leave the result without watermark and credentials")


def add_runtime_argument(parser: argparse.ArgumentParser) -> None:
    """Add the pipeline's runtime."""
    parser.add_argument(
        "--runtime",
        choices=RUNTIMES,
        help="what runs the networks; auto is the fastest that `faceshifter export` made",
    )


def options_from(arguments: argparse.Namespace) -> SwapOptions:
    """Return the options that a command was given.

    Raises:
        SettingsError: One is out of range.
    """
    given = {name: getattr(arguments, name) for name in SwapOptions.model_fields if name not in NEGATED}
    return SwapOptions.of(**given, **{name: not getattr(arguments, f"no_{name}") for name in NEGATED})


def add_people_arguments(parser: argparse.ArgumentParser) -> None:
    """Add what says whose identity goes where; the command itself adds SOURCE, which may be left out."""
    group = parser.add_argument_group("whose face")
    group.add_argument(
        "--also", nargs="+", metavar="PHOTO", default=[], help="more photographs of the source; their mean is taken"
    )
    group.add_argument("--reference", metavar="PHOTO", help="swap only whoever looks most like this")
    group.add_argument(
        "--map",
        metavar="PERSON=SOURCE",
        action="append",
        default=[],
        help="in place of SOURCE, once a person: a photograph of whom to replace, or a number from left to right",
    )


def source_from(arguments: argparse.Namespace, pipeline: Any) -> Any:
    """Return what the pipeline's call takes as its source.

    Args:
        arguments: Of a command with `source` and the arguments of `add_people_arguments`.
        pipeline: A `FaceShifterPipeline`.

    Raises:
        SettingsError: The arguments contradict each other, or name no source.
        FaceShifterError: A photograph cannot be read or shows no face.
    """
    if arguments.map:
        if arguments.source or arguments.also or arguments.reference:
            raise SettingsError("--map names every source itself; leave out SOURCE, --also and --reference.")
        return dict(read_pair(pair) for pair in arguments.map)
    if not arguments.source:
        raise SettingsError("There is no source; name a photograph, or people and sources by --map.")
    source = pipeline.identity(arguments.source, *arguments.also) if arguments.also else arguments.source
    return {arguments.reference: source} if arguments.reference else source


def read_pair(pair: str) -> tuple[str | int, str]:
    """Return person and source of `PERSON=SOURCE`; a person that is a number stays one.

    Raises:
        SettingsError: It has no `=`, or nothing on one side of it.
    """
    person, _, source = pair.rpartition("=")
    if not person or not source:
        raise SettingsError(f"--map {pair} names no person and source; write PERSON=SOURCE.")
    return int(person) if person.isdecimal() else person, source
