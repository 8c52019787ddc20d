"""A folder of rendered groups, drawn by several processes; an interrupted run goes on where it stopped."""

import functools
import multiprocessing
import signal
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from faceshifter_hub.errors import RenderError
from faceshifter_hub.synthesis.renderer import FaceRenderer
from faceshifter_hub.synthesis.triplets import Group, render_group


@functools.cache
def renderer(size: int, samples: int) -> FaceRenderer:
    """Return this process's renderer."""
    return FaceRenderer(size, samples)


def group_path(folder: Path, index: int) -> Path:
    """Return where group number `index` stands."""
    return folder / f"group_{index:05d}.npz"


def save_group(path: Path, group: Group) -> None:
    """Write a group whole or not at all.

    Raises:
        RenderError: It cannot be written.
    """
    partial = path.with_name(f".{path.name}.partial")
    try:
        with partial.open("wb") as file:
            np.savez_compressed(file, images=group.images, points=group.points, labels=group.labels)
        partial.replace(path)
    except OSError as error:
        raise RenderError(
            f"{path} cannot be written: {error.strerror}. Make room or name another folder; what is written is kept."
        ) from error


def draw_one(task: tuple[Path, int, int, int, int]) -> int:
    """Render and write one group, in a worker; returns its number."""
    folder, seed, index, size, samples = task
    save_group(group_path(folder, index), render_group(renderer(size, samples), seed, index))
    return index


def draw_groups(folder: Path, groups: int, *, seed: int, size: int, samples: int, workers: int) -> Iterator[int]:
    """Render groups 0 to `groups` - 1 that `folder` lacks; yields each number once it is written.

    Args:
        folder: is made if there is none.
        groups: how many groups the folder shall hold.
        seed: of the data set; group g depends on `seed` and g alone.
        size: side of the pictures in pixels.
        samples: multisampling, samples a pixel.
        workers: number of processes.

    Raises:
        RenderError: The folder cannot be written, or the renderer cannot start.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        (probe := folder / ".writable").touch()
        probe.unlink()
    except OSError as error:
        raise RenderError(f"{folder} cannot be written: {error.strerror}. Name another folder.") from None
    missing = [index for index in range(groups) if not group_path(folder, index).is_file()]
    tasks = [(folder, seed, index, size, samples) for index in missing]
    # spawned, not forked: each process needs a graphics context of its own
    # Ctrl-C reaches the whole process group: it is this process that stops the workers
    ignore_interrupts = (signal.SIGINT, signal.SIG_IGN)
    with multiprocessing.get_context("spawn").Pool(workers, signal.signal, ignore_interrupts) as pool:
        yield from pool.imap_unordered(draw_one, tasks)
