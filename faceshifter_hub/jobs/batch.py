"""Many swaps, one after the other: what is bad is told and left out, what is done already is not done again."""

import argparse
import hashlib
import json
import os
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from huggingface_hub.utils import tqdm

from faceshifter_hub.errors import FaceShifterError, InaccessibleImageError, UnwritableOutputError
from faceshifter_hub.frames import FrameSwapper
from faceshifter_hub.jobs.folder import list_pictures, make_folder, name_results
from faceshifter_hub.jobs.option_arguments import source_from
from faceshifter_hub.jobs.record import Record
from faceshifter_hub.jobs.share import Share
from faceshifter_hub.jobs.swap_file import swap_file
from faceshifter_hub.options import SwapOptions
from faceshifter_hub.pipeline import FaceShifterPipeline
from faceshifter_hub.registry import sha256_of


@dataclass(frozen=True, eq=False)
class Job:
    """One swap, of a file or of every picture of a folder.

    Attributes:
        name: What messages call it.
        people: Whose identity goes where: `source`, `also`, `reference` and `map` as the arguments of commands.
        target: File or folder.
        output: The same.
        pipeline: Address; None for the default.
        options: Of the swap.
    """

    name: str
    people: argparse.Namespace
    target: Path
    output: Path
    pipeline: str | None
    options: SwapOptions

    def source_files(self) -> list[Path]:
        """Return the photographs of the people."""
        pairs = [pair.rpartition("=") for pair in self.people.map]
        people = [person for person, _, _ in pairs if not person.isdecimal()] + [source for _, _, source in pairs]
        named = [self.people.source, *self.people.also, self.people.reference, *people]
        return [Path(name) for name in named if name]


@dataclass(frozen=True, eq=False)
class Task:
    """A file to swap.

    Attributes:
        job: It belongs to.
        target: The file.
        output: Result.
        folder: Where the record of such results lies.
    """

    job: Job
    target: Path
    output: Path
    folder: Path


@dataclass
class BatchReport:
    """What became of a batch.

    Attributes:
        swapped: Results written.
        kept: Results that were there already, of an earlier run of the same job.
        failed: File, folder or job -> what is wrong with it.
        passed_by: Other files in the folders.
        seconds: How long it took.
    """

    swapped: int = 0
    kept: int = 0
    failed: dict[str, str] = field(default_factory=dict)
    passed_by: int = 0
    seconds: float = 0.0

    def add(self, other: "BatchReport") -> None:
        """Count what another process did."""
        self.swapped += other.swapped
        self.kept += other.kept
        self.failed |= other.failed

    def summary(self) -> str:
        """Return it in a sentence."""
        parts = [f"{self.swapped:,} swapped"]
        parts += [f"{self.kept:,} done before"] if self.kept else []
        parts += [f"{len(self.failed):,} failed"] if self.failed else []
        parts += [f"{self.passed_by:,} other files passed by"] if self.passed_by else []
        return f"{', '.join(parts)}, in {self.seconds:.1f} s."


class Crew:
    """Who swaps for the job at hand; a pipeline is loaded once for jobs in a row that share it."""

    def __init__(self, device: str | None):
        self._device = device
        self._job: Job | None = None
        self._address: str | None = None
        self._pipeline: FaceShifterPipeline | None = None

    def begin(self, job: Job) -> None:
        """Make ready for a job.

        Raises:
            FaceShifterError: Its pipeline cannot be loaded, or its people not be read.
        """
        if job is self._job:
            return
        self._job = None
        if self._pipeline is None or job.pipeline != self._address:
            self._pipeline = FaceShifterPipeline.from_pretrained(job.pipeline, device=self._device)
            self._address = job.pipeline
        self.swapper = FrameSwapper(self._pipeline, source_from(job.people, self._pipeline), job.options)
        files = [sha256_of(file) for file in job.source_files()]
        options = job.options.model_dump(mode="json")
        facts = [self._pipeline.describe_components(), options, vars(job.people), files]
        self._fingerprint = json.dumps(facts)
        self._job = job

    def made_of(self, target: Path) -> str:
        """Return a hash of all that decides what becomes of a file.

        Raises:
            InaccessibleImageError: It is not there any more.
        """
        try:
            status = target.stat()
        except OSError as error:
            raise InaccessibleImageError(f"'{target}' cannot be read ({error.strerror}); check the name.") from None
        facts = f"{self._fingerprint} {status.st_size} {status.st_mtime_ns}"
        return hashlib.sha256(facts.encode("utf-8", "surrogateescape")).hexdigest()


def run_batch(jobs: Sequence[Job], share: Share) -> BatchReport:
    """Do jobs, or this process's share of them; what fails is told on stderr and left out.

    Returns:
        What all processes did.

    Raises:
        UnwritableOutputError: A folder for results cannot be written, or the disk is full.
    """
    began = time.monotonic()
    report = BatchReport()
    tasks, listed = plan_tasks(jobs)
    records = {folder: Record(folder) for folder in dict.fromkeys(task.folder for task in tasks)}
    crew = Crew(share.device)
    broken: set[Job] = set()
    with tqdm(tasks[share.index :: share.count], unit="file", disable=share.index > 0) as bar:
        for task in bar:
            if task.job in broken:
                continue
            try:
                crew.begin(task.job)
            except FaceShifterError as error:
                broken.add(task.job)
                tell_failure(report, task.job.name, error)
                continue
            try:
                if do_task(task, crew, records[task.folder], bar):
                    report.swapped += 1
                else:
                    report.kept += 1
            except FaceShifterError as error:
                tell_failure(report, str(task.target), error)
    total = listed
    for part in share.gather([report]):
        total.add(part)
    total.seconds = round(time.monotonic() - began, 1)
    return total


def plan_tasks(jobs: Sequence[Job]) -> tuple[list[Task], BatchReport]:
    """Return the files of all jobs, and what is known of the other files in their folders."""
    tasks, report = [], BatchReport()
    for job in jobs:
        if not os.path.isdir(job.target):
            tasks.append(Task(job, job.target, job.output, job.output.parent))
            continue
        make_folder(job.output)
        listing = list_pictures(job.target, job.output)
        names = name_results(listing.pictures)
        tasks += [Task(job, job.target / file, job.output / names[file], job.output) for file in listing.pictures]
        report.passed_by += listing.passed_by
        report.failed |= {str(folder): why for folder, why in listing.unreadable.items()}
    return tasks, report


def do_task(task: Task, crew: Crew, record: Record, bar: tqdm) -> bool:
    """Swap a file, unless that was done before; tells whether it was not.

    Raises:
        FaceShifterError: It cannot be swapped.
    """
    made_of = crew.made_of(task.target)
    if record.holds(task.output, made_of):
        return False

    def progress(done: int, total: int | None, _left: float | None) -> None:
        bar.set_postfix_str(f"{task.target.name}: {done} of {total or '?'} frames")

    make_folder_within(task.output.parent, task.folder)
    swap_file(crew.swapper, task.target, task.output, progress)
    bar.set_postfix_str("")
    record.add(task.output, made_of)
    return True


def make_folder_within(folder: Path, above: Path) -> None:
    """Make a folder for results, unless a link takes it out of the folder of all results.

    Raises:
        UnwritableOutputError: It does, or it cannot be made.
    """
    if not folder.resolve().is_relative_to(above.resolve()):
        raise UnwritableOutputError(f"'{folder}' leads out of '{above}' by a link; remove the link.")
    make_folder(folder)


def tell_failure(report: BatchReport, name: str, error: FaceShifterError) -> None:
    """Note and say what is wrong."""
    report.failed[name] = str(error)
    said = str(error) if name in str(error) else f"{name}: {error}"
    tqdm.write(said, file=sys.stderr)
