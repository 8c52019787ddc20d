"""What the README tells a reader to type works."""

import re
import shlex
from pathlib import Path

import pytest
from PIL import Image

from faceshifter_hub.cli import build_parser

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text()


def find_commands(program):
    """Return the arguments of every line of the README's shell blocks that starts with a program."""
    blocks = re.findall(r"```sh\n(.*?)```", README, re.DOTALL)
    words = (shlex.split(line, comments=True) for block in blocks for line in block.splitlines())
    return [arguments for name, *arguments in words if name == program]


@pytest.mark.parametrize("arguments", find_commands("faceshifter"), ids=" ".join)
def test_the_command_line_knows_the_command(arguments):
    assert build_parser().parse_args(arguments)


@pytest.mark.parametrize("arguments", find_commands("accelerate"), ids=" ".join)
def test_the_training_script_and_its_recipe_exist(arguments):
    assert arguments[0] == "launch" and (ROOT / arguments[1]).is_file()
    recipe = arguments[arguments.index("--recipe") + 1]
    assert list((ROOT / "trainers/recipes").glob(f"{recipe}.*"))


def test_the_ten_lines_of_python_run(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    faces = sorted((ROOT / "registry/examples").glob("face_*"))
    for name, face in zip(("source.jpg", "target.jpg"), faces, strict=False):
        Image.open(face).convert("RGB").save(name)
    (code,) = re.findall(r"```python\n(.*?)```", README, re.DOTALL)
    exec(code, {})
    assert Image.open("swapped.png").size == Image.open("target.jpg").size
