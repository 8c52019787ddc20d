"""A batch while the disk is full, and while the clock goes backwards."""

import json
import os
import resource
import time

import pytest
from PIL import Image

from faceshifter_hub import cli
from faceshifter_hub.registry import DATA_ROOT

SOURCE, TARGET = sorted((DATA_ROOT / "examples").glob("*.webp"))[:2]
YEAR = 365 * 24 * 3600
pytestmark = [pytest.mark.fault, pytest.mark.usefixtures("pipelines_loaded_once")]


@pytest.fixture
def batch(pipeline, tmp_path, capsys):
    """Run the command on a picture in this process; returns exit code, what it says as JSON, standard error."""
    (tmp_path / "photos").mkdir()
    with Image.open(TARGET) as face:
        face.convert("RGB").resize((160, 160)).save(tmp_path / "photos" / "a.png")

    def run():
        places = [str(SOURCE), str(tmp_path / "photos"), "-o", str(tmp_path / "out")]
        code = cli.main(["batch", *places, "--pipeline", str(pipeline), "--json"])
        out, err = capsys.readouterr()
        return code, json.loads(out), err

    return run


def test_a_full_disk_is_said_of_each_file_and_the_same_command_finishes(batch, tmp_path):
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (8192, hard))
    try:
        code, said, err = batch()
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert code == 1 and said["swapped"] == 0
    assert "a.png' cannot be written (File too large)" in err and "Traceback" not in err
    assert not list((tmp_path / "out").iterdir())
    code, said, _ = batch()
    assert (code, said["swapped"]) == (0, 1)


def test_files_of_the_future_are_done_once_like_others(batch, tmp_path):
    photo, future = tmp_path / "photos" / "a.png", time.time() + YEAR
    os.utime(photo, (future, future))
    assert batch()[1]["swapped"] == 1
    result = tmp_path / "out" / "a.png"
    os.utime(result, (1, 1))  # made long before what it was made of, as a clock that was wrong has it
    _, said, _ = batch()
    assert (said["swapped"], said["kept"]) == (0, 1)
