"""Difference in colour and in light between two pictures of a face, over a part of them."""

import cv2
import numpy as np

SMOOTHING = 0.1  # standard deviation of the blur that leaves the light, as a share of the side


def to_lab(picture: np.ndarray) -> np.ndarray:
    """Return a picture (H, W, 3) uint8 RGB in CIE Lab, (H, W, 3) float32: L in [0, 100]."""
    return cv2.cvtColor(picture.astype(np.float32) / 255, cv2.COLOR_RGB2LAB)


def colour_difference(picture: np.ndarray, other: np.ndarray, part: np.ndarray) -> float:
    """Return the distance of the mean colours (a, b) of two pictures (H, W, 3) over a part (H, W) bool, in Lab.

    Not a number over an empty part.
    """
    if not part.any():
        return float("nan")
    first, second = (to_lab(x)[part][:, 1:].mean(0) for x in (picture, other))
    return float(np.linalg.norm(first - second))


def light_difference(picture: np.ndarray, other: np.ndarray, part: np.ndarray) -> float:
    """Return the root mean square difference of blurred lightness L over a part (H, W) bool, in Lab.

    The blur leaves how light falls on the face and takes away its features. Nothing outside the part has a say in it.
    Not a number over an empty part.
    """
    if not part.any():
        return float("nan")
    sigma = SMOOTHING * len(picture)
    weight = part.astype(np.float32)
    covered = cv2.GaussianBlur(weight, (0, 0), sigma)
    difference = cv2.GaussianBlur((to_lab(picture) - to_lab(other))[..., 0] * weight, (0, 0), sigma)
    return float(np.sqrt(np.square(difference[part] / covered[part]).mean()))
