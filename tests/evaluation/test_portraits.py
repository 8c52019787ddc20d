import shutil

import pytest
from PIL import Image

from faceshifter_hub.errors import DataError
from faceshifter_hub.evaluation.protocols.portraits import draw_pairs, list_portraits
from faceshifter_hub.evaluation.split import is_validation


def test_the_split_never_changes():
    names = [f"person_{i:03}.png" for i in range(60)]
    assert [name for name in names if is_validation(name)] == [f"person_{i:03}.png" for i in (21, 40, 41, 42, 45, 55)]
    assert not is_validation("a") and is_validation("person_3.png")


def test_pairs_are_of_different_people_and_repeat_with_the_seed():
    pairs = draw_pairs(10, 50, seed=3)
    assert len(set(pairs)) == 50
    assert all(source != target and 0 <= source < 10 and 0 <= target < 10 for source, target in pairs)
    assert pairs == draw_pairs(10, 50, seed=3) != draw_pairs(10, 50, seed=4)
    assert sorted(draw_pairs(3, 100, seed=0)) == [(0, 1), (0, 2), (1, 0), (1, 2), (2, 0), (2, 1)]


def test_only_validation_photos_are_listed(portraits, validation_names):
    listed = list_portraits(portraits, 12)
    assert [photo.name for photo in listed.gallery] == sorted(validation_names)
    assert len(listed.cases) == 12 == len({case.name for case in listed.cases})
    assert all(case.source.person != case.target.person for case in listed.cases)


def test_nobody_is_in_the_gallery_twice(portraits, validation_names):
    names = sorted(validation_names)
    shutil.copy(portraits / names[0], portraits / names[3])
    listed = list_portraits(portraits, 100)
    assert listed.left_out == {names[3]: f"it is the photograph {names[0]} again"}
    assert len(listed.gallery) == 6 and len(listed.cases) == 30


def test_too_few_photos_are_refused(tmp_path, validation_names):
    Image.new("RGB", (8, 8)).save(tmp_path / validation_names[0])
    with pytest.raises(DataError, match="holds 1 validation photos"):
        list_portraits(tmp_path, 5)
    with pytest.raises(DataError, match="is no folder"):
        list_portraits(tmp_path / "absent", 5)
    shutil.copy(tmp_path / validation_names[0], tmp_path / validation_names[1])
    with pytest.raises(DataError, match="one and the same"):
        list_portraits(tmp_path, 5)
