"""The face region of a head, and the geometry of one person's face in another person's head.

What face swapping means: the source's face within the region, blended smoothly into the target's skull, ears, neck and
hairline. The region is defined on the unmorphed base mesh, so it is the same part of every head.
"""

import numpy as np

from faceshifter_hub.synthesis.transforms import smoothstep

# Bounds on the base mesh, decimetres, where the region begins to fade and where it ends.
SIDE = (0.72, 0.96)  # of |x|, farther back counting as farther out: before the ears
TOP = (7.78, 8.12)  # of y: below the hairline
BOTTOM = (6.34, 6.12)  # of y, farther back counting as lower: under the chin
BACK = (0.4, 0.1)  # of z: behind the mouth


def face_weight(rest: np.ndarray) -> np.ndarray:
    """Return how much points (..., 3) of the base mesh belong to the face: 1 well inside, 0 outside."""
    x, y, z = np.moveaxis(rest, -1, 0)
    side = 1 - smoothstep(np.abs(x) + 0.5 * (1 - z), *SIDE)
    top = 1 - smoothstep(y, *TOP)
    bottom = smoothstep(y + 0.3 * (z - 0.9), *reversed(BOTTOM))
    return side * top * bottom * smoothstep(z, *reversed(BACK))


def blend_face(head: np.ndarray, face: np.ndarray, weight: np.ndarray) -> np.ndarray:
    """Return one person's head with another's face.

    The face is scaled and moved so that it fits where the two meet; it is not turned, for both heads look ahead.

    Args:
        head: neutral vertices (n, 3) of the person who keeps skull, ears and neck.
        face: neutral vertices (n, 3) of the person whose face it is.
        weight: (n,), of `face_weight`.
    """
    seam = weight * (1 - weight)
    seam = (seam / seam.sum())[:, None]
    middle, other = (seam * head).sum(0), (seam * face).sum(0)
    centred, others = head - middle, face - other
    scale = (seam * centred * others).sum() / (seam * others * others).sum()
    return head + weight[:, None] * (scale * others + middle - head)
