import numpy as np
import pytest
import torch
from scipy.linalg import sqrtm

from faceshifter_hub.evaluation.frechet import FOLDS, frechet_distance, frechet_interval, root_trace


def features(count, width, seed=0, shift=0.0):
    generator = torch.Generator().manual_seed(seed)
    mixing = torch.randn(width, width, generator=generator, dtype=torch.float64)
    return torch.randn(count, width, generator=generator, dtype=torch.float64) @ mixing + shift


def textbook(first, second):
    """|m1 - m2|^2 + tr(C1 + C2 - 2 (C1 C2)^(1/2)), by the matrices themselves."""
    (m1, c1), (m2, c2) = ((x.mean(0), np.cov(x, rowvar=False)) for x in (first.numpy(), second.numpy()))
    return np.square(m1 - m2).sum() + np.trace(c1 + c2 - 2 * np.real(sqrtm(c1 @ c2)))


@pytest.mark.parametrize(("count", "others"), [(60, 60), (50, 80), (5, 5), (4, 60), (60, 4)])
def test_equals_the_textbook_formula_for_more_and_for_fewer_pictures_than_features(count, others):
    first, second = features(count, 8), features(others, 8, seed=1, shift=0.5)
    assert frechet_distance(first, second) == pytest.approx(textbook(first, second), rel=1e-5)


@pytest.mark.parametrize("count", [6, 30])
def test_both_ways_to_the_trace_give_the_same(count):
    a, b = (x - x.mean(0) for x in (features(count, 10), features(count, 10, seed=1)))
    assert float(root_trace(a, b)) == pytest.approx(float(torch.linalg.svdvals(a @ b.T).sum()), rel=1e-6)


@pytest.mark.parametrize("count", [6, 40])
def test_zero_of_equal_sets_in_any_order_and_never_below(count):
    same = features(count, 10)
    scale = float(same.var(0).sum())
    assert 0 <= frechet_distance(same, same) < 1e-6 * scale
    assert 0 <= frechet_distance(same, same.flip(0)) < 1e-6 * scale


@pytest.mark.parametrize("count", [6, 40])
def test_symmetric(count):
    first, second = features(count, 10), features(25, 10, seed=1, shift=1)
    assert frechet_distance(first, second) == pytest.approx(frechet_distance(second, first))


@pytest.mark.parametrize("count", [5, 200])
def test_a_shift_costs_its_square_and_a_scale_the_square_of_what_the_spread_grows(count):
    same = features(count, 10)
    assert frechet_distance(same, same + 3) == pytest.approx(10 * 3**2)
    assert frechet_distance(same, 3 * same + (1 - 3) * same.mean(0)) == pytest.approx(4 * float(same.var(0).sum()))


def test_single_precision_is_enough_for_the_features():
    first, second = features(40, 10), features(40, 10, seed=1, shift=1)
    assert frechet_distance(first.float(), second.float()) == pytest.approx(frechet_distance(first, second), rel=1e-4)


@pytest.mark.parametrize("count", [2, 3, 12, 100])
def test_the_interval_contains_the_value_and_is_the_same_again(count):
    first, second = features(count, 6), features(count, 6, seed=1)
    low, high = frechet_interval(first, second)
    assert 0 <= low <= frechet_distance(first, second) <= high
    assert (low, high) == frechet_interval(first, second)


def test_more_pictures_make_the_interval_narrower():
    def width(count):
        first, second = features(count, 6), features(count, 6, seed=1)
        low, high = frechet_interval(first, second)
        assert low < frechet_distance(first, second) < high
        return high - low

    assert width(1600) < width(100)


def test_frames_of_a_video_are_left_out_together():
    videos = torch.arange(30).repeat_interleave(20)
    noise = 0.01 * features(600, 6, seed=2)
    first, second = (features(30, 6, seed)[videos] + noise for seed in (0, 1))
    low, high = frechet_interval(first, second, videos)
    narrow = frechet_interval(first, second)
    assert FOLDS < 30 and high - low > 2 * (narrow[1] - narrow[0])
