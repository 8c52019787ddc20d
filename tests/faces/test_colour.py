"""A face takes on its target's colours where it is pasted, whatever the two look like."""

import cv2
import numpy as np
import pytest

from faceshifter_hub.faces.alignment import align
from faceshifter_hub.faces.colour import match_colour, to_lab, to_rgb
from faceshifter_hub.faces.pasting import face_mask

SIDE = 96
MASK = face_mask(SIDE)
PASTED = MASK > 0.5
RNG = np.random.default_rng(0)


@pytest.fixture(scope="module")
def faces(examples, detector):
    """Two aligned faces that do not look alike."""
    return [align(photo, detector.detect(photo)[0].landmarks, SIDE)[0] for photo in examples[:2]]


def statistics(picture):
    lab = to_lab(picture)[PASTED]
    return lab.mean(0), lab.std(0)


def test_grain_is_not_taken_for_contrast(faces):
    grainy = np.clip(faces[1] + RNG.normal(0, 25, faces[1].shape), 0, 255).astype(np.uint8)
    of_grainy, of_clean = (statistics(match_colour(faces[0], x, MASK, "lab"))[1] for x in (grainy, faces[1]))
    assert (of_grainy < 1.15 * of_clean).all() and (statistics(grainy)[1] > 1.4 * of_clean).any()


def tinted(face, gain):
    return np.clip(face * np.array(gain), 0, 255).astype(np.uint8)


def test_none_leaves_the_face_alone(faces):
    assert match_colour(*faces, MASK, "none") is faces[0]


def test_lab_matches_mean_and_spread(faces):
    face, target = faces[0], tinted(faces[1], (0.9, 0.7, 0.6))
    for own, wanted in zip(statistics(match_colour(face, target, MASK, "lab")), statistics(target), strict=True):
        np.testing.assert_allclose(own, wanted, atol=2.0)


def test_a_tint_is_undone(faces):
    for how, most in (("lab", 6), ("poisson", 20)):
        bluish = tinted(faces[0], (0.7, 0.8, 1.0))
        before, after = (
            np.abs(x.astype(int) - faces[0])[PASTED].mean()
            for x in (bluish, match_colour(bluish, faces[0], MASK, how))
        )
        assert after < min(before / 1.5, most), how


def test_poisson_has_no_seam(faces):
    """Along the border of what is pasted, the picture steps no more than the target does."""
    dark = tinted(faces[0], (0.4, 0.4, 0.4))
    border = cv2.morphologyEx(PASTED.astype(np.uint8), cv2.MORPH_GRADIENT, np.ones((3, 3))) > 0

    def step(picture):
        grey = picture.astype(np.float32).mean(2)
        return np.hypot(cv2.Sobel(grey, -1, 1, 0), cv2.Sobel(grey, -1, 0, 1))[border].mean()

    hard = np.where(PASTED[..., None], dark, faces[1])
    assert step(match_colour(dark, faces[1], MASK, "poisson")) < 1.5 * step(faces[1]) < step(hard)


def test_poisson_moves_nothing(faces):
    for mask in (MASK, np.roll(MASK, 1, 1), np.roll(MASK, (1, 1), (0, 1))):
        assert np.abs(match_colour(faces[0], faces[0], mask, "poisson").astype(int) - faces[0]).max() <= 2


def ends(face):
    """Targets whose colours are at an end of what there is."""
    grey = np.repeat(face.mean(2, keepdims=True).astype(np.uint8), 3, 2)
    return {
        "grey": grey,
        "dark": (face // 20).astype(np.uint8),
        "black": np.zeros_like(face),
        "clipped": np.clip(face.astype(int) * 3, 0, 255).astype(np.uint8),
        "white": np.full_like(face, 255),
        "noise": RNG.integers(0, 256, face.shape, np.uint8),
        "one colour": np.full_like(face, (10, 200, 90)),
    }


@pytest.mark.parametrize("how", ["lab", "poisson"])
@pytest.mark.parametrize("name", ["grey", "dark", "black", "clipped", "white", "noise", "one colour"])
def test_pictures_at_an_end(faces, how, name):
    target = ends(faces[1])[name]
    for face, wanted in ((faces[0], target), (target, faces[0])):
        result = match_colour(face, wanted, MASK, how)
        assert result.shape == face.shape and result.dtype == np.uint8
    if how == "lab":
        np.testing.assert_allclose(
            match_colour(faces[0], target, MASK, how)[PASTED].mean(0), target[PASTED].mean(0), atol=12
        )


def test_a_grey_target_makes_a_grey_face(faces):
    result = match_colour(faces[0], ends(faces[1])["grey"], MASK, "lab").astype(int)
    assert (result.max(2) - result.min(2)).max() <= 2
    assert result[PASTED].std() > 10


@pytest.mark.parametrize("how", ["lab", "poisson"])
@pytest.mark.parametrize("mask", ["nothing", "everything", "one pixel", "the border"])
def test_any_mask(faces, how, mask):
    masks = {name: np.zeros((SIDE, SIDE), np.float32) for name in ("nothing", "one pixel", "the border")}
    masks["everything"] = np.ones((SIDE, SIDE), np.float32)
    masks["one pixel"][40, 50] = 1
    masks["the border"][:, :30] = 1
    result = match_colour(*faces, masks[mask], how)
    assert result.shape == faces[0].shape and result.dtype == np.uint8
    if mask == "nothing":
        assert result is faces[0]


def test_what_is_kept_does_not_count(faces):
    """A bright hat within the ellipse that stays the target's does not brighten the face."""
    hatted = faces[1].copy()
    hatted[: SIDE // 3] = 255
    without_hat = MASK.copy()
    without_hat[: SIDE // 3] = 0
    result, expected = (match_colour(faces[0], target, without_hat, "lab") for target in (hatted, faces[1]))
    np.testing.assert_array_equal(result, expected)


def test_lab_and_back():
    colours = RNG.integers(0, 256, (50, 50, 3), np.uint8)
    np.testing.assert_allclose(to_rgb(to_lab(colours)), colours, rtol=0, atol=1.1)
