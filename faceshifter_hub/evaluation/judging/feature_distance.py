"""A distance of pictures as an identity network sees them: LPIPS' rule with faceres' layers, all weights equal.

Source: Zhang et al., The Unreasonable Effectiveness of Deep Features as a Perceptual Metric, arXiv 1801.03924, eq. 1.
It is not LPIPS: those layers and weights are others.
"""

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

from faceshifter_hub.models.crops import canonical_crop
from faceshifter_hub.packaged.faceres import CROP, FaceRes

LAYERS = (6, 10, 22)  # after the third, fifth and eleventh block: maps of 56, 28 and 14


@torch.no_grad()
def layer_maps(faces: Tensor, network: FaceRes) -> list[Tensor]:
    """Return the maps (B, C, S, S) of LAYERS, of unit length everywhere, of aligned faces (B, 3, R, R) in [-1, 1]."""
    x = network.prepare(canonical_crop(faces, CROP))  # (B, 3, 224, 224)
    maps = []
    for number in range(LAYERS[-1] + 1):
        x = network.layers[number](x)
        if number in LAYERS:
            maps.append(F.normalize(x, dim=1))
    return maps


def feature_distance(first: Sequence[Tensor], second: Sequence[Tensor], parts: Tensor) -> Tensor:
    """Return the mean squared distance of maps over a part of each face, averaged over the layers.

    Args:
        first: `layer_maps` of N faces.
        second: of others.
        parts: (N, 1, R, R) in [0, 1], where the aligned faces are compared.

    Returns:
        (N,), not a number where the part is not in the network's sight.
    """
    seen = canonical_crop(parts.expand(-1, 3, -1, -1), CROP)[:, :1]  # (N, 1, 224, 224)
    distances = []
    for a, b in zip(first, second, strict=True):
        weight = F.adaptive_avg_pool2d(seen, a.shape[-1])  # (N, 1, S, S)
        squares = (a - b).square().sum(1, keepdim=True)  # (N, 1, S, S)
        total = weight.sum((1, 2, 3))
        distances.append(torch.where(total > 0, (weight * squares).sum((1, 2, 3)) / total, torch.nan))
    return torch.stack(distances).mean(0)
