"""What the README tells a reader to type works."""

import re
import shlex
from pathlib import Path

import pytest
from PIL import Image

from faceshifter_hub.cli import build_parser
from trainers.ablate import AblationOptions
from trainers.aei import AEIOptions
from trainers.hear import HEAROptions
from trainers.options import parse_options

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


SCRIPTS = [words[1:] for words in find_commands("accelerate")] + find_commands("python")
OPTIONS = {"aei.py": AEIOptions, "hear.py": HEAROptions, "ablate.py": AblationOptions}


@pytest.mark.parametrize("arguments", SCRIPTS, ids=" ".join)
def test_the_training_script_knows_its_recipe_and_flags(arguments):
    script, *flags = arguments
    assert (ROOT / script).is_file()
    assert parse_options(OPTIONS[Path(script).name], flags)


def test_the_ten_lines_of_python_run(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    faces = sorted((ROOT / "registry/examples").glob("face_*"))
    for name, face in zip(("source.jpg", "target.jpg"), faces, strict=False):
        Image.open(face).convert("RGB").save(name)
    (code,) = re.findall(r"```python\n(.*?)```", README, re.DOTALL)
    exec(code, {})
    assert Image.open("swapped.png").size == Image.open("target.jpg").size
