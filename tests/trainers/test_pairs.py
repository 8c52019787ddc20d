from collections import Counter
from itertools import pairwise

import numpy as np
import pytest
import torch
from bars import SIDE, barred, read_bars

from faceshifter_hub.faces.alignment import template
from trainers.occlusion import load_cutouts
from trainers.pairs import PairStream, SwapPairs, finish
from trainers.photos import Mixture, Photo, PhotoList
from trainers.rendered import LiveTriplets, load_triplets

MANY = 500


@pytest.fixture(scope="module")
def photos():
    """Four people; person n shows as bar n, in the upper half."""
    return people()


def people(targets=range(4)):
    photos = PhotoList([Photo(barred(n), template(SIDE), str(n)) for n in range(4)])
    photos.targets = targets
    return Mixture([photos], [1])


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
    for s in samples(SwapPairs(photos, None, SIDE, MANY, 0, 0.5, 0.0)):
        if s["same"]:
            assert torch.equal(s["source"], s["target"]) and torch.equal(s["truth"], s["target"]) and s["known"]
        else:
            assert read_bars(s["source"])[0] != read_bars(s["target"])[0]


def test_the_truth_of_a_rendered_pair_is_identity_i_with_attributes_j(triplets):
    seen = set()
    for s in samples(SwapPairs(people(), triplets, SIDE, 200, 0, 1.0, 1.0)):
        (i, a), (j, b) = read_bars(s["source"]), read_bars(s["target"])
        assert i != j and (a, b) == (i, j)
        assert read_bars(s["truth"]) == (i, j)
        assert s["known"]
        seen.add((i, j))
    assert len(seen) == 12


def test_truth_and_target_share_place_and_light(triplets):
    half = SIDE // 2
    for s in samples(SwapPairs(people(), triplets, SIDE, 30, 0, 1.0, 1.0)):
        torch.testing.assert_close(s["truth"][:, half + 8 :], s["target"][:, half + 8 :], atol=1e-3, rtol=0)


def test_photographs_of_different_people_have_no_truth(photos):
    for s in samples(SwapPairs(photos, None, SIDE, 30, 0, 1.0, 0.0)):
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
        for key in ("source", "bare_source", "target", "truth"):
            assert s[key].shape == (3, 32, 32) and s[key].dtype == torch.float32
            assert s[key].min() >= -1 and s[key].max() <= 1


def test_only_chosen_targets_serve_as_targets(triplets_dir):
    triplets = load_triplets(triplets_dir, SIDE)
    triplets.targets = [9, 21]  # of both shards, the first pair whose source is the last of four
    pairs = {
        (read_bars(s["source"]), read_bars(s["target"])) if s["known"] else read_bars(s["target"])[0]
        for s in samples(SwapPairs(people([2]), triplets, SIDE, 60, 0, 1.0, 0.5))
    }
    assert pairs == {2, ((3, 3), (0, 0))}


def test_an_occluder_covers_target_and_truth_alike(triplets):
    cutout = np.full((20, 20, 4), 255, np.float32)
    cutout[..., :3] = (255, 0, 0)
    covered = 0
    for s in samples(SwapPairs(people(), triplets, SIDE, 40, 0, 1.0, 1.0, [cutout])):
        red = [(s[key][0] - s[key][1] > 0.5) for key in ("source", "target", "truth")]
        assert not red[0].any()
        # under the light's gains a pixel may fall just short of red in one of the two
        assert (red[1] == red[2]).float().mean() > 0.97
        covered += bool(red[1].any())
    assert 8 < covered < 32


def test_occluders_of_targets_can_be_pasted(triplets):
    cutouts = load_cutouts(map(triplets.fields, range(len(triplets))))
    assert samples(SwapPairs(people(), triplets, SIDE, 20, 0, 0.5, 1.0, cutouts))


@pytest.fixture
def glasses():
    glasses = np.zeros((SIDE, SIDE, 4), np.float32)
    glasses[SIDE // 2 - 8 : SIDE // 2 - 2, 10:-10] = (255, 0, 0, 255)
    return glasses


def test_glasses_are_put_on_target_and_truth_alike_and_on_sources_by_themselves(triplets, glasses):
    worn = Counter()
    for s in samples(SwapPairs(people(), triplets, SIDE, 120, 0, 1.0, 1.0, glasses=[glasses])):
        red = {key: s[key][0] - s[key][1] > 0.5 for key in ("source", "bare_source", "target", "truth")}
        assert (red["target"] == red["truth"]).float().mean() > 0.97
        assert not red["bare_source"].any()
        assert ((s["source"] - s["bare_source"]).abs().amax(0) > 0.02).float().mean() < 0.15
        worn[bool(red["source"].any()), bool(red["target"].any())] += 1
    assert len(worn) == 4 and all(4 < count < 80 for count in worn.values())


def test_the_source_of_a_same_pair_is_its_target_glasses_and_all(photos, glasses):
    for s in samples(SwapPairs(photos, None, SIDE, 20, 0, 0.0, 0.0, glasses=[glasses])):
        assert torch.equal(s["source"], s["target"]) and torch.equal(s["bare_source"], s["target"])


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


# ---- rendered meanwhile


@pytest.fixture(scope="module")
def live(photos):
    pairs = SwapPairs(photos, LiveTriplets(SIDE, 6, 1), SIDE, 5, 6, 0.8, 0.5)
    return lambda first: list(PairStream(pairs, first))


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
