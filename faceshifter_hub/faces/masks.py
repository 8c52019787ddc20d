"""Which part of an aligned face is pasted: the face's ellipse, less what of the target is to stay."""

from collections.abc import Sequence

import cv2
import numpy as np

from faceshifter_hub.faces.pasting import face_mask
from faceshifter_hub.models.labels import LABELS
from faceshifter_hub.options import Region

# classes of each region, and by how much of the aligned face's side it is grown, so that its own border stays too
REGION_CLASSES: dict[Region, tuple[str, ...]] = {
    "mouth": ("lips", "teeth"),
    "eyes": ("eyes",),
    "glasses": ("glasses",),
    "hair": ("hair",),
    "hands": ("hand", "object"),
}
GROWTH: dict[Region, float] = {"mouth": 0.025, "eyes": 0.03, "glasses": 0.012, "hair": 0.008, "hands": 0.012}
DOUBTFUL, SURE = 0.25, 0.75  # probabilities below and above which a pixel does not belong to a region, or does


def region_mask(probabilities: np.ndarray, keep: Sequence[Region]) -> np.ndarray:
    """Return how much of the target stays, around the regions to keep: (R, R) float32 in [0, 1].

    Args:
        probabilities: what a face parser says of the target's aligned face, (12, R, R), the classes of `LABELS`.
        keep: the regions.
    """
    resolution = probabilities.shape[-1]
    kept = np.zeros((resolution, resolution), np.float32)
    for region in keep:
        share = probabilities[[LABELS[name] for name in REGION_CLASSES[region]]].sum(0)  # (R, R)
        certain = np.clip((share - DOUBTFUL) / (SURE - DOUBTFUL), 0, 1).astype(np.float32)
        radius = GROWTH[region] * resolution
        size = 2 * round(radius) + 1
        grown = cv2.dilate(certain, cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (size, size)))
        kept = np.maximum(kept, cv2.GaussianBlur(grown, (0, 0), radius / 2))  # falls to 0 outside the region itself
    return kept


def paste_mask(resolution: int, probabilities: np.ndarray | None = None, keep: Sequence[Region] = ()) -> np.ndarray:
    """Return how much of an aligned face is pasted: (R, R) float32, that of `face_mask` where nothing is kept.

    Args:
        resolution: R.
        probabilities: see `region_mask`; needed where something is kept.
        keep: the regions of the target that stay.
    """
    mask = face_mask(resolution)
    if not keep:
        return mask
    assert probabilities is not None, "the pipeline refuses to keep regions without a parser"
    return mask * (1 - region_mask(probabilities, keep))
