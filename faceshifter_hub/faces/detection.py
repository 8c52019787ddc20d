"""What a face detector finds, and what every face detector does."""

from dataclasses import dataclass
from typing import Protocol

import numpy as np


@dataclass(frozen=True, eq=False)
class Face:
    """A face in a photograph.

    Attributes:
        box: Left, top, right, bottom edge in pixels, (4,) float32; may reach beyond the photograph.
        score: Confidence in [0, 1].
        landmarks: Eye, eye, nose tip, mouth corner, mouth corner, left to right in the image, (5, 2) float32 pixels.
    """

    box: np.ndarray
    score: float
    landmarks: np.ndarray

    @property
    def area(self) -> float:
        """Area of the box in square pixels."""
        left, top, right, bottom = self.box
        return float((right - left) * (bottom - top))


class FaceDetector(Protocol):
    """A component of kind `face_detector`."""

    def detect(self, image: np.ndarray) -> list[Face]:
        """Return the faces of a photograph (H, W, 3) uint8 RGB, the largest first; an empty list if none."""
