"""Makes a collection of photographs a folder to train on."""

from contextlib import nullcontext
from functools import partial
from pathlib import Path

from faceshifter_hub.datasets.cluster import connected, map_on_cluster
from faceshifter_hub.datasets.folder import filling
from faceshifter_hub.datasets.workers import map_in_processes
from faceshifter_hub.preparation.card import write_card, write_rejected
from faceshifter_hub.preparation.fill import MapTasks, Plan, fill, remember
from faceshifter_hub.preparation.photographs import list_photographs


def prepare(folder: Path, output: Path, size: int, min_face: int, workers: int, cluster: str | None = None) -> None:
    """Fill a folder with shards, its list of rejections and its card; goes on where an earlier call stopped.

    Args:
        folder: of photographs, at any depth.
        output: is made if it is not there.
        size: side of the aligned faces in pixels.
        min_face: least side in pixels that the aligned square may have in a photograph.
        workers: number of processes.
        cluster: address of the Ray cluster that does the work in their place.

    Raises:
        DataError: The folder holds no photograph, one cannot be read, or the output was begun otherwise.
        UnwritableOutputError: The output cannot be written, or another run is filling it.
        WorkerError: A process was ended from outside, or the cluster cannot be reached or gave up.
    """
    photographs = list_photographs(folder)
    plan = Plan.of(photographs, size, min_face)
    map_tasks: MapTasks = partial(map_in_processes, processes=workers) if cluster is None else map_on_cluster
    with nullcontext() if cluster is None else connected(cluster), filling(output):
        remember(output, plan)
        lines = fill(folder, photographs, output, plan, map_tasks)
        write_rejected(output, lines)
        write_card(output, plan, photographs, lines)
