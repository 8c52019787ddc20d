"""Glasses put on photographed faces, ours: the rendered ones, where their wearers wear them.

Who wears glasses takes no part in exchanged faces, so nothing but renders would tell stage 2 that they stay. Pasted on
target and true swap alike, as the other occluders are, they tell it of photographs, too.
"""

import json
from collections.abc import Iterable, Mapping, Sequence

import cv2
import numpy as np

from faceshifter_hub.faces.alignment import similarity, template
from faceshifter_hub.models.labels import LABELS
from faceshifter_hub.synthesis.datasets.samples import decode_picture
from trainers.occlusion import distinct_targets, match_colours, paste

MIN_SHARE = 0.002  # of the aligned face
MOST_MATCHED = 0.3  # how far frames take on the colours of the face
SHIFT, ZOOM, ROTATION = 0.01, 0.04, 2.0  # of the side, of the scale, degrees: how differently people wear them


def load_glasses(triplets: Iterable[Mapping[str, bytes]], resolution: int, limit: int = 200) -> list[np.ndarray]:
    """Cut glasses out of the targets, by their label maps.

    Args:
        triplets: the fields of each.
        resolution: R, of the aligned face.
        limit: after so many no more triplets are read.

    Returns:
        Arrays (R, R, 4) float32 RGBA in [0, 255], aligned as their wearer's face was.
    """
    found: list[np.ndarray] = []
    for fields, labels in distinct_targets(triplets):
        worn = labels == LABELS["glasses"]
        if not worn.any():
            continue
        points = np.array(json.loads(fields["json"])["target"]["landmarks"], np.float32)
        cutout = np.dstack([decode_picture(fields["target.webp"]), worn * np.uint8(255)]).astype(np.float32)
        aligned = cv2.warpAffine(cutout, similarity(points, template(resolution)), (resolution, resolution))
        if (aligned[..., 3] > 127).mean() > MIN_SHARE:
            found.append(aligned)
        if len(found) >= limit:
            break
    return found


def wear(faces: Sequence[np.ndarray], glasses: np.ndarray, rng: np.random.Generator) -> list[np.ndarray]:
    """Put glasses (R, R, 4) on aligned faces (R, R, 3) in [0, 255], on all of them alike."""
    side = faces[0].shape[0]
    half = (side - 1) / 2
    matrix: np.ndarray = cv2.getRotationMatrix2D(
        (half, half), rng.normal(0, ROTATION), float(np.exp(rng.normal(0, ZOOM)))
    )
    matrix[:, 2] += rng.normal(0, SHIFT * side, 2)
    return paste(faces, match_colours(glasses, faces[0], rng.uniform(0, MOST_MATCHED)), matrix)
