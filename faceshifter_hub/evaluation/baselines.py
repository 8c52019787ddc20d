"""What swaps are compared with, so that numbers mean something."""

import cv2
import numpy as np

from faceshifter_hub.faces.alignment import similarity, template, warp
from faceshifter_hub.faces.pasting import face_mask

RESOLUTION = 256  # at which the face's mask is drawn


def paste_source(source: np.ndarray, source_points: np.ndarray, target: np.ndarray, points: np.ndarray) -> np.ndarray:
    """Swap without a network: the source's face, moved, matched in colour, cloned into the target.

    As the classic FaceSwap does: a similarity of the landmarks, mean and spread of L, a and b (Reinhard et al. 2001),
    seamless cloning (Perez et al. 2003).

    Args:
        source: (H, W, 3) uint8 RGB.
        source_points: Its five landmarks, (5, 2).
        target: (H, W, 3) uint8 RGB.
        points: Its five landmarks, (5, 2).

    Returns:
        The target with another face, (H, W, 3) uint8.
    """
    height, width = target.shape[:2]
    moved = warp(source, similarity(source_points, points), (width, height))  # (H, W, 3)
    inverse = cv2.invertAffineTransform(similarity_to_mask(points))
    mask = warp(face_mask(RESOLUTION), inverse, (width, height), cv2.INTER_LINEAR) > 0.5  # (H, W)
    mask[[0, -1]] = mask[:, [0, -1]] = False  # cloning needs a border
    if not mask.any():
        return target.copy()
    lab, wanted = (cv2.cvtColor(x, cv2.COLOR_RGB2LAB).astype(np.float32) for x in (moved, target))
    mean, spread = lab[mask].mean(0), lab[mask].std(0).clip(1)
    matched = (lab - mean) / spread * wanted[mask].std(0) + wanted[mask].mean(0)
    coloured = cv2.cvtColor(matched.round().clip(0, 255).astype(np.uint8), cv2.COLOR_LAB2RGB)
    rows, columns = np.nonzero(mask)
    centre = (int(columns.min() + columns.max() + 1) // 2, int(rows.min() + rows.max() + 1) // 2)
    return cv2.seamlessClone(coloured, target, np.uint8(255) * mask, centre, cv2.NORMAL_CLONE)


def similarity_to_mask(points: np.ndarray) -> np.ndarray:
    """Return the matrix (2, 3) from a photograph with five landmarks (5, 2) to the square of the face's mask."""
    return similarity(points, template(RESOLUTION))
