from pathlib import Path

import pytest
from PIL import Image

from faceshifter_hub.evaluation.split import is_validation

TRIPLETS = Path(__file__).parent / "triplets"


@pytest.fixture(scope="session")
def validation_names():
    """Seven file names that the split keeps for validation."""
    return [name for name in (f"person_{i:03}.png" for i in range(100)) if is_validation(name)][:7]


@pytest.fixture(scope="session")
def portraits_maker(validation_names):
    """Makes a folder: six validation photos of rendered people, one without a face, a training photo and a text."""

    def make(folder):
        folder.mkdir()
        photos = sorted(TRIPLETS.glob("*_source.webp"))[:3] + sorted(TRIPLETS.glob("*_target.webp"))[:3]
        *names, faceless = validation_names
        for name, photo in zip([*names, "person_000.png"], [*photos, photos[0]], strict=True):
            Image.open(photo).save(folder / name)
        Image.new("RGB", (128, 128), "grey").save(folder / faceless)
        (folder / "README.md").write_text("who took these")
        return folder

    return make


@pytest.fixture
def portraits(tmp_path, portraits_maker):
    """A folder of `portraits_maker`."""
    return portraits_maker(tmp_path / "portraits")
