"""`faceshifter batch`: one source into every picture of a folder, or a file of jobs."""

import argparse
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from faceshifter_hub.errors import BatchError, SettingsError
from faceshifter_hub.jobs.option_arguments import (
    add_option_arguments,
    add_people_arguments,
    add_runtime_argument,
    given_options,
    options_from,
)

if TYPE_CHECKING:
    from faceshifter_hub.jobs.batch import Job

    Subparsers = argparse._SubParsersAction[argparse.ArgumentParser]

PEOPLE = ("source", "also", "reference", "map")


def add_batch(subparsers: "Subparsers") -> None:
    """Add `faceshifter batch`."""
    parser = subparsers.add_parser(
        "batch",
        help="swap a face into every picture of a folder, or do the jobs of a file; the same command again goes on",
    )
    parser.add_argument(
        "inputs",
        nargs="+",
        metavar="INPUT",
        help="SOURCE and FOLDER; or, with --map, FOLDER; or JOBS.toml, whose [[job]] tables have source (a photograph "
        "or several), or map, target, output, pipeline, of a video start and end, and any option of the swap",
    )
    parser.add_argument("-o", "--output", metavar="OUT", type=Path, help="folder for the results; not with JOBS.toml")
    add_people_arguments(parser)
    add_option_arguments(parser)
    add_runtime_argument(parser)
    parser.add_argument(
        "--ray",
        metavar="ADDRESS",
        help="share the work among all cores of a Ray cluster whose nodes see the files under the same paths: auto, "
        "local, HOST:6379, ray://HOST:10001",
    )
    parser.add_argument("--json", action="store_true", help="print what became of the files as JSON")
    parser.set_defaults(run=run_batch_command)


def run_batch_command(arguments: argparse.Namespace) -> None:
    """Do the jobs, say what became of them.

    Raises:
        BatchError: Some could not be done; the others are.
    """
    from faceshifter_hub.jobs.batch import run_batch
    from faceshifter_hub.jobs.share import find_share

    jobs = jobs_from(arguments)
    share = find_share()
    try:
        report = run_batch(jobs, share, arguments.ray, arguments.runtime)
    except KeyboardInterrupt:
        print("Stopped. The same command goes on where this one stopped.", file=sys.stderr)
        raise
    if share.index > 0:
        return
    print(report.summary(), file=sys.stderr)
    if arguments.json:
        failed = [{"input": name, "why": why} for name, why in report.failed.items()]
        notes = [{"input": name, "notes": list(notes)} for name, notes in report.notes.items()]
        facts = {"outputs": [str(job.output.resolve()) for job in jobs], **vars(report)}
        print(json.dumps(facts | {"failed": failed, "notes": notes}, indent=2))  # names may be no Unicode
    else:
        for job in jobs:
            print(job.output)
    if report.failed:
        raise BatchError(
            f"{len(report.failed)} could not be done; what is wrong with each is said above. Set it right, then give "
            "the same command again: what is done is kept."
        )


def jobs_from(arguments: argparse.Namespace) -> "list[Job]":
    """Return the jobs that a command names.

    Raises:
        SettingsError: The arguments contradict each other, or a file of jobs holds what cannot be done.
        UnwritableOutputError: The results could replace the pictures.
    """
    from faceshifter_hub.jobs.batch import Job
    from faceshifter_hub.jobs.folder import check_folders
    from faceshifter_hub.jobs.job_file import read_jobs

    inputs = arguments.inputs
    if len(inputs) == 1 and inputs[0].lower().endswith(".toml"):
        people = arguments.map or arguments.also or arguments.reference
        if arguments.output or people or arguments.pipeline or given_options(arguments):
            raise SettingsError(
                "A file of jobs says itself whose faces change, how and where results go; give it alone."
            )
        return read_jobs(Path(inputs[0]))
    if len(inputs) != (1 if arguments.map else 2):
        raise SettingsError(
            f"There are {len(inputs)} inputs; give SOURCE and FOLDER, FOLDER and --map, or one JOBS.toml."
        )
    if not arguments.output:
        raise SettingsError("There is no folder for the results; name one by -o.")
    folder = Path(inputs[-1])
    check_folders(folder, arguments.output)
    arguments.source = None if arguments.map else inputs[0]
    people = argparse.Namespace(**{name: getattr(arguments, name) for name in PEOPLE})
    return [Job("the batch", people, folder, arguments.output, arguments.pipeline, options_from(arguments))]
