"""The options of a swap and whose face changes, as arguments of commands."""

import argparse
from typing import Any

from faceshifter_hub.errors import SettingsError
from faceshifter_hub.options import COLOURS, MOST_BOOST, REGIONS, SwapOptions
from faceshifter_hub.runtimes import RUNTIMES


def add_option_arguments(parser: argparse.ArgumentParser) -> None:
    """Add an argument for each option of a swap, None where it is not given, and the pipeline's address."""

    def said(name: str) -> str | None:
        return SwapOptions.model_fields[name].description

    parser.add_argument("--pipeline", metavar="ADDRESS", help="registered name, folder or hf://owner/repo")
    group = parser.add_argument_group("the swap")
    group.add_argument("--faces", metavar="WHICH", help=said("faces"))
    group.add_argument("--min-score", metavar="S", type=float, help=said("min_score"))
    group.add_argument("--min-likeness", metavar="L", type=float, help=said("min_likeness"))
    group.add_argument("--no-refine", dest="refine", action="store_false", default=None, help="leave out stage 2")
    group.add_argument("--strength", metavar="S", type=float, help=said("strength"))
    group.add_argument("--boost", type=int, choices=range(1, MOST_BOOST + 1), help=said("boost"))
    group.add_argument("--keep", nargs="+", choices=REGIONS, metavar="REGION", help=said("keep"))
    group.add_argument("--colour", choices=COLOURS, help=said("colour"))
    group.add_argument("--grain", action="store_true", default=None, help=said("grain"))
    group.add_argument("--label", action="store_true", default=None, help=said("label"))
    group.add_argument(
        "--no-mark",
        dest="mark",
        action="store_false",
        default=None,
        help="leave the result without watermark and credentials",
    )


def add_runtime_argument(parser: argparse.ArgumentParser) -> None:
    """Add the pipeline's runtime."""
    parser.add_argument(
        "--runtime",
        choices=RUNTIMES,
        help="what runs the networks; auto is the fastest that `faceshifter export` made",
    )


def options_from(arguments: argparse.Namespace) -> SwapOptions:
    """Return the options of a swap, as far as a command was given them; the others are the default's.

    Raises:
        SettingsError: One is out of range.
    """
    return SwapOptions.of(**given_options(arguments))


def given_options(arguments: argparse.Namespace) -> dict[str, Any]:
    """Return the options of a swap that a command was given."""
    chosen = {name: getattr(arguments, name) for name in SwapOptions.model_fields}
    return {name: value for name, value in chosen.items() if value is not None}


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
        help="in place of SOURCE, for each person: a photograph of whom to replace, or a number from left to right, "
        "and a photograph of the source; the same person again takes the mean of several",
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
        sources: dict[str | int, list[str]] = {}
        for person, source in map(read_pair, arguments.map):
            sources.setdefault(person, []).append(source)
        return {person: mean_of(photographs, pipeline) for person, photographs in sources.items()}
    if not arguments.source:
        raise SettingsError("There is no source; name a photograph, or people and sources by --map.")
    source = mean_of([arguments.source, *arguments.also], pipeline)
    return {arguments.reference: source} if arguments.reference else source


def mean_of(photographs: list[str], pipeline: Any) -> Any:
    """Return the mean identity of several photographs; a single one as it is, read with all others by the call."""
    return pipeline.identity(*photographs) if len(photographs) > 1 else photographs[0]


def read_pair(pair: str) -> tuple[str | int, str]:
    """Return person and source of `PERSON=SOURCE`; a person that is a number stays one.

    Raises:
        SettingsError: It has no `=`, or nothing on one side of it.
    """
    person, _, source = pair.rpartition("=")
    if not person or not source:
        raise SettingsError(f"--map {pair} names no person and source; write PERSON=SOURCE.")
    return int(person) if person.isdecimal() else person, source
