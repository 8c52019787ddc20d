"""A collection of photographs in folders, a person each, with everything that may be wrong with one."""

from pathlib import Path

import pytest
from photo_collection import face, prepare
from PIL import Image, ImageFilter


@pytest.fixture(scope="session")
def collection(tmp_path_factory) -> Path:
    """Nine photographs with a face to learn from, of four people, and eight others."""
    folder = tmp_path_factory.mktemp("collection")
    for number in range(1, 10):
        person = folder / f"n00000{number % 4}"
        person.mkdir(exist_ok=True)
        face(number).save(person / f"{number:04}_01.JPG", quality=95)
    odd = folder / "odd"
    odd.mkdir()
    face(8).save(odd / "again.jpg", quality=75)
    face(10).filter(ImageFilter.GaussianBlur(5)).save(odd / "blurred.png")
    face(11, 100).save(odd / "small.webp")
    Image.new("RGB", (300, 300), "grey").save(odd / "wall.png")
    Image.new("RGB", (1, 1)).save(odd / "pixel.png")
    (odd / "empty.jpg").touch()
    (odd / "text.jpg").write_text("no picture")
    (odd / "cut.jpg").write_bytes((folder / "n000001" / "0001_01.JPG").read_bytes()[:9000])
    (odd / "notes.txt").write_text("who took these")
    return folder


@pytest.fixture(scope="session")
def prepared(collection, tmp_path_factory) -> Path:
    """The collection, prepared by two processes."""
    output = tmp_path_factory.mktemp("prepared") / "new" / "folder"
    assert prepare(collection, output, "--workers", "2") == 0
    return output
