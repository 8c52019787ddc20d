"""Render groups of faces to train on: `python -m faceshifter_hub.synthesis OUT --groups 300`."""

import argparse
import os
import sys
from collections.abc import Callable
from pathlib import Path

from faceshifter_hub.errors import FaceShifterError
from faceshifter_hub.synthesis.dataset import draw_groups


def at_least(least: int) -> Callable[[str], int]:
    """Return what reads an integer of that size from the command line."""

    def number(text: str) -> int:
        if (value := int(text)) < least:
            raise argparse.ArgumentTypeError(f"{value} is less than {least}")
        return value

    return number


def main() -> None:
    """Read the command line and fill the folder."""
    parser = argparse.ArgumentParser(prog="python -m faceshifter_hub.synthesis", description=__doc__)
    parser.add_argument("output_dir", type=Path, help="folder for group_*.npz; groups that are there are kept")
    parser.add_argument(
        "--groups", type=at_least(0), default=300, help="number of groups (16 pictures each; default 300)"
    )
    parser.add_argument("--size", type=int, default=256, help="side of a picture in pixels, 64 to 1024 (default 256)")
    parser.add_argument("--samples", type=int, default=4, help="multisampling: 0, 2, 4 or 8 (default 4)")
    parser.add_argument(
        "--seed", type=at_least(0), default=0, help="of the data set; group g depends on it and g alone"
    )
    parser.add_argument(
        "--workers", type=at_least(1), default=os.cpu_count() or 1, help="processes (default: one a core)"
    )
    args = parser.parse_args()
    done = 0
    options = {name: getattr(args, name) for name in ("seed", "size", "samples", "workers")}
    for done, _ in enumerate(draw_groups(args.output_dir, args.groups, **options), 1):
        print(f"\r{done} groups rendered", end="", flush=True)
    print(f"\r{done} groups rendered, {args.output_dir} holds {args.groups}")


if __name__ == "__main__":
    try:
        main()
    except FaceShifterError as error:
        sys.exit(str(error))
    except KeyboardInterrupt:
        sys.exit("\nStopped. The same command goes on where this one stopped.")
