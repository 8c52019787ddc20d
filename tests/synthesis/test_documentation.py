"""What docs/synthesis.md says and shows holds."""

import os
import re
import subprocess
import sys
from pathlib import Path

from PIL import Image

from faceshifter_hub.synthesis.labels import LABELS

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs/synthesis.md").read_text("utf-8")


def test_the_code_runs_and_draws_a_group(tmp_path):
    code = "".join(re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL))
    assert "size=128, samples=4" in code
    small = code.replace("size=128, samples=4", "size=64, samples=0")
    subprocess.run([sys.executable, "-c", small], cwd=tmp_path, env=os.environ | {"PYTHONPATH": str(ROOT)}, check=True)
    assert Image.open(tmp_path / "group.webp").size == (256, 256)


def test_the_picture_is_a_small_file_of_sixteen_faces():
    path = ROOT / "docs/images/group.webp"
    assert Image.open(path).size == (512, 512)
    assert path.stat().st_size < 150_000


def test_every_label_is_listed():
    listed = re.search(r"\*\*Labels\*\*.*?9 glasses", PAGE, re.DOTALL).group()
    assert {name: int(number) for number, name in re.findall(r"(\d) (\w+)", listed)} == LABELS
