"""The layouts that collections are distributed in."""

import os

import pytest

from faceshifter_hub.evaluation.split import is_validation
from faceshifter_hub.preparation.photographs import Photograph, list_photographs


@pytest.fixture
def listed(tmp_path):
    """Make files of these names; return name and person of each photograph."""

    def listed(*names):
        for name in names:
            path = tmp_path / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.touch()
        photographs = list_photographs(tmp_path)
        assert [photograph.number for photograph in photographs] == list(range(len(photographs)))
        return [(photograph.file, photograph.person) for photograph in photographs]

    return listed


def test_celeba_hq_is_one_folder_of_different_people(listed):
    assert listed("10.jpg", "9.jpg", "CelebA-HQ.txt") == [("10.jpg", None), ("9.jpg", None)]


def test_one_folder_within_is_no_person(listed):
    assert listed("images/a.png", "images/b.png") == [("images/a.png", None), ("images/b.png", None)]


def test_the_folders_of_ffhq_are_no_people(listed):
    names = ["images1024x1024/00000/00012.png", "images1024x1024/69000/69999.png"]
    assert listed(*names) == [(name, None) for name in names]


@pytest.mark.parametrize("people", [("n000001", "n000002"), ("Aamir_Khan", "Zoe_Saldana"), ("0000045", "0000099")])
def test_the_folders_of_vggface_and_casia_are_people(listed, people):
    names = [f"train/{person}/{picture}.jpg" for person in people for picture in ("0001_01", "002")]
    assert listed(*names) == [(name, name.split("/")[1]) for name in names]


def test_the_split_is_of_the_person_or_else_the_file_name():
    for name in map(str, range(40)):
        side = "validation" if is_validation(f"{name}.jpg") else "training"
        assert Photograph(0, f"folder/{name}.jpg", None).split == side
        splits = {Photograph(0, f"{name}/{picture}.jpg", name).split for picture in range(20)}
        assert splits == {"validation" if is_validation(name) else "training"}


def test_a_name_that_is_no_unicode_is_a_photograph_too(tmp_path):
    (tmp_path / os.fsdecode(b"caf\xe9.jpg")).touch()
    (photograph,) = list_photographs(tmp_path)
    assert os.fsencode(photograph.file) == b"caf\xe9.jpg" and photograph.split in ("training", "validation")
