import numpy as np

from faceshifter_hub.provenance.label import draw_label

PHOTO = np.full((400, 600, 3), 90, np.uint8)


def changed(before, after):
    rows, columns = np.nonzero((before != after).any(axis=2))
    return columns.min(), rows.min(), columns.max() + 1, rows.max() + 1


def test_it_is_in_a_corner_below_and_can_be_read():
    labelled = draw_label(PHOTO, [np.array([200, 100, 350, 300])])
    left, top, right, bottom = changed(PHOTO, labelled)
    assert (left, bottom) == (0, 400)
    assert 10 < bottom - top < 40 and 50 < right - left < 200
    assert labelled.max() > 240 and labelled.min() < 60


def test_it_keeps_away_from_faces():
    below_left, below_right = np.array([0, 300, 200, 400]), np.array([380, 200, 600, 400])
    assert changed(PHOTO, draw_label(PHOTO, [below_left]))[2:] == (600, 400)
    assert changed(PHOTO, draw_label(PHOTO, [below_left, below_right]))[:2] == (0, 0)


def test_a_picture_too_small_for_letters_stays_as_it_is():
    small = np.full((30, 30, 3), 90, np.uint8)
    assert draw_label(small, []) is small
