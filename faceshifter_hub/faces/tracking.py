"""Who is who from frame to frame, and landmarks that do not tremble."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Self

import numpy as np
import torch
import torch.nn.functional as F

from faceshifter_hub.faces.detection import Face
from faceshifter_hub.faces.following import Look, follow
from faceshifter_hub.options import LEAST_LIKENESS

PATIENCE = 250  # frames for which a face that is gone keeps its track, to be known again
BRIDGED = 5  # frames at most that a face is followed by its looks, before a detector must find it again
REACH = 1.0  # of the face's size: as far as a face may move from one frame to the next
LEAST_LIKENESS_NEAR = 0.25  # to a face seen just there in the frame before
NOBODY = -1.0  # less than any likeness
IDENTITY_MEMORY = 0.9  # of what a track remembers of a face, at every look

Embed = Callable[[Face], torch.Tensor]  # a face of the present frame to z_id (1, d)


class LandmarkFilter:
    """The 1-euro filter (Casiez, Roussel, Vogel, CHI 2012): still faces stay still, fast ones are followed at once.

    Speeds are in sizes of the face a frame, so that it does the same at every scale.
    """

    SLOWEST = 0.1  # share of the present frame, at rest
    FOLLOWING = 100.0  # how fast that share grows with speed: a moving face lags by a hundredth of its size at most
    SPEED_MEMORY = 0.8

    def __init__(self) -> None:
        self.points: np.ndarray | None = None
        self.speed = np.zeros((1, 2))

    def smooth(self, points: np.ndarray) -> np.ndarray:
        """Return the landmarks (5, 2) of the present frame, smoothed."""
        if self.points is None:
            self.points = points
            return points
        moved = points - self.points  # (5, 2)
        size = max(float(np.ptp(points, axis=0).max()), 1.0)
        # the face moves as one: a single landmark that jumps is noise
        self.speed = self.SPEED_MEMORY * self.speed + (1 - self.SPEED_MEMORY) * moved.mean(0) / size  # (1, 2)
        share = min(1.0, self.SLOWEST + self.FOLLOWING * float(np.linalg.norm(self.speed)))
        self.points = (self.points + share * moved).astype(np.float32)
        return self.points


@dataclass(eq=False)
class Track:
    """One person's face through the frames.

    Attributes:
        face: Where it was last seen, or followed to; its landmarks are smoothed.
        z: Who it is, (1, d).
        missing: Frames since it was last seen.
        followed: The first of these, through which it was followed by its looks.
        look: Where it was last seen; None once it is not there any more.
    """

    face: Face
    z: torch.Tensor
    missing: int = 0
    followed: int = 0
    look: Look | None = None
    filter: LandmarkFilter = field(init=False)

    def __post_init__(self) -> None:
        self._place(self.face, LandmarkFilter())

    def see(self, face: Face, z: torch.Tensor) -> None:
        """Take the face's place and identity (1, d) in the present frame."""
        self._place(face, self.filter if self.is_near else LandmarkFilter())
        self.z = F.normalize(torch.lerp(z, self.z, IDENTITY_MEMORY))
        self.missing, self.followed = 0, 0

    @property
    def is_near(self) -> bool:
        """Whether its face was seen, or followed, in the frame before the present one."""
        return self.missing == self.followed + 1

    def bridge(self, frame: np.ndarray) -> bool:
        """Follow the face to the present frame, where it was not seen; tell whether it still is there."""
        landmarks = None
        if self.look and self.is_near and self.followed < BRIDGED:
            landmarks = follow(self.look, frame, self.face.landmarks)
        if landmarks is None:
            self.look = None
            return False
        moved = np.tile((landmarks - self.face.landmarks).mean(0), 2)
        self._place(Face(self.face.box + moved, self.face.score, landmarks), self.filter)
        self.followed += 1
        return True

    def state(self) -> dict[str, Any]:
        """Return all that it remembers, as JSON knows it."""
        return {
            "box": self.face.box.tolist(),
            "score": float(self.face.score),
            "landmarks": self.face.landmarks.tolist(),
            "speed": self.filter.speed.tolist(),
            "z": self.z.tolist(),
            "missing": self.missing,
            "followed": self.followed,
            "look": self.look and self.look.state(),
        }

    @classmethod
    def restored(cls, state: dict[str, Any], like: torch.Tensor) -> Self:
        """Return the track whose `state` it was; z becomes of the type, and comes to the device, of `like`."""
        box, landmarks = (np.array(state[name], np.float32) for name in ("box", "landmarks"))
        look = state["look"] and Look.restored(state["look"])
        face, z = Face(box, state["score"], landmarks), like.new_tensor(state["z"])
        track = cls(face, z, state["missing"], state["followed"], look)
        track.filter.speed = np.array(state["speed"])
        return track

    def _place(self, face: Face, smoother: LandmarkFilter) -> None:
        self.filter = smoother
        self.face = Face(face.box, face.score, smoother.smooth(face.landmarks))


class FaceTracker:
    """Follows faces by identity and place: through crossing and hiding, but not through a cut to somebody else."""

    def __init__(self) -> None:
        self.tracks: list[Track] = []

    def update(self, faces: Sequence[Face], embed: Embed) -> list[Track]:
        """Return the track of each face of the next frame.

        Args:
            faces: Of the frame.
            embed: Tells the identity of one of them.
        """
        from scipy.optimize import linear_sum_assignment  # see recognise

        for track in self.tracks:
            track.missing += 1
        identities = [embed(face) for face in faces]
        score = np.full((len(faces), len(self.tracks)), NOBODY)
        for row, (face, z) in enumerate(zip(faces, identities, strict=True)):
            for column, track in enumerate(self.tracks):
                near = track.is_near and distance(track.face, face) < REACH
                alike = float(F.cosine_similarity(z, track.z))
                if alike >= (LEAST_LIKENESS_NEAR if near else LEAST_LIKENESS):
                    score[row, column] = alike + 0.5 * near
        matched = {row: column for row, column in zip(*linear_sum_assignment(-score), strict=True)}
        followed = []
        for row, (face, z) in enumerate(zip(faces, identities, strict=True)):
            if row in matched and score[row, matched[row]] > NOBODY:
                track = self.tracks[matched[row]]
                track.see(face, z)
            else:
                track = Track(face, z)
            followed.append(track)
        self.tracks += [track for track in followed if track not in self.tracks]
        self.tracks = [track for track in self.tracks if track.missing <= PATIENCE]
        return followed

    def bridge(self, frame: np.ndarray) -> list[Track]:
        """Return the tracks of faces that `update` was not given, but that are still there by their looks.

        Args:
            frame: Whose faces `update` was given last, (H, W, 3) uint8 RGB.
        """
        for track in self.tracks:
            if track.missing == 0:
                track.look = Look.at(frame, track.face.landmarks)
        return [track for track in self.tracks if track.missing > 0 and track.bridge(frame)]


def distance(one: Face, other: Face) -> float:
    """Return how far two faces lie apart, in sizes of the larger."""
    apart = np.linalg.norm((one.box[:2] + one.box[2:] - other.box[:2] - other.box[2:]) / 2)
    return float(apart / max(one.area, other.area, 1.0) ** 0.5)
