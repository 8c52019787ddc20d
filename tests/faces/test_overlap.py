"""Which of overlapping boxes stay."""

import numpy as np

from faceshifter_hub.faces.overlap import non_maximum_suppression


def test_overlapping_boxes_leave_the_best():
    boxes = np.array([[0, 0, 10, 10], [1, 0, 11, 10], [20, 20, 30, 30], [2, 2, 6, 6]], float)
    scores = np.array([0.8, 0.9, 0.7, 0.95])
    # overlaps: the first two share 90 of a union of 110; the last lies within both, a sixth of their area
    assert non_maximum_suppression(boxes, scores, 0.5).tolist() == [3, 1, 2]
    assert non_maximum_suppression(boxes, scores, 0.9).tolist() == [3, 1, 0, 2]
    assert non_maximum_suppression(boxes, scores, 0.5, of_smaller=True).tolist() == [3, 2]
    assert non_maximum_suppression(np.zeros((0, 4)), np.zeros(0), 0.5).tolist() == []
