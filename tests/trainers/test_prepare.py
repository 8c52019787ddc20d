import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from faceshifter_hub.errors import DataError
from trainers.prepare import prepare

FACE = Path(__file__).parents[2] / "registry" / "examples" / "face_01.webp"


@pytest.fixture
def pictures(tmp_path):
    """A face, the same face at half the size, a picture without a face, a damaged one and a text."""
    folder = tmp_path / "pictures"
    folder.mkdir()
    face = Image.open(FACE)
    face.save(folder / "large.png")
    face.resize((256, 256)).save(folder / "small.JPG", quality=95)
    Image.new("RGB", (128, 128), "grey").save(folder / "wall.png")
    (folder / "damaged.png").write_bytes(b"no picture")
    (folder / "notes.txt").write_text("who took these")
    return folder


def test_pictures_with_a_face_are_copied_beside_their_landmarks(pictures, tmp_path, capsys):
    prepare(pictures, tmp_path / "out", "mtcnn")
    assert sorted(p.name for p in (tmp_path / "out").iterdir()) == ["landmarks.json", "large.png", "small.JPG"]
    assert "damaged.png" in capsys.readouterr().out
    landmarks = json.loads((tmp_path / "out" / "landmarks.json").read_text())
    large, small = (np.array(landmarks[name]) for name in ("large.png", "small.JPG"))
    # 125 pixels lie between the eyes of this face
    eyes = [[211.6, 173.9], [336.8, 171.0]]
    np.testing.assert_allclose(large[:2], eyes, atol=3)
    np.testing.assert_allclose((small + 0.5) * 2 - 0.5, large, atol=4)


def test_a_folder_may_be_prepared_in_place(pictures):
    before = sorted(p.name for p in pictures.iterdir())
    prepare(pictures, pictures, "mtcnn")
    assert sorted(p.name for p in pictures.iterdir()) == sorted([*before, "landmarks.json"])


@pytest.mark.parametrize("name", ["empty", "nowhere"])
def test_no_picture_is_one_sentence(tmp_path, name):
    (tmp_path / "empty").mkdir()
    with pytest.raises(DataError, match=r"^[^\n]* holds no picture \(\.jpeg, \.jpg, \.png, \.webp\)\.$"):
        prepare(tmp_path / name, tmp_path / "out", "mtcnn")
