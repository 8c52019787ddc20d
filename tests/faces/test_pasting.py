"""A face pasted back changes the photograph where the mask reaches, and nowhere else."""

import cv2
import numpy as np
import pytest
from scipy import ndimage

from faceshifter_hub.faces.alignment import align, template
from faceshifter_hub.faces.pasting import face_mask, paste

RESOLUTION = 64
MASK = face_mask(RESOLUTION)
GREEN = np.full((RESOLUTION, RESOLUTION, 3), (0, 255, 0), np.uint8)
RNG = np.random.default_rng(0)


def placed(scale: float, degrees: float, centre: tuple[float, float]) -> np.ndarray:
    """The matrix to an aligned face from a photo that shows it enlarged by `scale`, turned, centred somewhere."""
    middle = (RESOLUTION - 1) / 2
    to_face = cv2.getRotationMatrix2D(centre, degrees, 1 / scale)
    to_face[:, 2] += middle - np.array(centre)
    return to_face


def reach(matrix: np.ndarray, height: int, width: int) -> np.ndarray:
    """Which pixels of a photo lie on the part of the aligned face where the mask is not 0, give or take a pixel."""
    y, x = np.mgrid[:height, :width]
    x, y = np.moveaxis(np.stack([x, y, np.ones_like(x)], -1) @ matrix.T, -1, 0)
    covered = ndimage.map_coordinates((MASK > 0).astype(float), [y, x], order=1) > 0
    return ndimage.binary_dilation(covered, iterations=2)


# ---- the mask


@pytest.mark.parametrize("resolution", [64, 128, 256])
def test_the_mask_is_one_on_the_face_and_zero_along_the_edge(resolution):
    mask = face_mask(resolution)
    assert mask.shape == (resolution, resolution) and mask.dtype == np.float32
    assert mask.min() == 0 and mask.max() == 1
    for edge in (mask[0], mask[-1], mask[:, 0], mask[:, -1]):
        assert not edge.any()
    for x, y in template(resolution).round().astype(int):
        assert mask[y, x] == 1
    np.testing.assert_allclose(mask, mask[:, ::-1], atol=1e-6)
    np.testing.assert_allclose(cv2.resize(mask, (32, 32), interpolation=cv2.INTER_AREA), face_mask(32), atol=0.05)


def test_the_mask_is_shared_and_cannot_be_changed():
    assert face_mask(64) is MASK
    with pytest.raises(ValueError, match="read-only"):
        MASK[0, 0] = 1


# ---- pasting


@pytest.mark.parametrize(
    ("scale", "degrees", "centre"),
    [
        pytest.param(1, 0, (80, 60), id="same size"),
        pytest.param(0.3, 25, (80, 60), id="small"),
        pytest.param(2.1, -40, (80, 60), id="large"),
        pytest.param(1, 180, (80, 60), id="upside down"),
        pytest.param(1.2, 10, (0, 60), id="left half outside"),
        pytest.param(1.2, 10, (159, 119), id="in the corner"),
        pytest.param(6, 0, (80, 60), id="larger than the photo"),
    ],
)
def test_pixels_beyond_the_mask_are_the_photographs_own(scale, degrees, centre):
    photo = RNG.integers(0, 256, (120, 160, 3), np.uint8)
    photo[..., 1] = 0
    before, matrix = photo.copy(), placed(scale, degrees, centre)
    result = paste(photo, GREEN, matrix, MASK)
    assert result.shape == photo.shape and result.dtype == np.uint8
    np.testing.assert_array_equal(photo, before)
    reached = reach(matrix, 120, 160)
    np.testing.assert_array_equal(result[~reached], photo[~reached])
    x, y = np.clip(centre, 0, (159, 119))
    np.testing.assert_allclose(result[y, x], (0, 255, 0), atol=1)


@pytest.mark.parametrize("centre", [(-500, 60), (80, 900), (-60, -70), (230, 60)])
def test_a_face_wholly_outside_changes_nothing(centre):
    photo = RNG.integers(0, 256, (120, 160, 3), np.uint8)
    result = paste(photo, GREEN, placed(1, 20, centre), MASK)
    np.testing.assert_array_equal(result, photo)
    assert result is not photo


def test_a_photo_of_one_pixel():
    assert paste(np.zeros((1, 1, 3), np.uint8), GREEN, placed(1, 0, (0, 0)), MASK).tolist() == [[[0, 255, 0]]]


def test_the_weight_follows_the_mask_without_a_step():
    photo = np.zeros((200, 200, 3), np.uint8)
    matrix = placed(2, 0, (100, 100))
    pasted = paste(photo, GREEN, matrix, MASK)[..., 1].astype(int)
    y, x = np.mgrid[:200, :200]
    x, y = np.moveaxis(np.stack([x, y, np.ones_like(x)], -1) @ matrix.T, -1, 0)
    np.testing.assert_allclose(pasted, 255 * ndimage.map_coordinates(MASK, [y, x], order=1), atol=4)
    steps = (np.diff(pasted, axis=0), np.diff(pasted, axis=1))
    assert max(np.abs(step).max() for step in steps) <= 42  # the fade spans nine pixels


# levels of 255; what changes is the finest detail, which resampling smooths away, more so where the face was halved:
# measured 0.38 and 22 where it was halved, 0.15 and 8 where it kept its size
@pytest.mark.parametrize(("resolution", "mean", "all_but_a_thousandth"), [(256, 0.5, 25), (512, 0.2, 10)])
def test_pasting_the_aligned_face_back_changes_next_to_nothing(
    examples, detector, resolution, mean, all_but_a_thousandth
):
    for photo in examples[:3]:
        aligned, matrix = align(photo, detector.detect(photo)[0].landmarks, resolution)
        difference = np.abs(paste(photo, aligned, matrix, face_mask(resolution)).astype(int) - photo)
        assert difference.mean() < mean
        assert np.quantile(difference, 0.999) < all_but_a_thousandth


def test_a_grey_photograph_stays_grey_around_and_takes_the_faces_colours():
    photo = np.repeat(RNG.integers(0, 256, (120, 160, 1), np.uint8), 3, 2)
    matrix = placed(1, 0, (80, 60))
    result = paste(photo, GREEN, matrix, MASK)
    around = ~reach(matrix, 120, 160)
    assert (result[around].min(1) == result[around].max(1)).all()
    assert result[60, 80].tolist() == [0, 255, 0]


def test_a_huge_photograph_costs_what_its_face_costs():
    photo = np.zeros((1000, 40_000, 3), np.uint8)  # wider than OpenCV's short integers
    matrix = placed(1, 0, (36_000, 500))
    result = paste(photo, GREEN, matrix, MASK)
    rows, columns = np.nonzero(result[..., 1])
    assert result[500, 36_000].tolist() == [0, 255, 0]
    assert np.abs(rows - 500).max() < RESOLUTION and np.abs(columns - 36_000).max() < RESOLUTION


def test_a_face_as_large_as_a_huge_photograph():
    result = paste(np.zeros((3000, 2000, 3), np.uint8), GREEN, placed(40, 0, (1000, 1500)), MASK)
    assert result[1500, 1000].tolist() == [0, 255, 0] and not result[0].any()
