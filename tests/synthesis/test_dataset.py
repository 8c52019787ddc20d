"""`python -m faceshifter_hub.synthesis`, as one types it."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from faceshifter_hub.errors import RenderError
from faceshifter_hub.synthesis.dataset import group_path, save_group
from faceshifter_hub.synthesis.triplets import Group

AS_DRAWN = ("--size", "96", "--samples", "2", "--workers", "1")  # by draw_scenes.py
TINY = ("--size", "64", "--samples", "0", "--workers", "1")
RUN = {
    "env": {name: value for name, value in os.environ.items() if name != "FACESHIFTER_ASSETS"},
    "cwd": Path(__file__).parents[2],
    "text": True,
    "stdout": subprocess.PIPE,
    "stderr": subprocess.PIPE,
}


def command(*words):
    return [sys.executable, "-m", "faceshifter_hub.synthesis", *map(str, words)]


def synthesise(*words):
    return subprocess.run(command(*words), check=False, **RUN)


@pytest.fixture(scope="session")
def folder(tmp_path_factory):
    """A folder that an earlier run left in the middle of a group, then filled."""
    folder = tmp_path_factory.mktemp("made") / "groups"
    folder.mkdir()
    (folder / ".group_00000.npz.partial").write_bytes(b"half a gr")
    process = synthesise(folder, "--groups", 1, *AS_DRAWN)
    assert process.returncode == 0, process.stderr
    assert process.stdout.endswith(f"1 groups rendered, {folder} holds 1\n") and process.stderr == ""
    return folder


def test_the_command_fills_a_folder_and_takes_a_partial_file_for_nothing(folder):
    assert [path.name for path in folder.iterdir()] == ["group_00000.npz"]
    with np.load(folder / "group_00000.npz") as group:
        shapes = {name: group[name].shape for name in group}
    assert shapes == {"images": (4, 4, 96, 96, 3), "points": (4, 4, 5, 2), "labels": (4, 4, 96, 96)}


@pytest.mark.parametrize("drawn", ["procedural"], indirect=True)
def test_a_group_depends_on_its_seed_and_number_alone(folder, drawn):
    with np.load(folder / "group_00000.npz") as group:
        for name in group:
            assert np.array_equal(group[name], drawn.pictures[f"group/{name}"])


def test_a_second_run_keeps_what_is_there(folder):
    path = group_path(folder, 0)
    before = path.stat().st_mtime_ns, path.read_bytes()
    process = synthesise(folder, "--groups", 1, *AS_DRAWN)
    assert process.returncode == 0 and "0 groups rendered" in process.stdout
    assert (path.stat().st_mtime_ns, path.read_bytes()) == before


def test_an_interrupted_run_leaves_whole_groups_and_one_sentence(tmp_path):
    def heed_interrupts():
        """Undo that a shell's background jobs ignore Ctrl-C, which every child inherits."""
        signal.signal(signal.SIGINT, signal.SIG_DFL)

    process = subprocess.Popen(
        command(tmp_path, "--groups", 99, *TINY), start_new_session=True, preexec_fn=heed_interrupts, **RUN
    )
    deadline = time.monotonic() + 300
    while not list(tmp_path.glob("group_*.npz")) and time.monotonic() < deadline:
        time.sleep(0.05)
    os.killpg(process.pid, signal.SIGINT)  # as Ctrl-C does: the workers get it too
    _, errors = process.communicate(timeout=120)
    assert process.returncode == 1
    assert errors.strip() == "Stopped. The same command goes on where this one stopped."
    written = list(tmp_path.glob("group_*.npz"))
    assert 1 <= len(written) < 99
    for path in written:
        with np.load(path) as group:
            assert group["images"].shape == (4, 4, 64, 64, 3)


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        (("--groups", -1), "-1 is less than 0"),
        (("--seed", -1), "-1 is less than 0"),
        (("--workers", 0), "0 is less than 1"),
    ],
)
def test_impossible_numbers_are_wrong_usage(tmp_path, words, reason):
    process = synthesise(tmp_path, *words)
    assert process.returncode == 2
    assert process.stderr.splitlines()[-1].endswith(f"argument {words[0]}: {reason}")


def test_an_impossible_size_is_refused_in_one_sentence(tmp_path):
    process = synthesise(tmp_path, "--groups", 1, "--size", 63, "--workers", 1)
    assert process.returncode == 1
    assert process.stderr.splitlines() == ["Pictures are 64 to 1024 pixels wide, not 63."]


def test_a_folder_that_cannot_be_written_is_refused_in_one_sentence(tmp_path):
    path = tmp_path / "file"
    path.write_text("no folder")
    process = synthesise(path, "--groups", 1, *TINY)
    assert process.returncode == 1
    assert process.stderr.splitlines() == [f"{path} cannot be written: File exists. Name another folder."]


def test_a_full_disk_leaves_no_group(tmp_path):
    path = group_path(tmp_path, 0)
    (tmp_path / ".group_00000.npz.partial").symlink_to("/dev/full")
    group = Group(np.zeros((1, 1, 64, 64, 3), np.uint8), np.zeros((1, 1, 5, 2)), np.zeros((1, 1, 64, 64), np.uint8))
    with pytest.raises(RenderError, match=r"group_00000\.npz cannot be written: No space left on device"):
        save_group(path, group)
    assert not path.exists()


def test_a_group_comes_back_as_it_was_saved(tmp_path):
    rng = np.random.default_rng(0)
    images = rng.integers(0, 255, (2, 2, 8, 8, 3), np.uint8)
    group = Group(images, rng.random((2, 2, 5, 2)).astype(np.float32), images[..., 0])
    save_group(path := group_path(tmp_path, 12), group)
    assert path.name == "group_00012.npz"
    with np.load(path) as saved:
        assert all(np.array_equal(saved[name], array) for name, array in vars(group).items())
