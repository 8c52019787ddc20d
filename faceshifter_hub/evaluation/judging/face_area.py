"""Where a face is in its aligned picture, by its mesh: the same area for every swap, whatever a pipeline masks."""

import cv2
import numpy as np

from faceshifter_hub.evaluation.judging.mesh import LEFT_EYE, RIGHT_EYE
from faceshifter_hub.faces.alignment import similarity, template, warp

SIDE = 256  # of the aligned faces that are judged
GROWN = 1.2  # size of the area over that of the mesh, which ends at the chin, the temples and below the hair
CHEEKS = (50, 280)  # points of the mesh
CHEEK_RADIUS = 0.12  # of the eyes' distance
COLOURLESS = 2.0  # mean of |a| + |b| below which a picture is greyscale


def aligned_matrix(points: np.ndarray) -> np.ndarray:
    """Return the matrix (2, 3) from a picture with these five landmarks (5, 2) to its aligned face."""
    return similarity(points, template(SIDE))


def face_area(mesh: np.ndarray, matrix: np.ndarray) -> np.ndarray:
    """Return the convex hull of a mesh (468, 2), grown about its middle, in the aligned face: (SIDE, SIDE) bool."""
    aligned = mesh @ matrix[:, :2].T + matrix[:, 2]
    middle = aligned.mean(0)
    hull = cv2.convexHull((middle + GROWN * (aligned - middle)).astype(np.float32))
    area = np.zeros((SIDE, SIDE), np.uint8)
    cv2.fillConvexPoly(area, np.rint(hull).astype(np.int32), 1)
    return area > 0


def cheek_pixels(photo: np.ndarray, mesh: np.ndarray) -> np.ndarray:
    """Return the pixels (N, 3) uint8 of both cheeks of a photograph (H, W, 3); none of a greyscale one."""
    distance = np.linalg.norm(mesh[list(LEFT_EYE)].mean(0) - mesh[list(RIGHT_EYE)].mean(0))
    area = np.zeros(photo.shape[:2], np.uint8)
    for point in CHEEKS:
        x, y = np.rint(mesh[point]).astype(int).tolist()
        cv2.circle(area, (x, y), max(round(CHEEK_RADIUS * distance), 1), 1, cv2.FILLED)
    pixels = photo[area > 0]
    chroma = (
        cv2.cvtColor(pixels[None].astype(np.float32) / 255, cv2.COLOR_RGB2LAB)[0, :, 1:]
        if len(pixels)
        else np.zeros(1)
    )
    return pixels if np.abs(chroma).sum(-1).mean() > COLOURLESS else pixels[:0]


def align_picture(picture: np.ndarray, matrix: np.ndarray, interpolation: int = cv2.INTER_CUBIC) -> np.ndarray:
    """Return a picture's aligned face, (SIDE, SIDE) or (SIDE, SIDE, 3)."""
    return warp(picture, matrix, (SIDE, SIDE), interpolation)
