"""Everybody in a photograph is found: small faces beside large ones, lying ones beside those upright."""

import cv2
import numpy as np
import pytest

from faceshifter_hub.faces.detection import QUARTER_TURNS, Face, detect_everyone, detect_turned

HEIGHT, WIDTH = 1152, 2048


def photograph(*people):
    """Return a photograph with people, (picture, side, left, top) each."""
    photo = np.full((HEIGHT, WIDTH, 3), 128, np.uint8)
    for picture, side, left, top in people:
        shown = cv2.resize(picture, (side, side), interpolation=cv2.INTER_AREA)
        photo[top : top + side, left : left + side] = shown
    return photo


def those_found(faces, *people):
    """Return the numbers of the people whose place holds one of the faces whole, once a face."""
    found = []
    for face in faces:
        found += [
            number
            for number, (_, side, left, top) in enumerate(people)
            if (face.landmarks > (left, top)).all() and (face.landmarks < (left + side, top + side)).all()
        ]
    return sorted(found)


def test_small_faces_are_found_beside_a_large_one(detector, examples):
    people = [(examples[0], 1000, 1000, 100)]
    people += [(examples[n], side, 40 + 120 * n, 200 * (n % 3)) for n, side in enumerate((32, 40, 50, 60, 70, 80), 1)]
    faces, turns = detect_everyone(detector, photograph(*people))
    assert those_found(faces, *people) == list(range(7)) and len(faces) == 7 and turns == (0,)
    assert faces[0].area > 10 * faces[1].area
    assert len(detect_turned(detector, photograph(*people))[0]) < 7


@pytest.mark.parametrize("turn", [1, 2, 3])
def test_a_lying_face_is_found_beside_one_upright_and_each_once(detector, examples, turn):
    people = [(examples[0], 700, 100, 100), (np.rot90(examples[1], -turn), 500, 1200, 300)]
    faces, turns = detect_everyone(detector, photograph(*people))
    assert those_found(faces, *people) == [0, 1] and len(faces) == 2 and set(turns) == {0, turn}
    (alone,) = detector.detect(examples[1])
    x, y = ((faces[1].landmarks - (1200, 300) + 0.5) * 512 / 500 - 0.5).T
    back = {1: (y, 511 - x), 2: (511 - x, 511 - y), 3: (511 - y, x)}[turn]
    np.testing.assert_allclose(np.stack(back, 1), alone.landmarks, atol=8)


@pytest.mark.parametrize("turn", range(4))
def test_every_example_is_one_face_in_whichever_turn(detector, examples, turn):
    for photo in examples:
        faces, turns = detect_everyone(detector, np.ascontiguousarray(np.rot90(photo, -turn)))
        assert len(faces) == 1 and turns == (turn,)


class Seeing:
    """A detector that sees faces of some scores in some turns of a picture whose first pixel is white."""

    def __init__(self, scores: dict[int, list[float]]):
        self.scores = scores

    def detect(self, image, smallest=None):
        corners = [image[0, 0], image[-1, 0], image[-1, -1], image[0, -1]]  # where the first pixel is, after each turn
        turn = next(turn for turn, corner in enumerate(corners) if corner[0] == 255)
        boxes = [np.array([100 * n, 100 * turn, 100 * n + 50, 100 * turn + 50]) for n in range(len(self.scores[turn]))]
        points = np.zeros((5, 2))
        return [Face(box.astype(np.float32), s, points) for box, s in zip(boxes, self.scores[turn], strict=True)]


@pytest.mark.parametrize(
    ("scores", "found"),
    [
        ({0: [0.99, 0.7], 1: [0.98, 0.6], 2: [], 3: [0.96]}, {0: [0.99, 0.7], 1: [0.98]}),
        ({0: [], 1: [0.75], 2: [], 3: [0.99, 0.7, 0.99]}, {3: [0.99, 0.7, 0.99]}),
        ({0: [], 1: [], 2: [], 3: []}, {0: []}),
    ],
)
def test_faces_of_other_turns_than_most_count_where_the_detector_is_as_sure_of_them(scores, found):
    photo = np.zeros((2000, 2000, 3), np.uint8)
    photo[0, 0] = 255
    faces, turns = detect_everyone(Seeing(scores), photo)
    assert sorted(face.score for face in faces) == sorted(score for its in found.values() for score in its)
    assert set(turns) == set(found)


def test_only_the_turns_and_sizes_that_are_asked_for_are_searched(detector, examples):
    people = [(examples[0], 700, 100, 100), (np.rot90(examples[1]), 500, 1200, 300), (examples[2], 50, 900, 900)]
    photo = photograph(*people)
    assert those_found(detect_everyone(detector, photo, QUARTER_TURNS)[0], *people) == [0, 1, 2]
    assert those_found(detect_everyone(detector, photo, (0,))[0], *people) == [0, 2]
    assert those_found(detect_everyone(detector, photo, (0,), 200)[0], *people) == [0]
