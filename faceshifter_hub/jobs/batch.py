"""Many swaps, one after the other: what is bad is told and left out, what is done already is not done again."""

import argparse
import functools
import hashlib
import json
import os
import platform
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field, replace
from pathlib import Path

import cv2
import torch
from huggingface_hub.utils import tqdm

from faceshifter_hub.datasets.cluster import Board, connected, map_on_cluster, write_on_board
from faceshifter_hub.errors import FaceShifterError, InaccessibleImageError, UnwritableOutputError, WorkerError
from faceshifter_hub.frames import FrameSwapper
from faceshifter_hub.jobs.folder import list_pictures, make_folder, name_results
from faceshifter_hub.jobs.option_arguments import source_from
from faceshifter_hub.jobs.record import Record
from faceshifter_hub.jobs.share import Share
from faceshifter_hub.jobs.swap_file import Progress, swap_with
from faceshifter_hub.jobs.told_runtime import tell_runtime
from faceshifter_hub.options import SwapOptions
from faceshifter_hub.pipeline import FaceShifterPipeline
from faceshifter_hub.registry import sha256_of
from faceshifter_hub.runtimes import Runtime


@dataclass(frozen=True)
class Job:
    """One swap, of a file or of every picture of a folder.

    Attributes:
        name: What messages call it.
        people: Whose identity goes where: `source`, `also`, `reference` and `map` as the arguments of commands.
        target: File or folder.
        output: The same.
        pipeline: Address; None for the default.
        options: Of the swap.
        start: Seconds from which a video is kept; None for all of it.
        end: Seconds until which it is kept.
    """

    name: str
    people: argparse.Namespace
    target: Path
    output: Path
    pipeline: str | None
    options: SwapOptions
    start: float | None = None
    end: float | None = None

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


@dataclass(frozen=True, eq=False)
class Outcome:
    """What became of a task.

    Attributes:
        is_kept: Whether the result was there already.
        notes: What a user should know, in sentences.
        failed: Name of the job or the file that could not be done; None if there is a result.
        error: What is wrong with it.
    """

    is_kept: bool = False
    notes: Sequence[str] = ()
    failed: str | None = None
    error: FaceShifterError | None = None


@dataclass
class BatchReport:
    """What became of a batch.

    Attributes:
        swapped: Results written.
        kept: Results that were there already, of an earlier run of the same job.
        failed: File, folder or job -> what is wrong with it.
        notes: File or folder -> what a user should know, in sentences.
        passed_by: Other files in the folders.
        seconds: How long it took.
    """

    swapped: int = 0
    kept: int = 0
    failed: dict[str, str] = field(default_factory=dict)
    notes: dict[str, Sequence[str]] = field(default_factory=dict)
    passed_by: int = 0
    seconds: float = 0.0

    def add(self, other: "BatchReport") -> None:
        """Count what another process did."""
        self.swapped += other.swapped
        self.kept += other.kept
        self.failed |= other.failed
        self.notes |= other.notes

    def summary(self) -> str:
        """Return it in a sentence."""
        parts = [f"{self.swapped:,} swapped"]
        parts += [f"{self.kept:,} done before"] if self.kept else []
        parts += [f"{len(self.failed):,} failed"] if self.failed else []
        parts += [f"{self.passed_by:,} other files passed by"] if self.passed_by else []
        return f"{', '.join(parts)}, in {self.seconds:.1f} s."


class Crew:
    """Who swaps for the job at hand; a pipeline is loaded once for jobs in a row that share it."""

    def __init__(self, device: str | None = None, runtime: Runtime | None = None):
        self.record = functools.cache(Record)
        self._device, self._runtime = device, runtime
        self._job: Job | None = None
        self._error: FaceShifterError | None = None
        self._address: str | None = None
        self._pipeline: FaceShifterPipeline | None = None

    def begin(self, job: Job) -> None:
        """Make ready for a job.

        Raises:
            FaceShifterError: Its pipeline cannot be loaded, or its people not be read.
        """
        if job != self._job:
            self._job, self._error = job, None
            try:
                self._prepare(job)
            except FaceShifterError as error:
                self._error = error
        if self._error:
            raise self._error

    def _prepare(self, job: Job) -> None:
        if self._pipeline is None or job.pipeline != self._address:
            self._pipeline = FaceShifterPipeline.from_pretrained(
                job.pipeline, device=self._device, runtime=self._runtime
            )
            self._address = job.pipeline
            tell_runtime(self._pipeline)
        self.swapper = FrameSwapper(self._pipeline, source_from(job.people, self._pipeline), job.options)
        files = [sha256_of(file) for file in job.source_files()]
        options = job.options.model_dump(mode="json")
        facts = [self._pipeline.describe_components(), options, vars(job.people), files, job.start, job.end]
        self._fingerprint = json.dumps(facts)

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


def run_batch(
    jobs: Sequence[Job], share: Share, cluster: str | None = None, runtime: Runtime | None = None
) -> BatchReport:
    """Do jobs, or this process's share of them; what fails is told on stderr and left out, and so is what to know.

    Args:
        jobs: To do.
        share: Of this process.
        cluster: Address of the Ray cluster that does the work in its place.
        runtime: What runs the networks; None for what the settings say.

    Returns:
        What all processes did.

    Raises:
        UnwritableOutputError: A folder for results cannot be made.
        WorkerError: The cluster cannot be reached or gave up.
    """
    began = time.monotonic()
    report = BatchReport()
    with nullcontext() if cluster is None else connected(cluster):
        tasks, total = plan_tasks(jobs)
        if share.index == 0:
            tell_all(total)
        mine = tasks[share.index :: share.count]
        with tqdm(total=len(mine), unit="file", disable=share.index > 0) as bar:
            outcomes = (
                do_tasks(mine, Crew(share.device, runtime), bar)
                if cluster is None
                else do_tasks_on_cluster(mine, runtime, bar)
            )
            for task, outcome in zip(mine, outcomes, strict=True):
                settle(report, task, outcome)
                bar.update()
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
        if listing.videos:
            note = f"Videos among the other files: {listing.videos:,}; give each a job of its own in a file of jobs."
            report.notes[str(job.target)] = [note]
        report.failed |= {str(folder): why for folder, why in listing.unreadable.items()}
    return tasks, report


def do_tasks(tasks: Sequence[Task], crew: Crew, bar: tqdm) -> Iterator[Outcome]:
    """Do tasks one after the other, in this process."""
    for task in tasks:

        def progress(done: int, total: int | None, _left: float | None, name: str = task.target.name) -> None:
            bar.set_postfix_str(frames_done({name: (done, total)}))

        yield do_task(task, crew, progress)
        bar.set_postfix_str("")


def frames_done(videos: Mapping[str, tuple[int, int | None]]) -> str:
    """Say how far what moves is.

    Args:
        videos: File -> frames done and frames altogether, None where that is unknown.
    """
    if not videos:
        return ""
    name = Path(next(iter(videos))).name if len(videos) == 1 else f"{len(videos)} files"
    totals = [total for _, total in videos.values() if total]
    total = sum(totals) if len(totals) == len(videos) else "?"
    return f"{name}: {sum(done for done, _ in videos.values())} of {total} frames"


def do_tasks_on_cluster(tasks: Sequence[Task], runtime: Runtime | None, bar: tqdm) -> Iterator[Outcome]:
    """Do tasks on the cluster that is connected, in any order; the outcomes come in theirs."""
    board = Board[tuple[int, int | None]]()
    do = functools.partial(do_task_on_node, place=os.getcwd(), runtime=runtime, board=board.name)
    yield from map_on_cluster(do, tasks, lambda: bar.set_postfix_str(frames_done(board.read())))
    bar.set_postfix_str("")


def do_task_on_node(task: Task, place: str, runtime: Runtime | None = None, board: str | None = None) -> Outcome:
    """Do a task in a process of a cluster, on one thread: there is a process a core.

    Args:
        task: To do.
        place: Folder that relative paths begin at.
        runtime: See `run_batch`.
        board: Name of what is told on how many frames are done.

    Raises:
        WorkerError: There is no such folder here.
    """
    try:
        os.chdir(place)
    except OSError as error:
        raise WorkerError(
            f"On {platform.node()}, '{place}' cannot be entered ({error.strerror}); give the command in a folder that "
            "every machine at work sees there."
        ) from error
    torch.set_num_threads(1)
    cv2.setNumThreads(1)

    def tell_board(said: tuple[int, int | None] | None) -> None:
        if board is not None:
            write_on_board(board, str(task.target), said)

    outcome = do_task(task, get_crew(runtime), lambda done, total, _left: tell_board((done, total)))
    tell_board(None)
    if isinstance(outcome.error, InaccessibleImageError):  # which may say nothing about the file
        said = f"On {platform.node()}, {outcome.error} Every machine at work must see it there."
        return replace(outcome, error=InaccessibleImageError(said))
    return outcome


@functools.cache
def get_crew(runtime: Runtime | None) -> Crew:
    """Return this process's crew."""
    return Crew(runtime=runtime)


def do_task(task: Task, crew: Crew, progress: Progress | None = None) -> Outcome:
    """Swap a file, unless that was done before."""
    try:
        crew.begin(task.job)
    except FaceShifterError as error:
        return Outcome(failed=task.job.name, error=error)
    try:
        made_of = crew.made_of(task.target)
        record = crew.record(task.folder)
        if record.holds(task.output, made_of):
            return Outcome(is_kept=True)
        make_folder_within(task.output.parent, task.folder)
        notes = swap_with(
            crew.swapper, task.target, task.output, progress, start=task.job.start, end=task.job.end, door="batch"
        )
        record.add(task.output, made_of)
    except FaceShifterError as error:
        return Outcome(failed=str(task.target), error=error)
    return Outcome(notes=notes)


def make_folder_within(folder: Path, above: Path) -> None:
    """Make a folder for results, unless a link takes it out of the folder of all results.

    Raises:
        UnwritableOutputError: It does, or it cannot be made.
    """
    if not folder.resolve().is_relative_to(above.resolve()):
        raise UnwritableOutputError(f"'{folder}' leads out of '{above}' by a link; remove the link.")
    make_folder(folder)


def settle(report: BatchReport, task: Task, outcome: Outcome) -> None:
    """Count what became of a task, and say what is wrong or to be known; what is wrong with a job once."""
    if outcome.failed is None:
        report.kept += outcome.is_kept
        report.swapped += not outcome.is_kept
        if outcome.notes:
            report.notes[str(task.target)] = outcome.notes
        for note in outcome.notes:
            tell(str(task.target), note)
    elif outcome.failed not in report.failed:
        report.failed[outcome.failed] = str(outcome.error)
        tell(outcome.failed, str(outcome.error))


def tell_all(report: BatchReport) -> None:
    """Say what is wrong and to be known already."""
    for name, why in report.failed.items():
        tell(name, why)
    for name, notes in report.notes.items():
        for note in notes:
            tell(name, note)


def tell(name: str, sentence: str) -> None:
    """Say something of a file, a folder or a job."""
    tqdm.write(sentence if name in sentence else f"{name}: {sentence}", file=sys.stderr)
