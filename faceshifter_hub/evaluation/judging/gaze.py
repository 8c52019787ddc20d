"""Where the eyes of a face look, by MediaPipe Iris.

Sideways it can be relied on, up and down hardly: of 564 rendered faces turned by less than 20 degrees, eyes open, it
correlates with the true gaze by .85 across and by .35 up.
"""

import numpy as np
import torch

from faceshifter_hub.evaluation.judging.iris import SIZE, Iris
from faceshifter_hub.evaluation.judging.mesh import LEFT_EYE, RIGHT_EYE
from faceshifter_hub.faces.alignment import similarity, warp

EYE = SIZE / 2.3  # width of the eye in its crop, as the network was trained
CENTRE = (SIZE - 1) / 2
CORNERS = np.array([[CENTRE - EYE / 2, CENTRE], [CENTRE + EYE / 2, CENTRE]])  # in the crop, by Face Mesh
OUTLINE_CORNERS = (0, 8)  # points of the network's outline, left and right in the crop


@torch.no_grad()
def estimate_gaze(photo: np.ndarray, mesh: np.ndarray, network: Iris) -> np.ndarray:
    """Measure how far the irises lie from the middle between the corners of their eyes.

    Args:
        photo: (H, W, 3) uint8 RGB.
        mesh: Face Mesh's points, (468, 2), pixels of `photo`.
        network: The trained network.

    Returns:
        The mean over both eyes, (2,) float64, in widths of an eye, with the corners level: to the right in the
        picture, up.

    Raises:
        FaceError: The corners of an eye coincide.
    """
    left, right = (cut_eye(photo, mesh[list(corners)]) for corners in (LEFT_EYE, RIGHT_EYE))
    crops = np.stack([left, right[:, ::-1]])  # the network knows eyes on the left in the image
    device = next(network.parameters()).device
    x = torch.tensor(crops, device=device).permute(0, 3, 1, 2) / 127.5 - 1  # (2, 3, 64, 64)
    outlines, irises = (points[..., :2].double().cpu().numpy() for points in network(x))
    corners = outlines[:, OUTLINE_CORNERS]  # (2, 2, 2), seen closer than by Face Mesh
    widths = np.linalg.norm(corners[:, 1] - corners[:, 0], axis=1, keepdims=True)
    return ((irises[:, 0] - corners.mean(1)) / widths * [[1, -1], [-1, -1]]).mean(0)


def cut_eye(photo: np.ndarray, corners: np.ndarray) -> np.ndarray:
    """Return the upright crop (64, 64, 3) uint8 of an eye, given its corners (2, 2), left to right in the image."""
    return warp(photo, similarity(corners, CORNERS), (SIZE, SIZE))
