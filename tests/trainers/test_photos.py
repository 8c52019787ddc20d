import json

import numpy as np
import pytest
from bars import SIDE, barred, read_bars

from faceshifter_hub.datasets.shards import read_samples
from faceshifter_hub.errors import DataError
from faceshifter_hub.evaluation.split import is_validation
from faceshifter_hub.faces.alignment import align, template
from trainers.data import load_preview, load_training
from trainers.pairs import to_tensor
from trainers.photos import Mixture, Photo, PhotoFolder, PhotoList, find_shards, read_place, shrink


def load(folder, resolution, split="training"):
    return PhotoFolder(find_shards(folder), split, resolution)


def draws(mixture, count=60):
    """Return the bars of the source and the target of some pairs."""
    rng = np.random.default_rng(0)
    pairs = (mixture.draw(rng) for _ in range(count))
    return [tuple(read_bars(to_tensor(photo.image))[0] for photo in pair) for pair in pairs]


def files(photos_dir, split):
    """Return the file names of one side of the split, in the shards' order."""
    facts = [json.loads(sample["json"]) for sample in read_samples(photos_dir / "photos-000000.tar")]
    return [known["file"] for known in facts if known["split"] == split]


def test_validation_pictures_never_appear_in_training(photos_dir):
    training, validation = (load(photos_dir, 256, split) for split in ("training", "validation"))
    assert (len(training), len(validation)) == (6, 2)
    assert not any(is_validation(name) for name in files(photos_dir, "training"))
    assert all(is_validation(name) for name in files(photos_dir, "validation"))
    for photo in validation:
        assert not any(np.array_equal(photo.image, other.image) for other in training)


def test_a_photograph_is_a_face_with_a_margin(photos_dir):
    for photo in load(photos_dir, 256):
        assert photo.image.shape == (332, 332, 3)
        assert np.abs(photo.points - 38 - template(256)).max() < 16


def test_a_folder_of_prepared_folders_is_read_as_one(make_photos):
    make_photos("a", [(None, 0), (None, 1)])
    photos = load(make_photos("b", [(None, 2)]), SIDE)
    assert [read_bars(to_tensor(photo.image))[0] for photo in photos] == [0, 1, 2]
    assert photos.people == 3


def test_different_pairs_are_of_different_people_and_not_only_pictures(make_photos):
    people = [("ann", 0), ("ann", 1), ("bob", 2), ("ann", 3)]
    photos = load(make_photos("a", people), SIDE)
    pairs = set(draws(Mixture([photos], [1])))
    assert pairs == {(2, 0), (2, 1), (2, 3), (0, 2), (1, 2), (3, 2)}


def test_people_of_one_name_in_two_folders_are_two(make_photos):
    make_photos("a", [("ann", 0), ("ann", 1)])
    root = make_photos("b", [("ann", 2)])
    _, mixture = load_training([(root / "a", 1), (root / "b", 1)], SIDE)
    assert set(draws(mixture)) == {(2, 0), (2, 1), (0, 2), (1, 2)}


def test_many_pictures_of_one_person_make_no_pairs(make_photos):
    folder = make_photos("a", [("ann", 0), ("ann", 1)])
    with pytest.raises(DataError, match=r"^The data hold 1 person of the training split; pairs of different people"):
        load_training([(folder, 1)], SIDE)


def test_one_person_in_a_row_ends_in_a_sentence():
    lonely = Mixture([PhotoList([Photo(barred(0), template(SIDE), "ann")])], [1])
    with pytest.raises(DataError, match=r"show the person of the target; [^\n]*$"):
        lonely.draw(np.random.default_rng(0))


def test_folders_are_mixed_by_their_weights():
    folders = [PhotoList([Photo(barred(n), template(SIDE), f"{n} {k}") for k in range(30)]) for n in range(2)]
    found = np.array(draws(Mixture(folders, [3, 1]), 800))
    assert found.mean(0) == pytest.approx([0.25, 0.25], abs=0.07)  # share of the second folder among sources, targets


@pytest.mark.parametrize(
    ("text", "place"),
    [("data/ffhq", ("data/ffhq", 1.0)), ("data/ffhq=2.5", ("data/ffhq", 2.5)), ("a=b/c", ("a=b/c", 1.0))],
)
def test_a_place_has_a_weight(text, place):
    assert read_place(text) == place


@pytest.mark.parametrize("weight", ["0", "-1", "nan", "inf"])
def test_a_weight_that_is_none_is_one_sentence(weight):
    with pytest.raises(DataError, match=rf"^data={weight}: the weight of data is above 0, not {weight}; "):
        read_place(f"data={weight}")


def test_a_validation_split_of_nobody_is_replaced_for_sample_grids(make_photos, capsys):
    folder = make_photos("a", [(None, 0), (None, 1)])
    _, training = load_training([(folder, 1)], SIDE)
    assert load_preview([(folder, 1)], SIDE, training, 4) is training
    assert "sample grids show people of the training split" in capsys.readouterr().out


def test_sample_grids_show_the_validation_split(photos_dir):
    _, training = load_training([(photos_dir, 1)], 64)
    preview = load_preview([(photos_dir, 1)], 64, training, 4)
    rng = np.random.default_rng(0)
    people = {photo.person.rpartition("/")[2] for _ in range(20) for photo in preview.draw(rng)}
    assert people == set(files(photos_dir, "validation"))


def test_a_shrunk_picture_aligns_to_the_same_face(photos_dir):
    photo = load(photos_dir, 256, "validation")[0]
    small = shrink(photo, 48)
    assert small.image.shape[0] < photo.image.shape[0]
    faces = [align(p.image, p.points, 48)[0].astype(float) for p in (photo, small)]
    assert np.abs(faces[0] - faces[1]).mean() < 2


def test_a_folder_without_photographs_is_one_sentence(tmp_path):
    with pytest.raises(DataError, match=r"has no photos-\*\.tar; make them with: faceshifter prepare PHOTOGRAPHS "):
        load_training([(tmp_path, 1)], SIDE)


def test_no_data_are_one_sentence():
    with pytest.raises(DataError, match=r"^There is nothing to train on: give --train_data_dir, [^\n]*$"):
        load_training([], SIDE)
