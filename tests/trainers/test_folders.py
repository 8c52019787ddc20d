"""Folders of photographs that nobody prepared: a trainer does, once."""

import json

import pytest
from accelerate import Accelerator
from PIL import Image
from test_streams import EXAMPLES

from faceshifter_hub.errors import DataError
from faceshifter_hub.evaluation.split import is_validation
from trainers import aei
from trainers.data import find_folders
from trainers.photos import PhotoFolder, find_shards


@pytest.fixture
def originals(tmp_path):
    """Four people whose names are of the training side, and a picture of nobody."""
    folder = tmp_path / "originals"
    folder.mkdir()
    names = [name for name in (f"{n}.png" for n in range(40)) if not is_validation(name)][:5]
    for name, path in zip(names, EXAMPLES, strict=False):
        Image.open(path).save(folder / name)
    Image.new("RGB", (200, 200), "grey").save(folder / names[4])
    return folder


def test_a_folder_of_photographs_trains(originals, tmp_path, flags):
    words = flags("tiny-aei", tmp_path / "out", max_train_steps=1)
    words[words.index("--train_data_dir") + 1] = str(originals)
    aei.main(words)
    assert json.loads((tmp_path / "out" / "metrics.jsonl").read_text())["step"] == 1
    prepared = PhotoFolder(find_shards(tmp_path / "out" / "prepared"), "training", 64)
    assert len(prepared) == 4


def test_it_is_prepared_once(originals, tmp_path, capfd):
    for _ in range(2):
        found = find_folders([f"{originals}=3"], tmp_path / "prepared", 64, Accelerator())
        assert found == [(tmp_path / "prepared" / "0-originals", 3.0)]
    assert capfd.readouterr().err.count("5 of 5 photographs") == 1


def test_photographs_that_are_all_too_small_are_one_sentence(originals, tmp_path):
    match = (
        r"^No photograph of \S*originals shows a face to learn from at this resolution; \S*rejected\.jsonl says why"
    )
    with pytest.raises(DataError, match=match):
        find_folders([str(originals)], tmp_path / "prepared", 2048, Accelerator())


def test_a_folder_of_nothing_is_one_sentence(tmp_path):
    (tmp_path / "empty").mkdir()
    found = find_folders([str(tmp_path / "empty")], tmp_path, 64, Accelerator())
    with pytest.raises(DataError, match=r"^\S*empty has no photos-\*\.tar; make them with: [^\n]*$"):
        find_shards(found[0][0], required=True)
    with pytest.raises(DataError, match=r"^\S*nowhere cannot be read \(No such file or directory\); "):
        find_folders([str(tmp_path / "nowhere")], tmp_path, 64, Accelerator())
