"""Fills a folder with shards of prepared photographs; an interrupted run goes on, and the result is the same.

A line of `progress.jsonl` is a finished shard: which of its photographs were kept, and why the others were not. Shard
and line depend on the photographs up to there, in the order of their names, and on nothing else.
"""

import hashlib
import json
import os
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import faceshifter_hub
from faceshifter_hub.datasets.progress import clock, tell
from faceshifter_hub.datasets.shards import write_shard
from faceshifter_hub.datasets.whole import written_whole
from faceshifter_hub.errors import DataError, UnwritableOutputError
from faceshifter_hub.preparation.duplicates import Seen
from faceshifter_hub.preparation.examine import Examined, Task, examine_all
from faceshifter_hub.preparation.photographs import Photograph

PLAN_FILE, PROGRESS_FILE = "dataset.json", "progress.jsonl"
PHOTOGRAPHS_A_SHARD, PHOTOGRAPHS_A_TASK = 512, 16
Line = dict[str, Any]  # of the progress: {"kept": [{"file", "hash"}], "rejected": [{"file", "reason", ...}]}
MapTasks = Callable[[Callable[[Task], list[Examined]], Iterable[Task]], Iterator[list[Examined]]]


@dataclass(frozen=True)
class Plan:
    """What a folder is filled with; `dataset.json` remembers it.

    Attributes:
        size: side of the aligned faces in pixels.
        min_face: least side in pixels that the aligned square may have in a photograph.
        photographs: number of them.
        files: SHA-256 of their names.
        version: of this package.
    """

    size: int
    min_face: int
    photographs: int
    files: str
    version: str

    @classmethod
    def of(cls, photographs: Sequence[Photograph], size: int, min_face: int) -> "Plan":
        """Return the plan for these photographs with this version."""
        names = b"\0".join(os.fsencode(photograph.file) for photograph in photographs)
        files = hashlib.sha256(names).hexdigest()
        return cls(size, min_face, len(photographs), files, faceshifter_hub.__version__)


def remember(output: Path, plan: Plan) -> None:
    """Write the plan of a folder, or find that it has this very plan.

    Raises:
        DataError: The folder was begun with another, or holds shards of nobody knows what.
        UnwritableOutputError: The plan cannot be written.
    """
    path = output / PLAN_FILE
    if not path.exists():
        if any(output.glob("*.tar")):
            raise DataError(f"{output} holds shards but no {PLAN_FILE} that says of what; name another folder.")
        with written_whole(path) as file:
            file.write(json.dumps(asdict(plan), indent=2).encode())
        return
    try:
        begun = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise DataError(f"{path} cannot be read ({error}); name another folder.") from error
    if begun != asdict(plan):
        names = {"size": "--size", "min_face": "--min-face", "version": "faceshifter-hub"}
        differing = [
            f"{label} {begun.get(name)}, not {getattr(plan, name)}"
            for name, label in names.items()
            if begun.get(name) != getattr(plan, name)
        ]
        raise DataError(
            f"{output} was begun with {', '.join(differing) or 'other photographs'}: give the same command to go on, "
            "or name another folder."
        )


def fill(folder: Path, photographs: Sequence[Photograph], output: Path, plan: Plan, map_tasks: MapTasks) -> list[Line]:
    """Write the shards that a folder lacks, telling how it goes on stderr.

    Args:
        folder: of the collection.
        photographs: all of it, in the order of their names.
        output: folder of the shards.
        plan: what was asked for.
        map_tasks: yields what a function makes of tasks, in their order.

    Returns:
        The whole progress, a line a shard.

    Raises:
        UnwritableOutputError: A file cannot be written.
        DataError: A photograph cannot be read.
        WorkerError: Who shares the work was ended from outside.
    """
    lines = read_progress(output)
    seen = Seen()
    for finished in lines:
        for kept in finished["kept"]:
            seen.add(kept["file"], int(kept["hash"], 16))
    begun, first = time.monotonic(), len(lines) * PHOTOGRAPHS_A_SHARD
    if first >= len(photographs):
        return lines

    def tasks() -> Iterator[Task]:
        for start in range(first, len(photographs), PHOTOGRAPHS_A_TASK):
            yield Task(folder.absolute(), photographs[start : start + PHOTOGRAPHS_A_TASK], plan.size, plan.min_face)

    def report(done: int) -> None:
        rate = (done - first) / (time.monotonic() - begun)
        tell(
            f"{done} of {len(photographs)} photographs, {len(seen.files)} kept"
            + (f", {rate:.1f} a second, {clock((len(photographs) - done) / rate)} left" if done > first else "")
        )

    report(first)
    samples: list[tuple[str, dict[str, bytes]]] = []
    line: Line = {"kept": [], "rejected": []}
    for results in map_tasks(examine_all, tasks()):
        for examined in results:
            sift(examined, seen, line, samples)
        done = results[-1].photograph.number + 1
        report(done)
        if done % PHOTOGRAPHS_A_SHARD == 0 or done == len(photographs):
            if samples:
                write_shard(output / shard_name(len(lines)), samples)
            lines.append(line)
            append_progress(output, line)
            samples, line = [], {"kept": [], "rejected": []}
    tell("", "\n")
    return lines


def sift(examined: Examined, seen: Seen, line: Line, samples: list[tuple[str, dict[str, bytes]]]) -> None:
    """Add a photograph to what is kept, or to what is rejected."""
    file, reason = examined.photograph.file, examined.reason
    if reason is None and (original := seen.find(examined.hash)) is not None:
        reason = {"reason": "duplicate", "of": original}
    if reason is not None:
        line["rejected"].append({"file": file, **reason})
        return
    seen.add(file, examined.hash)
    line["kept"].append({"file": file, "hash": f"{examined.hash:064x}"})
    samples.append((f"photo-{examined.photograph.number:08}", examined.fields))


def shard_name(number: int) -> str:
    """Return a shard's file name."""
    return f"photos-{number:06}.tar"


def read_progress(output: Path) -> list[Line]:
    """Return the lines up to the first that is not whole or whose shard is gone; the others are dropped."""
    path = output / PROGRESS_FILE
    lines: list[Line] = []
    for text in path.read_text("utf-8").splitlines() if path.is_file() else ():
        try:
            line = json.loads(text)
        except ValueError:  # a kill or a power cut in the midst of it
            break
        if line["kept"] and not (output / shard_name(len(lines))).is_file():
            break
        lines.append(line)
    with written_whole(path) as file:
        file.writelines(encode_line(line) for line in lines)
    return lines


def append_progress(output: Path, line: Line) -> None:
    """Add a line to the progress, once its shard is on the disk.

    Raises:
        UnwritableOutputError: It cannot be written.
    """
    path = output / PROGRESS_FILE
    try:
        with path.open("ab") as file:
            file.write(encode_line(line))
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        raise UnwritableOutputError(
            f"{path} cannot be written: {error.strerror}. Make room, then give the same command again."
        ) from error


def encode_line(entry: dict[str, Any]) -> bytes:
    """Return plain data as a line of JSON."""
    return json.dumps(entry, separators=(",", ":")).encode() + b"\n"
