"""What the README tells a reader to type works."""

import pytest
from code_blocks import ROOT, find_blocks, parse_command
from group_picture import group
from PIL import Image

BLOCKS = find_blocks(ROOT / "README.md")
COMMANDS = [words for block in BLOCKS if block.language == "sh" for words in block.commands]


@pytest.mark.parametrize("words", COMMANDS, ids=" ".join)
def test_the_command_is_known(words):
    parse_command(words)


def test_the_ten_lines_of_python_run(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    faces = sorted((ROOT / "registry/examples").glob("face_*"))
    for name, face in zip(("source.jpg", "target.jpg", "anna.jpg"), faces, strict=False):
        Image.open(face).convert("RGB").save(name)
    Image.fromarray(group(1, 2)).save("group.jpg")
    (block,) = (block for block in BLOCKS if block.language == "python")
    exec(block.code, {})
    assert Image.open("swapped.png").size == Image.open("target.jpg").size
