"""The command line, `faceshifter ...`: one function adds each subcommand, one carries it out.

What needs torch is imported where a command runs, so that `--help` and `components` answer at once.
"""

import argparse
import atexit
import gc
import json
import os
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

import faceshifter_hub
from faceshifter_hub.benchmarking.command import add_benchmark
from faceshifter_hub.completion import add_completion
from faceshifter_hub.demo_command import add_demo
from faceshifter_hub.errors import FaceShifterError
from faceshifter_hub.evaluation.command import add_evaluate
from faceshifter_hub.export_command import add_export
from faceshifter_hub.help import HelpfulParser
from faceshifter_hub.jobs.batch_command import add_batch
from faceshifter_hub.jobs.live_command import add_live
from faceshifter_hub.jobs.swap_command import add_swap
from faceshifter_hub.jobs.video_command import add_video
from faceshifter_hub.mcp_command import add_mcp
from faceshifter_hub.preparation.command import add_prepare
from faceshifter_hub.provenance.check_command import add_check
from faceshifter_hub.publishing.command import add_publish
from faceshifter_hub.pull import add_pull
from faceshifter_hub.registry import (
    KINDS,
    Manifest,
    PipelineManifest,
    get_entry,
    list_components,
    plugin_problems,
)
from faceshifter_hub.synthesis.datasets.command import add_synthesize

if TYPE_CHECKING:
    Subparsers = argparse._SubParsersAction[argparse.ArgumentParser]

COLLECT_AFTER = 20_000  # new objects; the interpreter's own 700 are for programs that import less


def run_process() -> int:
    """Run the command that this process was started for, and return its exit code.

    Nearly all objects come with imported modules and stay to the end: looking through them for garbage, again and
    again and once more at exit, takes a quarter of the time of a swap.
    """
    gc.set_threshold(COLLECT_AFTER)
    atexit.register(gc.freeze)
    return main()


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command.

    Returns:
        Exit code: 0 done, 1 could not be done (one sentence on stderr says why), 2 wrong usage, 130 interrupted,
        141 nobody reads on.
    """
    arguments = build_parser().parse_args(argv)
    try:
        arguments.run(arguments)
        sys.stdout.flush()
    except FaceShifterError as error:
        print(f"faceshifter: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:  # the reader, `head` say, has seen enough; nothing more is written, at exit neither
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 141
    return 0


def build_parser() -> argparse.ArgumentParser:
    """Return the parser of the whole command line."""
    parser: argparse.ArgumentParser = HelpfulParser(
        "faceshifter", description="Two-stage face swapping out of components."
    )
    parser.add_argument("--version", action="version", version=faceshifter_hub.__version__)
    add_completion(parser)
    subparsers = parser.add_subparsers(title="commands", required=True, metavar="COMMAND")
    add_swap(subparsers)
    add_batch(subparsers)
    add_video(subparsers)
    add_live(subparsers)
    add_check(subparsers)
    add_components(subparsers)
    add_info(subparsers)
    add_pull(subparsers)
    add_export(subparsers)
    add_demo(subparsers)
    add_mcp(subparsers)
    add_evaluate(subparsers)
    add_benchmark(subparsers)
    add_synthesize(subparsers)
    add_prepare(subparsers)
    add_publish(subparsers)
    return parser


def add_components(subparsers: "Subparsers") -> None:
    """Add `faceshifter components`."""
    parser = subparsers.add_parser("components", help="list the registered components")
    parser.add_argument("kind", nargs="?", choices=KINDS, metavar="KIND", help=f"only one of: {', '.join(KINDS)}")
    parser.add_argument("--json", action="store_true", help="print the whole manifests as JSON")
    parser.set_defaults(run=run_components)


def run_components(arguments: argparse.Namespace) -> None:
    """Print the registered components, and on stderr a warning for each plugin left out."""
    manifests = list_components(arguments.kind)
    if arguments.json:
        print_json([as_dictionary(manifest) for manifest in manifests])
    else:
        width = max((len(manifest.name) for manifest in manifests), default=0)
        for manifest in manifests:
            limit = "" if manifest.commercial_use else " (non-commercial)"
            print(f"{manifest.name:{width}}  {manifest.kind:17}  {manifest.description}{limit}")
    for problem in plugin_problems():
        print(f"warning: {problem}", file=sys.stderr)


def add_info(subparsers: "Subparsers") -> None:
    """Add `faceshifter info`."""
    parser = subparsers.add_parser("info", help="show everything known of a component or pipeline")
    parser.add_argument("name", metavar="NAME", help="its registered name")
    parser.add_argument("--json", action="store_true", help="print the manifest as JSON")
    parser.set_defaults(run=run_info)


def run_info(arguments: argparse.Namespace) -> None:
    """Print the manifest of a component or pipeline."""
    manifest = as_dictionary(get_entry(arguments.name))
    if arguments.json:
        print_json(manifest)
    else:
        print_fields(manifest)


def as_dictionary(manifest: Manifest | PipelineManifest) -> dict:
    """Return a manifest as plain data, fields that say nothing left out."""
    return manifest.model_dump(mode="json", by_alias=True, exclude_none=True)


def print_json(data: object) -> None:
    """Print plain data as JSON."""
    print(json.dumps(data, indent=2, ensure_ascii=False))


def print_fields(data: dict, indent: str = "") -> None:
    """Print nested dictionaries and lists as indented lines."""
    for name, value in data.items():
        label = f"{indent}{name.replace('_', ' ')}:"
        rows = value if isinstance(value, list) and value and isinstance(value[0], dict) else [value]
        for row in rows:
            if isinstance(row, dict):
                print(label)
                print_fields(row, indent + "  ")
            elif isinstance(row, list):
                print(label, ", ".join(map(str, row)) or "-")
            else:
                print(label, {True: "yes", False: "no"}[row] if isinstance(row, bool) else row)


if __name__ == "__main__":
    sys.exit(run_process())
