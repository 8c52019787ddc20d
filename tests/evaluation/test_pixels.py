import numpy as np
import pytest
from skimage.metrics import peak_signal_noise_ratio

from faceshifter_hub.evaluation.judging.pixels import EQUAL, mean_over, psnr, similarity_map


@pytest.fixture
def pictures():
    rng = np.random.default_rng(0)
    truth = rng.integers(0, 256, (40, 40, 3), np.uint8)
    return (truth + rng.normal(0, 12, truth.shape)).clip(0, 255).round().astype(np.uint8), truth


def test_psnr_of_everything_is_that_of_the_library(pictures):
    everything = np.ones((40, 40), bool)
    assert psnr(*pictures, everything) == pytest.approx(peak_signal_noise_ratio(pictures[1], pictures[0]))


def test_only_the_part_counts(pictures):
    picture, truth = pictures
    part = np.zeros((40, 40), bool)
    part[:20] = True
    mended = picture.copy()
    mended[:20] = truth[:20]
    assert psnr(mended, truth, part) == EQUAL and psnr(mended, truth, ~part) == psnr(picture, truth, ~part)
    shifted = truth.astype(int)
    shifted[part] += np.where(shifted[part] < 128, 16, -16)
    assert psnr(shifted.astype(np.uint8), truth, part) == pytest.approx(20 * np.log10(255 / 16))


def test_an_empty_part_has_no_number(pictures):
    nothing = np.zeros((40, 40), bool)
    assert np.isnan(psnr(*pictures, nothing)) and np.isnan(mean_over(np.ones((40, 40)), nothing))


def test_similarity_is_1_where_pictures_are_equal_and_less_elsewhere(pictures):
    picture, truth = pictures
    mended = picture.copy()
    mended[:, :20] = truth[:, :20]
    found = similarity_map(mended, truth)
    assert found.shape == (40, 40)
    np.testing.assert_allclose(found[:, :12], 1)  # the window has a radius of 5
    assert found[:, 28:].mean() < 0.995
