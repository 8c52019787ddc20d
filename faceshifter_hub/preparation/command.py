"""`faceshifter prepare`: make a collection of photographs a folder to train on."""

import argparse
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from faceshifter_hub.errors import SettingsError

if TYPE_CHECKING:
    Subparsers = argparse._SubParsersAction[argparse.ArgumentParser]

SIZES, WORKERS = (32, 1024), (1, 1024)


def add_prepare(subparsers: "Subparsers") -> None:
    """Add `faceshifter prepare`."""
    parser = subparsers.add_parser(
        "prepare", help="find, align and sift the faces of a folder of photographs, into WebDataset shards"
    )
    parser.add_argument("input", type=Path, metavar="IN", help="photographs, at any depth; a folder a person, or one")
    parser.add_argument("output", type=Path, metavar="OUT", help="folder; the same command again goes on in it")
    parser.add_argument("--size", type=int, default=256, metavar="S", help="side of aligned faces (%(default)s)")
    parser.add_argument(
        "--min-face", "--min_face", type=int, metavar="P", help="least side of the face in the photograph (half of S)"
    )
    engine = parser.add_mutually_exclusive_group()
    engine.add_argument("--workers", type=int, metavar="W", help="processes (one a core)")
    engine.add_argument(
        "--ray",
        metavar="ADDRESS",
        help="in their place, all cores of a Ray cluster whose nodes see IN under the same path: auto, local, "
        "HOST:6379, ray://HOST:10001",
    )
    parser.set_defaults(run=run_prepare)


def run_prepare(arguments: argparse.Namespace) -> None:
    """Fill the folder, then write its list of rejections and its card."""
    from faceshifter_hub.datasets.progress import tell
    from faceshifter_hub.preparation.prepare import prepare

    min_face = arguments.size // 2 if arguments.min_face is None else arguments.min_face
    workers = os.cpu_count() or 1 if arguments.workers is None else arguments.workers
    check_range("--size", arguments.size, *SIZES)
    check_range("--min-face", min_face, 1, 10_000)
    check_range("--workers", workers, *WORKERS)
    try:
        prepare(arguments.input, arguments.output, arguments.size, min_face, workers, arguments.ray)
    except KeyboardInterrupt:
        tell("", "\n")
        print("Stopped. The same command goes on where this one stopped.", file=sys.stderr)
        raise
    print(arguments.output)


def check_range(option: str, value: int, least: int, most: int) -> None:
    """Refuse a number out of its range.

    Raises:
        SettingsError: It is.
    """
    if not least <= value <= most:
        raise SettingsError(f"{option} is {least} to {most}, not {value}.")
