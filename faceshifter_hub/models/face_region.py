"""Where the face is in every aligned face, and how to show it without its detail."""

import torch
import torch.nn.functional as F

CENTRE = (0.5, 0.54)  # of the ellipse (x, y), and its radii, in shares of the aligned face's side
RADII = (0.36, 0.44)
FADE = 0.15  # of the radius: the outermost part, where the mask falls from 1 to 0


def face_region(resolution: int) -> torch.Tensor:
    """Return a soft mask of the face: (R, R) float32, 1 inside, 0 outside."""
    x = (torch.arange(resolution) + 0.5) / resolution
    distance = torch.hypot((x[None, :] - CENTRE[0]) / RADII[0], (x[:, None] - CENTRE[1]) / RADII[1])
    return ((1 - distance) / FADE).clamp(0, 1)


def coarsen_face(x: torch.Tensor, region: torch.Tensor, cells: int) -> torch.Tensor:
    """Leave of a face what `cells` x `cells` averages of the whole picture tell; its surroundings stay sharp.

    Args:
        x: Aligned faces, (B, 3, R, R).
        region: What `face_region` returned, (R, R).
        cells: Number of averages along a side.
    """
    coarse = F.interpolate(F.adaptive_avg_pool2d(x, cells), x.shape[-2:], mode="bilinear", align_corners=False)
    return x + region * (coarse - x)  # (B, 3, R, R)
