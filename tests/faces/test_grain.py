"""A pasted face has the sharpness and the grain of the photograph it is pasted into."""

import cv2
import numpy as np
import pytest

from faceshifter_hub.faces.alignment import align
from faceshifter_hub.faces.grain import grain, luma, match_grain, sharpness
from faceshifter_hub.faces.pasting import face_mask, paste

MASK = face_mask(128)
PASTED = MASK > 0.5
RNG = np.random.default_rng(0)


@pytest.fixture(scope="module")
def face(examples, detector):
    """An aligned face without grain, (128, 128, 3) uint8."""
    photo = examples[0]
    return align(photo, detector.detect(photo)[0].landmarks, 128)[0]


def grainy(picture, sigma, colour=True, seed=0):
    noise = np.random.default_rng(seed).normal(0, sigma, (*picture.shape[:2], 3 if colour else 1))
    return np.clip(picture + noise, 0, 255).round().astype(np.uint8)


def blurred(picture, sigma):
    return cv2.GaussianBlur(picture, (0, 0), sigma)


def level(picture):
    return float(np.sqrt(np.trace(grain(picture, PASTED)) / 3))


@pytest.mark.parametrize("sigma", [2, 5, 12, 25])
def test_the_level_of_grain_is_told(face, sigma):
    assert level(grainy(blurred(face, 2), sigma)) == pytest.approx(sigma, rel=0.2)


def test_a_clean_picture_has_next_to_none(face):
    assert level(blurred(face, 1)) < 1


@pytest.mark.parametrize("sigma", [4, 12])
def test_a_clean_face_gets_the_grain_of_its_target(face, sigma):
    clean = blurred(face, 1.2)
    result = match_grain(clean, grainy(clean, sigma), MASK)
    assert result.dtype == np.float32 and 0 <= result.min() and result.max() <= 255
    assert level(result) == pytest.approx(sigma, rel=0.25)
    assert np.abs(blurred(result, 4) - blurred(clean.astype(np.float32), 4))[PASTED].mean() < 2  # no other change


def test_grain_that_is_there_is_not_added_again(face):
    clean = blurred(face, 1.2)
    result = match_grain(grainy(clean, 8, seed=1), grainy(clean, 8, seed=2), MASK)
    assert level(result) == pytest.approx(8, rel=0.25)


def test_grey_grain_stays_grey(face):
    grey = np.repeat(luma(blurred(face, 1.2))[..., None], 3, 2)
    result = match_grain(grey, grainy(grey, 8, colour=False), MASK)
    assert level(result) > 5
    assert (result.max(2) - result.min(2)).max() < 0.1


def test_the_same_pictures_get_the_same_grain(face):
    target = grainy(face, 8)
    one, again, other = (match_grain(face, t, MASK) for t in (target, target, grainy(face, 8, seed=3)))
    np.testing.assert_array_equal(one, again)
    assert not np.array_equal(one, other)


@pytest.mark.parametrize("sigma", [0.8, 1.5])
def test_a_sharp_face_is_blurred_as_its_target_is(face, sigma):
    target = blurred(face, sigma)
    result = match_grain(face, target, MASK)
    wanted, before, after = (sharpness(luma(x), PASTED) for x in (target, face, result))
    assert before > 1.5 * wanted and after == pytest.approx(wanted, rel=0.35)


def test_a_smooth_face_is_sharpened_within_limits(face):
    for sigma in (1.0, 4.0):
        smooth = blurred(face, sigma)
        before, after, wanted = (sharpness(luma(x), PASTED) for x in (smooth, match_grain(smooth, face, MASK), face))
        assert before < after <= 1.1 * wanted
        assert after < 4.5 * before  # at most twice the amplitude


def test_grain_is_not_taken_for_sharpness(face):
    smooth = blurred(face, 2)
    alike = match_grain(smooth, grainy(smooth, 15), MASK)
    assert np.abs(blurred(alike, 3) - blurred(smooth.astype(np.float32), 3))[PASTED].mean() < 3


@pytest.mark.parametrize("value", [0, 128, 255])
def test_flat_targets(face, value):
    result = match_grain(face, np.full_like(face, value), MASK)
    assert np.isfinite(result).all() and result.std() > 10  # blurred at most
    assert np.isfinite(match_grain(np.full_like(face, value), face, MASK)).all()


def test_an_empty_mask_and_a_picture_of_one_pixel(face):
    np.testing.assert_array_equal(match_grain(face, face, np.zeros_like(MASK)), face)
    one = np.full((1, 1, 3), 7, np.uint8)
    np.testing.assert_array_equal(match_grain(one, one, np.ones((1, 1))), one)


def test_grain_is_that_of_the_photograph_at_any_size_of_the_face(face):
    """A face pasted three times as large has grain as fine as the photograph's, not three times as coarse."""
    photo = grainy(np.full((420, 420, 3), 120, np.uint8), 10)
    matrix = np.array([[1 / 3, 0, -6], [0, 1 / 3, -6]])
    flat = np.full((128, 128, 3), 120, np.uint8)
    result = paste(photo, flat, matrix, MASK, grain=True)
    middle = result[180:240, 180:240].astype(float) - 120
    neighbours = np.corrcoef(middle[:, :-1].ravel(), middle[:, 1:].ravel())[0, 1]
    assert middle.std() == pytest.approx(10, rel=0.2) and abs(neighbours) < 0.1
    np.testing.assert_array_equal(result[:10], photo[:10])
    assert paste(photo, flat, matrix, MASK)[180:240, 180:240].std() < 1
