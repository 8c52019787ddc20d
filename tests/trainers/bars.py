"""Black squares with white bars: pictures whose identity and attributes a test can read off."""

import numpy as np
import torch

SIDE = 64  # of the rendered pictures
BARS = 8


def barred(*bars: int, side: int = SIDE) -> np.ndarray:
    """Draw a black square with white bars, numbered from the top, of BARS that fill it."""
    image = np.zeros((side, side, 3), np.uint8)
    for bar in bars:
        image[bar * side // BARS : (bar + 1) * side // BARS] = 255
    return image


def read_bars(image: torch.Tensor) -> tuple[int, int]:
    """Read the brightest bar of the upper half and of the lower half of (3, R, R); the latter counts from 0 too."""
    rows = image.mean((0, 2)).view(2, BARS // 2, -1).mean(2)
    upper, lower = rows.argmax(1).tolist()
    return upper, lower
