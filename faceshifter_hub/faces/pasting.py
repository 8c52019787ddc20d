"""Putting an aligned face back into its photograph, through the inverse of the alignment, under a soft mask."""

from functools import cache

import cv2
import numpy as np

from faceshifter_hub.faces.alignment import warp
from faceshifter_hub.faces.grain import match_grain

# of the mask's ellipse, in shares of the aligned face's side
CENTRE = (0.5, 0.545)
RADII = (0.335, 0.43)
FADE = 0.22  # of the radius: the mask falls from 1 to 0 over this outermost part


@cache
def face_mask(resolution: int) -> np.ndarray:
    """Return how much of an aligned face is pasted: (R, R) float32, 1 on the face, fading to 0 around it.

    An ellipse from the forehead to the chin; it reaches 0 before the edge of the aligned face.
    """
    y, x = (np.mgrid[:resolution, :resolution] + 0.5) / resolution
    distance = np.hypot((x - CENTRE[0]) / RADII[0], (y - CENTRE[1]) / RADII[1])
    ramp = np.clip((1 - distance) / FADE, 0, 1)
    mask = (ramp * ramp * (3 - 2 * ramp)).astype(np.float32)
    mask.setflags(write=False)
    return mask


def paste(
    photo: np.ndarray, face: np.ndarray, matrix: np.ndarray, mask: np.ndarray, *, grain: bool = False
) -> np.ndarray:
    """Paste an aligned face back; pixels that the mask does not reach are the photograph's own, exactly.

    Args:
        photo: (H, W, 3) uint8.
        face: (R, R, 3) uint8, aligned.
        matrix: (2, 3), from the photograph to the aligned face, as `align` returns it.
        mask: (R, R) float32 in [0, 1], 0 along its edge.
        grain: Whether the face gets the photograph's sharpness and grain, in its pixels.

    Returns:
        A new photograph (H, W, 3) uint8.
    """
    result = photo.copy()
    inverse = cv2.invertAffineTransform(matrix)
    side = face.shape[0]
    corners = np.array([[0, 0, 1], [side, 0, 1], [0, side, 1], [side, side, 1]]) @ inverse.T
    height, width = photo.shape[:2]
    left, top = np.clip(np.floor(corners.min(0)).astype(int), 0, (width, height))
    right, bottom = np.clip(np.ceil(corners.max(0)).astype(int) + 1, 0, (width, height))
    if left >= right or top >= bottom:
        return result
    inverse[:, 2] -= (left, top)  # only the square around the face is warped
    size = (int(right - left), int(bottom - top))
    pasted = warp(face, inverse, size).astype(np.float32)
    weight = warp(mask, inverse, size, cv2.INTER_LINEAR)[..., None]
    region = result[top:bottom, left:right]
    if grain:
        pasted = match_grain(pasted, region, weight[..., 0])
    region[:] = (region + weight * (pasted - region)).round()
    return result
