"""`faceshifter demo`: serves the page."""

import argparse
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    Subparsers = argparse._SubParsersAction[argparse.ArgumentParser]


def add_demo(subparsers: "Subparsers") -> None:
    """Add `faceshifter demo`."""
    parser = subparsers.add_parser("demo", help="serve the page with all of this to see and try")
    parser.add_argument("--port", type=port, metavar="N", help="port to listen on (the first free one from 7860)")
    parser.set_defaults(run=run_demo)


def port(text: str) -> int:
    """Parse the number of a port."""
    number = int(text)
    if not 0 < number < 2**16:
        raise ValueError
    return number


def run_demo(arguments: argparse.Namespace) -> None:
    """Serve the page until interrupted."""
    from faceshifter_hub.demo import build_demo, launch

    launch(build_demo(), port=arguments.port)
