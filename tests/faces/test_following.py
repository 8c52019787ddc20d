"""A face is found again by its looks, and only where it is, on the rendered people that ship."""

import json

import cv2
import numpy as np
import pytest

from faceshifter_hub.faces.alignment import similarity
from faceshifter_hub.faces.following import Look, follow


@pytest.fixture(scope="module")
def seen(detector, examples):
    """Some people, (photograph, landmarks) each."""
    return [(photo, detector.detect(photo)[0].landmarks) for photo in examples[:6]]


def moved(photo, shift, scale=1.0, degrees=0.0):
    """Return the photograph moved, and the matrix (2, 3)."""
    matrix = cv2.getRotationMatrix2D((256, 256), degrees, scale)
    matrix[:, 2] += shift
    return cv2.warpAffine(photo, matrix, (512, 512), borderMode=cv2.BORDER_REPLICATE), matrix


@pytest.mark.parametrize(("shift", "scale", "degrees"), [((0, 0), 1, 0), ((10, 5), 1.02, 2), ((-60, 30), 0.95, -5)])
def test_a_face_that_moved_is_found_where_it_is(seen, shift, scale, degrees):
    for photo, landmarks in seen:
        frame, matrix = moved(photo, shift, scale, degrees)
        truth = landmarks @ matrix[:, :2].T + matrix[:, 2]
        found = follow(Look.at(photo, landmarks), frame, landmarks)
        assert found.dtype == np.float32
        np.testing.assert_allclose(found, truth, atol=4)  # of a face of 280 pixels


def test_blur_noise_and_other_light_do_not_hide_it(seen):
    rng = np.random.default_rng(0)
    for photo, landmarks in seen:
        look = Look.at(photo, landmarks)
        noisy = (photo + rng.normal(0, 20, photo.shape)).clip(0, 255).astype(np.uint8)
        for frame in (cv2.GaussianBlur(photo, (0, 0), 6), cv2.blur(photo, (41, 1)), photo // 2, noisy):
            np.testing.assert_allclose(follow(look, frame, landmarks), landmarks, atol=12)


def test_somebody_else_in_its_place_is_not_taken_for_it(seen):
    for person, (photo, landmarks) in enumerate(seen):
        for other, (picture, its) in enumerate(seen):
            there = cv2.warpAffine(picture, similarity(its, landmarks), (512, 512), borderMode=cv2.BORDER_REPLICATE)
            found = follow(Look.at(photo, landmarks), there, landmarks)
            assert (found is not None) == (person == other)


def test_a_plain_or_patterned_surface_is_not_taken_for_it(seen):
    pattern = np.random.default_rng(0).integers(0, 256, (16, 16, 3), np.uint8)
    pattern = cv2.resize(pattern, (512, 512), interpolation=cv2.INTER_CUBIC)
    plain = np.full_like(pattern, 120)
    for photo, landmarks in seen:
        look = Look.at(photo, landmarks)
        assert follow(look, pattern, landmarks) is follow(look, plain, landmarks) is None
        assert follow(Look.at(plain, landmarks), plain, landmarks) is None


def test_a_look_kept_as_json_finds_the_same(seen):
    photo, landmarks = seen[0]
    look = Look.at(photo, landmarks)
    again = Look.restored(json.loads(json.dumps(look.state())))
    frame, _ = moved(photo, (10, 5))
    assert np.array_equal(follow(again, frame, landmarks), follow(look, frame, landmarks))
