"""`faceshifter check`: what a file says of where it came from."""

import argparse
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    Subparsers = argparse._SubParsersAction[argparse.ArgumentParser]


def add_check(subparsers: "Subparsers") -> None:
    """Add `faceshifter check`."""
    parser = subparsers.add_parser(
        "check", help="tell what a picture or a video says of itself: content credentials, signature, watermark"
    )
    parser.add_argument("file", metavar="FILE", help="picture or video, whoever made it; nothing of it leaves here")
    parser.add_argument("--json", action="store_true", help="print it as JSON")
    parser.set_defaults(run=run_check)


def run_check(arguments: argparse.Namespace) -> None:
    """Print what a file says of itself."""
    from faceshifter_hub.provenance.check import check_file

    report = check_file(arguments.file)
    if arguments.json:
        print(report.model_dump_json(indent=2))
    else:
        print("\n".join(report.sentences()))
