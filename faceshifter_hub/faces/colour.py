"""A swapped face in the colours of its target."""

import cv2
import numpy as np

from faceshifter_hub.options import Colour

PASTED = 0.5  # a pixel counts as pasted where the mask is above
SMOOTHED = 1 / 64  # of the side: the standard deviation of a blur
MIN_SPREAD = 1.0  # of L, a or b: what has less is one colour, whose spread cannot be matched


def match_colour(face: np.ndarray, target: np.ndarray, mask: np.ndarray, how: Colour) -> np.ndarray:
    """Give a swapped face the colours of its target, where it is pasted.

    Args:
        face: (R, R, 3) uint8, aligned.
        target: The target's face, aligned alike, (R, R, 3) uint8.
        mask: How much of the face is pasted, (R, R) in [0, 1].
        how: `none`; `lab`: mean and spread of L, a and b as in the target; `poisson`: the face's gradients within the
            target's border.

    Returns:
        (R, R, 3) uint8.
    """
    inside = (mask > PASTED).astype(np.uint8)
    inside[[0, -1]] = inside[:, [0, -1]] = 0  # Poisson blending starts from a border
    pasted = cv2.morphologyEx(inside, cv2.MORPH_OPEN, np.ones((3, 3))) > 0  # and fails of specks
    if how == "none" or not pasted.any():
        return face
    return match_lab(face, target, pasted) if how == "lab" else blend_poisson(face, target, pasted)


def match_lab(face: np.ndarray, target: np.ndarray, pasted: np.ndarray) -> np.ndarray:
    """Give a face (R, R, 3) uint8 mean and spread of its target's L, a and b, told where `pasted` (R, R) holds."""
    own, wanted = (to_lab(smoothed(picture, pasted))[pasted] for picture in (face, target))  # (N, 3)
    return to_rgb(transfer_statistics(to_lab(face), own, wanted)).round().astype(np.uint8)


def smoothed(picture: np.ndarray, where: np.ndarray) -> np.ndarray:
    """Return a picture (R, R, 3) blurred, float32, so that grain is not taken for contrast; only `where` counts."""
    weight = where.astype(np.float32)[..., None]
    deviation = SMOOTHED * len(picture)
    total, share = (cv2.GaussianBlur(x, (0, 0), deviation) for x in (picture * weight, weight))
    return total / np.maximum(share, 1e-6)[..., None]


def blend_poisson(face: np.ndarray, target: np.ndarray, pasted: np.ndarray) -> np.ndarray:
    """Set a face (R, R, 3) uint8 into its target seamlessly where `pasted` (R, R) holds; elsewhere it is the target.

    P. Pérez, M. Gangnet, A. Blake, "Poisson image editing", SIGGRAPH 2003.
    """
    inside = pasted.astype(np.uint8) * 255
    left, top, width, height = cv2.boundingRect(inside)
    middle = (left + width // 2, top + height // 2)  # where OpenCV puts the middle of the mask's box
    return cv2.seamlessClone(face, target, inside, middle, cv2.NORMAL_CLONE)


def transfer_statistics(colours: np.ndarray, own: np.ndarray, wanted: np.ndarray) -> np.ndarray:
    """Move colours from the mean and spread of some to those of others, a channel each.

    E. Reinhard et al., "Color transfer between images", 2001, in CIE Lab.

    Args:
        colours: (..., 3).
        own: Of which they have mean and spread, (N, 3).
        wanted: Whose mean and spread they get, (M, 3).
    """
    spread = own.std(0).clip(MIN_SPREAD)
    return (colours - own.mean(0)) / spread * wanted.std(0) + wanted.mean(0)


def to_lab(picture: np.ndarray) -> np.ndarray:
    """Turn RGB (..., 3) in [0, 255] into CIE Lab, float32: L in [0, 100]."""
    return cv2.cvtColor(picture.astype(np.float32) / 255, cv2.COLOR_RGB2LAB)


def to_rgb(lab: np.ndarray) -> np.ndarray:
    """Turn CIE Lab into RGB (..., 3) float32 in [0, 255], the nearest there is a channel."""
    return cv2.cvtColor(lab.astype(np.float32), cv2.COLOR_LAB2RGB).clip(0, 1) * 255
