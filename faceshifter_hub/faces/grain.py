"""A swapped face as sharp and as grainy as the photograph around it: networks draw smooth faces, cameras do not.

Both are matched in the photograph's own pixels, where its grain is.
"""

import zlib

import cv2
import numpy as np

PASTED = 0.5  # a pixel counts as pasted where the mask is above
BLURS = (0.4, 0.6, 0.8, 1.0, 1.3, 1.7, 2.2)  # standard deviations in pixels to choose from
MOST_SHARPENING = 0.3  # times the face's difference from its blurred self; more brings out what networks draw amiss
FINE, COARSE = 1.0, 2.0  # the band that tells sharpness lies between these blurs, in pixels
WHITE_IN_BAND = (1 / FINE**2 + 1 / COARSE**2 - 4 / (FINE**2 + COARSE**2)) / (4 * np.pi)  # of white noise's variance
DARK, BRIGHT = 8, 247  # levels beyond which grain is clipped
MEASURED = 768  # pixels a side, around the face's middle, tell of a large face what there is to know
FEWEST = 256  # pixels that tell a photograph's grain
LUMA = np.array([0.299, 0.587, 0.114], np.float32)
OUTLIER = 3.0  # standard deviations, of the median: what is more is detail


def match_grain(face: np.ndarray, target: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """Blur or sharpen a swapped face until it is as sharp as the target, then add the grain it lacks.

    The same pictures always get the same grain.

    Args:
        face: (H, W, 3) in [0, 255], in the place and at the scale in which it will be seen.
        target: What was there before, (H, W, 3) uint8.
        mask: How much of the face is pasted, (H, W) in [0, 1].

    Returns:
        (H, W, 3) float32 in [0, 255].
    """
    face = face.astype(np.float32)
    pasted = mask > PASTED
    if not pasted.any():
        return face
    core = middle(pasted)
    own, wanted = (grain(picture[core], pasted[core]) for picture in (face, target))  # (3, 3)
    blur, sharpening = compare_sharpness(face[core], target[core], own, wanted, pasted[core])
    if blur:
        face = cv2.GaussianBlur(face, (0, 0), blur)
    if sharpening:
        face = face + sharpening * (face - cv2.GaussianBlur(face, (0, 0), COARSE))
    return np.clip(face + draw_grain(wanted - own, target), 0, 255)


def middle(pasted: np.ndarray) -> tuple[slice, slice]:
    """Return the rows and columns around the middle of what is pasted (H, W), at most MEASURED each."""
    edges = [(where[0], where[-1] + 1) for where in (np.flatnonzero(pasted.any(axis)) for axis in (1, 0))]
    starts = [max(first, (first + last - MEASURED) // 2) for first, last in edges]
    rows, columns = (slice(start, min(start + MEASURED, last)) for start, (_, last) in zip(starts, edges, strict=True))
    return rows, columns


# ---- sharpness


def compare_sharpness(
    face: np.ndarray, target: np.ndarray, own_grain: np.ndarray, wanted_grain: np.ndarray, pasted: np.ndarray
) -> tuple[float, float]:
    """Return by how much to blur a face (H, W, 3), in pixels, or sharpen it, for the target's sharpness; else 0."""
    grey = luma(face)
    own, wanted = sharpness(grey, pasted, own_grain), sharpness(luma(target), pasted, wanted_grain)
    if own > wanted:
        blurred = {0.0: own} | {blur: sharpness(cv2.GaussianBlur(grey, (0, 0), blur), pasted) for blur in BLURS}
        return min(blurred, key=lambda blur: abs(blurred[blur] - wanted)), 0.0
    return 0.0, min((wanted / own) ** 0.5 - 1, MOST_SHARPENING) if own else 0.0


def sharpness(grey: np.ndarray, pasted: np.ndarray, noise: np.ndarray | None = None) -> float:
    """Return the variance of fine detail of a picture (H, W), where `pasted` holds, without that of its grain."""
    band = cv2.GaussianBlur(grey, (0, 0), FINE) - cv2.GaussianBlur(grey, (0, 0), COARSE)
    of_grain = 0.0 if noise is None else WHITE_IN_BAND * float(LUMA @ noise @ LUMA)
    return max(float(np.square(band[pasted]).mean()) - of_grain, 0.0)


def luma(picture: np.ndarray) -> np.ndarray:
    """Return the luma (H, W) float32 of RGB (H, W, 3)."""
    return picture.astype(np.float32) @ LUMA


# ---- grain


def grain(picture: np.ndarray, where: np.ndarray) -> np.ndarray:
    """Return the covariance of R, G and B of a picture's grain, (3, 3), told from its flattest parts.

    By the diagonal differences that J. Immerkær, "Fast noise variance estimation", 1996, takes for noise.

    Args:
        picture: (H, W, 3) in [0, 255].
        where: The pixels that count, (H, W) bool.
    """
    kernel = np.array([[1, -1], [-1, 1]], np.float32) / 2  # of white noise it keeps the variance
    detail = cv2.filter2D(picture.astype(np.float32), -1, kernel)  # (H, W, 3)
    smooth = cv2.GaussianBlur(luma(picture), (0, 0), COARSE)
    slope = np.hypot(cv2.Sobel(smooth, -1, 1, 0), cv2.Sobel(smooth, -1, 0, 1))
    where = where & (smooth > DARK) & (smooth < BRIGHT)
    if where.sum() < FEWEST:
        return np.zeros((3, 3), np.float32)
    flat = detail[where & (slope <= np.median(slope[where]))]  # (N, 3)
    size = np.abs(flat).max(1)
    typical = flat[size <= OUTLIER * 1.4826 * np.median(size)]
    return typical.T @ typical / max(len(typical), 1)


def draw_grain(covariance: np.ndarray, seed: np.ndarray) -> np.ndarray:
    """Draw grain (H, W, 3) of a covariance (3, 3) for a picture (H, W, 3), which is the seed.

    Of a covariance that is negative in some direction, nothing is added there.
    """
    values, axes = np.linalg.eigh(covariance)
    if values.max() <= 0:
        return np.zeros(seed.shape, np.float32)
    rng = np.random.default_rng(zlib.crc32(np.ascontiguousarray(seed).tobytes()))
    mix = (axes * np.sqrt(values.clip(0))).astype(np.float32)  # (3, 3)
    return rng.standard_normal(seed.shape, np.float32) @ mix.T
