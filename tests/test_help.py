"""What `--help` says: examples for every command, which work, at once."""

import argparse
import shlex
import subprocess
import sys

import pytest

from faceshifter_hub.cli import build_parser
from faceshifter_hub.help import EXAMPLES


def parsers(parser):
    """Return a parser and those of all commands below it."""
    found = [parser]
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            found += [each for command in action.choices.values() for each in parsers(command)]
    return found


PARSERS = {parser.prog: parser for parser in parsers(build_parser())}


def test_every_command_has_examples_and_no_other():
    assert EXAMPLES.keys() == PARSERS.keys()


@pytest.mark.parametrize("prog", PARSERS)
def test_the_help_says_what_the_command_does_and_shows_it_line_by_line(prog):
    text = PARSERS[prog].format_help()
    assert PARSERS[prog].description in " ".join(text.split())
    assert "\n".join(f"  {line}" for line in EXAMPLES[prog].strip().splitlines()) in text


@pytest.mark.parametrize("example", [line for text in EXAMPLES.values() for line in text.strip().splitlines()])
def test_the_example_is_understood(example):
    program, *words = shlex.split(example)
    assert program == "faceshifter" and build_parser().parse_args(words)


def test_the_help_waits_for_nothing_that_it_does_not_need():
    code = (
        "import sys; from faceshifter_hub.cli import build_parser; build_parser().format_help(); print(*sys.modules)"
    )
    process = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert {"torch", "pydantic_settings", "gradio", "mcp", "shtab"}.isdisjoint(process.stdout.split())
