"""Boxes that overlap, and which of them stays."""

import numpy as np


def non_maximum_suppression(
    boxes: np.ndarray, scores: np.ndarray, threshold: float, of_smaller: bool = False
) -> np.ndarray:
    """Keep the best of boxes that overlap.

    Args:
        boxes: (N, 4).
        scores: (N,).
        threshold: Largest overlap, in [0, 1], of two boxes that both stay.
        of_smaller: Measure the overlap as a fraction of the smaller box, instead of the union.

    Returns:
        Indices of the boxes kept, best first; of equals the one that comes first.
    """
    area = (boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1])
    order, keep = np.argsort(-scores, kind="stable"), []
    while len(order):
        best, rest = order[0], order[1:]
        keep.append(best)
        low, high = np.maximum(boxes[best, :2], boxes[rest, :2]), np.minimum(boxes[best, 2:], boxes[rest, 2:])
        overlap = (high - low).clip(min=0).prod(1)
        whole = np.minimum(area[best], area[rest]) if of_smaller else area[best] + area[rest] - overlap
        order = rest[overlap <= threshold * whole]
    return np.array(keep, int)
