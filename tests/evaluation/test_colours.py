import cv2
import numpy as np
import pytest

from faceshifter_hub.evaluation.judging.colours import colour_difference, light_difference

SIDE = 64
PART = np.zeros((SIDE, SIDE), bool)
PART[12:52, 16:48] = True
ACROSS = np.linspace(-1, 1, SIDE, dtype=np.float32)[None, :].repeat(SIDE, 0)


def skin(light=0.0, a=0.0, b=0.0):
    """A picture of one colour of skin, and in Lab what is added to it, numbers or (H, W)."""
    lab = np.stack([np.full((SIDE, SIDE), base, np.float32) + more for base, more in ((60, light), (12, a), (15, b))])
    rgb = cv2.cvtColor(np.ascontiguousarray(np.moveaxis(lab, 0, 2), np.float32), cv2.COLOR_LAB2RGB)
    return (rgb * 255).round().clip(0, 255).astype(np.uint8)


def test_a_shift_of_colour_is_found_and_is_no_light():
    shifted = skin(a=6, b=-8)
    assert colour_difference(shifted, skin(), PART) == pytest.approx(10, abs=0.5)
    assert light_difference(shifted, skin(), PART) < 0.3


def test_a_gradient_of_brightness_is_found_and_is_no_colour():
    lit = skin(light=15 * ACROSS)
    true = np.sqrt(np.square(15 * ACROSS[PART]).mean())
    assert 0.7 * true < light_difference(lit, skin(), PART) < true  # the blur flattens it somewhat
    assert colour_difference(lit, skin(), PART) < 0.6 < 0.2 * true


def test_brightness_alone_is_light_and_no_colour():
    assert light_difference(skin(light=7), skin(), PART) == pytest.approx(7, abs=0.2)
    assert colour_difference(skin(light=7), skin(), PART) < 0.6  # pixels are whole numbers


def test_opposite_colours_of_two_halves_are_no_difference_of_the_mean():
    assert colour_difference(skin(a=8 * np.sign(ACROSS)), skin(), PART) < 0.3


def test_features_hardly_count_as_light():
    rows, columns = np.indices((SIDE, SIDE)) // 2
    checked = skin(light=12.0 * (-1) ** (rows + columns))
    assert light_difference(checked, skin(), PART) < 0.5 < 7 < light_difference(skin(light=12), skin(), PART)


@pytest.mark.parametrize("difference", [colour_difference, light_difference])
def test_changes_outside_the_part_do_not_count(difference):
    picture = skin(light=5 * ACROSS, a=4)
    other = picture.copy()
    other[~PART] = np.random.default_rng(0).integers(0, 256, (int((~PART).sum()), 3))
    assert difference(other, skin(), PART) == difference(picture, skin(), PART) > 1
    assert difference(other, picture, PART) == 0


@pytest.mark.parametrize("difference", [colour_difference, light_difference])
@pytest.mark.filterwarnings("error")
def test_an_empty_part_has_no_number(difference):
    assert np.isnan(difference(skin(a=5), skin(), np.zeros_like(PART)))
