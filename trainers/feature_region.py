"""Where an aligned face has its features: eyes with their brows, and the mouth."""

import numpy as np
import torch

from faceshifter_hub.faces.alignment import template

EYE_RADII, MOUTH_RADII = (0.62, 0.5), (0.75, 0.5)  # of the ellipses (x, y), in distances between the eyes
EYE_RISE, MOUTH_FALL = 0.12, 0.05  # how much higher, lower than the landmarks they lie, in the same


def feature_region(resolution: int) -> torch.Tensor:
    """Return a soft mask of eyes, brows and mouth: (R, R) float32, 1 in the middle of each, falling to 0."""
    left, right, _, *corners = template(resolution)
    between = float(np.linalg.norm(right - left))
    rise, fall = np.array([0, -EYE_RISE * between]), np.array([0, MOUTH_FALL * between])
    places = [(left + rise, EYE_RADII), (right + rise, EYE_RADII), (np.mean(corners, axis=0) + fall, MOUTH_RADII)]
    grid = torch.arange(resolution)
    mask = torch.zeros(resolution, resolution)
    for (x, y), radii in places:
        across, down = ((grid - at) / (radius * between) for at, radius in zip((x, y), radii, strict=True))
        mask = torch.maximum(mask, 1 - torch.hypot(across[None, :], down[:, None]).square())
    return mask.clamp(0, 1)
