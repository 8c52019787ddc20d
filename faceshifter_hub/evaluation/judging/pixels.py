"""Likeness of pictures, pixel by pixel, over a part of them: PSNR, and SSIM (Wang et al. 2004)."""

import numpy as np
from skimage.metrics import structural_similarity

EQUAL = 100.0  # dB
SIGMA = 1.5  # of SSIM's Gaussian window, pixels


def psnr(picture: np.ndarray, truth: np.ndarray, part: np.ndarray) -> float:
    """Return the peak signal-to-noise ratio of a part, in dB.

    Args:
        picture: (H, W, 3) uint8.
        truth: (H, W, 3) uint8.
        part: (H, W) bool.

    Returns:
        At most EQUAL, which equal pictures have; not a number where the part is empty.
    """
    if not part.any():
        return float("nan")
    error = np.square(picture[part].astype(float) - truth[part]).mean()
    return float(min(10 * np.log10(255**2 / max(error, 1e-12)), EQUAL))


def similarity_map(picture: np.ndarray, truth: np.ndarray) -> np.ndarray:
    """Return SSIM at every pixel, the mean of the channels, of two pictures (H, W, 3) uint8: (H, W)."""
    _, found = structural_similarity(
        picture,
        truth,
        channel_axis=2,
        full=True,
        gaussian_weights=True,
        sigma=SIGMA,
        use_sample_covariance=False,
        data_range=255,
    )
    return found.mean(2)


def mean_over(values: np.ndarray, part: np.ndarray) -> float:
    """Return the mean of (H, W) over a part (H, W) bool; not a number where it is empty."""
    return float(values[part].mean()) if part.any() else float("nan")
