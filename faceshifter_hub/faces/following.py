"""A face followed by its looks, through frames in which no detector finds it."""

from dataclasses import dataclass
from typing import Any, Self

import cv2
import numpy as np

from faceshifter_hub.faces.alignment import align, template

SIDE = 96  # pixels, of the aligned views that are compared
MARGIN = 0.35  # of the landmarks' extent: as far beyond them what is compared reaches
GRID = 7  # points a side, by which the face is followed
LEAST_FOLLOWED = 0.5  # of these points
# correlation of two views: of rendered people who move, turn and are blurred beyond it; of two people, or one whose
# lower half is covered, below in nine of ten
LEAST_ALIKE = 0.85


@dataclass(frozen=True, eq=False)
class Look:
    """How a face looked where it was seen.

    Attributes:
        view: Aligned and grey, of the same mean and contrast in any light, (SIDE, SIDE) uint8.
        landmarks: Where its landmarks lie in that, (5, 2).
    """

    view: np.ndarray
    landmarks: np.ndarray

    @classmethod
    def at(cls, frame: np.ndarray, landmarks: np.ndarray) -> Self:
        """Return how the face at some landmarks (5, 2) of a frame (H, W, 3) uint8 RGB looks."""
        view, matrix = _grey_view(frame, landmarks)
        return cls(view, _moved(landmarks, matrix))

    def state(self) -> dict[str, Any]:
        """Return it as JSON knows it."""
        return {"view": self.view.tobytes().hex(), "landmarks": self.landmarks.tolist()}

    @classmethod
    def restored(cls, state: dict[str, Any]) -> Self:
        """Return the look whose `state` it was."""
        view = np.frombuffer(bytes.fromhex(state["view"]), np.uint8).reshape(SIDE, SIDE)
        return cls(view, np.array(state["landmarks"]))


def follow(look: Look, frame: np.ndarray, landmarks: np.ndarray) -> np.ndarray | None:
    """Find a face again by its looks.

    Optical flow of a grid of points over the face tells the similarity transform by which it moved; its pixels, where
    they then are, must still look like the face: what covers it, or was behind it, does not.

    Args:
        look: Of the face.
        frame: (H, W, 3) uint8 RGB.
        landmarks: Where it was shortly before, (5, 2).

    Returns:
        Its landmarks, (5, 2) float32; None if it is not there.
    """
    view, matrix = _grey_view(frame, landmarks)
    (left, top), (right, bottom) = _compared()
    x, y = np.meshgrid(np.linspace(left, right, GRID), np.linspace(top, bottom, GRID))
    points = np.stack([x.ravel(), y.ravel()], axis=1).astype(np.float32)  # (N, 2)
    arrived, is_found, _ = cv2.calcOpticalFlowPyrLK(look.view, view, points, np.empty_like(points))
    followed = is_found[:, 0] > 0
    if followed.mean() < LEAST_FOLLOWED:
        return None
    motion, _ = cv2.estimateAffinePartial2D(points[followed], arrived[followed])
    if motion is None:
        return None
    steady = cv2.warpAffine(view, motion, (SIDE, SIDE), flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP)
    inside = np.s_[round(top) : round(bottom), round(left) : round(right)]
    if correlation(look.view[inside], steady[inside]) < LEAST_ALIKE:
        return None
    return _moved(_moved(look.landmarks, motion), cv2.invertAffineTransform(matrix)).astype(np.float32)


def correlation(one: np.ndarray, other: np.ndarray) -> float:
    """Return how two pictures of one shape correlate, in [-1, 1]; 0 if one of them is flat."""
    one, other = (picture - picture.mean(dtype=np.float64) for picture in (one, other))
    return float((one * other).sum() / max(np.linalg.norm(one) * np.linalg.norm(other), 1.0))


def _grey_view(frame: np.ndarray, landmarks: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return a `Look.view` and the matrix (2, 3) from the frame to it."""
    face, matrix = align(frame, landmarks, SIDE)
    grey = cv2.cvtColor(face, cv2.COLOR_RGB2GRAY).astype(np.float32)
    grey = 128 + 48 * (grey - grey.mean()) / max(float(grey.std()), 1.0)
    return grey.round().clip(0, 255).astype(np.uint8), matrix


def _compared() -> tuple[np.ndarray, np.ndarray]:
    """Return left and top, right and bottom, of what is compared of a view."""
    points = template(SIDE)
    margin = MARGIN * np.ptp(points, axis=0)
    return points.min(0) - margin, points.max(0) + margin


def _moved(points: np.ndarray, matrix: np.ndarray) -> np.ndarray:
    return points @ matrix[:, :2].T + matrix[:, 2]
