"""Alignment of a face by its five landmarks: the template `arcface-wide`, similarity transforms, the aligned face."""

import cv2
import numpy as np

from faceshifter_hub.errors import FaceError
from faceshifter_hub.models.crops import ALIGNED_ORIGIN, ALIGNED_SIZE, ARCFACE_ORIGIN, ARCFACE_TO_ALIGNED

# ArcFace's five points in its 112-pixel crop: eye, eye, nose tip, mouth corner, mouth corner, left to right
LEAST_SHRINKING = 2  # what is averaged beforehand still shrinks by this factor at least
ARCFACE_POINTS = np.array(
    [[38.2946, 51.6963], [73.5318, 51.5014], [56.0252, 71.7366], [41.5493, 92.3655], [70.7299, 92.2041]]
)


def template(resolution: int) -> np.ndarray:
    """Return where the five landmarks lie in an aligned face of `resolution` pixels a side, (5, 2) float64.

    Resolutions agree with one another: shrinking an aligned face by area averaging gives the smaller aligned face.
    """
    points = ARCFACE_TO_ALIGNED * (ARCFACE_POINTS - ARCFACE_ORIGIN) + ALIGNED_ORIGIN
    return (points + 0.5) * resolution / ALIGNED_SIZE - 0.5


def similarity(points: np.ndarray, target: np.ndarray) -> np.ndarray:
    """Return the similarity transform (2, 3) that brings `points` (N, 2) closest to `target` (N, 2).

    Least squares over rotation, scale and shift without reflection: S. Umeyama, "Least-squares estimation of
    transformation parameters between two point patterns", PAMI 1991, equations 40 to 42.

    Raises:
        FaceError: All points coincide, so that no scale fits.
    """
    points, target = np.asarray(points, np.float64), np.asarray(target, np.float64)
    from_mean, to_mean = points.mean(0), target.mean(0)
    from_centred, to_centred = points - from_mean, target - to_mean
    variance = (from_centred**2).sum()
    if variance < 1e-9:
        raise FaceError(
            "The face's landmarks all lie on one point, so the face cannot be aligned; use another picture."
        )
    u, singular, vt = np.linalg.svd(to_centred.T @ from_centred)
    signs = np.array([1.0, np.sign(np.linalg.det(u @ vt))])
    linear = (u * signs) @ vt * ((singular * signs).sum() / variance)
    return np.column_stack([linear, to_mean - linear @ from_mean])


def align(image: np.ndarray, points: np.ndarray, resolution: int) -> tuple[np.ndarray, np.ndarray]:
    """Cut an aligned face out of a photograph.

    Args:
        image: Photograph, (H, W, 3) uint8 RGB.
        points: Five landmarks, (5, 2), pixels of `image`.
        resolution: Side of the aligned face in pixels.

    Returns:
        The aligned face, (resolution, resolution, 3) uint8, and the matrix (2, 3) from `image` to it.

    Raises:
        FaceError: All landmarks coincide.
    """
    matrix = similarity(points, template(resolution))
    return warp(image, matrix, (resolution, resolution)), matrix


def warp(
    image: np.ndarray, matrix: np.ndarray, size: tuple[int, int], interpolation: int = cv2.INTER_CUBIC
) -> np.ndarray:
    """Resample an image through a similarity transform.

    Beyond its edges the image continues with its outermost pixels. What shrinks is averaged, so that it does not
    alias.

    Args:
        image: (H, W) or (H, W, C), uint8 or float32.
        matrix: (2, 3), from `image` to the result.
        size: Width and height of the result.
        interpolation: OpenCV's, between pixels of `image`.
    """
    width, height = size
    image, matrix = _reduced(image, matrix, size)
    oversampling = int(np.ceil(1 / np.sqrt(np.linalg.det(matrix[:, :2]))))
    enlarged = oversampling * matrix
    enlarged[:, 2] += (oversampling - 1) / 2  # pixel centres at integers: x' = k (x + 1/2) - 1/2
    warped = cv2.warpAffine(
        image,
        enlarged,
        (oversampling * width, oversampling * height),
        flags=interpolation if oversampling < 3 else cv2.INTER_LINEAR,  # of nine or more, whose mean is taken
        borderMode=cv2.BORDER_REPLICATE,
    )
    return cv2.resize(warped, size, interpolation=cv2.INTER_AREA) if oversampling > 1 else warped


def _reduced(image: np.ndarray, matrix: np.ndarray, size: tuple[int, int]) -> tuple[np.ndarray, np.ndarray]:
    """Average what a transform shrinks much, as far as it still shrinks then, which costs less than to oversample.

    Returns:
        That part of the image which the result shows, smaller, and the transform from there; or both as they were.
    """
    factor = int(np.sqrt(1 / np.linalg.det(matrix[:, :2])) / LEAST_SHRINKING)
    if factor < 2:
        return image, matrix
    inverse = cv2.invertAffineTransform(matrix)
    corners = np.array([(x, y) for x in (0, size[0]) for y in (0, size[1])]) @ inverse[:, :2].T + inverse[:, 2]
    sides = np.array(image.shape[1::-1])
    margin = 4 * factor  # of what cubic interpolation looks at beyond the corners
    first = np.clip(np.floor(corners.min(0)).astype(int) - margin, 0, sides - 1)
    last = np.clip(np.ceil(corners.max(0)).astype(int) + margin, first + 1, sides)
    counts = (last - first) // factor
    if counts.min() < 1:
        return image, matrix
    (left, top), (right, bottom) = first, first + factor * counts
    small = cv2.resize(image[top:bottom, left:right], counts.tolist(), interpolation=cv2.INTER_AREA)
    from_small = np.array([[factor, 0, left + (factor - 1) / 2], [0, factor, top + (factor - 1) / 2], [0, 0, 1]])
    return small, matrix @ from_small
