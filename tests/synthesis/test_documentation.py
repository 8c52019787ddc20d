"""What docs/synthesis.md says and shows holds."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image

from faceshifter_hub.models.labels import LABELS

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs/synthesis.md").read_text("utf-8")


def test_the_code_runs(tmp_path):
    code = "".join(re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL))
    assert "size=256" in code
    small = code.replace("size=256", "size=64") + "assert (target.image != face_truth.image).any()"
    subprocess.run([sys.executable, "-c", small], cwd=tmp_path, env=os.environ | {"PYTHONPATH": str(ROOT)}, check=True)


@pytest.mark.parametrize(("name", "size"), [("faces", (1280, 1280)), ("triplets", (768, 1280))])
def test_the_pictures_are_small_files(name, size):
    path = ROOT / f"docs/images/{name}.webp"
    assert Image.open(path).size == size
    assert path.stat().st_size < 300_000


def test_every_label_is_listed():
    listed = re.search(r"\*\*Labels\*\*.*?11 cloth", PAGE, re.DOTALL).group()
    assert {name: int(number) for number, name in re.findall(r"(\d+) (\w+)", listed)} == LABELS
