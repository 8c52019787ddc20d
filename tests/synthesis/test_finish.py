import numpy as np
import pytest

from faceshifter_hub.synthesis.finish import finish
from faceshifter_hub.synthesis.parameters import Camera

SIDE = 64
CLEAN = Camera(fov=0.4, zoom=1, shift=(0, 0), exposure=0, contrast=1, blur=0, grain=0, jpeg=None)


def camera(**values):
    """Return a camera that differs from a clean one."""
    return Camera(**(dict(CLEAN) | values))


@pytest.fixture
def edge():
    """A picture, dark on its left and bright on its right."""
    image = np.full((SIDE, SIDE, 3), 40, np.uint8)
    image[:, SIDE // 2 :] = 200
    return image


def test_a_clean_camera_changes_nothing(edge):
    assert np.array_equal(finish(edge, CLEAN, 0), edge)


def test_grain_has_the_strength_and_the_seed_it_is_given(edge):
    grainy = finish(edge, camera(grain=0.02), 3).astype(int)
    assert (grainy - edge).std() == pytest.approx(0.02 * 255, rel=0.05)
    assert abs((grainy - edge).mean()) < 0.2
    assert np.array_equal(grainy, finish(edge, camera(grain=0.02), 3))
    assert not np.array_equal(grainy, finish(edge, camera(grain=0.02), 4))


def test_blur_is_a_share_of_the_side(edge):
    row = finish(edge, camera(blur=0.02), 0)[0, :, 0].astype(float)
    width = (np.abs(row - 120) < 60).sum()
    assert 0.5 < width / (2 * 0.02 * SIDE) < 2
    assert row[0] == 40 and row[-1] == 200


def test_compression_leaves_its_marks_and_the_colours(edge):
    noisy = finish(edge, camera(grain=0.1), 0)
    strong, weak = (
        np.abs(finish(edge, camera(grain=0.1, jpeg=quality), 0).astype(int) - noisy).mean() for quality in (20, 95)
    )
    assert 0 < weak < 0.9 * strong
    reddish = edge // np.array([1, 2, 4], np.uint8)
    assert finish(reddish, camera(jpeg=90), 0).mean((0, 1)) == pytest.approx(reddish.mean((0, 1)), abs=3)
