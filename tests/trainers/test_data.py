import json
import shutil
from itertools import pairwise

import numpy as np
import pytest
import torch
from bars import BARS, SIDE, barred, read_bars

from faceshifter_hub.errors import DataError
from faceshifter_hub.evaluation.split import is_validation
from faceshifter_hub.faces.alignment import align, template
from faceshifter_hub.media.images import read_image
from trainers.data import Photo, SwapPairs, Targets, load_groups, load_photos, shrink
from trainers.occlusion import load_cutouts

MANY = 500


@pytest.fixture(scope="module")
def photos():
    """Four people; person n shows as bar n, in the upper half."""
    return [Photo(barred(n), template(SIDE)) for n in range(4)]


@pytest.fixture(scope="module")
def groups(groups_dir):
    return load_groups(groups_dir, SIDE)


def samples(pairs):
    return [pairs[n] for n in range(len(pairs))]


@pytest.mark.parametrize("rendered", [0.0, 1.0])
@pytest.mark.parametrize("different", [0.8, 0.5])
def test_the_share_of_same_pairs_is_what_different_leaves(photos, groups, different, rendered):
    pairs = SwapPairs(photos, groups, SIDE, MANY, 0, different, rendered)
    share = np.mean([bool(s["same"]) for s in samples(pairs)])
    assert share == pytest.approx(1 - different, abs=4 * np.sqrt(different * (1 - different) / MANY))


@pytest.mark.parametrize(("different", "same"), [(1.0, False), (0.0, True)])
def test_the_ends_of_the_ratio(photos, groups, different, same):
    assert {bool(s["same"]) for s in samples(SwapPairs(photos, groups, SIDE, 50, 0, different, 0.5))} == {same}


def test_same_pairs_are_one_picture_and_others_never(photos):
    for s in samples(SwapPairs(photos, [], SIDE, MANY, 0, 0.5, 0.0)):
        if s["same"]:
            assert torch.equal(s["source"], s["target"]) and torch.equal(s["truth"], s["target"]) and s["known"]
        else:
            assert read_bars(s["source"])[0] != read_bars(s["target"])[0]


def test_the_truth_of_a_rendered_pair_is_identity_i_with_attributes_b(groups):
    seen = set()
    for s in samples(SwapPairs([], groups, SIDE, MANY, 0, 1.0, 1.0)):
        (i, a), (j, b) = read_bars(s["source"]), read_bars(s["target"])
        assert i != j
        assert read_bars(s["truth"]) == (i, b)
        assert s["known"]
        seen.add((i, a, j, b))
    assert len(seen) > 150  # of 192 that there are


def test_truth_and_target_share_place_and_light(groups):
    half = SIDE // 2
    for s in samples(SwapPairs([], groups, SIDE, 30, 0, 1.0, 1.0)):
        torch.testing.assert_close(s["truth"][:, half + 8 :], s["target"][:, half + 8 :], atol=1e-3, rtol=0)


def test_photographs_of_different_people_have_no_truth(photos):
    for s in samples(SwapPairs(photos, [], SIDE, 30, 0, 1.0, 0.0)):
        assert not s["known"] and torch.equal(s["truth"], s["target"])


def test_the_share_of_rendered_samples(photos, groups):
    pairs = SwapPairs(photos, groups, SIDE, MANY, 0, 1.0, 0.3)
    assert np.mean([bool(s["known"]) for s in samples(pairs)]) == pytest.approx(0.3, abs=4 * np.sqrt(0.21 / MANY))


def test_sample_n_depends_on_seed_and_n_alone(photos, groups):
    def pairs(length, seed):
        return SwapPairs(photos, groups, SIDE, length, seed, 0.8, 0.5)

    in_order = samples(pairs(20, 7))
    longer = pairs(1000, 7)
    for n in reversed(range(20)):
        again = longer[n]
        assert all(torch.equal(in_order[n][key], again[key]) for key in in_order[n])
    assert not all(torch.equal(a["target"], b["target"]) for a, b in zip(in_order, samples(pairs(20, 8)), strict=True))
    assert not any(torch.equal(a["target"], b["target"]) for a, b in pairwise(in_order))


def test_samples_are_faces_in_range(photos, groups):
    for s in samples(SwapPairs(photos, groups, 32, 20, 0, 0.5, 0.5)):
        for key in ("source", "target", "truth"):
            assert s[key].shape == (3, 32, 32) and s[key].dtype == torch.float32
            assert s[key].min() >= -1 and s[key].max() <= 1


def test_only_chosen_targets_serve_as_targets(photos, groups):
    chosen = Targets([2], [(1, 3, 0)])
    targets = {
        read_bars(s["target"]) if s["known"] else read_bars(s["target"])[0]
        for s in samples(SwapPairs(photos, groups, SIDE, 60, 0, 1.0, 0.5, chosen))
    }
    assert targets == {2, (3, 0)}


def test_all_pictures_are_targets_unless_told_otherwise(photos, groups):
    everything = Targets.all_of(photos, groups)
    assert list(everything.photos) == [0, 1, 2, 3]
    assert len(set(everything.rendered)) == 2 * 4 * 4


def test_an_occluder_covers_target_and_truth_alike(groups):
    cutout = np.full((20, 20, 4), 255, np.float32)
    cutout[..., :3] = (255, 0, 0)
    covered = 0
    for s in samples(SwapPairs([], groups, SIDE, 40, 0, 1.0, 1.0, None, [cutout])):
        red = [(s[key][0] - s[key][1] > 0.5) for key in ("source", "target", "truth")]
        assert not red[0].any()
        # under the light's gains a pixel may fall just short of red in one of the two
        assert (red[1] == red[2]).float().mean() > 0.97
        covered += bool(red[1].any())
    assert 8 < covered < 32


def test_occluders_of_rendered_groups_can_be_pasted(groups_dir, groups):
    cutouts = load_cutouts(groups_dir)
    assert samples(SwapPairs([], groups, SIDE, 20, 0, 0.5, 1.0, None, cutouts))


# ---- photographs


def test_validation_pictures_never_appear_in_training(photos_dir):
    resolution = 256  # nothing is shrunk
    training, validation = (load_photos(photos_dir, resolution, validation=side) for side in (False, True))
    assert (len(training), len(validation)) == (6, 2)
    kept = [read_image(path) for path in photos_dir.glob("*.png") if is_validation(path.name)]
    for picture in kept:
        assert not any(np.array_equal(picture, photo.image) for photo in training)
        assert any(np.array_equal(picture, photo.image) for photo in validation)


def test_a_shrunk_picture_aligns_to_the_same_face(photos_dir):
    photo = load_photos(photos_dir, 256, validation=True)[0]
    small = shrink(photo, 48)
    assert small.image.shape[0] < photo.image.shape[0]
    faces = [align(p.image, p.points, 48)[0].astype(float) for p in (photo, small)]
    assert np.abs(faces[0] - faces[1]).mean() < 2


def test_a_folder_without_landmarks_is_one_sentence(tmp_path):
    with pytest.raises(DataError, match=r"has no landmarks\.json; make it with: python trainers/prepare\.py"):
        load_photos(tmp_path, SIDE, validation=False)


def test_a_side_of_the_split_needs_two_people(photos_dir, tmp_path):
    name = next(path.name for path in sorted(photos_dir.glob("*.png")) if not is_validation(path.name))
    shutil.copy(photos_dir / name, tmp_path)
    landmarks = json.loads((photos_dir / "landmarks.json").read_text())
    (tmp_path / "landmarks.json").write_text(json.dumps({name: landmarks[name]}))
    with pytest.raises(DataError, match="1 picture of the training split"):
        load_photos(tmp_path, SIDE, validation=False)
    with pytest.raises(DataError, match="0 pictures of the validation split"):
        load_photos(tmp_path, SIDE, validation=True)


def test_a_folder_without_groups_is_one_sentence(tmp_path):
    with pytest.raises(DataError, match=r"has no group_\*\.npz; make them with: python -m faceshifter_hub\.synthesis"):
        load_groups(tmp_path, SIDE)


def test_groups_are_by_identity_then_attributes(groups):
    assert len(groups) == 2
    assert np.array_equal(groups[1][2][3].image, barred(2, BARS // 2 + 3))
