"""Photographs of rendered people, and the command that prepares them."""

from pathlib import Path

import pytest
from PIL import Image

from faceshifter_hub import cli
from faceshifter_hub.preparation import fill

EXAMPLES = Path(__file__).parents[2] / "registry" / "examples"


def face(number: int, side: int = 300) -> Image.Image:
    """Return a rendered person; the aligned square fills the picture."""
    return Image.open(EXAMPLES / f"face_{number:02}.webp").convert("RGB").resize((side, side))


def prepare(folder: Path, output: Path, *words: str) -> int:
    """Run the command in this process, with shards of eight photographs; return its exit code."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(fill, "PHOTOGRAPHS_A_SHARD", 8)
        patch.setattr(fill, "PHOTOGRAPHS_A_TASK", 4)
        return cli.main(["prepare", str(folder), str(output), "--size", "64", "--min-face", "128", *words])
