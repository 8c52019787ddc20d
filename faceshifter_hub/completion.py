"""`faceshifter --print-completion SHELL`: the script that lets a shell complete commands, options and files."""

import argparse
from collections.abc import Iterator, Sequence
from typing import Any

SHELLS = ("bash", "zsh", "fish")
PATHS = {"SOURCE", "TARGET", "PHOTO", "VIDEO", "IN", "OUT", "FILE", "FOLDER", "DIR", "DATA", "REPORT", "ADDRESS"}


class PrintCompletion(argparse.Action):
    """Print the completion script of the parser it belongs to, and exit."""

    def __call__(
        self, parser: argparse.ArgumentParser, namespace: object, values: str | Sequence[Any] | None, *_: object
    ) -> None:
        import shtab

        for action in _actions(parser):
            names = action.metavar if isinstance(action.metavar, tuple) else (action.metavar,)
            if PATHS & set(names):
                action.complete = shtab.FILE  # type: ignore[attr-defined]  # where shtab looks for it
        print(shtab.complete(parser, str(values)))
        parser.exit()


def add_completion(parser: argparse.ArgumentParser) -> None:
    """Add `--print-completion`."""
    parser.add_argument(
        "--print-completion",
        action=PrintCompletion,
        choices=SHELLS,
        metavar="SHELL",
        help=f"print what makes a shell complete this command: {', '.join(SHELLS)}",
    )


def _actions(parser: argparse.ArgumentParser) -> Iterator[argparse.Action]:
    for action in parser._actions:
        yield action
        if isinstance(action, argparse._SubParsersAction):
            for command in action.choices.values():
                yield from _actions(command)
