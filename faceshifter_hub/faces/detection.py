"""What a face detector finds, and what every face detector does."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from faceshifter_hub.faces.overlap import non_maximum_suppression

QUARTER_TURNS = (0, 1, 3, 2)  # anticlockwise, in the order of how often pictures lie so
SMALLEST = 1 / 128  # of the longest side: the smallest face sought where everybody is meant
SAME = 0.5  # of the smaller of two boxes: what overlaps more is one face, seen in two turns
# a pattern looks like a face in one of four turns more often than in one; faces that lie where the others stand count
# where the detector is less sure of them, by no more than this, than of the surest face
DOUBT = 0.02


@dataclass(frozen=True, eq=False)
class Face:
    """A face in a photograph.

    Attributes:
        box: Left, top, right, bottom edge in pixels, (4,) float32; may reach beyond the photograph.
        score: Confidence in [0, 1].
        landmarks: Eye, eye, nose tip, mouth corner, mouth corner, left to right as one sees the face upright, (5, 2)
            float32 pixels.
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

    def detect(self, image: np.ndarray, smallest: float | None = None) -> list[Face]:
        """Return the faces of a photograph, the largest first; an empty list if there is none.

        Args:
            image: (H, W, 3) uint8 RGB.
            smallest: Side in pixels from which faces are sought, if the detector can choose; if None, small ones may
                be missed where there are larger ones.
        """


def detect_turned(
    detector: FaceDetector, photo: np.ndarray, turns: Iterable[int] = QUARTER_TURNS
) -> tuple[list[Face], int]:
    """Look for faces in a photograph as it is and, where there are none, in the photograph turned.

    Args:
        detector: Which may know faces only upright, or nearly so.
        photo: (H, W, 3) uint8 RGB.
        turns: Quarter turns, anticlockwise, in the order they are tried.

    Returns:
        The faces, the largest first, where they lie in the photograph as it is, and the turn that showed them; no
        faces, and 0, if none did.
    """
    for turn in turns:
        faces = detector.detect(np.ascontiguousarray(np.rot90(photo, turn)))
        if faces:
            return [turn_back(face, turn, photo.shape[:2]) for face in faces], turn
    return [], 0


def detect_everyone(
    detector: FaceDetector, photo: np.ndarray, turns: Sequence[int] = QUARTER_TURNS, smallest: float | None = None
) -> tuple[list[Face], tuple[int, ...]]:
    """Look for all faces of a photograph: small ones beside large ones, lying ones beside those upright.

    Args:
        detector: Which may know faces only upright, or nearly so.
        photo: (H, W, 3) uint8 RGB.
        turns: Quarter turns, anticlockwise; all of them are searched.
        smallest: Side in pixels from which faces are sought; by default 1/128 of the longest side.

    Returns:
        The faces, the largest first, where they lie in the photograph as it is, and the turns that showed them; no
        faces, and (0,), if none did.
    """
    smallest = smallest or SMALLEST * max(photo.shape[:2])
    turn_of = {
        turn_back(face, turn, photo.shape[:2]): turn
        for turn in turns
        for face in detector.detect(np.ascontiguousarray(np.rot90(photo, turn)), smallest)
    }
    if not turn_of:
        return [], (0,)
    found = list(turn_of)
    boxes, scores = np.stack([face.box for face in found]), np.array([face.score for face in found])
    found = [found[n] for n in non_maximum_suppression(boxes, scores, SAME, of_smaller=True)]  # the surest first
    usual = max(turns, key=lambda turn: sum(face.score for face in found if turn_of[face] == turn))
    found = [face for face in found if turn_of[face] == usual or face.score >= found[0].score - DOUBT]
    faces = sorted(found, key=lambda face: face.area, reverse=True)
    return faces, tuple(turn for turn in turns if any(turn_of[face] == turn for face in faces))


def turn_back(face: Face, turn: int, size: tuple[int, ...]) -> Face:
    """Return a face found in a photograph (height, width) after quarter turns, where it lies before them."""
    height, width = size

    def back(points: np.ndarray) -> np.ndarray:
        x, y = points[:, 0], points[:, 1]
        turned = {0: (x, y), 1: (width - 1 - y, x), 2: (width - 1 - x, height - 1 - y), 3: (y, height - 1 - x)}[turn]
        return np.stack(turned, axis=1).astype(np.float32)

    corners = back(face.box.reshape(2, 2))
    return Face(np.concatenate([corners.min(0), corners.max(0)]), face.score, back(face.landmarks))
