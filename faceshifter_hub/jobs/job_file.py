"""A file of jobs: TOML, read and checked wholly before any work begins.

[[job]]
source = "me.jpg"              # or several photographs, whose mean is taken: ["me.jpg", "me2.jpg"]
target = "holiday/"            # a picture, an animation, a video, or a folder
output = "swapped/"
strength = 0.8                 # any field of SwapOptions

[[job]]
map = { 1 = "me.jpg", "anna.jpg" = ["berta.jpg", "berta2.jpg"] }    # in place of source
target = "party.mp4"
output = "party-swapped.mp4"
start = "1:02.5"               # of a video: as text or in seconds
end = 90
pipeline = "runs/mine"
"""

import argparse
import os
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from faceshifter_hub.errors import UNPARSABLE, FaceShifterError, SettingsError
from faceshifter_hub.jobs.batch import Job
from faceshifter_hub.jobs.folder import check_folders
from faceshifter_hub.jobs.swap_file import check_result, is_video
from faceshifter_hub.jobs.video import check_part
from faceshifter_hub.jobs.video_command import read_time
from faceshifter_hub.options import SwapOptions


class Entry(BaseModel):
    """A job as it stands in the file, less the options of the swap."""

    model_config = ConfigDict(extra="forbid", strict=True)

    source: str | list[str] | None = Field(None, min_length=1)
    reference: str | None = None
    map: dict[str, str | Annotated[list[str], Field(min_length=1)]] = {}
    target: str = Field(min_length=1)
    output: str = Field(min_length=1)
    pipeline: str | None = None
    start: float | str | None = None
    end: float | str | None = None


def read_jobs(path: Path) -> list[Job]:
    """Return the jobs of a file; paths are relative to its folder.

    Raises:
        SettingsError: It cannot be read, or some jobs cannot be done: the message says which and why, a line each.
    """
    try:
        content = tomllib.loads(path.read_text("utf-8"))
    except OSError as error:
        raise SettingsError(f"'{path}' cannot be read ({error.strerror}); check the name.") from None
    except UNPARSABLE as error:
        raise SettingsError(f"'{path}' is no TOML ({error}); correct it.") from None
    tables = content.pop("job", [])
    if content or not isinstance(tables, list) or not tables or not all(isinstance(table, dict) for table in tables):
        raise SettingsError(f"'{path}' must hold [[job]] tables and nothing else; see `faceshifter batch --help`.")
    jobs, faults = [], []
    for number, table in enumerate(tables, 1):
        try:
            job = read_job(f"job {number}", table, path.parent)
            jobs.append(job)
            faults += [f"job {number}: {fault}" for fault in find_faults(job)]
        except FaceShifterError as error:
            faults.append(f"job {number}: {error}")
    faults += find_clashes(jobs)
    if faults:
        raise SettingsError("\n".join([f"'{path}' cannot be done; nothing was begun:", *faults]))
    return jobs


def read_job(name: str, table: dict[str, Any], folder: Path) -> Job:
    """Return a job as it stands in the file.

    Args:
        name: What messages call it.
        table: Of the file.
        folder: Where relative paths begin.

    Raises:
        SettingsError: A field is missing, unknown, or of a wrong value.
    """
    options = SwapOptions.of(**{key: value for key, value in table.items() if key not in Entry.model_fields})
    try:
        entry = Entry(**{key: value for key, value in table.items() if key in Entry.model_fields})
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        raise SettingsError(f"{first['loc'][0]}: {first['msg'][0].lower()}{first['msg'][1:]}; correct it.") from None
    photographs = [str(folder / source) for source in listed(entry.source or [])]
    start, end = (None if time is None else read_time(str(time)) for time in (entry.start, entry.end))
    people = argparse.Namespace(
        source=photographs[0] if photographs else None,
        also=photographs[1:],
        reference=str(folder / entry.reference) if entry.reference else None,
        map=[
            f"{person if person.isdecimal() else folder / person}={folder / source}"
            for person, sources in entry.map.items()
            for source in listed(sources)
        ],
    )
    return Job(name, people, folder / entry.target, folder / entry.output, entry.pipeline, options, start, end)


def listed(names: str | list[str]) -> list[str]:
    """Return one name or several as a list."""
    return [names] if isinstance(names, str) else names


def find_faults(job: Job) -> Iterator[str]:
    """Yield what is wrong with a job."""
    people = job.people
    if people.map and (people.source or people.reference):
        yield "map names every source itself; leave out source and reference."
    if not people.map and not people.source:
        yield "There is no source; name a photograph, several, or a map from people to sources."
    for file in job.source_files():
        if not os.path.isfile(file):
            yield f"There is no file '{file}'; name a photograph."
    if (job.start, job.end) != (None, None) and not is_video(job.target):
        yield "start and end say which part of a video is kept; leave them out."
    try:
        check_part(job.start, job.end)
        if os.path.isdir(job.target):
            check_folders(job.target, job.output)
        elif not os.path.isfile(job.target):
            yield f"There is no file '{job.target}'; name a picture, a video or a folder."
        else:
            check_result(job.target, job.output)
    except FaceShifterError as error:
        yield str(error)


def find_clashes(jobs: list[Job]) -> Iterator[str]:
    """Yield which jobs would replace what another one writes or reads."""
    written: dict[Path, str] = {}
    read = {file.resolve(): job.name for job in jobs for file in (*job.source_files(), job.target)}
    for job in jobs:
        output = job.output.resolve()
        if output in written:
            yield f"{job.name}: '{job.output}' is the output of {written[output]} too; choose another."
        elif output in read:
            yield f"{job.name}: '{job.output}' is read by {read[output]}; choose another output."
        written.setdefault(output, job.name)
