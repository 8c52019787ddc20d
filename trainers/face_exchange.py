"""One photographed face put in another's place, by their meshes: what a target of a cycle triplet wears.

The donor's texture is moved piece by piece onto the wearer's mesh, turned to the wearer's pose, matched in colour and
faded in. Contour, hair, light and background stay the wearer's.
"""

import cv2
import numpy as np
from scipy.interpolate import LinearNDInterpolator
from skimage.transform import SimilarityTransform

from trainers.occlusion import match_colours

MARGIN = 0.18  # of the face's height: within so much of the contour the shape passes from the wearer's to the donor's
FADE = 0.1  # of the face's height: within so much of the contour the texture fades in


def exchange_face(
    wearer: np.ndarray, wearer_mesh: np.ndarray, donor: np.ndarray, donor_mesh: np.ndarray, shape: float
) -> np.ndarray:
    """Return the wearer's photograph (H, W, 3) uint8 with the donor's face.

    Args:
        wearer: (H, W, 3) uint8 RGB.
        wearer_mesh: Points of its face, (468, 3), pixels of the photograph: x to the right, y down, z away from the
            camera.
        donor: (H', W', 3) uint8 RGB.
        donor_mesh: Points of its face, likewise.
        shape: Where features lie: 0 at the wearer's places, 1 at the donor's, turned to the wearer's pose.
    """
    outline = cv2.convexHull(wearer_mesh[:, :2].astype(np.float32))  # (N, 1, 2)
    height = float(np.ptp(wearer_mesh[:, 1]))
    depths = [cv2.pointPolygonTest(outline, (float(x), float(y)), True) for x, y in wearer_mesh[:, :2]]  # pixels
    share = shape * np.clip(np.array(depths) / (MARGIN * height), 0, 1)[:, None]  # (468, 1), 0 on the contour
    posed = SimilarityTransform.from_estimate(donor_mesh, wearer_mesh)(donor_mesh)  # (468, 3), as the wearer's head
    places = (wearer_mesh + share * (posed - wearer_mesh))[:, :2]  # (468, 2)

    left, top, wide, tall = cv2.boundingRect(outline)
    box = np.s_[max(top, 0) : top + tall, max(left, 0) : left + wide]
    rows, columns = np.mgrid[: wearer.shape[0], : wearer.shape[1]]
    where = LinearNDInterpolator(places, donor_mesh[:, :2])(np.dstack([columns[box], rows[box]]))  # (h, w, 2)
    covered = np.isfinite(where[..., 0])
    if not covered.any():  # the face lies outside the photograph
        return wearer.copy()
    x, y = np.nan_to_num(where).astype(np.float32).transpose(2, 0, 1)
    texture = cv2.remap(donor, x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)  # (h, w, 3)
    alpha = np.uint8(255) * covered
    own = wearer[box]
    matched = match_colours(np.dstack([texture, alpha]).astype(np.float32), own[covered][None], 1.0)[..., :3]
    depth = cv2.distanceTransform(np.pad(alpha, 1), cv2.DIST_L2, 3)[1:-1, 1:-1]  # pixels from the contour
    weight = np.clip(depth / (FADE * height), 0, 1)[..., None]
    result = wearer.copy()
    result[box] = (own + weight * (matched - own)).round().clip(0, 255)
    return result
