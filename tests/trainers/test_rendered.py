import numpy as np
import pytest
from bars import BARS, SIDE, barred

from faceshifter_hub.errors import DataError
from trainers.rendered import TargetsOf, load_triplets


@pytest.fixture(scope="module")
def triplets(triplets_dir):
    return load_triplets(triplets_dir, SIDE)


def test_a_folder_without_triplets_is_one_sentence(tmp_path):
    with pytest.raises(DataError, match=r"has no triplets-\*\.tar; make them with: faceshifter synthesize"):
        load_triplets(tmp_path, SIDE)


def test_no_folder_is_no_triplets():
    assert len(load_triplets(None, SIDE)) == 0


def test_a_shard_that_was_cut_off_is_refused_by_name(triplets_dir, tmp_path):
    content = (triplets_dir / "triplets-000001.tar").read_bytes()
    for name, length in (("triplets-000003.tar", 5000), ("triplets-000004.tar", 5120), ("triplets-000005.tar", 0)):
        (tmp_path / name).write_bytes(content[:length])
        with pytest.raises(DataError, match=rf"{name} is no whole shard \([^\n]*\); delete it"):
            load_triplets(tmp_path, SIDE)
        (tmp_path / name).unlink()


def test_triplets_count_through_the_shards(triplets):
    assert len(triplets) == 24
    assert triplets.fields(13)["__key__"] == b"triplet-00000013"
    assert np.array_equal(triplets[23].truth.image, barred(3, BARS // 2 + 2))


def test_larger_triplets_are_shrunk(triplets_dir):
    swap = load_triplets(triplets_dir, SIDE // 2)[0]
    assert {photo.image.shape[0] for photo in vars(swap).values()} == {SIDE // 2}


def test_the_targets_of_some_triplets(triplets):
    found = TargetsOf(triplets, [23, 0])
    assert len(found) == 2
    assert np.array_equal(found[0].image, triplets[23].target.image)
