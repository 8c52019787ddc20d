"""Folders of results: gone when something fails, and what a visitor is told of the server's disk."""

import subprocess
import sys

import numpy as np
import pytest
from PIL import Image

from faceshifter_hub.demo.results import NO_SPACE, new_folder, write_preview
from faceshifter_hub.errors import NoFaceError, UnwritableOutputError

FULL = """
import resource, sys
from pathlib import Path
from PIL import Image
from faceshifter_hub.demo.results import new_folder, write_preview
resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))
try:
    with new_folder(sys.argv[1]) as folder:
        write_preview(Image.effect_noise((400, 400), 50), folder, "after")
except Exception as error:
    print(type(error).__name__, error)
"""


def test_a_folder_that_cannot_be_made_is_one_sentence(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(UnwritableOutputError, match=NO_SPACE), new_folder(str(tmp_path / "file")):
        pass


def test_a_full_disk_is_the_same_sentence_and_leaves_nothing(tmp_path):
    done = subprocess.run([sys.executable, "-c", FULL, tmp_path], capture_output=True, text=True, check=True)
    assert done.stdout == f"UnwritableOutputError {NO_SPACE}\n"
    assert not list(tmp_path.iterdir())


def test_other_errors_stay_what_they_are_and_leave_nothing(tmp_path):
    with pytest.raises(NoFaceError, match="Nobody"), new_folder(str(tmp_path)) as folder:
        write_preview(Image.fromarray(np.zeros((8, 8, 3), np.uint8)), folder, "before")
        raise NoFaceError("Nobody")
    assert not list(tmp_path.iterdir())
