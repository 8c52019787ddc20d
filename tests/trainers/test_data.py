import json
from itertools import pairwise

import numpy as np
import pytest
import torch
from bars import BARS, SIDE, barred, read_bars

from faceshifter_hub.datasets.shards import read_samples, write_shard
from faceshifter_hub.errors import DataError
from faceshifter_hub.evaluation.split import is_validation
from faceshifter_hub.faces.alignment import align, template
from faceshifter_hub.preparation.examine import encode_jpeg
from faceshifter_hub.synthesis.datasets.samples import encode_facts
from trainers.data import (
    LivePairs,
    Photo,
    SwapPairs,
    Targets,
    finish,
    load_photos,
    load_triplets,
    shrink,
    to_tensor,
)
from trainers.occlusion import load_cutouts

MANY = 500


@pytest.fixture(scope="module")
def photos():
    """Four people; person n shows as bar n, in the upper half."""
    return [Photo(barred(n), template(SIDE)) for n in range(4)]


@pytest.fixture(scope="module")
def triplets(triplets_dir):
    return load_triplets(triplets_dir, SIDE)


def samples(pairs):
    return [pairs[n] for n in range(len(pairs))]


@pytest.mark.parametrize("rendered", [0.0, 1.0])
@pytest.mark.parametrize("different", [0.8, 0.5])
def test_the_share_of_same_pairs_is_what_different_leaves(photos, triplets, different, rendered):
    pairs = SwapPairs(photos, triplets, SIDE, MANY, 0, different, rendered)
    share = np.mean([bool(s["same"]) for s in samples(pairs)])
    assert share == pytest.approx(1 - different, abs=4 * np.sqrt(different * (1 - different) / MANY))


@pytest.mark.parametrize(("different", "same"), [(1.0, False), (0.0, True)])
def test_the_ends_of_the_ratio(photos, triplets, different, same):
    assert {bool(s["same"]) for s in samples(SwapPairs(photos, triplets, SIDE, 50, 0, different, 0.5))} == {same}


def test_same_pairs_are_one_picture_and_others_never(photos):
    for s in samples(SwapPairs(photos, [], SIDE, MANY, 0, 0.5, 0.0)):
        if s["same"]:
            assert torch.equal(s["source"], s["target"]) and torch.equal(s["truth"], s["target"]) and s["known"]
        else:
            assert read_bars(s["source"])[0] != read_bars(s["target"])[0]


def test_the_truth_of_a_rendered_pair_is_identity_i_with_attributes_j(triplets):
    seen = set()
    for s in samples(SwapPairs([], triplets, SIDE, 200, 0, 1.0, 1.0)):
        (i, a), (j, b) = read_bars(s["source"]), read_bars(s["target"])
        assert i != j and (a, b) == (i, j)
        assert read_bars(s["truth"]) == (i, j)
        assert s["known"]
        seen.add((i, j))
    assert len(seen) == 12


def test_truth_and_target_share_place_and_light(triplets):
    half = SIDE // 2
    for s in samples(SwapPairs([], triplets, SIDE, 30, 0, 1.0, 1.0)):
        torch.testing.assert_close(s["truth"][:, half + 8 :], s["target"][:, half + 8 :], atol=1e-3, rtol=0)


def test_photographs_of_different_people_have_no_truth(photos):
    for s in samples(SwapPairs(photos, [], SIDE, 30, 0, 1.0, 0.0)):
        assert not s["known"] and torch.equal(s["truth"], s["target"])


def test_the_share_of_rendered_samples(photos, triplets):
    pairs = SwapPairs(photos, triplets, SIDE, MANY, 0, 1.0, 0.3)
    assert np.mean([bool(s["known"]) for s in samples(pairs)]) == pytest.approx(0.3, abs=4 * np.sqrt(0.21 / MANY))


def test_sample_n_depends_on_seed_and_n_alone(photos, triplets):
    def pairs(length, seed):
        return SwapPairs(photos, triplets, SIDE, length, seed, 0.8, 0.5)

    in_order = samples(pairs(20, 7))
    longer = pairs(1000, 7)
    for n in reversed(range(20)):
        again = longer[n]
        assert all(torch.equal(in_order[n][key], again[key]) for key in in_order[n])
    assert not all(torch.equal(a["target"], b["target"]) for a, b in zip(in_order, samples(pairs(20, 8)), strict=True))
    assert not any(torch.equal(a["target"], b["target"]) for a, b in pairwise(in_order))


def test_samples_are_faces_in_range(photos, triplets):
    for s in samples(SwapPairs(photos, triplets, 32, 20, 0, 0.5, 0.5)):
        for key in ("source", "target", "truth"):
            assert s[key].shape == (3, 32, 32) and s[key].dtype == torch.float32
            assert s[key].min() >= -1 and s[key].max() <= 1


def test_only_chosen_targets_serve_as_targets(photos, triplets):
    chosen = Targets([2], [9, 21])  # of both shards, the first pair whose source is the last of four
    pairs = {
        (read_bars(s["source"]), read_bars(s["target"])) if s["known"] else read_bars(s["target"])[0]
        for s in samples(SwapPairs(photos, triplets, SIDE, 60, 0, 1.0, 0.5, chosen))
    }
    assert pairs == {2, ((3, 3), (0, 0))}


def test_an_occluder_covers_target_and_truth_alike(triplets):
    cutout = np.full((20, 20, 4), 255, np.float32)
    cutout[..., :3] = (255, 0, 0)
    covered = 0
    for s in samples(SwapPairs([], triplets, SIDE, 40, 0, 1.0, 1.0, None, [cutout])):
        red = [(s[key][0] - s[key][1] > 0.5) for key in ("source", "target", "truth")]
        assert not red[0].any()
        # under the light's gains a pixel may fall just short of red in one of the two
        assert (red[1] == red[2]).float().mean() > 0.97
        covered += bool(red[1].any())
    assert 8 < covered < 32


def test_occluders_of_targets_can_be_pasted(triplets):
    cutouts = load_cutouts(map(triplets.fields, range(len(triplets))))
    assert samples(SwapPairs([], triplets, SIDE, 20, 0, 0.5, 1.0, None, cutouts))


# ---- photographs


def files(photos_dir, split):
    """Return the file names of one side of the split, in the shards' order."""
    facts = [json.loads(sample["json"]) for sample in read_samples(photos_dir / "photos-000000.tar")]
    return [known["file"] for known in facts if known["split"] == split]


def test_validation_pictures_never_appear_in_training(photos_dir):
    training, validation = (load_photos(photos_dir, 256, validation=side) for side in (False, True))
    assert (len(training), len(validation)) == (6, 2)
    assert not any(is_validation(name) for name in files(photos_dir, "training"))
    assert all(is_validation(name) for name in files(photos_dir, "validation"))
    for photo in validation:
        assert not any(np.array_equal(photo.image, other.image) for other in training)


def test_a_photograph_is_a_face_with_a_margin(photos_dir):
    for photo in load_photos(photos_dir, 256, validation=False):
        assert photo.image.shape == (332, 332, 3) and photo.person is None
        assert np.abs(photo.points - 38 - template(256)).max() < 16


@pytest.fixture
def make_photos(tmp_path):
    """Write a shard of bars; `make_photos("a", [("ann", 0), (None, 1)])` shows ann as bar 0, somebody as bar 1."""

    def make_photos(name, people):
        (tmp_path / name).mkdir()
        samples = []
        for n, (person, bar) in enumerate(people):
            facts = {"file": f"{n}.png", "person": person, "split": "training", "landmarks": template(SIDE).tolist()}
            samples.append((f"photo-{n:08}", {"json": encode_facts(facts), "jpg": encode_jpeg(barred(bar))}))
        write_shard(tmp_path / name / "photos-000000.tar", samples)
        return tmp_path

    return make_photos


def test_a_folder_of_prepared_folders_is_read_as_one(make_photos):
    make_photos("a", [(None, 0), (None, 1)])
    photos = load_photos(make_photos("b", [(None, 2)]), SIDE, validation=False)
    assert [read_bars(to_tensor(photo.image))[0] for photo in photos] == [0, 1, 2]
    assert photos.people == 3


def test_different_pairs_are_of_different_people_and_not_only_pictures(make_photos):
    people = [("ann", 0), ("ann", 1), ("bob", 2), ("ann", 3)]
    photos = load_photos(make_photos("a", people), SIDE, validation=False)
    pairs = {
        (read_bars(s["source"])[0], read_bars(s["target"])[0])
        for s in samples(SwapPairs(photos, [], SIDE, 60, 0, 1.0, 0.0))
    }
    assert pairs == {(2, 0), (2, 1), (2, 3), (0, 2), (1, 2), (3, 2)}


def test_many_pictures_of_one_person_make_no_pairs(make_photos):
    folder = make_photos("a", [("ann", 0), ("ann", 1)])
    with pytest.raises(DataError, match=r"^[^\n]* holds 1 person of the training split; pairs of different people"):
        load_photos(folder, SIDE, validation=False)
    with pytest.raises(DataError, match="holds nobody of the validation split"):
        load_photos(folder, SIDE, validation=True)


def test_a_shrunk_picture_aligns_to_the_same_face(photos_dir):
    photo = load_photos(photos_dir, 256, validation=True)[0]
    small = shrink(photo, 48)
    assert small.image.shape[0] < photo.image.shape[0]
    faces = [align(p.image, p.points, 48)[0].astype(float) for p in (photo, small)]
    assert np.abs(faces[0] - faces[1]).mean() < 2


def test_a_folder_without_photographs_is_one_sentence(tmp_path):
    with pytest.raises(DataError, match=r"has no photos-\*\.tar; make them with: faceshifter prepare PHOTOGRAPHS "):
        load_photos(tmp_path, SIDE, validation=False)


# ---- light


def test_light_is_a_gain_then_a_gamma_for_every_value():
    rng = np.random.default_rng(0)
    image = rng.integers(0, 256, (20, 20, 3), np.uint8)
    gain, gamma = np.array([0.8, 1.0, 1.3], np.float32), 0.8
    expected = 2 * np.clip(image / 255 * gain, 0, 1) ** gamma - 1
    found = finish(image, True, (gain, gamma, False)).permute(1, 2, 0).numpy()
    np.testing.assert_allclose(found[:, ::-1], expected, atol=1e-5)


def test_a_grey_face_has_the_luma_of_the_lit_one():
    image = np.random.default_rng(0).integers(0, 256, (20, 20, 3), np.uint8)
    light = np.array([0.8, 1.0, 1.3], np.float32), 0.8
    coloured, grey = (finish(image, False, (*light, colourless)) for colourless in (False, True))
    luma = (coloured * torch.tensor([0.299, 0.587, 0.114])[:, None, None]).sum(0)
    torch.testing.assert_close(grey, luma.expand(3, -1, -1), atol=1e-5, rtol=0)


# ---- triplets


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


# ---- rendered meanwhile


@pytest.fixture(scope="module")
def live(photos):
    pairs = SwapPairs(photos, [], SIDE, 5, 6, 0.8, 0.5)
    return lambda first: list(LivePairs(pairs, 0.5, first, 1))


@pytest.fixture(scope="module")
def live_samples(live):
    return live(0)


def test_live_pairs_mix_photographs_and_rendered_ones(live_samples):
    assert {bool(s["known"]) for s in live_samples if not s["same"]} == {True, False}
    for s in live_samples:
        assert all(s[key].shape == (3, SIDE, SIDE) for key in ("source", "target", "truth"))
        if s["known"] and not s["same"]:
            assert not torch.equal(s["source"], s["target"])
            assert 0 < (s["truth"] - s["target"]).abs().mean() < (s["source"] - s["target"]).abs().mean()


def test_live_pairs_go_on_where_a_run_stopped(live, live_samples):
    again = live(3)
    assert len(again) == 2
    for before, now in zip(live_samples[3:], again, strict=True):
        assert all(torch.equal(before[key], now[key]) for key in before)
