"""Random views of a face: what the identity loss looks through, so that no single crop can be fooled.

A generator soon learns specks that one fixed encoder on one fixed crop reads as the source and no human sees. Seen
through a new rotation, scale, mirror, sharpness, brightness and noise at each step, specks do not survive; a face
does. Views have no colour of their own: specks of colour were the first thing that generators found.
"""

import math
from collections.abc import Callable

import torch
import torch.nn.functional as F

MAX_ROTATION = math.radians(8)
MAX_ZOOM = 0.08
MAX_SHIFT = 0.05  # of the picture's side
MAX_BLUR = 3  # side of the box, in pixels of a picture of 128
MAX_GAIN = 0.2
MAX_OFFSET = 0.1
MAX_NOISE = 0.08


def random_view(batch: int, like: torch.Tensor) -> Callable[[torch.Tensor], torch.Tensor]:
    """Draw one view a sample; the function returned shows pictures (B, 3, R, R) in [-1, 1], like `like`, all alike.

    Differentiable. Draws from torch's global random state.
    """

    def uniform(*shape: int) -> torch.Tensor:
        return torch.rand(batch, *shape, device=like.device) * 2 - 1  # [-1, 1)

    angle, zoom, mirror = uniform() * MAX_ROTATION, 1 + uniform() * MAX_ZOOM, uniform().sign()
    cos, sin = angle.cos() * zoom, angle.sin() * zoom
    shift_x, shift_y = uniform() * 2 * MAX_SHIFT, uniform() * 2 * MAX_SHIFT
    rows = [torch.stack([cos * mirror, -sin, shift_x], dim=1), torch.stack([sin * mirror, cos, shift_y], dim=1)]
    theta = torch.stack(rows, dim=1)  # (B, 2, 3)
    blur = int(torch.randint(1, MAX_BLUR + 1, ()))
    gain, offset = 1 + uniform(3, 1, 1) * MAX_GAIN, uniform(1, 1, 1) * MAX_OFFSET
    noise = MAX_NOISE * torch.rand(batch, 1, 1, 1, device=like.device) * torch.randn_like(like)

    def view(x: torch.Tensor) -> torch.Tensor:
        grid = F.affine_grid(theta.to(x.dtype), list(x.shape), align_corners=False)
        x = F.grid_sample(x, grid, padding_mode="reflection", align_corners=False)  # (B, 3, R, R)
        side = round(blur * x.shape[-1] / 128)
        if side > 1:
            x = F.interpolate(F.avg_pool2d(x, side), x.shape[-2:], mode="bilinear", align_corners=False)
        x = x.mean(dim=1, keepdim=True)  # (B, 1, R, R)
        return x * gain + offset + noise  # (B, 3, R, R)

    return view
