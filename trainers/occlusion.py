"""Synthetic occlusions for stage 2: rendered hands, glasses, ... pasted over faces (arXiv 1912.13457, section 3.2).

As in the paper they are rotated, rescaled and matched in colour; no mask of them is ever a supervision signal.
"""

from collections.abc import Iterable, Mapping, Sequence

import cv2
import numpy as np

from faceshifter_hub.synthesis.datasets.samples import decode_map, decode_picture
from faceshifter_hub.synthesis.labels import LABELS

OCCLUDERS = ("hand", "glasses", "hat", "object")
MIN_SHARE = 0.01  # of the picture: smaller pieces are slivers
COLOUR_MATCH = 0.5  # how far an occluder's mean colour moves towards the picture's


def load_cutouts(triplets: Iterable[Mapping[str, bytes]], limit: int = 400) -> list[np.ndarray]:
    """Cut occluders out of the targets, by their label maps.

    Args:
        triplets: the fields of each.
        limit: after so many cut-outs no more triplets are read.

    Returns:
        Arrays (H, W, 4) float32 RGBA in [0, 255].
    """
    cutouts: list[np.ndarray] = []
    seen = set()
    for fields in triplets:
        if fields["target_labels.png"] in seen:  # three triplets of a group share a target
            continue
        seen.add(fields["target_labels.png"])
        labels = decode_map(fields["target_labels.png"])
        for name in OCCLUDERS:
            alpha = labels == LABELS[name]
            if alpha.mean() > MIN_SHARE:
                rows, columns = np.nonzero(alpha.any(1))[0], np.nonzero(alpha.any(0))[0]
                box = np.s_[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
                picture = decode_picture(fields["target.webp"])
                cutouts.append(np.dstack([picture, alpha * np.uint8(255)])[box].astype(np.float32))
        if len(cutouts) >= limit:
            break
    return cutouts


def occlude(faces: Sequence[np.ndarray], cutout: np.ndarray, rng: np.random.Generator) -> list[np.ndarray]:
    """Paste one cut-out over aligned faces (R, R, 3) in [0, 255], at the same random place in all of them."""
    side = faces[0].shape[0]
    h, w = cutout.shape[:2]
    scale = side * rng.uniform(0.3, 0.7) / max(h, w)
    matrix = cv2.getRotationMatrix2D((w / 2, h / 2), rng.uniform(-180, 180), scale)
    matrix[:, 2] += side * rng.uniform(0.25, 0.75, 2) - (w / 2, h / 2)
    placed = cv2.warpAffine(cutout, matrix, (side, side), flags=cv2.INTER_LINEAR)
    alpha = cv2.GaussianBlur(placed[..., 3:], (3, 3), 0)[..., None] / 255
    solid = cutout[..., :3][cutout[..., 3] > 0]
    move = COLOUR_MATCH * rng.random() * (faces[0].mean((0, 1)) - solid.mean(0))
    colour = np.clip(placed[..., :3] + move, 0, 255)
    return [(face * (1 - alpha) + colour * alpha).astype(np.float32) for face in faces]
