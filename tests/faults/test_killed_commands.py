"""`faceshifter swap` and `batch`, killed by SIGKILL at the moment in which a result is about to take its name.

Of `video`: tests/video/test_swap_video.py.
"""

import json
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image

from faceshifter_hub import cli
from faceshifter_hub.media.images import read_image
from faceshifter_hub.registry import DATA_ROOT

SOURCE, TARGET = sorted((DATA_ROOT / "examples").glob("*.webp"))[:2]
# the command of the arguments from the second on, killed where the file of the first one's name would be replaced
KILLED = """
import os, signal, sys
from faceshifter_hub import cli

def die(event, arguments):
    if event == "os.rename" and os.path.basename(arguments[1]) == sys.argv[1]:
        os.kill(os.getpid(), signal.SIGKILL)

sys.addaudithook(die)
cli.main(sys.argv[2:])
"""
pytestmark = [pytest.mark.fault, pytest.mark.usefixtures("pipelines_loaded_once")]


def run_until_killed(name: str, command: list[str]) -> None:
    process = subprocess.run([sys.executable, "-c", KILLED, name, *command], capture_output=True, timeout=300)
    assert process.returncode == -signal.SIGKILL, process.stderr


def test_a_killed_swap_leaves_the_former_file_and_the_same_command_finishes(pipeline, tmp_path):
    output = tmp_path / "out.png"
    output.write_bytes(b"of an earlier run")
    command = ["swap", str(SOURCE), str(TARGET), "-o", str(output), "--pipeline", str(pipeline)]
    run_until_killed("out.png", command)
    assert output.read_bytes() == b"of an earlier run"
    assert cli.main(command) == 0
    assert read_image(output).shape == read_image(TARGET).shape


def test_a_killed_batch_leaves_no_half_picture_and_goes_on(pipeline, tmp_path, capsys):
    photos = tmp_path / "photos"
    photos.mkdir()
    with Image.open(TARGET) as face:
        for name in ("a.png", "b.png"):
            face.convert("RGB").resize((160, 160)).save(photos / name)
    results = tmp_path / "out"
    command = ["batch", str(SOURCE), str(photos), "-o", str(results), "--pipeline", str(pipeline), "--json"]
    run_until_killed("b.png", command)
    assert pictures_in(results) == ["a.png"]
    before = (results / "a.png").stat().st_mtime_ns
    assert cli.main(command) == 0
    said = json.loads(capsys.readouterr().out)
    assert (said["swapped"], said["kept"], said["failed"]) == (1, 1, [])
    assert pictures_in(results) == ["a.png", "b.png"]
    assert (results / "a.png").stat().st_mtime_ns == before
    for picture in results.glob("*.png"):
        assert read_image(picture).shape == (160, 160, 3)


def pictures_in(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.glob("*.png"))
