"""Canonical crops: what an identity encoder sees of an aligned face, as a fixed, differentiable resampling.

The aligned face's template `arcface-wide` is ArcFace's 112-pixel crop, enlarged and moved. So every encoder's own crop
is an axis-aligned square of the aligned face, the same one for every face.
"""

from dataclasses import dataclass

import torch

ALIGNED_SIZE = 256
ARCFACE_SIZE = 112
ARCFACE_TO_ALIGNED = 1.8
ARCFACE_ORIGIN = (56.0, 51.6)  # this point of the ArcFace crop ...
ALIGNED_ORIGIN = (128.0, 113.0)  # ... falls on this point of the aligned face of 256 pixels


@dataclass(frozen=True)
class CanonicalCrop:
    """A square of the aligned face: `size` pixels a side in the encoder, `pitch` aligned pixels (of 256) each.

    `centre` is the square's centre (x, y) in pixels of the 256-pixel aligned face, pixel centres at integers.
    """

    size: int
    centre: tuple[float, float]
    pitch: float


def _arcface_crop() -> CanonicalCrop:
    middle = (ARCFACE_SIZE - 1) / 2
    x, y = (
        ARCFACE_TO_ALIGNED * (middle - origin) + aligned
        for origin, aligned in zip(ARCFACE_ORIGIN, ALIGNED_ORIGIN, strict=True)
    )
    return CanonicalCrop(ARCFACE_SIZE, (x, y), ARCFACE_TO_ALIGNED)


def _dlib_crop() -> CanonicalCrop:
    """Dlib's chip of 150 pixels (25 % padding), placed by the two eyes of the ArcFace template."""
    size, padding = 150, 0.25
    # both crops put the eyes level, but for a fifth of a pixel: distance and midpoint fix the square
    arcface_distance, arcface_midpoint = 73.5318 - 38.2946, (55.9132, 51.59885)
    scale = size / (1 + 2 * padding)
    distance = (0.7528 - 0.2273) * scale
    midpoint = ((padding + (0.7528 + 0.2273) / 2) * scale, (padding + 0.2213) * scale)
    pitch = ARCFACE_TO_ALIGNED * arcface_distance / distance
    x, y = (
        ARCFACE_TO_ALIGNED * (eyes - origin) + aligned + pitch * ((size - 1) / 2 - chip)
        for eyes, origin, aligned, chip in zip(arcface_midpoint, ARCFACE_ORIGIN, ALIGNED_ORIGIN, midpoint, strict=True)
    )
    return CanonicalCrop(size, (x, y), pitch)


ARCFACE_CROP = _arcface_crop()
DLIB_CROP = _dlib_crop()


def canonical_crop(x: torch.Tensor, crop: CanonicalCrop) -> torch.Tensor:
    """Resample aligned faces (B, 3, R, R), any R, to the encoder's crop (B, 3, size, size); differentiable.

    Interpolates linearly; where the crop is smaller than what it shows, the filter widens so that nothing aliases.
    """
    horizontal, vertical = (_resampling(crop, centre, x) for centre in crop.centre)  # (size, R)
    return vertical @ x @ horizontal.T


def _resampling(crop: CanonicalCrop, centre: float, like: torch.Tensor) -> torch.Tensor:
    """Weights (size, R) of the aligned face's R pixels in each pixel of the crop, along one axis."""
    resolution = like.shape[-1]
    scale = resolution / ALIGNED_SIZE
    pitch = crop.pitch * scale
    steps = torch.arange(crop.size, device=like.device) - (crop.size - 1) / 2
    positions = (centre + 0.5) * scale - 0.5 + pitch * steps
    distance = (positions[:, None] - torch.arange(resolution, device=like.device)).abs()
    weights = (1 - distance / max(pitch, 1)).clamp(min=0)
    return (weights / weights.sum(1, keepdim=True)).to(like.dtype)
