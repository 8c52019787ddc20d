"""`faceshifter prepare --ray`: a real cluster on this machine's cores makes what processes make."""

import os
import shutil
import signal
from functools import partial
from pathlib import Path

import pytest
from photo_collection import prepare

from faceshifter_hub.datasets import cluster
from faceshifter_hub.datasets.cluster import connected, map_on_cluster
from faceshifter_hub.errors import DataError
from faceshifter_hub.preparation.examine import Task, examine_all
from faceshifter_hub.preparation.photographs import Photograph


@pytest.fixture(autouse=True, scope="module")
def known_here(ray_home):
    """The cluster's processes know this module."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", str(Path(__file__).parent))
        yield


@pytest.fixture(scope="module")
def connection(known_here):
    """A cluster of this machine's cores."""
    with connected("local"):
        yield


def contents(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def interrupted(folder, copy, shards):
    """Return a copy of a finished folder as it was after some shards."""
    shutil.copytree(folder, copy)
    for path in [copy / "README.md", copy / "rejected.jsonl", *sorted(copy.glob("*.tar"))[shards:]]:
        path.unlink()
    lines = (copy / "progress.jsonl").read_bytes().splitlines(keepends=True)
    (copy / "progress.jsonl").write_bytes(b"".join(lines[:shards]))
    return copy


def test_a_cluster_goes_on_where_processes_stopped_and_they_where_it_did(prepared, collection, tmp_path, capfd):
    output = interrupted(prepared, tmp_path / "output", 1)
    assert prepare(collection, output, "--ray", "local") == 0
    assert contents(output) == contents(prepared)
    told = [line.split(", ")[0] for line in capfd.readouterr().err.splitlines()]
    assert told == [f"{done} of 17 photographs" for done in (8, 12, 16, 17)]
    again = interrupted(output, tmp_path / "again", 2)
    assert prepare(collection, again, "--workers", "1") == 0
    assert contents(again) == contents(prepared)


def test_results_come_in_the_order_of_their_tasks(connection):
    assert list(map_on_cluster(abs, range(-200, 0))) == list(range(200, 0, -1))
    assert list(map_on_cluster(abs, [])) == []


def end_once(number: int, place: Path) -> int:
    """Kill this process unless there is a file."""
    if number == 3 and not place.exists():
        place.touch()
        os.kill(os.getpid(), signal.SIGKILL)
    return number


@pytest.mark.fault
def test_the_work_of_a_killed_process_is_done_again(connection, tmp_path):
    killed = tmp_path / "killed"
    assert list(map_on_cluster(partial(end_once, place=killed), range(8))) == list(range(8))
    assert killed.exists()


def test_a_node_that_does_not_see_the_photographs_calls_none_corrupt(connection, tmp_path):
    task = Task(tmp_path / "elsewhere", [Photograph(0, "a.jpg", None)], 64, 128)
    with pytest.raises(DataError, match=r"/elsewhere/a.jpg' cannot be read \(No such file or directory\)"):
        list(map_on_cluster(examine_all, [task]))


def refusal(collection, output, address, capfd):
    """Run the command in vain; return its sentence."""
    assert prepare(collection, output, "--ray", address) == 1
    error = capfd.readouterr().err
    assert error.count("\n") == 1 and not output.exists()
    return error


@pytest.mark.parametrize("address", ["ray://127.0.0.1:1", "127.0.0.1:1", "nowhere"])
def test_no_cluster_at_the_address_is_one_sentence(collection, tmp_path, capfd, address):
    sentence = refusal(collection, tmp_path / "output", address, capfd)
    assert sentence.startswith(f"faceshifter: There is no Ray cluster to be had at '{address}' (")


def test_without_ray_the_extra_is_named(collection, tmp_path, capfd, monkeypatch):
    monkeypatch.setattr(cluster, "find_spec", lambda name: None)
    sentence = refusal(collection, tmp_path / "output", "local", capfd)
    assert sentence == "faceshifter: A Ray cluster needs Ray: pip install 'faceshifter-hub[scale]'.\n"
